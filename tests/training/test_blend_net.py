"""BlendNet: it chooses between pictures, and leaves alone what they agree about."""

import pytest

torch = pytest.importorskip("torch")

from unblur.models.blend_net import BlendNet, _mean  # noqa: E402
from unblur.restoration.inputs import CHANNEL_NAMES  # noqa: E402
from unblur.zoo.catalogue import RESTORE_NET, weights_path  # noqa: E402

SMALL = {"channels": CHANNEL_NAMES["tv"], "widths": (8, 8), "depths": (1, 1)}


def trained() -> "torch.nn.Module":
    """Return a network whose last layer says something."""
    torch.manual_seed(3)
    network = BlendNet(**SMALL)
    torch.nn.init.normal_(network.head.weight, std=0.5)
    torch.nn.init.normal_(network.head.bias, std=0.5)
    return network.eval()


def picture() -> "torch.Tensor":
    return torch.rand(2, 13, 32, 40, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_it_begins_near_the_crisp_picture() -> None:
    x = picture()
    out = BlendNet(**SMALL).eval()(x)
    assert out.shape == (2, 3, 32, 40)
    to_crisp, to_blurry = ((out - x[:, i : i + 3]).abs().mean() for i in (3, 0))
    assert to_crisp < 0.6 * to_blurry


@torch.no_grad()
def test_where_the_pictures_agree_the_photo_stays() -> None:
    x = picture()
    x[:, 3:6] = x[:, 6:9] = x[:, :3]
    assert torch.allclose(trained()(x), x[:, :3], atol=1e-6)


@torch.no_grad()
def test_the_correction_is_bounded_by_their_disagreement() -> None:
    x = picture()
    x[:, 3:6] = x[:, :3] + 0.01
    x[:, 6:9] = x[:, :3] - 0.01
    assert (trained()(x) - x[:, :3]).abs().max() <= 0.03 + 1e-6


@torch.no_grad()
def test_the_disagreement_is_that_of_the_neighbourhood() -> None:
    x = picture()
    x[:, 3:6] = x[:, 6:9] = x[:, :3]
    x[:, 3:6, 10, 10] += 0.5
    changed = (trained()(x) - x[:, :3]).abs().amax(dim=(0, 1)) > 1e-6
    assert changed[6:15, 6:15].any()
    changed[6:15, 6:15] = False
    assert not changed.any()


@torch.no_grad()
def test_it_is_the_plain_way_written_for_onnx_runtime() -> None:
    network, x = trained(), picture()
    cells = torch.nn.functional.pixel_unshuffle(x, 2)
    assert torch.allclose(network._stemmed(x), network.stem(cells), atol=1e-5)
    out = network.drawn(x)
    logits = out[:, 3:] + torch.tensor([0, 1.5, 0])[:, None, None]
    shares = torch.softmax(logits, 1)[:, :, None]
    mean = (x[:, :9].unflatten(1, (3, 3)) * shares).sum(dim=1)
    assert torch.allclose(
        _mean((x[:, :3], x[:, 3:6], x[:, 6:9]), tuple(logits.split(1, 1))), mean, atol=1e-6
    )


def test_the_shipped_network_holds_none_of_the_slow_operators() -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(str(weights_path(RESTORE_NET))).graph
    assert not {node.op_type for node in graph.node} & {"Softmax", "Transpose", "SpaceToDepth"}
