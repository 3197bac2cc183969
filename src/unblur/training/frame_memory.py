"""FrameRNN over whole sequences in PyTorch: what it remembers moves along with the picture."""

from __future__ import annotations

import torch
from torch.nn import functional

from unblur.models.frame_rnn import FrameRNN
from unblur.video.alignment import BLOCK_PX, CELL_PX


def unroll(
    network: FrameRNN, blurry: torch.Tensor, hints: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    """Restore sequences (N, T, 3, H, W) frame by frame; the memory moves with the picture."""
    restored = []
    state: torch.Tensor | None = None
    frames = functional.pixel_unshuffle(blurry, CELL_PX)
    for k in range(blurry.shape[1]):
        cells, known = (
            x[:, k].contiguous(memory_format=torch.channels_last) for x in (frames, hints)
        )
        fresh = network.first_state(cells)
        state = fresh if state is None else aligned(state, fresh, shifts[:, k])
        out, state = network.step(cells, known, state)
        restored.append(out)
    return functional.pixel_shuffle(torch.stack(restored, dim=1).float(), CELL_PX)


def aligned(state: torch.Tensor, fresh: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return states moved along with the picture; fresh ones where nothing is remembered.

    The twin of :func:`unblur.video.memory.write_moved_state`, for batches and gradients; a test
    holds them together.

    Args:
        state, fresh: (N, 48 + hidden, H / 4, W / 4).
        shifts: (N, rows, columns, 2) px.
    """
    pixels = 3 * CELL_PX**2
    moved = _fetched_pixels(state[:, :pixels], fresh[:, :pixels], shifts)
    hidden = _fetched(state[:, pixels:], fresh[:, pixels:], shifts)
    return torch.cat([moved, hidden], dim=1).contiguous(memory_format=torch.channels_last)


def _sources(
    shifts: torch.Tensor, size: tuple[int, int], *, unit: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the row and column that each place came from, (N, H, W), and whether it is one."""
    offsets = torch.round(shifts / unit).long()
    for axis in (1, 2):
        offsets = offsets.repeat_interleave(BLOCK_PX // unit, dim=axis)
        offsets = offsets.narrow(axis, 0, size[axis - 1])
    rows = torch.arange(size[0], device=shifts.device)[None, :, None] + offsets[..., 0]
    columns = torch.arange(size[1], device=shifts.device)[None, None] + offsets[..., 1]
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    return rows.clamp(0, size[0] - 1), columns.clamp(0, size[1] - 1), inside


def _fetched(planes: torch.Tensor, fill: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return the learned channels fetched from where the picture came from."""
    count, channels, height, width = planes.shape
    rows, columns, inside = _sources(shifts, (height, width), unit=CELL_PX)
    places = (
        torch.arange(count, device=planes.device)[:, None, None] * height + rows
    ) * width + columns
    # All channels of a place at once: they lie side by side.
    flat = planes.permute(0, 2, 3, 1).reshape(-1, channels)
    fetched = flat.index_select(0, places.flatten()).view(count, height, width, channels)
    return torch.where(inside[:, None], fetched.permute(0, 3, 1, 2), fill)


def _fetched_pixels(cells: torch.Tensor, fill: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return a frame in cells, each pixel fetched from where the picture came from."""
    count, channels, height, width = cells.shape
    rows, columns, inside = _sources(shifts, (height * CELL_PX, width * CELL_PX), unit=1)
    within = rows % CELL_PX * CELL_PX + columns % CELL_PX
    places = (within * height + rows // CELL_PX) * width + columns // CELL_PX
    index = functional.pixel_unshuffle(places[:, None], CELL_PX).flatten(1)[:, None]
    colours = channels // CELL_PX**2
    flat = cells.reshape(count, colours, -1)
    fetched = flat.gather(2, index.expand(-1, colours, -1)).view(cells.shape)
    known = functional.pixel_unshuffle(inside[:, None], CELL_PX).repeat(1, colours, 1, 1)
    return torch.where(known, fetched, fill)
