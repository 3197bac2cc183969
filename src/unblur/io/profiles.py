"""ICC profiles: their tone curves, made ones, and conversion to sRGB. LittleCMS does the work."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from unblur.color import SRGB_PARAMETRIC
from unblur.io.color_tags import Chromaticities, Cicp
from unblur.tone import LINEAR, SRGB, ToneCurve, power_curve, table_curve

_SAME = 1 / 512
"""Curves nearer to each other than half a level of 8 bits, in the samples, are the same."""

_PROBE_GAMMA = 3.0
"""Light is asked of LittleCMS through a grey profile of this exponent: 16 bits then tell the
deepest shadows of a blue channel to 1e-5."""

_LEAST_LIGHT = 1e-4
"""Channels with less luminance than this are not measured alone (blue of ProPhoto: 8.6e-5)."""

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Return an image converted to sRGB through its profile.

    Args:
        image: any mode that the profile describes, as CMYK or L.
        profile: the embedded ICC profile.

    Returns:
        An RGB image, or None if there is no profile or it is broken or of another mode.
    """
    if profile is None:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def profile_curve(profile: bytes, channels: int) -> ToneCurve | None:
    """Return the tone curve of an ICC profile.

    Matrix and grey profiles give the curve of every channel; profiles made of tables (LUT) give
    that of the neutral axis, which is all they have.

    Args:
        profile: as embedded.
        channels: of the samples, 1 or 3.

    Returns:
        ``SRGB``, ``LINEAR`` or a power where the profile's curve is that to within half a level
        of 8 bits; else a table. None for a broken profile and one neither of grey nor of RGB.
    """
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(opened.profile.xcolor_space).strip()
        if space == "GRAY":
            return _named(_light(opened, np.arange(256, dtype=np.uint8)[:, None]))
        if space != "RGB":
            return None
        neutral = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        table = _light(opened, neutral)
        if table is None or channels == 1 or not opened.profile.is_matrix_shaper:
            return _named(table)
        return _named(_by_channel(opened, table))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _by_channel(profile: ImageCms.ImageCmsProfile, neutral: NDArray[Any]) -> NDArray[Any]:
    """Return the curve of each channel, or the neutral one where all are that."""
    rows = []
    for channel in range(3):
        alone = np.zeros((256, 3), np.uint8)
        alone[:, channel] = np.arange(256)
        row = _light(profile, alone)
        rows.append(neutral[0] if row is None else row[0])
    table = np.stack(rows)
    alike = np.abs(np.cbrt(table) - np.cbrt(neutral)).max() < _SAME
    return neutral if alike else table


def _light(profile: ImageCms.ImageCmsProfile, samples: NDArray[np.uint8]) -> NDArray[Any] | None:
    """Return (1, N) light of samples, (N, 1) or (N, 3), 0 at the first and 1 at the last."""
    mode = "L" if samples.shape[1] == 1 else "RGB"
    image = Image.fromarray(samples[None, :, 0] if mode == "L" else samples[None])
    probe = ImageCms.ImageCmsProfile(io.BytesIO(grey_profile(power_curve(_PROBE_GAMMA))))
    transform = ImageCms.buildTransform(
        profile,
        probe,
        mode,
        "I;16",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.NOOPTIMIZE,
    )
    answer = Image.new("I;16", image.size)
    transform.apply(image, answer)
    root = np.asarray(answer, np.float64)[0] / 65535
    light = np.maximum.accumulate(root**_PROBE_GAMMA)
    span = light[-1] - light[0]
    return None if span < _LEAST_LIGHT else ((light - light[0]) / span)[None]


