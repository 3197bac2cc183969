"""TensorFlow.js graphs as ONNX give what NumPy gives."""

import numpy as np
import onnxruntime
import pytest
from scipy import signal, special

from tests.foreign.made import Tf
from unblur.errors import CorruptWeights, SpecMismatch
from unblur.foreign.lowering import lower
from unblur.foreign.storing import to_onnx
from unblur.foreign.tfjs import read_tfjs
from unblur.foreign.values import Value

RNG = np.random.default_rng(3)
SHAPE = (1, 12, 8, 3)
IMAGE = RNG.uniform(-1, 1, SHAPE).astype(np.float32)


def weights(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def run(tmp_path, tf, result):
    """Return (result on IMAGE, operations of the ONNX graph)."""
    made, value = lower(read_tfjs(tf.save(tmp_path, result)), SHAPE)
    image = Value(SHAPE, SHAPE, None, "image")
    data = to_onnx(made, image, value, name="made")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"image": IMAGE})
    assert out.shape == value.shape
    import onnx

    return out, [node.op_type for node in onnx.load_from_string(data).graph.node]


def ints(tf, *values):
    return tf.const(np.array(values, np.int32))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("Abs", np.abs),
        ("Neg", np.negative),
        ("Exp", np.exp),
        ("Floor", np.floor),
        ("Sign", np.sign),
        ("Square", np.square),
        ("Tanh", np.tanh),
        ("Sigmoid", special.expit),
        ("Relu", lambda x: np.maximum(x, 0)),
        ("Reciprocal", lambda x: 1 / x),
    ],
)
def test_one_input(tmp_path, op, expected):
    tf = Tf()
    out, _ = run(tmp_path, tf, tf.op(op, tf.image))
    np.testing.assert_allclose(out, expected(IMAGE), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("AddV2", np.add),
        ("Sub", np.subtract),
        ("Mul", np.multiply),
        ("RealDiv", np.divide),
        ("Maximum", np.maximum),
        ("Minimum", np.minimum),
    ],
)
def test_two_inputs_broadcast_and_keep_their_order(tmp_path, op, expected):
    row = weights(3)
    tf = Tf()
    out, _ = run(tmp_path, tf, tf.op(op, tf.const(row), tf.image))
    np.testing.assert_allclose(out, expected(row, IMAGE), rtol=1e-5)


def test_square_root_inverse(tmp_path):
    tf = Tf()
    positive = tf.op("AddV2", tf.op("Square", tf.image), tf.const(np.float32(0.5)))
    out, _ = run(tmp_path, tf, tf.op("Rsqrt", positive))
    np.testing.assert_allclose(out, 1 / np.sqrt(IMAGE**2 + 0.5), rtol=1e-5)


