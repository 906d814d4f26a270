"""Random crops and flips as index arithmetic, drawn for each sample from (seed, epoch, sample) alone.

The draws are hashes, not a generator's stream, so they do not depend on the batch a sample came in, on the device,
or on where a run was resumed. They are made for a whole epoch at once: on a GPU a hash costs many small kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed integer: the step of splitmix64


@dataclass(frozen=True)
class Draws:
    """What happens to each sample in an epoch."""

    down: Tensor  # [samples], rows
    right: Tensor  # [samples], columns
    mirrored: Tensor | None  # [samples] bool

    @staticmethod
    def of(sample: Tensor, *, seed: int, epoch: int, pad: int, flip: bool) -> Draws:  # [samples]
        """A shift by up to `pad` each way, and perhaps a mirror."""
        return Draws(
            _draw(sample, seed, epoch, 0, 2 * pad + 1) - pad,
            _draw(sample, seed, epoch, 1, 2 * pad + 1) - pad,
            _draw(sample, seed, epoch, 2, 2).bool() if flip else None,
        )

    def window(self, part: slice, side: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Which source row [n, height] and column [n, width] each pixel comes from; edges are repeated."""
        height, width = side
        device = self.down.device
        rows = (torch.arange(height, device=device) + self.down[part, None]).clamp_(0, height - 1)
        columns = (torch.arange(width, device=device) + self.right[part, None]).clamp_(0, width - 1)
        if self.mirrored is not None:
            columns = torch.where(self.mirrored[part, None], columns.flip(1), columns)
        return rows, columns


def _draw(sample: Tensor, seed: int, epoch: int, which: int, bound: int) -> Tensor:  # [n] -> [n] in [0, bound)
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
