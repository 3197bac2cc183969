"""A file that is called a video opens no other: FFmpeg goes by content, play lists name files."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.video.fakes import write_clip
from unblur.errors import ImageTooLarge, UnblurError, UnreadableImage
from unblur.io.gyro_logs import load_gyro_log
from unblur.io.video_read import VideoSource
from unblur.training.clips import _decoded

SOURCE = Path(__file__).parents[2] / "src" / "unblur"

LISTS = {
    "concat": "ffconcat version 1.0\nfile secret.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.ts\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation '
    'id="1" bandwidth="1"><BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period>'
    "</MPD>",
}


@pytest.fixture
def folder(tmp_path):
    for name in ("secret.mp4", "secret.ts"):
        write_clip(tmp_path / name, times_ms=[0, 33, 67, 100])
    return tmp_path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("kind", LISTS)
def test_no_play_list_is_read_whatever_it_is_called(folder, kind, suffix):
    path = folder / f"clip{suffix}"
    path.write_text(LISTS[kind])
    for read in (VideoSource, load_gyro_log, lambda path: _decoded(path, 0, 1, 1)):
        with pytest.raises(UnreadableImage, match=f"clip{suffix}"):
            read(path)


def test_ffmpeg_itself_would_read_one(folder):
    av = pytest.importorskip("av")
    (folder / "clip.mp4").write_text(LISTS["concat"])
    with av.open(str(folder / "clip.mp4")) as container:
        assert len(list(container.decode(video=0))) == 4


def test_a_name_that_looks_like_an_address_is_a_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "concat:secret.mp4|secret.mp4").write_bytes((folder / "secret.mp4").read_bytes())
    source = VideoSource(Path("concat:secret.mp4|secret.mp4"))
    assert len(list(source)) == 4
    source.close()
    for name in ("http://127.0.0.1:9/a.mp4", "concat:secret.mp4", "data:video/mp4;base64,AAAA"):
        with pytest.raises(UnreadableImage):
            VideoSource(Path(name))


def test_an_unknown_codec_is_an_error_of_ours(tmp_path):
    path = write_clip(tmp_path / "a.mp4", times_ms=[0, 33, 67])
    data = path.read_bytes()
    assert data.count(b"avc1") > 1
    path.write_bytes(data.replace(b"avc1", b"zzz9"))
    with pytest.raises(UnreadableImage, match="unknown codec"):
        VideoSource(path)


def test_frames_that_grow_on_the_way_are_refused(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", times_ms=[0, 33, 67])
    source = VideoSource(path)
    monkeypatch.setattr("unblur.io.video_read.MAX_FRAME_PIXELS", 1000)
    with pytest.raises(ImageTooLarge, match="96 x 64"):
        list(source)
    source.close()


def test_closing_a_damaged_clip_does_not_wait_for_ever():
    """Its threads complain while they are ended: through Python, each would wait for the other."""
    pytest.importorskip("av")
    code = (
        "import sys\nfrom itertools import islice\nfrom pathlib import Path\n"
        "from unblur.io.video_read import VideoSource\n"
        "for _ in range(25):\n"
        "    source = VideoSource(Path(sys.argv[1]))\n"
        "    frames = list(islice(source, 3))\n"
        "    source.close()\n"
    )
    clip = Path(__file__).parent / "data" / "damaged.avi"
    env = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(clip)], env=env, timeout=200, check=False
    )
    assert done.returncode == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_is_no_gyroscope_log(tmp_path):
    os.mkfifo(tmp_path / "log.gcsv")
    errors = []

    def read():
        try:
            load_gyro_log(tmp_path / "log.gcsv")
        except UnblurError as error:
            errors.append(str(error))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(20)
    assert errors and "FIFO" in errors[0]


def test_one_function_opens_clips_for_reading():
    for path in sorted(SOURCE.rglob("*.py")):
        calls = re.findall(
            r"\bav\.open\([^)]*\)[^\n]*", path.read_text("utf-8").replace("_av.", "av.")
        )
        reading = [call for call in calls if '"w"' not in call]
        assert len(reading) == (path == SOURCE / "io" / "video.py"), f"{path}: {reading}"
