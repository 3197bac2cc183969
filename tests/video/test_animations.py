"""Animated pictures are clips: all frames, their times, into a video."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.video.fakes import Inverting, apart, read_back, texture
from unblur.cli import main
from unblur.errors import UnreadableImage
from unblur.video import restore_clip

av = pytest.importorskip("av", reason="videos need PyAV")

PICTURES = [texture(48, 64, seed) for seed in range(5)]


def animation(path, **more):
    frames = [Image.fromarray(picture) for picture in PICTURES]
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=[100, 40, 200, 100, 60], **lossless
    )
    return path


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".png"])
def test_all_frames_and_times_go_into_a_video_beside_it(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("unblur.video.facade.load_frame_model", lambda *a, **k: Inverting())
    clip = animation(tmp_path / f"a{suffix}")
    done = CliRunner().invoke(main, ["video", str(clip)])
    assert done.exit_code == 0, done.stderr
    frames, times, *_ = read_back(tmp_path / "a.unblurred.mp4")
    assert np.allclose(times, [0, 0.1, 0.14, 0.34, 0.44], atol=0.002)
    for picture, frame in zip(PICTURES, frames, strict=True):
        assert apart(255.0 - picture, frame) < (16 if suffix == ".gif" else 6)
    assert {p.name for p in tmp_path.iterdir()} == {f"a{suffix}", "a.unblurred.mp4"}


def test_broken_animations_are_told(tmp_path):
    whole = animation(tmp_path / "a.webp").read_bytes()
    (tmp_path / "b.webp").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImage, match="cannot read the animation"):
        restore_clip(tmp_path / "b.webp", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
