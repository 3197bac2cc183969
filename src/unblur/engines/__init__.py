"""Engines run one network on one batch and know nothing else."""

from unblur.engines.base import Engine
from unblur.engines.onnx import OnnxEngine

__all__ = ["Engine", "OnnxEngine"]
