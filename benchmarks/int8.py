"""What RestoreNet in 8-bit integers would save, and what it would cost.

Crops of DATA are made as for training (``configs/restore_net.toml``): some of the training split
calibrate the ranges, some of the validation split are restored by both networks. Static
quantisation of the convolutions, weights per channel. Seconds: processor time of one thread for an
input of 768 x 768 px, least of five runs.

    python benchmarks/int8.py DATA --crops 192
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnxruntime  # noqa: TID253  (a benchmark of it)
from numpy.typing import NDArray
from onnxruntime.quantization import (  # noqa: TID253
    CalibrationDataReader,
    QuantType,
    quantize_static,
)

from unblur.training.registry import load_config, task_of
from unblur.training.shards import Arrays, make_shard
from unblur.zoo.catalogue import KERNEL_NET, RESTORE_NET, weights_path

CONFIG = Path(__file__).parents[1] / "configs" / "restore_net.toml"
NEEDY_DB = 35.0


class Shown(CalibrationDataReader):  # type: ignore[misc]
    """Shows the calibration crops, four at a time."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._parts = iter(np.split(images, len(images) // 4))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next ones."""
        part = next(self._parts, None)
        return None if part is None else {"image": part}


def made(data: Path, split: str, count: int) -> Arrays:
    """Return crops of a split, in [0, 1]."""
    config = load_config(CONFIG)
    weights = str(weights_path(KERNEL_NET))
    config = dataclasses.replace(
        config, data=dataclasses.replace(config.data, kernel_weights=weights)
    )
    shard = make_shard(task_of(config).samples(data, split)(), seed=3, index=0, size=count)
    return {key: value.astype(np.float32) / 255 for key, value in shard.items()}


def restored(path: Path, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return what a network makes of crops, and the seconds of a large one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    large = np.tile(images[:1], (1, 1, 6, 6))
    taken = []
    for _ in range(5):
        begun = time.process_time()
        session.run(None, {"image": large})
        taken.append(time.process_time() - begun)
    out = [session.run(None, {"image": images[i : i + 1]})[0] for i in range(len(images))]
    return np.concatenate(out), min(taken)


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the PSNR of each pair of crops."""
    error = np.square(np.clip(a, 0, 1) - b).mean(axis=(1, 2, 3))
    return np.asarray(-10 * np.log10(np.maximum(error, 1e-7)))


def main() -> None:
    """Quantise, restore, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sharp photos with a manifest.csv")
    parser.add_argument("--crops", type=int, default=192)
    options = parser.parse_args()
    shown, checked = made(options.data, "train", 96), made(options.data, "val", options.crops)
    needy = psnr(checked["image"][:, :3], checked["sharp"]) < NEEDY_DB
    images, sharp = checked["image"][needy], checked["sharp"][needy]
    plain = weights_path(RESTORE_NET)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "int8.onnx"
        quantize_static(
            *(str(plain), str(small), Shown(shown["image"])),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
        )
        print(f"{len(images)} crops below {NEEDY_DB:g} dB, {psnr(images[:, :3], sharp).mean():.2f}")
        for name, path in (("float32", plain), ("int8", small)):
            out, seconds = restored(path, images)
            megabytes = path.stat().st_size / 1e6
            print(
                f"{name:<8} {psnr(out, sharp).mean():.2f} dB  {seconds:.3f} s  {megabytes:.1f} MB"
            )


if __name__ == "__main__":
    main()
