"""The API: uploads, jobs, results, and what it refuses."""

import io
import json
import os
import signal
import socket
import threading
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

import unblur
from tests.web.serving import ROOT, Client, running
from unblur.blur import Psf
from unblur.io import read_photo
from unblur.runtime import ONE_THREAD
from unblur.web.results import blend
from unblur.web.settings import Limits, Settings

HEIC = ROOT / "tests" / "io" / "data" / "turned.heic"


@pytest.fixture(scope="module")
def restored(server, encoded):
    """(client, job, bytes sent) of one restored photo."""
    exif = Image.Exif()
    exif[271] = "Camera"
    data = encoded(exif=exif.tobytes())
    client = Client(server[0]).begin()
    return client, client.restore(data, "IMG 1.JPG"), data


def test_a_shaken_photo_is_restored(restored):
    client, job, data = restored
    result = job["result"]
    assert job["state"] == "done" and job["progress"] == 1 and job["seconds"] > 0
    assert result["verdict"] == "restored" and result["changed"]
    assert (result["width"], result["height"], result["bits"]) == (160, 120, 8)
    assert 4 < result["length_px"] < 40
    headers, taken = client.take(job)
    assert headers["content-type"] == "image/jpeg"
    assert "filename*=UTF-8''IMG%201.unblurred.JPG" in headers["content-disposition"]
    photo = read_photo(taken)
    assert photo.samples.shape == (120, 160, 3)
    assert b"Camera" in photo.metadata.exif
    assert np.abs(photo.srgb() - read_photo(data).srgb()).mean() > 0.005


def test_pictures_and_motion_of_a_result(restored):
    client, job, data = restored
    before, after = (
        np.asarray(Image.open(io.BytesIO(client.ask("GET", f"/api/jobs/{job['id']}/{name}")[2])))
        for name in ("before", "after")
    )
    assert (before == read_photo(data).samples).all()
    assert after.shape == before.shape and (after != before).any()
    motion = client.json("GET", f"/api/jobs/{job['id']}/motion")
    sizes = [p["width"] * p["height"] for p in motion["psfs"]]
    assert sizes and motion["windows"][0]["psf"] == 0
    for name in ("heat", "input.bin", "..%2fmotion.json", "restored.npy"):
        assert client.ask("GET", f"/api/jobs/{job['id']}/{name}")[0] == 404


def test_strength_is_applied_when_the_result_is_taken(restored):
    client, job, data = restored
    assert client.take(job, "?strength=0")[1] == data
    full = read_photo(client.take(job, "?format=png")[1]).samples
    half = read_photo(client.take(job, "?format=png&strength=0.5")[1]).samples
    assert (half == blend(read_photo(data).samples, full, 0.5)).all()
    assert (half != full).any()


@pytest.mark.parametrize("tone", ["srgb", "linear"])
def test_blend_is_the_pipelines_strength(shaken, tone):
    blurry = np.asarray(shaken)
    # A motion that is given: strength comes after it, and a search takes seconds.
    how = {"psf": Psf.from_line(9, 30), "tone": tone, "threads": 1}
    full = unblur.restore(blurry, **how).samples
    assert (full != blurry).mean() > 0.5
    for strength in (0.3, 0.75):
        wanted = unblur.restore(blurry, strength=strength, **how).samples
        apart = np.abs(blend(blurry, full, strength).astype(int) - wanted)
        # The full result is rounded once more, and cut at black and white.
        inside = (full > 0) & (full < 255)
        assert apart[inside].max() <= 1
        assert (apart == 0).mean() > 0.7
    assert blend(blurry, full, 0) is blurry and (blend(blurry, full, 1) == full).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_blend_keeps_the_depth_and_goes_straight(dtype):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    low, high = np.zeros((300, 5, 3), dtype), np.full((300, 5, 3), top, dtype)
    out = blend(low, high, 0.25)
    assert out.dtype == dtype
    assert np.allclose(out, 0.25 * top, atol=0 if dtype == np.float32 else 0.51)


def test_a_sharp_photo_comes_back_byte_for_byte(client, sharp_jpeg):
    job = client.restore(sharp_jpeg, "portrait.jpeg")
    assert job["result"]["verdict"] == "sharp" and not job["result"]["changed"]
    headers, data = client.take(job)
    assert data == sharp_jpeg
    assert "portrait.unblurred.jpeg" in headers["content-disposition"]


def test_sixteen_bits_stay(client, deep_png):
    job = client.restore(deep_png, "deep.png")
    assert job["result"]["bits"] == 16
    photo = read_photo(client.take(job)[1])
    assert photo.samples.dtype == np.uint16
    assert len(np.unique(photo.samples % 257)) > 100


