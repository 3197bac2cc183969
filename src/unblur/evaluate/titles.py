"""How scores are written."""

from __future__ import annotations

_TITLES = {
    "psnr_db": "PSNR dB",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "gmsd": "GMSD",
    "haarpsi": "HaarPSI",
    "vif": "VIF",
    "psnr_rgb_db": "PSNR of RGB dB",
    "reblur_psnr_db": "reblur PSNR dB",
}


def title_of(score: str) -> str:
    """Return the usual way to write a score's name."""
    return _TITLES.get(score, score.replace("_", " "))


def digits_of(score: str) -> int:
    """Return how many decimals of a score tell something."""
    return 2 if score.endswith("_db") else 4
