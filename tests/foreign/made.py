"""Small networks and graphs made for the tests."""

import base64
import json

import numpy as np
from click.testing import CliRunner

from unblur.cli import main

TYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}


class Tf:
    """A TensorFlow.js graph model in the making."""

    def __init__(self):
        self.nodes = []
        self.weights = {}
        self.image = self._node("image", "Placeholder", [], {})

    def const(self, array):
        array = np.asarray(array)
        name = f"const{len(self.weights)}"
        self.weights[name] = array
        return self._node(name, "Const", [], {})

    def op(self, op, *inputs, **attributes):
        return self._node(f"{op}{len(self.nodes)}", op, list(inputs), attributes)

    def _node(self, name, op, inputs, attributes):
        attr = {key: encoded(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": inputs, "attr": attr})
        return name

    def save(self, folder, result):
        """Write model.json and two shards; return the path."""
        data = b"".join(w.tobytes() for w in self.weights.values())
        cut = len(data) // 3
        (folder / "a.bin").write_bytes(data[:cut])
        (folder / "b.bin").write_bytes(data[cut:])
        entries = [
            {"name": n, "shape": list(w.shape), "dtype": str(w.dtype)}
            for n, w in self.weights.items()
        ]
        model = {
            "format": "graph-model",
            "signature": {"outputs": {"out": {"name": f"{result}:0"}}},
            "modelTopology": {"node": self.nodes[::-1]},
            "weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": entries}],
        }
        (folder / "model.json").write_text(json.dumps(model))
        return folder / "model.json"


def encoded(value):
    """Return an attribute as TensorFlow.js writes it."""
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, str) and value.startswith("DT_"):
        return {"type": value}
    if isinstance(value, str):
        return {"s": base64.b64encode(value.encode()).decode()}
    return {"list": {"i": [str(v) for v in value]}}


def onnx_network(
    nodes, *, shape=("n", 3, "h", "w"), outputs=1, weights=None, dtype=1, out_shape=None
):
    """Return the bytes of an ONNX network from (op, inputs, output, attributes) rows."""
    from onnx import helper, numpy_helper

    stored = [numpy_helper.from_array(np.asarray(a), n) for n, a in (weights or {}).items()]
    made = [helper.make_node(op, ins, [out], **attrs) for op, ins, out, attrs in nodes]
    ends = [out for _, _, out, _ in nodes[-outputs:]]
    graph = helper.make_graph(
        made,
        "made",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(e, dtype, out_shape) for e in ends],
        initializer=stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model.SerializeToString()


def brighten(*, by=0.05, shape=("n", 3, "h", "w")):
    """Return the bytes of a network that adds a constant."""
    weights = {"c": np.float32(by)}
    return onnx_network([("Add", ["x", "c"], "y", {})], weights=weights, shape=shape)


def run(*args, expect=0):
    """Call the command line, which must end as expected."""
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert result.exit_code == expect, result.output
    return result
