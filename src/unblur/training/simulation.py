"""A federation on one machine: clients with different cameras, each with photos of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from unblur.blur.camera import CameraRecipe
from unblur.errors import BadValue
from unblur.training.config import TrainConfig
from unblur.training.federated import LocalTrainer
from unblur.training.photos import SharpPhotos, by_source
from unblur.training.registry import task_of
from unblur.training.shards import Arrays, make_shard
from unblur.training.windows import drawn_px


def camera_of(number: int, count: int) -> CameraRecipe:
    """Return the camera of one of ``count`` clients: they differ in noise, tone and JPEG.

    The first is quiet and stores no JPEG, the last is noisy and compresses hard; tone and
    sharpening alternate in between.
    """
    place = number / max(1, count - 1)
    read = 0.0007 * 40**place
    shot = 0.00003 * 40**place
    tone = (-0.15 + 0.6 * ((number * 3) % count) / max(1, count - 1)) if count > 1 else 0.1
    quality = 96 - 50 * place
    return CameraRecipe(
        sigma_read=(read, 1.3 * read),
        shot=(shot, 1.3 * shot),
        correlated_noise=float(number % 2),
        tone=(tone - 0.05, tone + 0.05),
        sharpen_share=float(number % 3 == 1),
        sharpen_amount=(0.6, 1.0),
        jpeg_share=0.0 if number == 0 else 1.0,
        jpeg_quality=(quality - 4, quality),
    )


def config_of(config: TrainConfig, number: int, count: int) -> TrainConfig:
    """Return a client's config: its camera, and randomness of its own."""
    recipe = dataclasses.replace(config.recipe, camera=camera_of(number, count))
    return dataclasses.replace(config, recipe=recipe, seed=config.seed + 1000 * (number + 1))


def photos_of(config: TrainConfig, photos: Path, count: int) -> list[list[Path]]:
    """Deal the training photos out to the clients; pieces of one photo stay together.

    Raises:
        BadValue: fewer photos than clients.
    """
    paths = SharpPhotos(photos, "train", smallest_px=drawn_px(config)).paths
    groups = by_source(photos, paths)
    if len(groups) < count:
        raise BadValue(f"{count} clients need as many photos at least, got {len(groups)}")
    names = sorted(groups)
    order = np.random.default_rng(config.seed).permutation(len(names))
    return [[path for i in order[k::count] for path in groups[names[i]]] for k in range(count)]


def trainers(
    config: TrainConfig, photos: Path, folder: Path, count: int, *, workers: int = 0
) -> list[LocalTrainer]:
    """Return a trainer for each client, with its cache in a folder of its own."""
    shares = photos_of(config, photos, count)
    return [
        LocalTrainer(
            config_of(config, number, count),
            photos,
            folder / f"client-{number}",
            workers=workers,
            paths=paths,
        )
        for number, paths in enumerate(shares)
    ]


def public_samples(config: TrainConfig, photos: Path, count: int) -> Arrays:
    """Return ``data.val_samples`` of the public photos, as all the clients' cameras take them."""
    each = max(1, config.data.val_samples // count)
    parts = []
    for number in range(count):
        own = config_of(config, number, count)
        maker = task_of(own).samples(photos, "val")()
        parts.append(make_shard(maker, seed=config.seed + 1, index=number, size=each))
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