def test_heic_becomes_jpeg(client):
    pytest.importorskip("pi_heif")
    job = client.restore(HEIC.read_bytes(), "phone.heic")
    assert job["state"] == "done", job
    headers, data = client.take(job, "?location=strip")
    assert "phone.unblurred.jpg" in headers["content-disposition"]
    assert data.startswith(b"\xff\xd8")


def test_region_mask_and_psf(client, encoded):
    data = encoded("PNG")
    blurry = read_photo(data).samples
    upload = client.send(data)["id"]
    psf = Image.new("L", (11, 5))
    for x in range(11):
        psf.putpixel((x, 2), 255)
    drawn = io.BytesIO()
    psf.save(drawn, "PNG")
    psf_id = client.send(drawn.getvalue(), "../psf.png")["id"]
    job = client.wait(client.order(upload, psf=psf_id, region=[50, 25, 30, 20]))
    assert job["result"]["changed"] and 8 < job["result"]["length_px"] < 12
    moved = (read_photo(client.take(job)[1]).samples != blurry).any(axis=2)
    assert moved[25:45, 50:80].mean() > 0.5
    moved[25:45, 50:80] = False
    assert not moved.any()
    mask = io.BytesIO()
    painted = Image.new("L", (32, 24))
    painted.paste(255, (0, 0, 16, 24))
    painted.save(mask, "PNG")
    job = client.wait(client.order(upload, mask=client.send(mask.getvalue())["id"]))
    moved = (read_photo(client.take(job)[1]).samples != blurry).any(axis=2)
    assert moved[:, :75].any() and not moved[:, 85:].any()


def test_the_light_that_is_chosen_is_worked_in_and_told(client, encoded, tmp_path):
    data = encoded("PNG")
    line = np.zeros((5, 11), np.uint8)
    line[2] = 255
    drawn = tmp_path / "psf.png"
    Image.fromarray(line).save(drawn)
    psf = client.send(drawn.read_bytes(), "psf.png")["id"]
    told = {}
    for tone in ("srgb", "linear", "gamma:2.2"):
        job = client.restore(data, "a.png", tone=tone, psf=psf)
        assert job["result"]["tone"]["curve"] == tone
        assert job["result"]["tone"]["evidence"] == "caller"
        told[tone] = read_photo(client.take(job)[1]).samples
    assert (told["srgb"] != told["linear"]).any()
    as_told = unblur.restore(data, tone="linear", psf=drawn, threads=1)
    assert (told["linear"] == as_told.samples).all()


def test_detect_makes_a_heat_map(client, encoded):
    job = client.wait(client.order(client.send(encoded())["id"], task="detect"))
    assert job["result"]["kind"] in ("motion", "sharp", "defocus")
    assert job["result"]["probabilities"]["motion"] > 0.3
    data = client.ask("GET", f"/api/jobs/{job['id']}/heat")[2]
    assert Image.open(io.BytesIO(data)).size == (160, 120)
    assert client.ask("GET", f"/api/jobs/{job['id']}/result")[0] == 400


def test_layers_are_a_picture_of_numbers_and_what_is_told_of_each(client, encoded):
    job = client.wait(client.order(client.send(encoded())["id"], task="layers"))
    result = job["result"]
    assert (result["kind"], result["width"], result["height"]) == ("layers", 160, 120)
    (layer,) = result["layers"]
    assert layer["kind"] == "camera"
    assert layer["length_px"] > 5
    assert layer["psf"]["width"] > 3
    assert len(layer["colour"]) == 3
    data = client.ask("GET", f"/api/jobs/{job['id']}/layers")[2]
    labels = np.asarray(Image.open(io.BytesIO(data)))
    assert labels.shape == (120, 160)
    assert not labels.any()
    assert client.ask("GET", f"/api/jobs/{job['id']}/result")[0] == 400


def test_several_results_in_a_zip(client, encoded):
    jobs = [client.restore(encoded(), "a.jpg"), client.restore(encoded(), "a.jpg")]
    query = f"job={jobs[0]['id']}:0&job={jobs[1]['id']}:1"
    status, headers, data = client.ask("GET", f"/api/zip?{query}")
    assert status == 200 and headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a.unblurred.jpg", "a.unblurred (2).jpg"]
        assert archive.read("a.unblurred.jpg") == encoded()
        assert archive.read("a.unblurred (2).jpg") != encoded()


def test_a_clip(client, server):
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    rng = np.random.default_rng(0)
    with av.open(stream, "w", format="mp4") as out:
        track = out.add_stream("mpeg4", rate=5)
        track.width, track.height, track.pix_fmt = 128, 96, "yuv420p"
        picture = rng.integers(0, 256, (96, 128, 3)).astype(np.uint8)
        for shift in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, shift, 1), "rgb24")
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    upload = client.send(stream.getvalue(), "clip.mp4")
    assert upload["kind"] == "clip"
    job = client.wait(client.order(upload["id"]))
    assert job["state"] == "done", job
    assert job["result"]["kind"] == "clip" and job["result"]["frames"] == 3
    headers, data = client.take(job)
    assert "clip.unblurred.mp4" in headers["content-disposition"] and data[4:8] == b"ftyp"
    status, _, part = client.ask(
        "GET", f"/api/jobs/{job['id']}/before", headers={"Range": "bytes=0-9"}
    )
    assert status == 206 and part == stream.getvalue()[:10]


