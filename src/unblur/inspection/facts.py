"""What there is to see of a photo's motion: the field, the gate's verdict, one window in full."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import ShapeMismatch
from unblur.io import Photo
from unblur.motion.features import MAP_NAMES, motion_features
from unblur.motion.field import MotionField, visibility
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.spatial import POOLED_GRID
from unblur.motion.steps import average_pooling, fourier, high_pass
from unblur.motion.windows import WINDOW
from unblur.pipeline.accepted import check_inside
from unblur.pipeline.facade import as_picture
from unblur.pipeline.field_files import field_arrays
from unblur.pipeline.layers import Layers, assess_layers
from unblur.pipeline.outcome import Assessment
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import gate_of
from unblur.runtime import Runtime
from unblur.zoo.models import Session, default_session

HIGH_PASS_PX = (1.0, 2.0, 4.0)
"""Gaussians of the high-pass pictures that are shown."""


@dataclass(frozen=True, eq=False)
class WindowFacts:
    """One window of a photo, in full; pixels are those of the scale the motion was measured on.

    Attributes:
        y, x: middle, photo px.
        region: (y0, x0, y1, x1) in photo px.
        estimate: the field's estimate there.
        luma: (h, w) float32, linear light.
        log_power: (h, w) float32, log10 of the tapered power spectrum, zero frequency in the
            middle.
        cepstrum: (h, w) float32, inverse transform of the logarithm, origin in the middle.
        high_pass: (3, h, w) float32, see HIGH_PASS_PX.
        pooled: (3, POOLED_GRID, POOLED_GRID) float32, their magnitudes, averaged in cells.
        maps: kernel-space maps by name, each (GRID, GRID) float32.
    """

    y: float
    x: float
    region: tuple[int, int, int, int]
    estimate: PsfEstimate
    luma: FloatArray
    log_power: FloatArray
    cepstrum: FloatArray
    high_pass: FloatArray
    pooled: FloatArray
    maps: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Explanation:
    """How a photo moved, in one light.

    Attributes:
        curve: name of the tone curve.
        probability: of that light.
        gain_db: what undoing the motion would gain, as told beforehand; None if nobody can tell.
        psf: of the window that shows most, photo px.
    """

    curve: str
    probability: float
    gain_db: float | None
    psf: Psf

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for JSON."""
        return {
            "curve": self.curve,
            "probability": round(self.probability, 4),
            "gain_db": None if self.gain_db is None else round(self.gain_db, 2),
            "length_px": round(self.psf.length_px(), 2),
            "angle_deg": round(self.psf.angle_deg(), 1),
        }


