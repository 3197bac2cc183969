"""Photos a minute of ``unblur detect``: reading, looking and writing the table included.

A folder of JPEG photos is made of one of the example photos and looked at by the command line's
program in a process of its own. ``cpu`` is the processor time of a photo on all processors
together; unlike the time that passes it hardly changes if the machine has other work to do.

Run: ``python benchmarks/detect_speed.py [--megapixels 12] [--photos 200] [--workers 2]``
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed import make_photo


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = folder / "0000.jpg"
        make_photo(options.megapixels, first)
        for number in range(1, options.photos):
            shutil.copyfile(first, folder / f"{number:04}.jpg")
        passed, cpu = run(folder, options.workers)
        _, alone = run(first, 1)
    per_photo = (cpu - alone) / max(1, options.photos - 1)
    print(
        f"{options.photos} photos of {options.megapixels:g} megapixels, "
        f"{options.workers} processes: {passed:.1f} s, {60 * options.photos / passed:.0f} a "
        f"minute; cpu {1000 * per_photo:.0f} ms a photo, "
        f"{options.workers * 60 / per_photo:.0f} a minute "
        "if nothing else runs"
    )


def run(photos: Path, workers: int) -> tuple[float, float]:
    """Look at photos; return the seconds that passed and those of all processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "unblur", "detect", str(photos), "--workers", str(workers)]
    subprocess.run(command, check=True, capture_output=True)
    passed = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
