"""Seconds per megapixel and peak memory of restoring one photo, at several sizes.

Each size runs in a process of its own: a shaken, noisy picture is made from one of the example
photos, written as JPEG, and restored through the command line's path. ``peak`` is the process's
largest resident set, with Python, NumPy and ONNX Runtime in it; ``base`` the same before the photo
is read. ``threads`` counts those of the networks (all processors if not given). A size of which
nothing was restored is an error: its time would mean nothing.

``cpu`` is the processor time of all threads: unlike ``s`` it hardly changes if the machine has
other work to do. ``--profile`` tells instead where the time goes (see ``stages.py``), ``--model``
takes another network, for example an untrained one of another size.

``--plot FILE`` draws processor seconds per megapixel and peak memory against the size (needs
matplotlib); ``--fast`` measures restoring in haste.

Run: ``python benchmarks/speed.py [--megapixels 1 12 50] [--threads N] [--json FILE] [--plot FILE]
[--profile]``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from stages import Profile

ROOT = Path(__file__).resolve().parents[1]
SHAKEN = ROOT / "examples" / "photos" / "colosseum-shaken.jpg"


def make_photo(megapixels: float, target: Path) -> None:
    """Repeat the shaken example photo to a 4:3 photo; every part has the same motion."""
    with Image.open(SHAKEN) as image:
        piece = np.asarray(image.convert("RGB"))
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(megapixels * 1e6 / height)
    repeats = (-(-height // piece.shape[0]), -(-width // piece.shape[1]), 1)
    whole = np.tile(piece, repeats)[:height, :width]
    Image.fromarray(whole).save(target, quality=92)


def peak_mb() -> float:
    """Return the largest resident set of this process so far, in MB (Linux)."""
    # Not getrusage: its maximum is inherited from the parent process.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell a process's largest memory")


def measure(
    path: Path,
    threads: int | None,
    model: str,
    profile: Profile | None = None,
    *,
    fast: bool = False,
) -> dict[str, float]:
    """Restore one photo in this process and return what it cost."""
    import unblur
    from unblur import io
    from unblur.engines.onnx import available_cores

    session = unblur.Session(threads=threads)
    session.models(model)
    base = peak_mb()
    if profile is not None:
        profile.watch()
    begun, worked = time.perf_counter(), time.process_time()
    photo = io.read_photo(path)
    restored = unblur.restore(photo, session=session, model=model, fast=fast)
    io.write_photo(restored.photo, path.with_name("out.jpg"))
    total = time.perf_counter() - begun
    report = restored.report
    return {
        "megapixels": photo.megapixels,
        "threads": threads or available_cores(),
        "changed": float(report.changed),
        "seconds": total,
        "cpu_seconds": time.process_time() - worked,
        "seconds_per_megapixel": total / photo.megapixels,
        "analyse_seconds": report.seconds["analyse"],
        "restore_seconds": report.seconds["restore"],
        "base_mb": base,
        "peak_mb": peak_mb(),
    }


def show_profile(megapixels: float, threads: int | None, model: str) -> None:
    """Restore one photo in this process and print where the time went."""
    profile = Profile()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        make_photo(megapixels, path)
        row = measure(path, threads, model, profile)
    print(f"{row['megapixels']:.1f} Mpx, {row['threads']} threads, {row['peak_mb']:.0f} MB at most")
    print(profile.table(row["seconds"]))


def in_a_process(megapixels: float, options: argparse.Namespace) -> dict[str, float]:
    """Return what a photo of a size costs in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        make_photo(megapixels, path)
        command = [sys.executable, __file__, "--one", str(path), "--model", options.model]
        if options.fast:
            command.append("--fast")
        if options.threads:
            command += ["--threads", str(options.threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{megapixels:g} Mpx failed with exit code {done.returncode}")
    row: dict[str, float] = json.loads(done.stdout)
    if not row["changed"]:
        raise SystemExit(f"{megapixels:g} Mpx: nothing was restored; there is no time to tell")
    return row


def draw(rows: list[dict[str, float]], target: Path) -> None:
    """Draw what a megapixel costs, and the peak memory, against the size of the photo."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [row["megapixels"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.plot(sizes, [row["cpu_seconds"] / row["megapixels"] for row in rows], "o-")
    left.set_ylabel("processor s per Mpx")
    right.plot(sizes, [row["peak_mb"] for row in rows], "o-")
    right.set_ylabel("peak memory, MB")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:.3g}" for size in sizes])
        axes.set_xlabel("Mpx")
        axes.set_ylim(bottom=0)
    figure.savefig(target)


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 50])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--model", default="unblur", help="a name, or an ONNX file of ours")
    parser.add_argument("--plot", type=Path, help="SVG or PNG of the growth")
    parser.add_argument("--fast", action="store_true", help="as 'unblur restore --fast'")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        one = measure(options.one, options.threads, options.model, fast=options.fast)
        print(json.dumps(one))
        return
    if options.profile:
        for megapixels in options.megapixels:
            show_profile(megapixels, options.threads, options.model)
        return
    rows = []
    print(
        f"{'Mpx':>6}{'threads':>9}{'s':>8}{'s/Mpx':>8}{'cpu s':>8}{'analyse':>9}{'restore':>9}"
        f"{'base MB':>9}{'peak MB':>9}"
    )
    for megapixels in options.megapixels:
        row = in_a_process(megapixels, options)
        rows.append(row)
        print(
            f"{row['megapixels']:>6.1f}{row['threads']:>9}{row['seconds']:>8.1f}"
            f"{row['seconds_per_megapixel']:>8.2f}{row['cpu_seconds']:>8.1f}"
            f"{row['analyse_seconds']:>9.1f}{row['restore_seconds']:>9.1f}"
            f"{row['base_mb']:>9.0f}{row['peak_mb']:>9.0f}"
        )
    if options.plot is not None:
        draw(rows, options.plot)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