def _named(table: NDArray[Any] | None) -> ToneCurve | None:
    """Return the simplest curve that a table is, or the table itself."""
    if table is None:
        return None
    encoded = np.linspace(0, 1, table.shape[1])
    middle = table[0][len(encoded) // 2]
    gamma = np.log(middle) / np.log(encoded[len(encoded) // 2]) if middle > 0 else 0.0
    candidates = [SRGB, LINEAR]
    if 0.9 < gamma < 4:
        candidates += [power_curve(round(gamma, 1)), power_curve(round(gamma, 3))]
    for curve in candidates:
        back = curve.to_encoded(table.astype(np.float32))
        if np.abs(back - encoded).max() <= _SAME:
            return curve
    return table_curve("profile", table)


def grey_profile(curve: ToneCurve) -> bytes:
    """Return an ICC profile of grey samples with a tone curve."""
    return _assembled(b"GRAY", [(b"kTRC", _curve(curve))], f"Grey, {curve.name}")


def made_profile(
    primaries: Chromaticities, curve: ToneCurve, name: str, cicp: Cicp | None = None
) -> bytes:
    """Return an ICC profile (version 4) of three primaries and one curve.

    Args:
        primaries: of the samples.
        curve: of all channels; one above 1 is scaled so that the largest code is white.
        name: for people.
        cicp: code points, which readers that know them prefer.
    """
    tags = [
        (name.encode(), b"XYZ \0\0\0\0" + _fixed(column))
        for name, column in zip(("rXYZ", "gXYZ", "bXYZ"), adapted(primaries).T, strict=True)
    ]
    packed = _curve(curve)
    tags += [(name, packed) for name in (b"rTRC", b"gTRC", b"bTRC")]
    if cicp is not None:
        tags.append((b"cicp", b"cicp\0\0\0\0" + bytes([cicp.primaries, cicp.transfer, 0, 1])))
    tags.append((b"chad", b"sf32\0\0\0\0" + _fixed(_adaptation(primaries).ravel())))
    return _assembled(b"RGB ", tags, name)


def to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """Return the (3, 3) matrix from linear RGB of these primaries to XYZ, white Y 1."""
    points = zip(primaries[::2], primaries[1::2], strict=True)
    columns = [[x / y, 1.0, (1 - x - y) / y] for x, y in points]
    rgb, white = np.array(columns[:3]).T, np.array(columns[3])
    return np.asarray(rgb * np.linalg.solve(rgb, white))


def _adaptation(primaries: Chromaticities) -> NDArray[np.float64]:
    """Return the (3, 3) matrix that moves their white to D50, which profiles are about."""
    white = to_xyz(primaries).sum(axis=1)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD))


def adapted(primaries: Chromaticities) -> NDArray[np.float64]:
    """Return the (3, 3) matrix from linear RGB of these primaries to XYZ seen under D50."""
    return np.asarray(_adaptation(primaries) @ to_xyz(primaries))


def _curve(curve: ToneCurve) -> bytes:
    """Return a curve as ICC has it: parametric where it is a formula, else 4,096 values."""
    if curve.gamma is not None:
        return b"para\0\0\0\0\0\0\0\0" + _fixed([curve.gamma])
    if curve.table is None:  # sRGB
        return b"para\0\0\0\0\0\3\0\0" + _fixed(SRGB_PARAMETRIC)
    row = curve.table.mean(axis=0)
    values = np.round(row / row[-1] * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + bytes(values.tobytes())


def _fixed(numbers: Any) -> bytes:
    return b"".join(struct.pack(">i", round(float(number) * 65536)) for number in numbers)


def _text(words: str) -> bytes:
    data = words.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(data), 28) + data


def _assembled(space: bytes, tags: list[tuple[bytes, bytes]], name: str) -> bytes:
    """Return the bytes of a profile: header, table of tags, tags."""
    tags = [
        (b"desc", _text(name)),
        (b"cprt", _text("No copyright, use freely")),
        (b"wtpt", b"XYZ \0\0\0\0" + _fixed(_D50)),
        *tags,
    ]
    place = 132 + 12 * len(tags)
    table, body, known = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for tag, content in tags:
        if content not in known:
            known[content] = place + len(body)
            body += content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", known[content], len(content))
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x04400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(_D50)
    return head.ljust(128, b"\0") + table + body
