"""``--device``: taken by every command that computes, told in the results, refused in words."""

import json

import click
import onnxruntime
import pytest

from tests.cli.test_cli import SHAKEN, unblur
from unblur import Runtime, Session
from unblur.cli.options import device_option
from unblur.errors import BadValue
from unblur.runtime import VARIABLE

COMPUTING = (
    "restore", "video", "burst", "detect", "inspect", "evaluate", "evaluate-clips", "compare",
    "tune", "serve", "train", "models choose",
)  # fmt: skip


def command_of(name):
    from unblur.cli import main

    context, command = click.Context(main), main
    for word in name.split():
        command = command.get_command(context, word)
    return command


@pytest.mark.parametrize("name", COMPUTING)
def test_every_command_that_computes_takes_it(name):
    assert any("--device" in option.opts for option in command_of(name).params)


def test_the_device_is_told_in_json(tmp_path):
    asked = ("--device", "auto", "--json", "--overwrite")
    (row,) = json.loads(unblur(SHAKEN, "-o", tmp_path / "a.png", *asked).stdout)
    if set(onnxruntime.get_available_providers()) <= {
        "CPUExecutionProvider",
        "AzureExecutionProvider",
    }:
        assert row["device"] == "cpu"
        assert any("no device but the CPU" in note for note in row["notes"])


def test_an_absent_device_is_refused_before_anything_is_done(tmp_path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a CUDA provider here")
    result = unblur(SHAKEN, "-o", tmp_path / "a.png", "--device", "cuda", expect=5)
    assert "pip install onnxruntime-gpu" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "a.png").exists()


def test_the_choice_ends_with_the_command(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    seen = []

    @click.command()
    @device_option
    def command():
        seen.append(Runtime.of_process().provider)

    command.main(["--device", "auto"], standalone_mode=False)
    command.main([], standalone_mode=False)
    assert seen == ["auto", "cpu"] and Runtime.of_process() == Runtime()


def test_a_session_has_one_runtime():
    session = Session(runtime=Runtime(threads=2, tiles_at_once=1))
    assert session.threads == 2 and session.device == "cpu" and session.notes() == ()
    assert session.restorer("wiener").at_once == 1
    with pytest.raises(BadValue, match="not both"):
        Session(threads=1, runtime=Runtime())
