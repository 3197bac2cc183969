"""Mutated files for every reader, for as long as is asked for: ``make fuzz``.

Each reader gets files that it reads, damaged: bytes changed, cut out, repeated, numbers made huge,
pieces of other files put in. It must give a result or an error of ``unblur.errors`` in one line,
within a time that grows with the length of the file, and take no more memory than was allotted to
the process. Whatever else happens is written down with the file that did it.

Usage: python tests/fuzz/fuzz.py [SECONDS] [SEED]
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from unblur.confine import confine
from unblur.errors import UnblurError

MEMORY_BYTES = 3_000_000_000
SECONDS_PER_FILE = 2.0
"""Of processor time, for files of at most 100 kB."""

Reader = Callable[[Path], object]
CONTAINERS = ("mp4", "mkv", "avi", "ts")
HUGE = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"9" * 5000]


def picture(kind: str, dtype: type = np.uint8, **options: object) -> bytes:
    """Return a small photo in a format of Pillow's, or a deep one in one of ours."""
    rng = np.random.default_rng(4)
    if dtype is np.uint8:
        image = Image.fromarray(rng.integers(0, 255, (37, 53, 3), dtype=np.uint8))
        exif = Image.Exif()
        exif[0x10F], exif[0x112] = "Maker", 6
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
        with io.BytesIO() as stream:
            image.save(stream, kind, exif=exif, xmp=PACKET, **options)
            return stream.getvalue()
    from unblur.io import Photo, write_photo

    deep = rng.integers(0, 65535, (37, 53, 3), dtype=np.uint16)
    values = deep if dtype is np.uint16 else (deep / 65535).astype(np.float32)
    with io.BytesIO() as stream:
        write_photo(Photo.from_array(values), stream, format=kind)
        return stream.getvalue()


PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
    b'22-rdf-syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    b'xmp:Rating="4"><xmp:Thumbnails>x</xmp:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def stored(save: Callable[[io.BytesIO], None]) -> bytes:
    """Return what a function writes."""
    with io.BytesIO() as stream:
        save(stream)
        return stream.getvalue()


def read_photo(path: Path) -> object:
    """A photo, read and written without places."""
    from unblur.io import read_photo, write_photo

    photo = read_photo(path, max_pixels=1_000_000)
    with contextlib.suppress(UnblurError):
        write_photo(photo, io.BytesIO(), format="tif", strip_location=True)
    return photo


def read_xmp(path: Path) -> object:
    """A packet of XMP; what comes out must be XML."""
    from xml.etree import ElementTree

    from unblur.io.places import without_places
    from unblur.io.xmp_cleaning import cleaned

    for found in (cleaned(path.read_bytes()), without_places(path.read_bytes())):
        if found is not None:
            ElementTree.fromstring(found)
    return None


def read_psf(path: Path) -> object:
    """A PSF or a motion field."""
    from unblur.pipeline.field_files import load_motion

    return load_motion(path)


def read_config(path: Path) -> object:
    """A training config."""
    from unblur.training.registry import load_config

    return load_config(path)


def read_settings(path: Path) -> object:
    """Settings of the pipeline."""
    from unblur.pipeline.settings import read_settings

    return read_settings(path)


def read_graph(path: Path) -> object:
    """A TensorFlow.js graph."""
    from unblur.foreign.tfjs import read_tfjs

    return read_tfjs(path)


def read_network(path: Path) -> object:
    """An ONNX file, as far as it is looked at before it is loaded."""
    from unblur.engines.sealed import read_network

    return read_network(path)


def read_spec(path: Path) -> object:
    """What a network says of itself."""
    from unblur.spec import ModelSpec

    return ModelSpec.from_json(path.read_bytes().decode("utf-8", "replace"), where=str(path))


def read_journal(path: Path) -> object:
    """The journal of a batch."""
    from unblur.batch.journal import Journal
    from unblur.batch.photo import Task

    journal = Journal(path, "one")
    try:
        task = Task(str(path.with_name("a.jpg")), str(path.with_name("b.jpg")), "5 1")
        return journal.row(task) if journal.finished(task, "5 1") else None
    finally:
        journal.close()


