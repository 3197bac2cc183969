"""``--device``: taken by every command that computes, told in the results, refused in words."""

import io
import json
import os
import pickle

import click
import onnxruntime
import pytest
from PIL import Image

from tests.cli.test_cli import SHAKEN, unblur
from unblur import Runtime, Session
from unblur.batch.results import Source, restore_file
from unblur.batch.settings import Settings
from unblur.cli.options import runtime_options
from unblur.detection.culling import go_through
from unblur.errors import BadValue
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.methods import method_of
from unblur.evaluate.tuning.bench import Bench
from unblur.runtime import VARIABLE
from unblur.web.orders import Order
from unblur.web.work import answer

pytestmark = pytest.mark.usefixtures("proposals_only")

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


PLAIN = {"CPUExecutionProvider", "AzureExecutionProvider"}


def test_the_device_is_told_in_json(tmp_path):
    if not set(onnxruntime.get_available_providers()) <= PLAIN:
        pytest.skip("there are other devices here")
    asked = ("--device", "auto", "--json")
    photo = tmp_path / "shaken.png"
    with Image.open(SHAKEN) as image:
        image.crop((180, 120, 340, 240)).save(photo)
    (row,) = json.loads(unblur(photo, "-o", tmp_path / "a.png", *asked).stdout)
    assert row["device"] == "cpu"
    assert any("no device but the CPU" in note for note in row["notes"])
    for name in ("inspect", "detect"):
        told = json.loads(unblur(name, photo, *asked).stdout)
        assert (told[0] if name == "detect" else told)["device"] == "cpu"
    with Image.open(SHAKEN) as photo:
        small = photo.convert("RGB").crop((0, 0, 96, 80))
    frames = tmp_path / "frames"
    for folder in (frames, tmp_path / "pairs" / "blurry", tmp_path / "pairs" / "sharp"):
        folder.mkdir(parents=True)
        for number in range(2):
            small.save(folder / f"{number}.png")
    pictures = sorted(frames.iterdir())
    for command in (
        ("video", frames, "-o", tmp_path / "out"),
        ("burst", *pictures, "-o", tmp_path / "burst.png"),
        ("evaluate", tmp_path / "pairs", "--models", "wiener"),
        ("evaluate", tmp_path / "pairs" / "sharp", "--sharp", "--models", "wiener"),
    ):
        assert json.loads(unblur(*command, *asked).stdout)["device"] == "cpu", command[0]
    compared = ("compare", tmp_path / "pairs", "--models", "wiener", "-o", tmp_path / "compared")
    assert json.loads(unblur(*compared, *asked).stdout)["made"]["device"] == "cpu"


def test_an_absent_device_is_refused_before_anything_is_done(tmp_path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a CUDA provider here")
    result = unblur(SHAKEN, "-o", tmp_path / "a.png", "--device", "cuda", expect=5)
    assert "pip install onnxruntime-gpu" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "a.png").exists()


def test_the_device_reaches_a_command_as_a_value(monkeypatch):
    monkeypatch.setenv(VARIABLE, "auto")
    seen = []

    @click.command()
    @runtime_options
    def command(runtime):
        seen.append((runtime, os.environ[VARIABLE]))

    command.main(["--device", "cpu", "--threads", "3"], standalone_mode=False)
    command.main([], standalone_mode=False)
    assert seen == [(Runtime(3, "cpu"), "auto"), (Runtime(None, "auto"), "auto")]


def test_workers_get_the_device_with_their_work(monkeypatch, tmp_path):
    """None of them looks at the environment, which a cluster's machines do not share."""
    monkeypatch.setenv(VARIABLE, "tpu")  # whoever asks for it fails
    runtime = Runtime(1, "cpu", tiles_at_once=1)
    job = Job("pairs", runtime=runtime)
    assert Job.from_json(job.to_json()) == job
    assert pickle.loads(pickle.dumps(Order("detect", tmp_path, SHAKEN, runtime=runtime))).runtime
    done = answer(
        Order("detect", tmp_path, SHAKEN, pixels=10**7, runtime=runtime), lambda step: None
    )
    assert done.result["blur_probability"] > 0.5
    options = Settings("unblur", 1, None, None, None, True, None, runtime, None, *[False] * 3, 96)
    part = io.BytesIO()
    with Image.open(SHAKEN) as photo:
        photo.crop((180, 120, 340, 240)).save(part, "PNG")
    _, told = restore_file(Source(SHAKEN, part.getvalue), options, ".png")
    assert told["device"] == "cpu" and told["changed"]
    assert go_through(SHAKEN, full=False, everywhere=False, runtime=runtime).device == "cpu"
    assert method_of("wiener", runtime=runtime) and Bench("wiener", runtime).device == "cpu"


def test_a_session_has_one_runtime():
    session = Session(runtime=Runtime(threads=2, tiles_at_once=1))
    assert session.threads == 2 and session.device == "cpu" and session.notes() == ()
    assert session.restorer("wiener").at_once == 1
    with pytest.raises(BadValue, match="not both"):
        Session(threads=1, runtime=Runtime())
