"""PSNR of a batch, for the figures of a run; :mod:`unblur.psnr` scores photos."""

from __future__ import annotations

import torch


def psnr_db(error: torch.Tensor) -> torch.Tensor:
    """Return the PSNR of each picture from its error (..., C, H, W), range 1; at most 60 dB."""
    return -10 * torch.log10(error.detach().square().mean(dim=(-3, -2, -1)).clamp_min(1e-6))
