"""Random crops and flips as index arithmetic, drawn for each sample from (seed, epoch, sample) alone.

The draws are hashes, not a generator's stream, so they do not depend on the batch a sample came in, on the device,
or on where a run was resumed.
"""

from __future__ import annotations

import torch
from torch import Tensor

GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed integer: the step of splitmix64


def window(
    sample: Tensor, side: tuple[int, int], *, seed: int, epoch: int, pad: int, flip: bool
) -> tuple[Tensor, Tensor]:  # [batch] -> rows [batch, height], columns [batch, width]
    """Which source row and column each pixel comes from: a shift by up to `pad`, edges repeated, perhaps mirrored."""
    height, width = side
    rows = torch.arange(height, device=sample.device) + _draw(sample, seed, epoch, 0, 2 * pad + 1)[:, None] - pad
    columns = torch.arange(width, device=sample.device) + _draw(sample, seed, epoch, 1, 2 * pad + 1)[:, None] - pad
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    if flip:
        mirrored = _draw(sample, seed, epoch, 2, 2)[:, None].bool()
        columns = torch.where(mirrored, columns.flip(1), columns)
    return rows, columns


def _draw(sample: Tensor, seed: int, epoch: int, which: int, bound: int) -> Tensor:  # [batch] -> [batch] in [0, bound)
    """A number for each sample, hashed from all four; int64 arithmetic wraps alike on every device."""
    state = _mix(torch.full_like(sample, seed) + GOLDEN)
    for word in (epoch, which):
        state = _mix(state + word + GOLDEN)
    return (_mix(state + sample * GOLDEN) >> 33).bitwise_and(0x7FFFFFFF) % bound


def _mix(x: Tensor) -> Tensor:
    """The finaliser of splitmix64, with logical shifts made of arithmetic ones."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    return x ^ ((x >> 31) & 0x1FFFFFFFF)
