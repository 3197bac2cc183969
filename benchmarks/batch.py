"""Batches: how fast, what a photo costs, and whether being killed harms anything.

``throughput``: the same photos through one process, two workers and a Dask cluster of two, all
through the command line, in turn, several rounds; wall time, and processor time of all processes.
``cost``: processor seconds of one photo by size, moved and sharp, and where they go.
``kills``: a batch is killed with SIGKILL at random moments, again and again: the whole of it, or
only one of its processes; then gone on with. A fifth of the moments may lie in the start, the rest
follow the first result of a run. Counted after every kill and at the end: photos
without a result, results that were written a second time, files that are not byte for byte those of
an undisturbed run, staged files left behind. Linux (reads /proc).

Run: ``python benchmarks/batch.py throughput|cost|kills [--help]``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ROOT / "examples" / "photos"
SHAKEN = ("colosseum-shaken.jpg", "rocks-shaken.jpg", "piazza-rolled.jpg")
SHARP = "astronaut-sharp.jpg"
COMMAND = [sys.executable, "-m", "unblur", "restore"]
WAYS = {
    "one process": ["--threads", "1"],
    "2 workers": ["--workers", "2"],
    "dask, 2 workers": ["--engine", "dask", "--workers", "2"],
}


def main() -> None:
    """Run what was asked for and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write everything here too")
    what = parser.add_subparsers(dest="what", required=True)
    speed = what.add_parser("throughput")
    speed.add_argument("--photos", type=int, default=24)
    speed.add_argument("--megapixels", type=float, default=0.5)
    speed.add_argument("--rounds", type=int, default=3)
    speed.add_argument("--model", default="unblur")
    cost = what.add_parser("cost")
    cost.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    kills = what.add_parser("kills")
    kills.add_argument("--kills", type=int, default=60)
    kills.add_argument("--photos", type=int, default=80)
    kills.add_argument("--engine", choices=["local", "dask"], default="local")
    kills.add_argument("--seed", type=int, default=9)
    kills.add_argument("--longest", type=float, default=3.0, help="seconds until a kill, at most")
    options = parser.parse_args()
    run = {"throughput": throughput, "cost": costs, "kills": kill_again_and_again}[options.what]
    with tempfile.TemporaryDirectory() as folder:
        result = run(options, Path(folder))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def picture(name: str, megapixels: float, shift: int = 0) -> Image.Image:
    """Return an example photo repeated to a size; the shift makes each a photo of its own."""
    with Image.open(PHOTOS / name) as image:
        piece = np.roll(np.asarray(image.convert("RGB")), shift, axis=1)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(megapixels * 1e6 / height)
    repeats = (-(-height // piece.shape[0]), -(-width // piece.shape[1]), 1)
    return Image.fromarray(np.tile(piece, repeats)[:height, :width])


def throughput(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Go through the same photos in every way, in turn, and compare."""
    photos = folder / "photos"
    photos.mkdir()
    for number in range(options.photos):
        image = picture(SHAKEN[number % 3], options.megapixels, 17 * number)
        image.save(photos / f"{number:04}.jpg", quality=92)
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(options.rounds):
        for way, extra in WAYS.items():
            target = folder / f"{turn}-{way}"
            command = [*COMMAND, str(photos), "-o", str(target), "--model", options.model, *extra]
            used, begun = cpu_of_children(), time.perf_counter()
            subprocess.run([*command, "--quiet"], check=True)
            wall[way].append(time.perf_counter() - begun)
            cpu[way].append(cpu_of_children() - used)
            if len(list(target.iterdir())) != options.photos:
                raise SystemExit(f"{way}: results are missing")
    print(
        f"{options.photos} photos of {options.megapixels:g} Mpx, model {options.model}, "
        f"{options.rounds} rounds, load average {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'':<18}{'photos/min':>12}{'times one':>11}{'[lowest, highest]':>20}{'CPU s/photo':>13}"
    )
    rows = []
    for way in WAYS:
        ratios = [a / b for a, b in zip(wall["one process"], wall[way], strict=True)]
        row = {
            "way": way,
            "photos_per_minute": 60 * options.photos / statistics.median(wall[way]),
            "times_one": statistics.median(ratios),
            "range": [min(ratios), max(ratios)],
            "cpu_seconds_per_photo": statistics.median(cpu[way]) / options.photos,
            "wall_seconds": wall[way],
        }
        rows.append(row)
        span = f"[{min(ratios):.2f}, {max(ratios):.2f}]"
        print(
            f"{way:<18}{row['photos_per_minute']:>12.1f}{row['times_one']:>11.2f}{span:>20}"
            f"{row['cpu_seconds_per_photo']:>13.2f}"
        )
    return rows


def cpu_of_children() -> float:
    """Return the processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def costs(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Restore one photo of each kind and size on one thread and tell where the time goes."""
    import unblur

    print(f"{'':<14}{'Mpx':>6}{'CPU s':>8}{'read':>7}{'restore':>9}{'write':>7}{'MB in/out':>13}")
    rows = []
    for megapixels in options.megapixels:
        for kind, name in (("moved", SHAKEN[0]), ("sharp", SHARP)):
            path = folder / f"{kind}.jpg"
            image = picture(name, megapixels)
            if kind == "sharp":
                with Image.open(PHOTOS / name) as small:
                    image = small.convert("RGB").resize(image.size, Image.Resampling.LANCZOS)
            image.save(path, quality=92)
            marks = [time.process_time()]
            photo = unblur.read_photo(path)
            marks.append(time.process_time())
            restored = unblur.restore(photo, threads=1)
            marks.append(time.process_time())
            unblur.write_photo(restored.photo, folder / "out.jpg", overwrite=True)
            marks.append(time.process_time())
            parts = dict(zip(("read", "restore", "write"), np.diff(marks).tolist(), strict=True))
            row = {
                "kind": kind,
                "megapixels": photo.megapixels,
                "changed": restored.report.changed,
                "cpu_seconds": sum(parts.values()),
                **parts,
                "mb_in": path.stat().st_size / 1e6,
                "mb_out": (folder / "out.jpg").stat().st_size / 1e6,
            }
            rows.append(row)
            told = kind if restored.report.changed == (kind == "moved") else f"{kind} (!)"
            print(
                f"{told:<14}{row['megapixels']:>6.1f}{row['cpu_seconds']:>8.2f}{row['read']:>7.2f}"
                f"{row['restore']:>9.2f}{row['write']:>7.2f}"
                f"{row['mb_in']:>7.1f}/{row['mb_out']:.1f}"
            )
    return rows


class Watch:
    """What has been seen of the results, so that nothing can change unnoticed."""

    def __init__(self, reference: dict[str, str]) -> None:
        self._reference = reference
        self._first: dict[str, tuple[int, int]] = {}
        self.twice = self.half = 0

    def look(self, out: Path) -> int:
        """Compare all named results with the reference and with what was there before."""
        named = [path for path in out.glob("*") if not path.name.startswith(".")]
        for path in named:
            facts = path.stat()
            mark = (facts.st_ino, facts.st_mtime_ns)
            self.twice += self._first.setdefault(path.name, mark) != mark
            self.half += digest(path) != self._reference.get(path.name)
        return len(named)

    def forget(self) -> None:
        """Begin a new batch."""
        self._first.clear()


def digest(path: Path) -> str:
    """Return a digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kill_again_and_again(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Kill and go on until so many kills are done and the last batch is whole."""
    rng = random.Random(options.seed)
    photos = folder / "photos"
    photos.mkdir()
    for number in range(options.photos):
        kind = SHAKEN[number % 3] if number % 4 else SHARP
        picture(kind, 0.08, 13 * number).save(photos / f"{number:04}.jpg", quality=90)
    base = [*COMMAND, str(photos), "--model", "wiener", "--quiet"]
    subprocess.run([*base, "-o", str(folder / "reference"), "--threads", "1"], check=True)
    reference = {path.name: digest(path) for path in (folder / "reference").iterdir()}
    watch = Watch(reference)
    found: dict[str, Any] = {"kills": 0, "of_all": 0, "of_one": 0, "of_parent": 0}
    found |= {"into_the_work": 0, "batches": 0, "lost": 0, "left_behind": 0, "recorded_again": 0}
    begun = time.perf_counter()
    while found["kills"] < options.kills:
        out = folder / f"out{found['batches']}"
        extra = ["-o", str(out), "--workers", "2", "--resume", "--engine", options.engine]
        while batch_is_killed([*base, *extra], rng, options, found):
            watch.look(out)
        found["lost"] += options.photos - watch.look(out)
        found["left_behind"] += sum(path.suffix == ".part" for path in out.iterdir())
        lines = (out / ".unblur-journal.jsonl").read_text().splitlines()[1:]
        found["recorded_again"] += len(lines) - options.photos
        found["batches"] += 1
        watch.forget()
    found |= {"written_twice": watch.twice, "not_as_undisturbed": watch.half}
    found["seconds"] = time.perf_counter() - begun
    for key, value in found.items():
        print(f"{key.replace('_', ' '):<20}{value:>8.0f}")
    return found


def batch_is_killed(
    command: list[str], rng: random.Random, options: argparse.Namespace, found: dict[str, Any]
) -> bool:
    """Run a batch and kill at random moments; False once it has come to its end, whole."""
    quiet = subprocess.DEVNULL if options.engine == "dask" else None
    before = finished(command)
    process = subprocess.Popen(command, stderr=quiet, start_new_session=True)
    while found["kills"] < options.kills:
        if rng.random() < 0.8:
            wait_for_work(process, command, before)
        try:
            code = process.wait(rng.uniform(0, options.longest))
        except subprocess.TimeoutExpired:
            whom = rng.choice(["all", "one", "parent"])
            hit(process.pid, whom, rng)
            found["kills"] += 1
            found["into_the_work"] += finished(command) > before
            found[f"of_{whom}"] += 1
            if whom == "one":
                continue
            process.wait()
            wait_for_end(process.pid)
            return True
        return ended_early(code)
    return ended_early(process.wait())


def wait_for_work(process: subprocess.Popen[bytes], command: list[str], before: int) -> None:
    """Wait until a batch has named a result since it was started; starting takes seconds."""
    while process.poll() is None and finished(command) <= before:
        time.sleep(0.01)


def finished(command: list[str]) -> int:
    """Return how many results have their names."""
    out = Path(command[command.index("-o") + 1])
    return sum(not path.name.startswith(".") for path in out.glob("*"))


def ended_early(code: int) -> bool:
    """Return whether a batch has to be gone on with: a photo lost both its processes (5)."""
    if code not in (0, 5):
        raise SystemExit(f"the batch ended with exit code {code}")
    return code != 0


def hit(pid: int, whom: str, rng: random.Random) -> None:
    """SIGKILL a batch: all its processes, its parent, or one of the others."""
    family = members(pid)
    others = [one for one in family if one != pid]
    chosen = {"all": family, "parent": [pid], "one": rng.sample(others, min(1, len(others)))}[whom]
    for one in chosen:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def members(session: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_for_end(session: int) -> None:
    """Wait until the processes of a killed parent have noticed."""
    patience = time.monotonic() + 30
    while members(session):
        if time.monotonic() > patience:
            raise SystemExit("processes outlive their parent by 30 s")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