def test_a_playlist_opens_nothing(client, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for text in (f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n", f"ffconcat version 1.0\nfile {secret}"):
        upload = client.send(text.encode(), "clip.mp4")
        assert upload["kind"] == "file"
        job = client.wait(client.order(upload["id"]))
        assert job["error"]["code"] == "UnreadableImage"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no photo at all", "UnreadableImage"),
        (b"\xff\xd8\xff\xe0 broken", "UnreadableImage"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "UnreadableImage"),
        (b"GIF89a" + b"\0" * 20, "UnreadableImage"),
    ],
)
def test_bad_files_are_named_without_paths(client, server, data, code):
    job = client.restore(data, "holiday.jpg")
    assert job["state"] == "failed" and job["error"]["code"] == code
    message = job["error"]["message"]
    assert "\n" not in message and str(server[1].store.root) not in message and "/" not in message


def test_too_many_pixels_are_refused_before_decoding(client):
    stream = io.BytesIO()
    Image.new("1", (6000, 6000)).save(stream, "PNG")
    job = client.restore(stream.getvalue())
    assert job["error"]["code"] == "ImageTooLarge" and job["seconds"] < 5


def test_empty_and_oversized_uploads_leave_nothing(client, server):
    before = server[1].store.stored_bytes, server[1].store.count
    assert client.json("POST", "/api/uploads", b"", status=400)["error"]["code"] == "NotSent"
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=10)
    with connection:
        head = (
            f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nX-Unblur-Token: {client.token}\r\n"
        )
        connection.sendall(f"{head}Content-Length: 900000000\r\n\r\n".encode())
        assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        block = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        answer = b""
        try:
            for _ in range(45):
                connection.sendall(block)
            answer = connection.recv(4096)
        except OSError:  # closed while we sent: as good as the answer
            pass
        assert answer == b"" or b" 413 " in answer
    time.sleep(0.2)
    assert (server[1].store.stored_bytes, server[1].store.count) == before


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"model": "/etc/passwd"}, "UnknownModel"),
        ({"model": "restore_net.onnx"}, "UnknownModel"),
        ({"model": 3}, "BadValue"),
        ({"task": "format"}, "BadValue"),
        ({"region": [0, 0, 0, 5]}, "BadValue"),
        ({"region": [0, 0, True, 5]}, "BadValue"),
        ({"region": "0,0,5,5"}, "BadValue"),
        ({"strength": "NaN"}, "BadValue"),
        ({"strength": 2}, "BadValue"),
        ({"tone": "gamma:99"}, "BadValue"),
        ({"tone": "log"}, "BadValue"),
        ({"tone": 2.2}, "BadValue"),
        ({"tone": "gamma:" + "0" * 5000 + "2"}, "BadValue"),
        ({"only": "sky"}, "BadValue"),
        ({"only": 3}, "BadValue"),
        ({"only": "subject", "region": [0, 0, 5, 5]}, "BadValue"),
        ({"only": "subject", "at": [5]}, "BadValue"),
        ({"only": "subject", "at": [5, True]}, "BadValue"),
        ({"only": "objects", "at": [5, 5]}, "BadValue"),
        ({"psf": "../../etc/passwd"}, "NotFound"),
        ({"mask": "0" * 32}, "NotFound"),
        ({"upload": "input.bin"}, "NotFound"),
        ({"path": "/etc/passwd"}, "BadValue"),
    ],
)
def test_wrong_orders_are_refused(client, asked, code):
    upload = client.send(b"anything")["id"]
    status, _, text = client.ask("POST", "/api/jobs", json.dumps({"upload": upload} | asked))
    assert status in (400, 404)
    assert json.loads(text)["error"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"[" * 60_000, b"\xff\xfe{}"])
def test_orders_that_are_no_objects_are_refused(client, body):
    assert client.json("POST", "/api/jobs", body, status=400)["error"]["code"] == "BadValue"


def test_a_region_outside_the_photo_fails_the_job(client, encoded):
    job = client.restore(encoded(), region=[150, 100, 50, 50])
    assert job["error"]["code"] == "BadValue" and "region" in job["error"]["message"]


