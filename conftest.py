"""Modules that cannot be read for doctests where their extra is not installed."""

from importlib.util import find_spec

collect_ignore = (
    []
    if find_spec("flwr")
    else [f"src/unblur/training/flower{part}.py" for part in ("", "_client", "_net")]
)
