"""Arrays of hostile files: refused by their headers, in one kind of error."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from unblur.arrays import read_npy, read_npz, read_table
from unblur.blur.psf_files import load_psf
from unblur.errors import BadPsf, BadValue
from unblur.pipeline.field_files import load_motion

PSF = np.array([[0, 1, 0], [0, 2, 1], [0, 0, 0]], np.float64)
QUIET = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def npy(header, data=b""):
    text = header.encode() + b" " * 20 + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def described(shape, descr="<f8"):
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"


def stored_npy(array=PSF):
    with io.BytesIO() as stream:
        np.save(stream, array)
        return stream.getvalue()


def stored_npz(**arrays):
    with io.BytesIO() as stream:
        np.savez_compressed(stream, **arrays)
        return stream.getvalue()


def zipped(name, content, **fields):
    with io.BytesIO() as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        data = bytearray(stream.getvalue())
    for value, (local, central) in {
        fields.get("flags", 0): (6, 8),
        fields.get("method", 8): (8, 10),
    }.items():
        if value:
            struct.pack_into("<H", data, local, value)
            struct.pack_into("<H", data, data.index(b"PK\1\2") + central, value)
    return bytes(data)


def png(width, height):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


HOSTILE = {
    "gigabytes.npy": npy(described((1 << 40, 1 << 20))),
    "absent.npy": npy(described((2001, 2001))),
    "negative.npy": npy(described((-3, 3)), bytes(72)),
    "huge number.npy": npy(described("(" + "9" * 5000 + ",)")),
    "nested.npy": npy("(" * 3000 + ")" * 3000),
    "no header.npy": npy("{'descr': '<f8', "),
    "objects.npy": npy(described((3, 3), "|O"), bytes(72)),
    "string.npy": npy(described((3, 3), "<U9000"), bytes(99)),
    "version.npy": b"\x93NUMPY\7\0" + bytes(50),
    "gigabytes.npz": zipped("psf.npy", npy(described((1 << 20, 1 << 20)))),
    "inflating.npz": zipped("psf.npy", npy(described((1 << 26, 1 << 3))) + bytes(1 << 22)),
    "encrypted.npz": zipped("psf.npy", stored_npy(), flags=1),
    "method.npz": zipped("psf.npy", stored_npy(), method=77),
    "method 14.npz": zipped("psf.npy", stored_npy(), method=14),
    "no array.npz": zipped("psf.npy", b"nothing"),
    "wide.png": png(60000, 20000),
    "long.png": png(2049, 1),
    "words.txt": b"one two\n",
    "none.csv": b"\n\n",
    "binary.txt": bytes(range(256)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("load", [load_psf, load_motion])
def test_hostile_psfs_are_refused_without_allocating(tmp_path, name, load):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(BadPsf) as caught:
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 64_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_devices_are_no_files(tmp_path):
    (tmp_path / "k.npy").symlink_to("/dev/zero")
    (tmp_path / "k.txt").symlink_to("/dev/zero")
    for name in ("k.npy", "k.txt"):
        with pytest.raises(BadPsf, match="is a device"):
            load_psf(tmp_path / name)


def test_sides_are_limited_before_decoding(tmp_path):
    np.save(tmp_path / "k.npy", np.ones((9, 5)))
    assert load_psf(tmp_path / "k.npy", max_side_px=9).shape == (9, 5)
    with pytest.raises(BadPsf, match="at most"):
        load_psf(tmp_path / "k.npy", max_side_px=7)


def test_arrays_come_as_they_were_stored(tmp_path):
    arrays = {
        "a": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        "f": np.asfortranarray(np.random.default_rng(1).random((5, 3))),
        "kind": np.array("rotation"),
        "scalar": np.array(3),
    }
    (tmp_path / "a.npz").write_bytes(stored_npz(**arrays))
    found = read_npz(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    np.save(tmp_path / "f.npy", arrays["f"])
    np.testing.assert_array_equal(read_npy(tmp_path / "f.npy"), arrays["f"])
    (tmp_path / "t.txt").write_text("# a table\n1 2\n\n3 4.5\n")
    np.testing.assert_array_equal(read_table(tmp_path / "t.txt"), [[1, 2], [3, 4.5]])
    with pytest.raises(BadValue, match="at most"):
        read_npz(tmp_path / "a.npz", max_values=30)


FIELD = stored_npz(
    psfs=np.ones((1, 2, 3, 3)), centres_y=[4.0], centres_x=[3.0, 9.0], shape=[9, 12], scale=1
)
SEEDS = [
    ("k.npy", stored_npy()),
    ("k.npz", stored_npz(psf=PSF)),
    ("f.npz", FIELD),
    ("k.txt", b"0 1 0\n1 2 1\n0 0 1\n"),
    ("k.png", png(5, 3)),
]


@seed(20)
@QUIET
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), max_size=5),
    st.floats(0, 1),
)
def test_damaged_psfs_give_a_psf_or_our_error(tmp_path, which, flips, keep):
    name, data = which
    damaged = bytearray(data)
    for place, new in flips:
        at = int(place * (len(damaged) - 1))
        damaged[at : at + len(new)] = new
    path = tmp_path / name
    path.write_bytes(bytes(damaged[: len(damaged) if keep > 0.3 else int(len(damaged) * keep * 3)]))
    for load in (load_psf, load_motion):
        try:
            load(path)
        except BadPsf as error:
            assert "\n" not in str(error)
