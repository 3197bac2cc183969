"""Groups of operations become one, and say the same."""

import numpy as np
import pytest

from tests.foreign.made import Tf
from tests.foreign.test_lowering import IMAGE, SHAPE, ints, run, weights


def number(tf, value):
    return tf.const(np.float32(value))


def gelu(tf, x, factor=0.044715):
    cubic = tf.op("Mul", tf.op("Mul", number(tf, factor), x), tf.op("Square", x))
    bent = tf.op("Mul", number(tf, np.sqrt(2 / np.pi)), tf.op("AddV2", x, cubic))
    gate = tf.op("AddV2", number(tf, 1), tf.op("Tanh", bent))
    return tf.op("Mul", tf.op("Mul", number(tf, 0.5), x), gate)


def norm(tf, x, scale, bias, share=1 / 3):
    mean = tf.op("Mul", tf.op("Sum", x, ints(tf, 3)), number(tf, share))
    squares = tf.op("Mul", tf.op("Sum", tf.op("Square", x), ints(tf, 3)), number(tf, share))
    apart = tf.op("Sub", squares, tf.op("Square", mean))
    variance = tf.op("Maximum", number(tf, 0), apart)
    shape = ints(tf, *SHAPE[:3], 1)
    centred = tf.op("Sub", x, tf.op("Reshape", mean, shape))
    steadied = tf.op("AddV2", tf.op("Reshape", variance, shape), number(tf, 1e-6))
    weighed = tf.op("Mul", tf.op("Rsqrt", steadied), tf.const(scale))
    return tf.op("AddV2", tf.op("Mul", centred, weighed), tf.const(bias))


def test_gelu(tmp_path):
    tf = Tf()
    out, operations = run(tmp_path, tf, gelu(tf, tf.image))
    inner = np.sqrt(2 / np.pi) * (IMAGE + 0.044715 * IMAGE**3)
    np.testing.assert_allclose(out, 0.5 * IMAGE * (1 + np.tanh(inner)), atol=1e-6)
    assert operations == ["Gelu", "Identity"]


def test_something_like_gelu_is_left_as_it_is(tmp_path):
    tf = Tf()
    out, operations = run(tmp_path, tf, gelu(tf, tf.image, factor=0.05))
    inner = np.sqrt(2 / np.pi) * (IMAGE + 0.05 * IMAGE**3)
    np.testing.assert_allclose(out, 0.5 * IMAGE * (1 + np.tanh(inner)), atol=1e-6)
    assert "Gelu" not in operations


@pytest.mark.parametrize(("share", "fused"), [(1 / 3, True), (0.3, False)])
def test_layer_norm(tmp_path, share, fused):
    scale, bias = weights(1, 1, 1, 3), weights(3)
    tf = Tf()
    out, operations = run(tmp_path, tf, norm(tf, tf.image, scale, bias, share))
    mean = share * IMAGE.sum(axis=3, keepdims=True)
    variance = np.maximum(0, share * (IMAGE**2).sum(axis=3, keepdims=True) - mean**2)
    expected = (IMAGE - mean) / np.sqrt(variance + 1e-6) * scale + bias
    np.testing.assert_allclose(out, expected, atol=1e-4)
    assert (operations == ["LayerNormalization", "Identity"]) == fused


def test_sigmoid_relu_and_leaky_relu(tmp_path):
    tf = Tf()
    grown = tf.op("Exp", tf.op("Neg", tf.image))
    sigmoid = tf.op("Reciprocal", tf.op("AddV2", number(tf, 1), grown))
    relu = tf.op("Maximum", tf.image, number(tf, 0))
    test = tf.op("GreaterEqual", tf.image, number(tf, 0))
    leaky = tf.op("SelectV2", test, tf.image, tf.op("Mul", number(tf, 0.2), tf.image))
    out, operations = run(tmp_path, tf, tf.op("ConcatV2", sigmoid, relu, leaky, ints(tf, 3)))
    parts = [1 / (1 + np.exp(-IMAGE)), np.maximum(IMAGE, 0), np.where(IMAGE >= 0, 1, 0.2) * IMAGE]
    np.testing.assert_allclose(out, np.concatenate(parts, axis=3), atol=1e-6)
    assert sorted(operations[:3]) == ["LeakyRelu", "Relu", "Sigmoid"]


def test_the_bias_moves_into_the_convolution_and_turns_cancel(tmp_path):
    kernels, bias = [weights(3, 3, 3, 3), weights(3, 3, 3, 3)], weights(3)
    tf = Tf()
    plain = dict(padding="SAME", strides=(1, 1, 1, 1))
    first = tf.op("Conv2D", tf.image, tf.const(kernels[0]), **plain)
    added = tf.op("AddV2", first, tf.const(bias))
    out, operations = run(tmp_path, tf, tf.op("Conv2D", added, tf.const(kernels[1]), **plain))
    assert operations == ["Transpose", "Conv", "Conv", "Transpose", "Identity"]
    tf = Tf()
    first = tf.op("Conv2D", tf.image, tf.const(kernels[0]), **plain)
    # Twice a half bias: nothing to move into the convolution at once.
    halves = tf.op("AddV2", tf.op("Mul", first, number(tf, 2)), tf.const(2 * bias))
    halves = tf.op("Mul", halves, number(tf, 0.5))
    plainly, _ = run(tmp_path, tf, tf.op("Conv2D", halves, tf.const(kernels[1]), **plain))
    np.testing.assert_allclose(out, plainly, atol=1e-4)