@pytest.mark.parametrize("size", [(3, 5), (1, 1), (2, 4)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_convolution(tmp_path, size, stride, padding):
    kernel = weights(*size, 3, 4)
    tf = Tf()
    name = tf.op(
        "Conv2D",
        tf.image,
        tf.const(kernel),
        padding=padding,
        strides=(1, stride, stride, 1),
        data_format="NHWC",
    )
    out, _ = run(tmp_path, tf, name)
    pads = [(0, 0)]
    for side, length in zip(SHAPE[1:3], size, strict=True):
        total = max(0, (-(-side // stride) - 1) * stride + length - side)
        pads.append((total // 2, total - total // 2) if padding == "SAME" else (0, 0))
    padded = np.pad(IMAGE, [*pads, (0, 0)])[0].astype(np.float64)
    whole = sum(
        np.stack(
            [
                signal.correlate(padded[..., c], kernel[:, :, c, o].astype(np.float64), "valid")
                for o in range(4)
            ],
            axis=2,
        )
        for c in range(3)
    )
    np.testing.assert_allclose(out[0], whole[::stride, ::stride], atol=1e-4)


def test_transposed_convolution(tmp_path):
    kernel = weights(2, 2, 5, 3)  # height, width, out, in
    tf = Tf()
    name = tf.op(
        "Conv2DBackpropInput",
        ints(tf, 1, 24, 16, 5),
        tf.const(kernel),
        tf.image,
        padding="VALID",
        strides=(1, 2, 2, 1),
    )
    out, _ = run(tmp_path, tf, name)
    expected = np.einsum("nyxi,aboi->nyaxbo", IMAGE, kernel).reshape(1, 24, 16, 5)
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "size"),
    [("abcg,gf->abcf", (3, 7)), ("abgd,gf->abdf", (8, 5)), ("gb,cgef->bcef", (12, 9))],
)
def test_sums_with_a_matrix(tmp_path, equation, size):
    matrix = weights(*size)
    tf = Tf()
    known = tf.const(matrix)
    order = (known, tf.image) if equation.startswith("gb") else (tf.image, known)
    out, _ = run(tmp_path, tf, tf.op("Einsum", *order, equation=equation))
    arrays = [matrix if name == known else IMAGE for name in order]
    np.testing.assert_allclose(out, np.einsum(equation, *arrays), atol=1e-5)


def test_moving_data_about(tmp_path):
    tf = Tf()
    blocks = tf.op("Reshape", tf.image, ints(tf, 1, 3, 4, -1, 4, 3))
    turned = tf.op("Transpose", blocks, ints(tf, 0, 1, 3, 2, 4, 5))
    flat = tf.op("Reshape", turned, ints(tf, 1, 12, 8, 3))
    part = tf.op(
        "StridedSlice",
        flat,
        ints(tf, 0, 1, 0, 0),
        ints(tf, 1, -1, 5, 0),
        ints(tf, 1, 1, 1, 1),
        begin_mask=4,
        end_mask=8,
    )
    mirrored = tf.op("GatherV2", part, ints(tf, 4, 2, 2, 0), ints(tf, 2))
    both = tf.op("ConcatV2", part, mirrored, ints(tf, 2))
    total = tf.op("Sum", both, ints(tf, 1), keep_dims=True)
    out, _ = run(tmp_path, tf, tf.op("SelectV2", tf.op("Less", total, both), both, total))
    expected = IMAGE.reshape(1, 3, 4, 2, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(SHAPE)
    expected = expected[:, 1:-1, :5]
    expected = np.concatenate([expected, expected[:, :, [4, 2, 2, 0]]], axis=2)
    total = expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(out, np.where(total < expected, expected, total), atol=1e-5)


def test_what_follows_from_the_size_leaves_no_operation(tmp_path):
    tf = Tf()
    size = tf.op("Shape", tf.image, out_type="DT_INT32")
    height = tf.op("StridedSlice", size, ints(tf, 1), ints(tf, 2), ints(tf, 1), shrink_axis_mask=1)
    half = tf.op("FloorDiv", height, tf.const(np.int32(2)))
    rows = tf.op("Range", tf.const(np.int32(0)), half, tf.const(np.int32(1)))
    ramp = tf.op("Cast", rows, DstT="DT_FLOAT")
    column = tf.op("ExpandDims", tf.op("ExpandDims", ramp, ints(tf, -1)), ints(tf, -1))
    shape = tf.op("Pack", tf.const(np.int32(2)), half, tf.const(np.int32(8)), tf.const(np.int32(3)))
    halves = tf.op("Reshape", tf.image, shape)
    out, operations = run(tmp_path, tf, tf.op("Mul", halves, column))
    ramp = np.arange(6, dtype=np.float32)[:, None, None]
    np.testing.assert_allclose(out, IMAGE.reshape(2, 6, 8, 3) * ramp, rtol=1e-6)
    assert operations == ["Reshape", "Mul", "Identity"]


def test_broadcasts_are_held_small_until_they_must_be_whole(tmp_path):
    row = weights(1, 1, 1, 3)
    tf = Tf()
    wide = tf.op("BroadcastTo", tf.const(row), ints(tf, *SHAPE))
    added = tf.op("AddV2", tf.image, wide)
    out, operations = run(tmp_path, tf, tf.op("ConcatV2", added, wide, ints(tf, 3)))
    full = np.broadcast_to(row, SHAPE)
    np.testing.assert_allclose(out, np.concatenate([IMAGE + row, full], axis=3), rtol=1e-6)
    assert operations == ["Add", "Concat", "Identity"]


def test_unknown_operations_and_impossible_sizes_are_named(tmp_path):
    tf = Tf()
    with pytest.raises(SpecMismatch, match="does not know the operation Cumsum"):
        run(tmp_path, tf, tf.op("Cumsum", tf.image))
    tf = Tf()
    with pytest.raises(SpecMismatch, match="does not take images of 8 x 12 px: Reshape"):
        run(tmp_path, tf, tf.op("Reshape", tf.image, ints(tf, 1, 5, 5, 3)))
    tf = Tf()
    with pytest.raises(SpecMismatch, match="must not depend on the image"):
        run(tmp_path, tf, tf.op("Reshape", tf.image, tf.image))


def test_damaged_graphs_are_told_in_one_line(tmp_path):
    tf = Tf()
    path = tf.save(tmp_path, tf.op("AddV2", tf.image, tf.const(weights(3))))
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(CorruptWeights) as caught:
        read_tfjs(path)
    assert "\n" not in str(caught.value)
    path.write_text('{"format": "layers-model"}')
    with pytest.raises(CorruptWeights, match="graph model; layers models"):
        read_tfjs(path)
    path.write_text("[")
    with pytest.raises(CorruptWeights, match="cannot read"):
        read_tfjs(path)


def test_shards_elsewhere_and_circles_are_refused(tmp_path):
    tf = Tf()
    path = tf.save(tmp_path, tf.op("AddV2", tf.image, tf.const(weights(3))))
    text = path.read_text()
    path.write_text(text.replace('"a.bin"', '"../a.bin"'))
    with pytest.raises(CorruptWeights, match="does not lie beside"):
        read_tfjs(path)
    tf = Tf()
    first = tf.op("AddV2", tf.image, "Neg2")
    path = tf.save(tmp_path, tf.op("Neg", first))
    with pytest.raises(CorruptWeights, match="circle"):
        read_tfjs(path)