def test_sessions_do_not_see_each_other(client, server, encoded):
    other = Client(server[0]).begin()
    upload = client.send(encoded())["id"]
    job = client.order(upload)
    assert other.json("GET", "/api/jobs")["jobs"] == []
    assert other.ask("GET", f"/api/jobs/{job['id']}")[0] == 404
    assert other.ask("DELETE", f"/api/jobs/{job['id']}")[0] == 404
    assert other.ask("DELETE", f"/api/uploads/{upload}")[0] == 404
    assert other.ask("POST", "/api/jobs", json.dumps({"upload": upload}))[0] == 404
    assert client.wait(job)["state"] == "done"


def test_a_waiting_and_a_running_job_are_cancelled(client, server):
    stream = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1600, 3)).astype(np.uint8)
    Image.fromarray(noise).save(stream, "PNG", compress_level=0)
    psf = io.BytesIO()
    Image.new("L", (9, 9), 255).save(psf, "PNG")
    upload, psf_id = client.send(stream.getvalue())["id"], client.send(psf.getvalue())["id"]
    running_job, waiting = (client.order(upload, psf=psf_id) for _ in range(2))
    assert waiting["place"] <= 1 and waiting["seconds_left"] > 0
    path = f"/api/jobs/{waiting['id']}"
    assert client.json("POST", path + "/cancel")["state"] == "cancelled"
    while client.json("GET", f"/api/jobs/{running_job['id']}")["stage"] not in ("restoring", ""):
        time.sleep(0.02)
    begun = time.monotonic()
    client.json("POST", f"/api/jobs/{running_job['id']}/cancel")
    assert client.wait(running_job)["state"] == "cancelled"
    while server[1].queue.counts()["running"]:
        time.sleep(0.05)
    assert time.monotonic() - begun < 15


def test_removing_leaves_no_file(client, server, encoded):
    client.restore(encoded())
    late = client.order(client.send(encoded())["id"])
    assert client.ask("DELETE", "/api/session")[0] == 204
    assert client.json("GET", "/api/jobs")["jobs"] == []
    session = client.token.split(".")[0]
    until = time.monotonic() + 20
    while (server[1].store.root / late["id"]).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not (server[1].store.root / late["id"]).exists()
    assert server[1].store.uploads_of(session) == []


def test_a_worker_that_dies_is_replaced(client, server, encoded):
    worker = server[1].workers[0]
    os.kill(worker.pid, signal.SIGKILL)
    job = client.restore(encoded())
    assert job["state"] == "done"
    restarts = worker.restarts
    stream = io.BytesIO()
    Image.fromarray(np.zeros((2000, 2000, 3), np.uint8)).save(stream, "PNG")
    psf = io.BytesIO()
    Image.new("L", (9, 9), 255).save(psf, "PNG")
    job = client.order(client.send(stream.getvalue())["id"], psf=client.send(psf.getvalue())["id"])
    while client.json("GET", f"/api/jobs/{job['id']}")["stage"] == "":
        time.sleep(0.02)
    os.kill(worker.pid, signal.SIGKILL)
    job = client.wait(job)
    assert job["state"] == "failed" and job["error"]["code"] == "WorkerLost"
    assert client.restore(encoded())["state"] == "done"
    assert worker.restarts == restarts + 1


def test_events_tell_of_each_change(client, encoded):
    texts = []

    def listen():
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
            head = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n"
            connection.sendall(f"{head}X-Unblur-Token: {client.token}\r\n\r\n".encode())
            while not any(b'"state":"done"' in text for text in texts):
                texts.append(connection.recv(65536))

    thread = threading.Thread(target=listen)
    thread.start()
    client.restore(encoded())
    thread.join(30)
    joined = b"".join(texts)
    assert b"content-type: text/event-stream" in joined
    assert joined.count(b"event: jobs") >= 3
    assert b'"state":"running"' in joined and b'"state":"done"' in joined


def test_full_servers_say_so(encoded):
    limits = Limits(waiting=1, stored_bytes=200_000)
    with running(Settings(runtime=ONE_THREAD, limits=limits)) as (port, hub):
        client = Client(port).begin()
        upload = client.send(encoded())["id"]
        codes = [client.ask("POST", "/api/jobs", json.dumps({"upload": upload}))[0] for _ in "1234"]
        assert codes[0] == 202 and codes[-1] == 503
        status, headers, text = client.ask("POST", "/api/uploads", b"x" * 199_000)
        assert status == 503 and headers["retry-after"] and b"Full" in text
        assert hub.store.count == 1


def test_files_of_the_silent_are_removed(encoded):
    with running(Settings(runtime=ONE_THREAD, limits=Limits(idle_seconds=0.5))) as (port, hub):
        client = Client(port).begin()
        client.send(encoded())
        assert hub.store.count == 1
        until = time.monotonic() + 15
        while hub.store.count and time.monotonic() < until:
            time.sleep(0.1)
        assert hub.store.count == 0 and list(hub.store.root.iterdir()) == []
