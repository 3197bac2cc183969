"""How commands are called in tests: with standard output and standard error apart."""

from inspect import signature

from click.testing import CliRunner


def runner():
    """Return a runner; before click 8.2 it has to be told to keep the two apart."""
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    return CliRunner(**apart)
