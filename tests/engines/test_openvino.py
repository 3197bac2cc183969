"""OpenVINO's provider, where it is installed: the picture of the plain one, reported as such."""

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import unblur
from tests.cli.test_cli import SHAKEN
from unblur.engines import OnnxEngine
from unblur.runtime import OPENVINO, Runtime
from unblur.zoo.catalogue import weights_path

pytestmark = pytest.mark.skipif(
    OPENVINO not in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has no OpenVINO; pip install onnxruntime-openvino in its place",
)

PLAIN, OTHER = Runtime(1, "cpu"), Runtime(1, "openvino")


@pytest.mark.parametrize(
    ("network", "task", "shapes"),
    [
        ("kernel_net", "kernel", [(2, 18, 64, 64), (2, 3, 8, 8)]),
        ("restore_net", "restore", [(1, 13, 96, 112)]),
    ],
)
def test_networks_agree_to_rounding(network, task, shapes):
    rng = np.random.default_rng(0)
    inputs = [rng.random(shape, dtype=np.float32) for shape in shapes]
    engines = [OnnxEngine(weights_path(network), task=task, runtime=r) for r in (PLAIN, OTHER)]
    assert [engine.device for engine in engines] == ["cpu", "openvino"]
    for plain, other in zip(*(engine(*inputs) for engine in engines), strict=True):
        np.testing.assert_allclose(other, plain, atol=2e-4)


def test_a_whole_photo_is_the_same_to_a_level():
    with Image.open(SHAKEN) as photo:
        part = photo.convert("RGB").crop((0, 0, 320, 260))
    results = [unblur.restore(part, session=unblur.Session(runtime=r)) for r in (PLAIN, OTHER)]
    assert [result.report.device for result in results] == ["cpu", "openvino"]
    assert results[0].report.changed and results[1].report.changed
    plain, other = (np.asarray(result.samples, np.float64) for result in results)
    assert np.abs(plain - other).max() <= 1 and np.mean(plain == other) > 0.99
