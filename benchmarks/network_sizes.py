"""What a RestoreNet of some size costs: milliseconds of one core per megapixel, before training.

Networks with random weights are exported and run by ONNX Runtime on one thread, on a picture of
640 x 640 px, the size of a tile with its halo. ``ms/Mpx`` is processor time of the best of a few
runs, so that other work on the machine hardly counts; ``kMAC/px`` are the multiplications per
pixel of the full resolution; ``cell`` is the side of the blocks of pixels that the network sees
as one (RestoreNet's is 2).

Run: ``python benchmarks/network_sizes.py [--channels 10] [--runs 3]``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE = 640
CANDIDATES = (
    (2, (24, 48, 80), (1, 2, 3)),
    (2, (24, 48, 80), (1, 1, 2)),
    (2, (24, 40, 64), (1, 1, 2)),
    (2, (16, 48, 80), (1, 2, 3)),
    (2, (16, 32, 64), (1, 2, 3)),
    (2, (16, 32, 64), (1, 1, 2)),
    (2, (16, 32, 64, 96), (0, 1, 2, 2)),
    (4, (48, 80), (2, 3)),
    (4, (48, 80, 96), (1, 2, 2)),
    (4, (32, 64), (2, 3)),
)
"""Cell, widths, depths; the first is what is shipped."""


def build(channels: int, cell: int, widths: tuple[int, ...], depths: tuple[int, ...]):  # noqa: ANN201
    """Return a network with random weights, and its multiplications per pixel."""
    import torch
    from torch import nn
    from torch.nn import functional

    from unblur.models.blocks import UNet

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(cell * cell * channels, widths[0], 3, padding=1)
            self.body = UNet(widths, depths)
            self.head = nn.Conv2d(widths[0], 3 * cell * cell, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            features = self.body(self.stem(functional.pixel_unshuffle(x, cell)))
            shuffled = functional.pixel_shuffle(self.head(torch.relu(features)), cell)
            return x[:, :3] + shuffled

    torch.manual_seed(0)
    network = Net().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # the residual branches start at zero
            parameter.normal_(0, 0.05)
    macs = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        macs += output[0, 0].numel() * sum(p.numel() for p in module.parameters() if p.dim() > 1)

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        network(torch.rand(1, channels, 64, 64))
    for hook in hooks:
        hook.remove()
    return network, macs / 64**2


def measure(network, channels: int, runs: int) -> float:  # noqa: ANN001
    """Return processor milliseconds per megapixel."""
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        torch.onnx.export(
            network,
            (torch.rand(1, channels, SIDE, SIDE),),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["image"],
        ).save(str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    image = np.random.default_rng(0).random((1, channels, SIDE, SIDE), dtype=np.float32)
    best = float("inf")
    for _ in range(runs):
        begun = time.process_time()
        session.run(None, {"image": image})
        best = min(best, time.process_time() - begun)
    return best * 1e3 / (SIDE * SIDE / 1e6)


def main() -> None:
    """Measure every candidate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{'cell':>5}  {'widths':<20}{'depths':<16}{'M weights':>10}{'kMAC/px':>9}{'ms/Mpx':>9}")
    for cell, widths, depths in CANDIDATES:
        network, macs = build(options.channels, cell, widths, depths)
        weights = sum(p.numel() for p in network.parameters()) / 1e6
        cost = measure(network, options.channels, options.runs)
        print(
            f"{cell:>5}  {widths!s:<20}{depths!s:<16}"
            f"{weights:>10.2f}{macs / 1e3:>9.1f}{cost:>9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
