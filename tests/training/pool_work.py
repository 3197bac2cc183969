"""What the processes of a test's pool do; they import it by name."""

from functools import partial

import torch

from unblur.training.loop import train
from unblur.training.worker_pool import assemble, enlist


def train_two(runs):
    """Train the runs one after the other: (config, photos, folder, step to stop after)."""
    pool = assemble()
    assert pool.size == 2
    check_gradients(pool)
    for config, photos, run, stop_after in runs:
        train(config, photos, run, workers=0, stop_after=stop_after, pool=pool)


def check_gradients(pool):
    """AdamW does not mind a factor before the gradient, so their scale is looked at here."""
    torch.manual_seed(5)
    network, x = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)), torch.rand(6, 3)
    network(x).square().mean().backward()
    wanted = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    part = torch.from_numpy(pool.part({"x": x.numpy()})["x"])
    network(part).square().mean().backward()
    pool.average_gradients(network)
    for parameter, gradient in zip(network.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-6)


def call_up(runs):
    enlist(2, partial(train_two, runs))
