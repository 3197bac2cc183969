"""Where networks are run: chosen by what is there, refused in words, never silently elsewhere."""

import logging
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from unblur.engines import OnnxEngine
from unblur.engines.foreign import ForeignEngine
from unblur.engines.onnx import open_session
from unblur.errors import BadValue, CorruptWeights, NoSuchDevice
from unblur.runtime import VARIABLE, Runtime
from unblur.spec import ForeignSpec
from unblur.zoo.catalogue import weights_path
from unblur.zoo.models import default_session

KERNEL = weights_path("kernel_net")
CPU, OPENVINO, CUDA = (f"{name}ExecutionProvider" for name in ("CPU", "OpenVINO", "CUDA"))
COREML, DIRECTML = "CoreMLExecutionProvider", "DmlExecutionProvider"


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [
        ("cpu", [CUDA, CPU], [CPU]),
        ("auto", [CPU], [CPU]),
        ("auto", [OPENVINO, CPU], [OPENVINO, CPU]),
        ("auto", [OPENVINO, CUDA, CPU], [CUDA, OPENVINO, CPU]),
        ("auto", [COREML, CPU], [COREML, CPU]),
        ("auto", [DIRECTML, CPU], [DIRECTML, CPU]),
        ("auto", ["TensorrtExecutionProvider", CPU], [CPU]),
        ("openvino", [OPENVINO, CPU], [OPENVINO]),
        ("cuda", [CUDA, CPU], [CUDA]),
        ("coreml", [COREML, CPU], [COREML]),
        ("directml", [DIRECTML, CPU], [DIRECTML]),
    ],
)
def test_what_is_there_is_chosen(asked, there, chosen):
    found = Runtime(provider=asked).choices(there)
    assert [choice.providers[0] for choice in found] == chosen
    # What a provider cannot run, the plain one does.
    assert all(choice.providers[-1] == CPU for choice in found)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("cuda", "pip install onnxruntime-gpu"),
        ("openvino", "pip install onnxruntime-openvino"),
        ("coreml", "on macOS only"),
        ("directml", "pip install onnxruntime-directml"),
    ],
)
def test_what_is_asked_for_and_absent_is_refused_with_a_way_to_get_it(asked, words):
    with pytest.raises(NoSuchDevice, match=f"'{asked}' is not there: .*has cpu; .*{words}"):
        Runtime(provider=asked).choices([CPU])


@pytest.mark.parametrize("changed", [{"threads": 0}, {"tiles_at_once": 0}, {"provider": "gpu"}])
def test_impossible_runtimes(changed):
    with pytest.raises(BadValue, match=r"at least 1|no device 'gpu'"):
        Runtime(**changed)


def test_the_environment_names_the_device_of_a_process(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Runtime.of_process(3) == Runtime(threads=3, provider="cpu")
    monkeypatch.setenv(VARIABLE, "auto")
    assert Runtime.of_process() == Runtime(provider="auto")
    assert default_session().runtime.provider == "auto"
    monkeypatch.setenv(VARIABLE, "tpu")
    with pytest.raises(BadValue, match="no device 'tpu'"):
        Runtime.of_process()


# --- sessions, on a machine that pretends


class Pretended:
    """ONNX Runtime with other providers: those that fail raise, or are left out in silence."""

    def __init__(self, monkeypatch, there, *, raising=(), silent=()):
        self.asked, self.options = [], []
        real = onnxruntime.InferenceSession

        def session(data, options, providers, provider_options):
            assert len(provider_options) == len(providers)
            self.options.append(dict(zip(providers, provider_options, strict=True)))
            self.asked.append(tuple(providers))
            first = providers[0]
            if first in raising:
                raise RuntimeError("its library is broken")
            made = real(data, options, providers=[CPU])
            known = [p for p in providers if p not in silent]
            return SimpleNamespace(
                get_providers=lambda: known,
                get_inputs=made.get_inputs,
                get_outputs=made.get_outputs,
                get_modelmeta=made.get_modelmeta,
                run=made.run,
            )

        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
        monkeypatch.setattr(onnxruntime, "InferenceSession", session)


def test_engines_take_a_runtime_and_say_where_they_compute(monkeypatch):
    Pretended(monkeypatch, [CUDA, OPENVINO, CPU])
    engine = OnnxEngine(KERNEL, task="kernel", runtime=Runtime(threads=1, provider="auto"))
    assert engine.device == "cuda"
    monkeypatch.setenv(VARIABLE, "openvino")  # read where a call begins, not down here
    assert OnnxEngine(KERNEL, task="kernel", runtime=Runtime(threads=1)).device == "cpu"


@pytest.mark.parametrize("how", ["raising", "silent"])
def test_auto_passes_over_what_does_not_work_with_a_note(monkeypatch, caplog, how):
    machine = Pretended(monkeypatch, [CUDA, OPENVINO, CPU], **{how: (CUDA,)})
    with caplog.at_level(logging.WARNING):
        _, device = open_session(KERNEL, Runtime(threads=1, provider="auto"))
    assert device == "openvino"
    assert [asked[0] for asked in machine.asked if asked != (CPU,)] == [CUDA, OPENVINO]
    assert len(caplog.messages) == 1 and "'cuda' cannot be used" in caplog.text


@pytest.mark.parametrize("how", ["raising", "silent"])
def test_a_device_asked_for_that_does_not_work_is_an_error(monkeypatch, how):
    Pretended(monkeypatch, [CUDA, CPU], **{how: (CUDA,)})
    with pytest.raises(NoSuchDevice, match=r"'cuda' is not there.*(broken|does not start)"):
        open_session(KERNEL, Runtime(threads=1, provider="cuda"))


def test_a_damaged_network_is_no_missing_device(monkeypatch, tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    for provider in ("cpu", "auto"):
        with pytest.raises(CorruptWeights):
            open_session(tmp_path / "junk.onnx", Runtime(threads=1, provider=provider))


def test_networks_from_elsewhere_take_a_runtime_too(monkeypatch):
    Pretended(monkeypatch, [OPENVINO, CPU])
    spec = ForeignSpec(
        "x", "", "nchw", "0..1", 1, (8, 8), False, 0, 0, 1, 0, 0.0, "unstated", "here"
    )
    engine = ForeignEngine(KERNEL, spec, runtime=Runtime(threads=1, provider="openvino"))
    assert engine.device == "openvino"


def test_openvino_is_told_how_many_threads_it_has(monkeypatch):
    machine = Pretended(monkeypatch, [OPENVINO, CPU])
    open_session(KERNEL, Runtime(threads=3, provider="openvino"))
    assert machine.options == [{OPENVINO: {"num_of_threads": "3"}, CPU: {}}]


def test_the_number_of_threads_changes_nothing_but_rounding():
    rng = np.random.default_rng(0)
    maps = rng.random((1, 18, 64, 64)).astype(np.float32)
    pooled = rng.random((1, 3, 8, 8)).astype(np.float32)
    one, two = (
        OnnxEngine(KERNEL, task="kernel", runtime=Runtime(threads=n))(maps, pooled)[0]
        for n in (1, 2)
    )
    np.testing.assert_allclose(one, two, atol=1e-6)
