"""Networks that hang, take all memory or are nonsense are refused in time, by our errors."""

import json
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.foreign.made import Tf, brighten, onnx_network, run
from unblur.errors import CorruptWeights, SpecMismatch, UnblurError
from unblur.foreign.adding import Request, add_file, prepare
from unblur.foreign.probing import Wishes
from unblur.foreign.proving import ProofLimits, proved
from unblur.foreign.tfjs import read_tfjs

GRAPH = {
    "format": "graph-model",
    "modelTopology": {"node": [{"name": "a", "op": "Placeholder", "input": []}]},
    "signature": {"outputs": {"o": {"name": "a"}}},
    "weightsManifest": [],
}


def endless():
    """A network whose loop goes round for longer than anybody lives."""
    from onnx import helper, numpy_helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", 7, []),
            helper.make_tensor_value_info("go", 9, []),
            helper.make_tensor_value_info("v", 1, None),
        ],
        [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("w", 1, None)],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["n", "c", "x"], ["y"], body=body)],
        "g",
        [helper.make_tensor_value_info("x", 1, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", 1, None)],
        [
            numpy_helper.from_array(np.array(2**62, np.int64), "n"),
            numpy_helper.from_array(np.array(True), "c"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 9
    return made.SerializeToString()


def test_a_network_that_never_ends_is_given_up(tmp_path, model_store):
    path = tmp_path / "loop.onnx"
    path.write_bytes(endless())
    begun = time.monotonic()
    said = run("models", "add", path, "--timeout", 3, expect=4).stderr
    assert "within 3 s" in said and "--timeout" in said
    assert time.monotonic() - begun < 60
    assert not model_store.exists() or not list(model_store.iterdir())


def test_a_network_that_takes_all_memory_is_refused(tmp_path):
    huge = np.array([1, 3, 200_000, 200_000], np.int64)
    nodes = [
        ("ConstantOfShape", ["s"], "z", {}),
        ("ReduceSum", ["z"], "t", {}),
        ("Add", ["x", "t"], "y", {}),
    ]
    path = tmp_path / "big.onnx"
    path.write_bytes(onnx_network(nodes, weights={"s": huge}))
    with pytest.raises((CorruptWeights, SpecMismatch)):
        add_file(path, None, Wishes(), limits=ProofLimits(60, 1500))


def breaks(how):
    if how == "exit":
        import os

        os._exit(9)
    if how == "recursion":
        return breaks(how)
    raise SpecMismatch("ours")


def test_what_goes_wrong_there_is_told_here():
    limits = ProofLimits(60, 1500)
    with pytest.raises(SpecMismatch, match="ours"):
        proved(breaks, "ours", "a.onnx", limits)
    with pytest.raises(CorruptWeights, match=r"a\.onnx.*code 9"):
        proved(breaks, "exit", "a.onnx", limits)
    with pytest.raises(CorruptWeights, match=r"a\.onnx.*RecursionError"):
        proved(breaks, "recursion", "a.onnx", limits)


def changed(**parts):
    return json.dumps(GRAPH | parts).encode()


def node(**parts):
    return changed(modelTopology={"node": [{"name": "a", "op": "Placeholder"} | parts]})


def weight(**parts):
    entry = {"name": "w", "shape": [1], "dtype": "float32"} | parts
    return changed(weightsManifest=[{"paths": [], "weights": [entry]}])


NONSENSE = {
    "a list": b"[1]",
    "null": b"null",
    "nested": b"[" * 100_000,
    "a number": b'{"format": ' + b"9" * 5000 + b"}",
    "no UTF-8": b'{"format": "\xff"}',
    "empty input": node(input=[""]),
    "nulls as inputs": node(input=[None]),
    "nodes of numbers": changed(modelTopology={"node": [1]}),
    "attributes of text": node(attr="x"),
    "attribute of nulls": node(attr={"T": None}),
    "no base 64": node(attr={"T": {"s": "\x00\xff!"}}),
    "int of text": node(attr={"T": {"i": "x"}}),
    "type of a list": node(attr={"T": {"type": []}}),
    "names of lists": node(name=[]),
    "outputs of text": changed(signature={"outputs": "x"}),
    "manifest of nulls": changed(weightsManifest=[None]),
    "negative shape": weight(shape=[-1]),
    "shape of text": weight(shape="ab"),
    "huge shape": weight(shape=[10**9, 10**9]),
    "shape of floats": weight(shape=[0.5]),
    "dtype of a list": weight(dtype=[]),
    "shard elsewhere": changed(weightsManifest=[{"paths": ["../a.bin"], "weights": []}]),
    "paths of nulls": changed(weightsManifest=[{"paths": [None], "weights": []}]),
    "a circle": node(input=["a"]),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_graphs_that_are_nonsense_are_our_error(tmp_path, name):
    path = tmp_path / "model.json"
    path.write_bytes(NONSENSE[name])
    with pytest.raises(UnblurError) as caught:
        prepare(Request(path, "x", Wishes(window_px=64)))
    assert "\n" not in str(caught.value)


SEEDS = st.sampled_from([json.dumps(GRAPH).encode(), *NONSENSE.values()])


@seed(5)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SEEDS, st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=4))
def test_damaged_graphs_are_read_or_our_error(tmp_path, data, flips):
    damaged = bytearray(data[:3000])
    for place, new in flips:
        at = int(place * (len(damaged) - 1))
        damaged[at : at + len(new)] = new
    (tmp_path / "model.json").write_bytes(bytes(damaged))
    try:
        read_tfjs(tmp_path / "model.json")
    except CorruptWeights as error:
        assert "\n" not in str(error)


def test_whole_networks_still_come_through(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(brighten())
    assert add_file(path, None, Wishes()).bytes == len(brighten())
    tf = Tf()
    graph = tf.save(tmp_path, tf.op("AddV2", tf.image, tf.const(np.float32([0.1, 0.1, 0.1]))))
    known = Wishes(window_px=192, value_range="0..1")
    assert add_file(graph, "tf", known).window_px == (192, 192)
