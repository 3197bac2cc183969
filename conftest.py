"""Modules that cannot be read for doctests where their extra is not installed."""

from importlib.util import find_spec

collect_ignore = (
    []
    if find_spec("flwr")
    else ["src/unblur/training/flower.py", "src/unblur/training/flower_net.py"]
)
