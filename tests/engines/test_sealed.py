"""Networks whose weights lie elsewhere are refused, however they say so."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from unblur.engines.onnx import open_session
from unblur.engines.sealed import check_sealed, read_network
from unblur.errors import CorruptWeights
from unblur.runtime import Runtime

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

ONE = Runtime(threads=1)


def model(nodes=(), tensors=(), **more):
    nodes = list(nodes) or [helper.make_node("Add", ["x", "w"], ["y"])]
    ends = [helper.make_tensor_value_info(n, 1, [2, 3]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializer=list(tensors))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], **more)
    made.ir_version = 9
    return made


def inside(name="w"):
    return numpy_helper.from_array(np.ones((2, 3), np.float32), name)


def outside(name="w", *, location=True, data=True):
    tensor = TensorProto(name=name, data_type=1, dims=[2, 3])
    if location:
        tensor.data_location = TensorProto.EXTERNAL
    if data:
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def branch(tensor):
    """A graph of one constant, as an If has two."""
    out = helper.make_tensor_value_info("b", 1, [2, 3])
    return helper.make_graph([helper.make_node("Identity", ["w"], ["b"])], "b", [], [out], [tensor])


def conditional(then):
    node = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=branch(inside()))
    condition = numpy_helper.from_array(np.array(True), "c")
    return model([node], [condition])


def sparse(values, indices):
    made = onnx.SparseTensorProto(dims=[2, 3])
    made.values.CopyFrom(values)
    made.indices.CopyFrom(indices)
    return made


def with_sparse():
    made = model(tensors=[inside()])
    made.graph.sparse_initializer.append(sparse(inside("s"), outside("i")))
    return made


def in_function():
    nodes = [helper.make_node("Constant", [], ["y"], value=outside())]
    opset = [helper.make_opsetid("", 18)]
    made = helper.make_function("own", "F", ["x"], ["y"], nodes, opset)
    return model([helper.make_node("F", ["x"], ["y"], domain="own")], functions=[made])


def in_default_of_function():
    made = in_function()
    made.functions[0].node[0].attribute[0].t.CopyFrom(inside())
    made.functions[0].attribute_proto.append(helper.make_attribute("a", outside()))
    return made


def in_training():
    made = model(tensors=[inside()])
    made.training_info.add().initialization.initializer.append(outside())
    return made


def in_lists():
    made = model(tensors=[inside()])
    made.graph.node[0].attribute.append(helper.make_attribute("ts", [inside("a"), outside("b")]))
    return made


def in_graphs():
    made = model(tensors=[inside()])
    made.graph.node[0].attribute.append(helper.make_attribute("gs", [branch(outside())]))
    return made


def in_sparse_constant():
    made = sparse(outside(), inside())
    return model([helper.make_node("Constant", [], ["y"], sparse_value=made)])


EXTERNAL = {
    "initialiser": lambda: model(tensors=[outside()]),
    "location only": lambda: model(tensors=[outside(data=False)]),
    "data only": lambda: model(tensors=[outside(location=False)]),
    "the second of two": lambda: model(tensors=[inside("a"), outside()]),
    "constant": lambda: model([helper.make_node("Constant", [], ["y"], value=outside())]),
    "branch": lambda: conditional(branch(outside())),
    "branch of a branch": lambda: conditional(conditional(branch(outside())).graph),
    "sparse": with_sparse,
    "sparse constant": in_sparse_constant,
    "function": in_function,
    "default of a function": in_default_of_function,
    "training": in_training,
    "list of tensors": in_lists,
    "list of graphs": in_graphs,
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_weights_elsewhere_are_refused_before_loading(name, tmp_path, monkeypatch):
    data = EXTERNAL[name]().SerializeToString()
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    (tmp_path / "a.onnx.data").write_bytes(bytes(100))
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *a, **k: pytest.fail("loaded"))
    for read in (check_sealed, lambda d: open_session(d, ONE), lambda _: read_network(path)):
        with pytest.raises(CorruptWeights, match="keeps weights in another file"):
            read(data)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


@pytest.mark.parametrize(
    "tensor",
    [
        b"\x70\x01",
        b"\x70\x81\x00",  # 1 in two bytes
        b"\xf0\x00\x01",  # the field's number in two bytes
        b"\x70" + varint(1 | 1 << 40),
        b"\x70\x00\x70\x01",  # the last one counts
        message(13, b""),
        b"\xea\x00\x00",
    ],
)
def test_every_spelling_of_the_field_is_seen(tensor):
    data = message(7, message(5, tensor))
    with pytest.raises(CorruptWeights, match="another file"):
        check_sealed(data)
    with pytest.raises(CorruptWeights, match="another file"):
        check_sealed(model(tensors=[inside()]).SerializeToString() + data)  # merged by the format


def test_what_is_whole_is_taken():
    for made in (model(tensors=[inside()]), conditional(branch(inside()))):
        data = made.SerializeToString()
        check_sealed(data)
        open_session(data, ONE)
    tensor = inside()
    tensor.data_location = TensorProto.DEFAULT
    check_sealed(model(tensors=[tensor]).SerializeToString() + b"\x72\x01x")


def nested(depth):
    """Graphs in attributes of nodes of graphs ..."""
    data = b""
    for _ in range(depth):
        data = message(1, message(5, message(6, data)))
    return message(7, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"\x3a\xff\xff\xff\xff\x0f",
        b"\x3b\x3c",  # groups
        b"\xff" * 11,
        bytes(4) + b"ORTM" + bytes(50),
        nested(30),
        b"\x08\x01" * 3_100_000,
    ],
    ids=["empty", "junk", "length", "group", "varint", "ort", "deep", "many"],
)
def test_what_is_no_network_is_our_error(data):
    with pytest.raises(CorruptWeights, match="cannot load the network"):
        check_sealed(data)


def test_large_and_missing_files(tmp_path):
    path = tmp_path / "a.onnx"
    with path.open("wb") as stream:
        stream.truncate(3_000_000_000)
    with pytest.raises(CorruptWeights, match="3000 MB"):
        open_session(path, ONE)
    with pytest.raises(CorruptWeights, match="No such file"):
        open_session(tmp_path / "b.onnx", ONE)


WHOLE = conditional(branch(inside())).SerializeToString()
ELSEWHERE = conditional(branch(outside())).SerializeToString()


@seed(3)
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([WHOLE, ELSEWHERE]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
)
def test_it_sees_what_the_library_sees(data, flips):
    """Whatever onnx's own parser takes, and finds external weights in, is refused."""
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import uses_external_data

    damaged = bytearray(data)
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] = value
    try:
        parsed = onnx.ModelProto.FromString(bytes(damaged))
    except DecodeError:
        parsed = None
    try:
        check_sealed(bytes(damaged))
    except CorruptWeights:
        return
    graphs = [parsed.graph] if parsed is not None else []
    while graphs:
        graph = graphs.pop()
        assert not any(uses_external_data(tensor) for tensor in graph.initializer)
        for node in graph.node:
            graphs += [a.g for a in node.attribute if a.HasField("g")]
