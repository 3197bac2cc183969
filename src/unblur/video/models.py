"""What restores the frames of a sequence: the recurrent network, or the photo pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from unblur.color import FloatArray
from unblur.errors import UnknownModel, nearest
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.restoration.restorers import NetworkRestorer
from unblur.runtime import Runtime
from unblur.video.memory import FrameMemory
from unblur.video.steady import SteadyPhoto
from unblur.zoo.catalogue import RESTORE_NET, weights_path
from unblur.zoo.models import Models, Session, default_session

FRAME_NET = "frame_rnn"
PHOTO = "photo"
NAMES = ("frame", PHOTO, "pipeline")
DEFAULT = "frame"


class FrameModel(Protocol):
    """Restores frames in order."""

    def reset(self) -> None:
        """Forget the scene."""

    def analyse(self, frame: FloatArray) -> Any:
        """Return what a frame shows by itself; may be called ahead, by another thread."""

    def step(self, frame: FloatArray, analysis: Any = None, following: Any = None) -> FloatArray:
        """(H, W, 3) float32 sRGB in [0, 1] -> the same, restored.

        ``analysis`` is what ``analyse`` returned of the frame (``relate``, where the model has it:
        :class:`RelatesFrames`), ``following`` what ``analyse`` returned of the next one of the
        same scene, where there is one.
        """


@runtime_checkable
class RelatesFrames(Protocol):
    """A frame model that compares frames as they were filmed before it restores one."""

    def relate(self, before: Any, analysis: Any, following: Any) -> Any:
        """Return what a frame shows with what the frames beside it tell, as they were filmed.

        All are what ``analyse`` returned; ``before`` and ``following`` are None where a scene
        begins and ends. May be called ahead, by another thread.
        """


class PipelineModel:
    """The whole photo pipeline on each frame by itself.

    Args:
        models: as of a photo.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def reset(self) -> None:
        """There is nothing to forget."""

    def analyse(self, frame: FloatArray) -> None:
        """Nothing is done ahead."""

    def step(self, frame: FloatArray, analysis: Any = None, following: Any = None) -> FloatArray:
        """See :class:`FrameModel`."""
        result = restore_picture(Picture(frame), self._models, RestoreOptions())
        return np.asarray(result.samples, dtype=np.float32)


def load_frame_model(
    name: str | None = None,
    *,
    session: Session | None = None,
    over_time: bool = True,
) -> FrameModel:
    """Return a model by name, or the FrameRNN in an ONNX file.

    Args:
        name: "frame" (FrameRNN), "photo" (the photo network, steadied), "pipeline" (the photo
            pipeline on each frame by itself), a FrameRNN's file, or None for the default.
        session: holds the networks; see :func:`unblur.restore`.
        over_time: whether "photo" asks neighbours for evidence, see :class:`SteadyPhoto`.

    Raises:
        UnknownModel: no such model, or its weights are not shipped.
        CorruptWeights, SpecMismatch: the file is not a FrameRNN of ours.
    """
    chosen, held = name or DEFAULT, session or default_session()
    if chosen == "pipeline":
        return PipelineModel(held.models())
    if chosen == PHOTO:
        rest = _beside_the_rest(held.runtime)
        network = held.network(weights_path(RESTORE_NET), "restore", runtime=rest)
        restorer = NetworkRestorer(chosen, network)
        return SteadyPhoto(restorer, held.quick_estimator(), over_time=over_time)
    if chosen != "frame" and not (chosen.endswith(".onnx") and Path(chosen).is_file()):
        raise UnknownModel(
            f"there is no model '{chosen}' for frames (and no such .onnx file); "
            f"{nearest(chosen, NAMES)}"
        )
    return load_frame_memory(chosen, session=held)


def load_frame_memory(name: str = "frame", *, session: Session) -> FrameMemory:
    """Return the shipped FrameRNN, or the one in a file, with an empty memory.

    Raises:
        UnknownModel: its weights are not shipped.
    """
    try:
        path = weights_path(FRAME_NET) if name == "frame" else Path(name)
    except UnknownModel as error:
        raise UnknownModel(
            "this installation ships no weights of FrameRNN, the network with a memory; give a "
            "trained one as --model FILE.onnx (see docs/video.md)"
        ) from error
    engine = session.network(path, "frame", runtime=_beside_the_rest(session.runtime))
    return FrameMemory(engine)


def _beside_the_rest(runtime: Runtime) -> Runtime:
    """Return how a network is run: one thread is left to what goes on beside it."""
    return runtime.on_threads(max(1, runtime.computing_threads() - 1))