@dataclass(frozen=True, eq=False)
class Inspection:
    """All there is to see of one photo.

    Attributes:
        name: of the photo, for titles.
        photo: the photo, with the tone curve in which its motion was found.
        field: its motion.
        trust: (rows, columns) float32 in [0, 1], what the gate lets through.
        reason: why nothing would be restored, or empty.
        window: one window in full.
        device: short name of the device that ran the networks.
        explanations: in both lights, the likelier first, where one had to be chosen; else empty.
        layers: what moved how.
    """

    name: str
    photo: Photo
    field: MotionField
    trust: FloatArray
    reason: str
    window: WindowFacts
    layers: Layers
    device: str = "cpu"
    explanations: tuple[Explanation, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for JSON; lengths in photo px."""
        rows = self.field.to_dict()
        for item, trust in zip(rows["windows"], self.trust.ravel(), strict=True):
            item["trust"] = round(float(trust), 4)
        shown, psf = self.window, photo_psf(self.field, self.window.estimate)
        return {
            "name": self.name,
            "width": self.photo.width,
            "height": self.photo.height,
            "would_restore": not self.reason,
            "reason": self.reason,
            "angle_deg": round(mean_angle_deg(self.field), 1),
            "tone": self.photo.tone.to_dict(),
            "explanations": [one.to_dict() for one in self.explanations],
            "device": self.device,
            **self.layers.to_dict(),
            **rows,
            "window": {
                "y": round(shown.y, 1),
                "x": round(shown.x, 1),
                "region": list(shown.region),
                "noise": round(shown.estimate.noise, 6),
                "detail": round(shown.estimate.detail, 4),
                "confidence": round(shown.estimate.confidence, 4),
                "blur_probability": round(shown.estimate.blur_probability, 4),
                "length_px": round(psf.length_px(), 2),
                "angle_deg": round(psf.angle_deg(), 1),
                "psf": [[round(float(v), 6) for v in row] for row in psf.array],
            },
        }

    def to_npz(self) -> bytes:
        """Return an archive that ``unblur restore --psf`` takes, and the window's pictures."""
        arrays: dict[str, Any] = {**field_arrays(self.field), "trust": self.trust}
        shown = self.window
        arrays |= {
            "layers": self.layers.labels,
            "window_region": np.array(shown.region),
            "window_luma": shown.luma,
            "window_log_power": shown.log_power,
            "window_cepstrum": shown.cepstrum,
            "window_high_pass": shown.high_pass,
            "window_pooled": shown.pooled,
            "map_names": np.array(list(shown.maps)),
            "window_maps": np.stack(list(shown.maps.values())),
        }
        with io.BytesIO() as stream:
            np.savez_compressed(stream, **arrays)
            return stream.getvalue()


def inspect_photo(
    photo: Photo,
    *,
    name: str = "",
    window: tuple[int, int] | None = None,
    threads: int | None = None,
    session: Session | None = None,
) -> Inspection:
    """Measure a photo's motion, with all that it was estimated from.

    Args:
        photo: any, large enough for the estimator.
        name: for titles.
        window: a point (x, y) in photo px; the window nearest to it is shown in full. The most
            telling one if omitted.
        threads: for the networks; all processors if omitted.
        session: holds the networks; see :func:`unblur.restore`.

    Raises:
        ShapeMismatch: the photo is too small to tell.
        BadValue: the point lies outside the photo.
    """
    if window is not None:
        check_inside(photo, window, f"window {window}")
    models = (session or default_session(Runtime.of_process(threads))).models()
    gate = gate_of(models, RestoreOptions())
    found, layers = assess_layers(as_picture(photo), models.estimator, gate)
    field, verdict = found.motion, found.verdict
    if field is None or layers is None:
        raise ShapeMismatch(
            f"motion can be estimated in photos with {models.estimator.least}, "
            f"got {photo.width} x {photo.height}"
        )
    shown = _window(found.picture, field, window)
    if found.tone is not None:
        photo = replace(photo, tone=found.tone)
    trust, reason, both = verdict.trust, verdict.reason, _explanations(found)
    return Inspection(name, photo, field, trust, reason, shown, layers, models.device, both)


def _explanations(found: Assessment) -> tuple[Explanation, ...]:
    """Return how a photo moved in the likelier light and in the other one."""
    if found.other is None or found.tone is None:
        return ()
    explained = []
    shares = found.tone.probability, 1 - found.tone.probability
    for one, share in zip((found, found.other), shares, strict=True):
        if one.motion is None:
            return ()
        i, j = _chosen(one.motion, None)
        psf = photo_psf(one.motion, one.motion.windows[i][j])
        explained.append(Explanation(one.picture.tone.name, share, one.gain_db, psf))
    return tuple(explained)


def photo_psf(field: MotionField, estimate: PsfEstimate) -> Psf:
    """Return the PSF of a window of a field in photo px."""
    return estimate.psf if field.scale == 1 else estimate.psf.scaled(field.scale)


def mean_angle_deg(field: MotionField) -> float:
    """Return the direction on which the windows agree, [0, 180), weighted by what they show."""
    total = 0j
    for row in field.windows:
        for w in row:
            turn = np.exp(2j * np.deg2rad(w.psf.angle_deg()))
            total += visibility(w) * w.blur_probability * complex(turn)
    return float(np.rad2deg(np.angle(total)) / 2 % 180)


def _window(picture: Picture, field: MotionField, point: tuple[int, int] | None) -> WindowFacts:
    i, j = _chosen(field, point)
    y, x = field.centres_y[i], field.centres_x[j]
    first_y, first_x, stop_y, stop_x = field.exposure or (0, 0, *picture.shape)
    y0, y1 = _span(y, first_y, stop_y, field.scale)
    x0, x1 = _span(x, first_x, stop_x, field.scale)
    part = picture.part(y0, x0, y1, x1)
    plane = part.luma(0, 0, *part.shape) if field.scale == 1 else part.shrunk_luma(field.scale)
    passed = np.stack([high_pass(plane, sigma) for sigma in HIGH_PASS_PX])
    power = np.square(np.abs(fourier(plane)))
    log_power = np.log10(power + 1e-6 * power.mean() + 1e-20).astype(np.float32)
    return WindowFacts(
        y=y,
        x=x,
        region=(y0, x0, y1, x1),
        estimate=field.windows[i][j],
        luma=plane,
        log_power=log_power,
        cepstrum=_cepstrum(log_power),
        high_pass=passed,
        pooled=np.stack([average_pooling(part, POOLED_GRID) for part in passed]),
        maps=dict(zip(MAP_NAMES, motion_features(plane).maps, strict=True)),
    )


def _chosen(field: MotionField, point: tuple[int, int] | None) -> tuple[int, int]:
    """Return row and column of the window nearest to a point, or of the most telling one."""
    if point is not None:
        down = np.abs(np.array(field.centres_y) - point[1])
        across = np.abs(np.array(field.centres_x) - point[0])
        return int(np.argmin(down)), int(np.argmin(across))
    telling = np.array([[visibility(w) for w in row] for row in field.windows])
    row, column = np.unravel_index(int(np.argmax(telling)), telling.shape)
    return int(row), int(column)


def _span(centre: float, start: int, stop: int, scale: int) -> tuple[int, int]:
    """Return first and end pixel of a window, whole blocks of the scale, inside the exposure."""
    side = min(WINDOW * scale, (stop - start) // scale * scale)
    first = int(np.clip(round(centre - side / 2), start, stop - side))
    return first, first + side


def _cepstrum(log_power: FloatArray) -> FloatArray:
    """Return the inverse transform of a log spectrum, both with their origin in the middle."""
    spread = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(log_power)).real)
    return np.asarray(spread, dtype=np.float32)
