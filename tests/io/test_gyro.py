"""Gyroscope logs: gyroflow's text logs and GoPro's telemetry; what is wrong is told in words."""

import struct
from fractions import Fraction

import numpy as np
import pytest

from unblur.errors import UnreadableImage
from unblur.io.gpmf import entries, read_payload
from unblur.io.gyro import in_camera
from unblur.io.gyro_logs import load_gyro_log

HEADER = """GYROFLOW IMU LOG
version,1.3
id,test
orientation,{orientation}
note,a, b
frame_readout_time,15.23
frame_readout_direction,1
tscale,0.001
gscale,0.01
ascale,0.0005
t,gx,gy,gz,ax,ay,az
"""


def gcsv(path, rows, *, orientation="XYZ", header=HEADER):
    text = header.format(orientation=orientation)
    text += "".join(",".join(str(v) for v in row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


ROWS = [(5 * k, k, 2 * k, -3 * k, 0, 0, 16384) for k in range(40)]


def test_text_logs_are_read_in_the_cameras_axes(tmp_path):
    log = load_gyro_log(gcsv(tmp_path / "a.gcsv", ROWS))
    k = np.arange(40)
    assert np.allclose(log.times_s, k * 0.005) and log.rate_hz == pytest.approx(200)
    # x up, y left, z back -> x right, y down, z forward
    assert np.allclose(log.omega, np.stack([-2 * k, -k, 3 * k], axis=1) * 0.01)
    assert log.readout_s == pytest.approx(0.01523) and log.direction == 1
    assert log.exposures is None and log.focal_ratio is None


@pytest.mark.parametrize(
    ("orientation", "up_left_back"),
    [("XYZ", (1, 2, -3)), ("yXz", (-2, 1, 3)), ("ZxY", (-3, -1, 2)), ("YxZ", (2, -1, -3))],
)
def test_orientations_pick_columns_and_signs(tmp_path, orientation, up_left_back):
    log = load_gyro_log(gcsv(tmp_path / "a.gcsv", ROWS, orientation=orientation))
    up, left, back = up_left_back
    assert np.allclose(log.omega[1], np.array([-left, -up, -back]) * 0.01)


def test_axes_are_right_handed():
    for letters in ("ULB", "LBU", "uBL", "BuL"):
        frame = in_camera(np.eye(3), letters)
        assert abs(np.linalg.det(frame)) == pytest.approx(1)
    assert np.linalg.det(in_camera(np.eye(3), "ULB")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("GYROFLOW IMU LOG", "time,x,y,z"), "first line must be"),
        (lambda t: t.replace("t,gx,gy,gz", "t,rx,ry,rz"), "lacks the column.s. gx, gy, gz"),
        (lambda t: t.replace("t,gx,gy,gz,ax,ay,az\n", ""), "no row of column names"),
        (lambda t: t.replace("gscale,0.01", "gscale,zero"), "number above 0 for 'gscale'"),
        (lambda t: t.replace("tscale,0.001\n", ""), "number above 0 for 'tscale', got 'None'"),
        (lambda t: t.replace("tscale,0.001", "tscale,1e-9"), "check its unit of time"),
        (lambda t: t.replace("gscale,0.01", "gscale,1e6"), "check its scale"),
        (lambda t: t.replace("\n10,", "\n5,"), "must rise; they do not at sample 3"),
        (lambda t: t.replace("\n10,", "\n10,x"), "cannot read the samples"),
        (lambda t: t.replace("\n10,", "\nnan,"), "are no numbers"),
        (lambda t: t.replace("XYZ", "XYY"), "name x, y and z once each"),
        (lambda t: t.replace("direction,1", "direction,9"), "must be 0 to 3"),
        (lambda t: t[: t.index("\n0,") + 1], "holds no gyroscope samples|input contained no data"),
        (lambda t: t[: t.index("\n10,") + 1], "2 gyroscope samples"),
        (lambda t: "", "first line must be"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_what_is_wrong_with_a_text_log_is_told(tmp_path, change, words):
    path = gcsv(tmp_path / "a.gcsv", ROWS)
    path.write_text(change(path.read_text()))
    with pytest.raises(UnreadableImage, match=words):
        load_gyro_log(path)


def test_missing_logs_are_told(tmp_path):
    with pytest.raises(UnreadableImage, match="cannot read the gyroscope log"):
        load_gyro_log(tmp_path / "none.gcsv")


def klv(key, kind, size, values, form=""):
    data = struct.pack(f">{len(values)}{form}", *values) if form else values
    head = key.encode() + (kind.encode() if kind else b"\0")
    count = len(data) // size
    return head + bytes([size]) + struct.pack(">H", count) + data + b"\0" * (-len(data) % 4)


def payload(gyro, *, orientation="ZXY", shut=(), device="HERO11 Black", scale=1000, more=b""):
    """Make a payload as GoPro's cameras write it."""
    flat = [int(v) for row in gyro for v in row]
    stream = klv("STMP", "J", 8, [1000], "Q") + klv("STNM", "c", 1, b"Gyroscope")
    if orientation:
        stream += klv("ORIN", "c", 1, orientation.encode())
    stream += klv("SCAL", "s", 2, [scale], "h") + klv("GYRO", "s", 6, flat, "h")
    body = klv("DVID", "L", 4, [1], "I") + klv("DVNM", "c", 1, device.encode())
    body += klv("STRM", "", 1, stream)
    if shut:
        body += klv("STRM", "", 1, klv("SHUT", "f", 4, list(shut), "f"))
    return klv("DEVC", "", 1, body + more)


def test_payloads_are_read():
    told = read_payload(payload([(1000, -2000, 500), (1, 2, 3)], shut=[0.01, 0.02]))
    assert np.allclose(told.gyro, [[1, -2, 0.5], [0.001, 0.002, 0.003]])
    assert told.orientation == "ZXY" and told.device == "HERO11 Black"
    assert np.allclose(told.exposures, [0.01, 0.02])
    more = klv("STRM", "", 1, klv("SROT", "f", 4, [14.5], "f") + klv("ZFOV", "f", 4, [90.0], "f"))
    told = read_payload(payload([(1, 2, 3)], more=more))
    assert told.readout_ms == pytest.approx(14.5) and told.view_deg == pytest.approx(90)


def test_hostile_payloads_end_quietly_and_soon():
    rng = np.random.default_rng(3)
    whole = payload([(k, k, k) for k in range(50)], shut=[0.01])
    for cut in range(0, len(whole), 3):
        read_payload(whole[:cut])
    for _ in range(400):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), 6):
            broken[at] = rng.integers(0, 256)
        read_payload(bytes(broken))
        read_payload(rng.bytes(200))
    deep = b""
    for _ in range(40):
        deep = klv("DEVC", "", 1, deep + klv("GYRO", "s", 6, [1, 2, 3], "h"))
    assert read_payload(deep).gyro is not None
    empty = b"DEVC\0\0\0\0" * 100_000
    assert sum(1 for _ in entries(empty)) == 100_000 and read_payload(empty).gyro is None
    assert read_payload(klv("GYRO", "s", 4, [1, 2], "h")).gyro is None
    assert read_payload(klv("GYRO", "s", 6, [1, 2, 3], "h")[:-4]).gyro is None
    zero = klv("SCAL", "s", 2, [0], "h") + klv("GYRO", "s", 6, [1, 2, 3], "h")
    assert np.allclose(read_payload(klv("DEVC", "", 1, zero)).gyro, [[1, 2, 3]])


def with_telemetry(path, payloads, *, seconds=1.0, picture=None):
    """Write a clip with GoPro's kind of track: muxed as subtitles, then given its real names."""
    av = pytest.importorskip("av", reason="videos need PyAV")
    from unblur.io.video_subtitles import add_text_track

    frames = picture or [np.full((64, 96, 3), 90, np.uint8)] * 25
    packets = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "6"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        track = add_text_track(container, "mov_text")
        for number, samples in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(samples, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for number, data in enumerate(payloads):
            packet = av.Packet(data)
            packet.stream, packet.time_base = track, Fraction(1, 1000)
            packet.pts = packet.dts = round(1000 * number * seconds)
            packet.duration = round(1000 * seconds)
            packets.append(packet)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    whole = path.read_bytes()
    assert whole.count(b"tx3g") == 1 and whole.count(b"sbtl") == 1
    path.write_bytes(whole.replace(b"tx3g", b"gpmd").replace(b"sbtl", b"meta"))
    return path


def test_a_clips_own_track_is_read_on_its_clock(tmp_path):
    counts = [99, 102, 100, 99]  # the recorder's jitter
    samples = iter(range(400))
    payloads = [
        payload([(next(samples), 0, -5) for _ in range(count)], shut=[0.01] * 25)
        for count in counts
    ]
    log = load_gyro_log(with_telemetry(tmp_path / "a.mp4", payloads, seconds=0.25))
    assert log.rate_hz == pytest.approx(400, rel=0.02)
    assert np.allclose(log.times_s, np.arange(400) / 400, atol=0.006)
    # Z up, X left, Y back: the first column is the axis up, -y of the camera
    assert np.allclose(log.omega[:, 1], -np.arange(400) / 1000)
    assert np.allclose(log.omega[:, 0], 0) and np.allclose(log.omega[:, 2], 0.005)
    times, lengths = log.exposures
    assert len(times) == 100 and np.allclose(lengths, 0.01)


@pytest.mark.parametrize(
    ("orientation", "device", "expected"),
    [
        ("ZXY", "HERO11 Black", (-2.0, -1.0, -3.0)),
        ("YxZ", "HERO9 Black", (2.0, -3.0, -1.0)),
        ("", "Hero5 Black", (-2.0, -1.0, -3.0)),
        ("", "HERO6 Black", (2.0, -3.0, -1.0)),
        ("junk", "Camera", (-2.0, -1.0, -3.0)),
    ],
)
def test_older_cameras_columns_are_known(tmp_path, orientation, device, expected):
    rows = [(1000, 2000, 3000)] * 200
    data = payload(rows, orientation=orientation, device=device)
    log = load_gyro_log(with_telemetry(tmp_path / "a.mp4", [data]))
    assert np.allclose(log.omega[0], expected)


def test_clips_without_a_gyroscope_are_told(tmp_path):
    with pytest.raises(UnreadableImage, match="holds no gyroscope"):
        load_gyro_log(with_telemetry(tmp_path / "a.mp4", [b"DEVC" + b"\0" * 60]))
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\1nothing" * 9)
    with pytest.raises(UnreadableImage, match="cannot read the gyroscope"):
        load_gyro_log(tmp_path / "b.mp4")
