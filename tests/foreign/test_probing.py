"""What an ONNX file wants is found out, or asked for."""

import numpy as np
import pytest

from tests.foreign.made import brighten, onnx_network
from unblur.errors import BadValue, CorruptWeights, SpecMismatch
from unblur.foreign.probing import Wishes, probe


def look(data, **known):
    return probe(data, "made", "00", Wishes(**known))


def strided(multiple, *, channels_last=False):
    """Return a network that takes only multiples: down by a mean, up by repeating, a bit of it."""
    nodes = [
        ("AveragePool", ["x"], "a", {"kernel_shape": [multiple] * 2, "strides": [multiple] * 2}),
        ("Resize", ["a", "", "s"], "b", {"mode": "nearest"}),
        ("Sub", ["x", "b"], "d", {}),
        ("Mul", ["d", "t"], "e", {}),
        ("Add", ["x", "e"], "y", {}),
    ]
    scales = np.array([1, 1, multiple, multiple], np.float32)
    return onnx_network(nodes, weights={"s": scales, "t": np.float32(0.1)})


def test_a_network_that_takes_anything():
    spec = look(brighten())
    assert (spec.layout, spec.value_range, spec.multiple_of) == ("nchw", "0..1", 1)
    assert (spec.window_px, spec.fixed, spec.output) == ((512, 512), False, 0)
    assert spec.seconds_per_mpx > 0 and spec.bytes == len(brighten())


@pytest.mark.parametrize("multiple", [2, 8])
def test_multiples(multiple):
    assert look(strided(multiple)).multiple_of == multiple
    assert look(strided(2), multiple_of=8).multiple_of == 8


def test_fixed_sizes_and_channels_last():
    spec = look(brighten(shape=(1, 96, 160, 3)))
    assert (spec.layout, spec.window_px, spec.fixed) == ("nhwc", (96, 160), True)
    spec = look(brighten(shape=(1, 3, 160, 96)))
    assert (spec.layout, spec.window_px, spec.fixed) == ("nchw", (160, 96), True)


def test_squares_only():
    nodes = [
        ("Transpose", ["x"], "t", {"perm": [0, 1, 3, 2]}),
        ("Mul", ["t", "c"], "u", {}),
        ("Add", ["x", "u"], "y", {}),
    ]
    spec = look(onnx_network(nodes, weights={"c": np.float32(0.01)}))
    assert (spec.fixed, spec.window_px) == (True, (256, 256))


@pytest.mark.parametrize(
    ("shift", "expected"), [(10.0, "0..255"), (0.01, "0..1")], ids=["255", "1"]
)
def test_the_range_of_values(shift, expected):
    assert look(brighten(by=shift)).value_range == expected
    assert look(brighten(by=shift), value_range="-1..1").value_range == "-1..1"


def test_minus_one_to_one():
    # Darkens what is brighter than 0.2: little of -1..1, most of 0..1.
    nodes = [("Min", ["x", "c"], "y", {})]
    assert look(onnx_network(nodes, weights={"c": np.float32(0.2)})).value_range == "-1..1"


def test_what_cannot_be_told_is_asked_for():
    with pytest.raises(SpecMismatch, match="--input-range"):
        look(onnx_network([("Mul", ["x", "c"], "y", {})], weights={"c": np.float32(0)}))
    with pytest.raises(SpecMismatch, match="--layout"):
        look(brighten(shape=("a", "b", "c", "d")))
    assert look(brighten(shape=("a", "b", "c", "d")), layout="nhwc").layout == "nhwc"
    two = [("Neg", ["x"], "a", {}), ("Abs", ["x"], "y", {})]
    with pytest.raises(SpecMismatch, match="--output"):
        look(onnx_network(two, outputs=2))
    assert look(onnx_network(two, outputs=2), output=1).output == 1
    with pytest.raises(BadValue, match="2 outputs"):
        look(onnx_network(two, outputs=2), output=2)


def test_outputs_of_another_size_are_passed_over():
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [("AveragePool", ["x"], "small", pool), ("Abs", ["x"], "y", {})]
    assert look(onnx_network(nodes, outputs=2)).output == 1


def test_networks_that_are_none_of_image_to_image():
    with pytest.raises(CorruptWeights, match="cannot load the network"):
        look(b"junk")
    with pytest.raises(SpecMismatch, match="float32"):
        look(onnx_network([("Abs", ["x"], "y", {})], dtype=10))
    with pytest.raises(SpecMismatch, match="four axes"):
        look(brighten(shape=("n", 3, "w")))
    with pytest.raises(SpecMismatch, match="3 channels"):
        look(brighten(shape=(1, 1, "h", 1)))
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    with pytest.raises(SpecMismatch, match="one of its size"):
        look(onnx_network([("AveragePool", ["x"], "y", pool)]))
    with pytest.raises(SpecMismatch, match="one of its size"):
        look(onnx_network([("AveragePool", ["x"], "y", pool)], shape=(1, 3, 64, 64)))
