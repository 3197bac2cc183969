"""A whole photo on another device beside the plain one: time, and how far the results lie apart.

Both sessions are loaded first, then they take turns, so that what else the machine does meets both
alike; the medians are printed. ``cpu`` is the processor time of all threads: unlike ``s`` it hardly
changes if the machine has other work to do.

Run: ``python benchmarks/devices.py PHOTO [--device openvino] [--rounds 3] [--threads 1]`` with
an ONNX Runtime that has the device (see docs/design.md).
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

import unblur
from unblur.io import read_photo


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--device", default="openvino")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    photo = read_photo(options.photo)
    sessions = {
        device: unblur.Session(runtime=unblur.Runtime(options.threads, device))
        for device in ("cpu", options.device)
    }
    results = {}
    for device, session in sessions.items():  # loading and compiling are not what is measured
        results[device] = unblur.restore(photo, session=session)
    walls: dict[str, list[float]] = {device: [] for device in sessions}
    works: dict[str, list[float]] = {device: [] for device in sessions}
    for _ in range(options.rounds):
        for device, session in sessions.items():
            wall, work = time.perf_counter(), time.process_time()
            unblur.restore(photo, session=session)
            walls[device].append(time.perf_counter() - wall)
            works[device].append(time.process_time() - work)
    print(f"{photo.megapixels:.2f} Mpx, {options.threads} thread(s), median of {options.rounds}")
    for device, result in results.items():
        print(
            f"{device:<10}{statistics.median(walls[device]):8.2f} s"
            f"{statistics.median(works[device]):8.2f} s cpu (least {min(works[device]):.2f})"
            f"  changed: {result.report.changed}, told: {result.report.device}"
        )
    plain, other = (r.samples.astype(np.float64) for r in results.values())
    apart = np.abs(plain - other)
    print(
        f"samples: {100 * np.mean(apart == 0):.4f} % equal, {apart.max():.0f} apart at most, "
        f"{np.sqrt(np.mean(apart**2)):.5f} RMS"
    )


if __name__ == "__main__":
    main()