def read_gyro(path: Path) -> object:
    """A gyroscope's log."""
    from unblur.io.gyro_logs import load_gyro_log

    return load_gyro_log(path)


def read_clip(path: Path) -> object:
    """The first frames of a clip, and the tracks beside them."""
    from unblur.io.video_read import VideoSource

    source = VideoSource(path)
    try:
        return [frame.seconds for frame in islice(source, 3)]
    finally:
        source.close()


def read_report(path: Path) -> object:
    """The report of an earlier batch."""
    from unblur.cli.summary import is_report

    return is_report(path)


def clip(suffix: str) -> bytes:
    """Return a clip of four small frames."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(4):
                samples = np.full((48, 64, 3), 40 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


NETWORK = bytes.fromhex("08083a192a17080210014207776569676874734a080000000000000000")
"""An ONNX model of one graph of one tensor, with its values in itself."""


def seeds() -> list[tuple[str, str, Reader, bytes]]:
    """Return (name, name of the file, reader, content) of whole files."""
    root = Path(__file__).parents[2]
    found: list[tuple[str, str, Reader, bytes]] = []
    for kind, suffix in [("JPEG", "jpg"), ("WEBP", "webp"), ("AVIF", "avif"), ("PNG", "png")]:
        found.append((f"photo {suffix}", f"a.{suffix}", read_photo, picture(kind)))
    for suffix, dtype in [("png", np.uint16), ("tif", np.uint16), ("tif", np.float32)]:
        name = f"photo {suffix} {np.dtype(dtype).name}"
        found.append((name, f"a.{suffix}", read_photo, picture(suffix, dtype)))
    for kind, suffix in [("TIFF", "tif"), ("BMP", "bmp"), ("GIF", "gif"), ("JPEG2000", "jp2")]:
        image = Image.effect_noise((53, 37), 90).convert("RGB")
        content = stored(lambda stream, i=image, k=kind: i.save(stream, k))
        found.append((f"photo {suffix}", f"a.{suffix}", read_photo, content))
    for heic in sorted((root / "tests" / "io" / "data").glob("*.heic"))[:1]:
        found.append(("photo heic", "a.heic", read_photo, heic.read_bytes()))
    found.append(("xmp", "a.xmp", read_xmp, PACKET))
    psf = np.array([[0, 1, 0], [0, 2, 1], [0, 0, 0]], np.float64)
    field = {"centres_y": [4.0], "centres_x": [3.0, 9.0], "shape": [9, 12], "scale": 1}
    found += [
        ("psf npy", "k.npy", read_psf, stored(lambda s: np.save(s, psf))),
        ("psf npz", "k.npz", read_psf, stored(lambda s: np.savez_compressed(s, psf=psf))),
        (
            "motion field",
            "f.npz",
            read_psf,
            stored(lambda s: np.savez_compressed(s, psfs=np.ones((1, 2, 3, 3)), **field)),
        ),
        ("psf table", "k.txt", read_psf, b"0 1 0\n1 2 1\n0 0 1\n"),
        (
            "psf picture",
            "k.png",
            read_psf,
            stored(lambda s: Image.new("L", (9, 5), 9).save(s, "PNG")),
        ),
    ]
    for config in sorted((root / "configs").glob("*net*.toml"))[:2]:
        found.append((f"config {config.stem}", "c.toml", read_config, config.read_bytes()))
    settings = b"likely_sharp = 0.5\nprobability = [0.2, 0.6]\nconfidence = [0.1, 0.4]\n"
    found.append(("settings", "s.toml", read_settings, settings))
    graph = {
        "format": "graph-model",
        "modelTopology": {"node": [{"name": "a", "op": "Placeholder", "input": [], "attr": {}}]},
        "signature": {"outputs": {"o": {"name": "a"}}},
        "weightsManifest": [
            {"paths": [], "weights": [{"name": "w", "shape": [0], "dtype": "int32"}]}
        ],
    }
    found.append(("tfjs", "model.json", read_graph, json.dumps(graph).encode()))
    found.append(("onnx", "a.onnx", read_network, NETWORK))
    log = b"GYROFLOW IMU LOG\ntscale,0.001\ngscale,0.001\norientation,YxZ\nt,gx,gy,gz\n"
    log += b"".join(b"%d,%d,2,3\n" % (10 * n, n) for n in range(9))
    found.append(("gyro log", "a.gcsv", read_gyro, log))
    if find_spec("av"):
        found += [(f"clip {end}", f"a.{end}", read_clip, clip(f".{end}")) for end in CONTAINERS]
    row = [{"path": "a.jpg", "output": "b.jpg", "error": None, "summary": "x"}]
    found.append(("report", "r.json", read_report, json.dumps(row).encode()))
    spec = {"name": "a", "task": "kernel", "multiple_of": 1, "halo_px": 0, "parameters": 1}
    spec |= {"licence": "x", "trained_on": "x", "samples": 1, "metrics": {"a": 0.5}}
    found.append(("spec", "a.json", read_spec, json.dumps(spec).encode()))
    line = {"source": "a.jpg", "stamp": "5 1", "settings": "one", "target": "b.jpg"}
    line |= {"staged": None, "result": "5 1", "row": {"summary": "x"}}
    journal = b'{"unblur_journal": 1}\n' + json.dumps(line).encode() + b"\n"
    found.append(("journal", "j.jsonl", read_journal, journal * 2))
    return found


def damaged(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a file with one to six changes."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 7))):
        at = int(rng.integers(len(out) + 1))
        length = int(rng.integers(1, 1 + min(64, len(out) or 1)))
        match int(rng.integers(8)):
            case 0 | 1:
                out[at : at + 1] = bytes([int(rng.integers(256))])
            case 2:
                out[at : at + 4] = HUGE[int(rng.integers(len(HUGE)))]
            case 3:
                del out[at : at + length]
            case 4:
                out[at:at] = out[at : at + length] * int(rng.integers(1, 60))
            case 5:
                other = others[int(rng.integers(len(others)))]
                start = int(rng.integers(len(other)))
                out[at : at + length] = other[start : start + length]
            case 6:
                out[at:at] = bytes([int(rng.choice(list(b'[{("<')))]) * int(rng.integers(1, 5000))
            case _:
                del out[max(1, at) :]
    return bytes(out[:200_000])


def tried(reader: Reader, path: Path) -> str:
    """Return what became of a file: read, refused, or what was wrong with that."""
    begun = time.process_time()
    try:
        reader(path)
        result = "read"
    except UnblurError as error:
        lines = str(error).splitlines()
        result = "refused" if len(lines) == 1 and len(lines[0]) < 2000 else "BAD MESSAGE"
    except Exception as error:
        result = f"ESCAPED {type(error).__name__}: {str(error)[:120]}"
    spent = time.process_time() - begun
    return f"SLOW {spent:.1f} s" if spent > SECONDS_PER_FILE else result


def main(seconds: float, seed: int) -> int:
    """Fuzz all readers in turn; return 1 if anything escaped."""
    whole = seeds()
    with tempfile.TemporaryDirectory() as folder:
        for name, file, reader, content in whole:  # loads the libraries, too
            (Path(folder) / file).write_bytes(content)
            print(f"{name}, whole: {tried(reader, Path(folder) / file)}", flush=True)
    confine(MEMORY_BYTES)
    rng = np.random.default_rng(seed)
    others = [content for *_, content in whole]
    counts: dict[str, Counter[str]] = {name: Counter() for name, *_ in whole}
    wrong = 0
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            for name, file, reader, content in whole:
                path = Path(folder) / file
                path.write_bytes(damaged(content, others, rng))
                copy = path.read_bytes()
                result = tried(reader, path)
                kind = result if result in ("read", "refused") else "wrong"
                counts[name][kind] += 1
                if kind == "wrong":
                    wrong += 1
                    kept = Path(tempfile.gettempdir()) / f"unblur-fuzz-{wrong}-{file}"
                    kept.write_bytes(copy)
                    print(f"{name}: {result}: {kept}", flush=True)
    for name, count in counts.items():
        print(f"{name:24} {dict(sorted(count.items()))}")
    total = sum(sum(count.values()) for count in counts.values())
    print(f"{total} files in {seconds:g} s, seed {seed}: {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    given = [*sys.argv[1:], "600", "0"] if len(sys.argv) < 2 else [*sys.argv[1:], "0"]
    sys.exit(main(float(given[0]), int(given[1])))
