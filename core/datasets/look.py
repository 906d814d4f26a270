"""What an image looks like, in a few bytes: enough to find those that look alike, and those that show nothing.

A look is the perceptual hash (the signs of its low frequencies), the picture at 8 × 8, how many bits a pixel tells, and
how far the darkest and the lightest are apart. It is made in the confined child, from the picture at 32 × 32 in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

SIDE, COARSE = 32, 8
BYTES = 8 + COARSE * COARSE + 2
BITS = 16  # entropy is kept in sixteenths of a bit
PIXELS = SIDE * SIDE
Array = np.ndarray[Any, Any]

_WAVES = np.cos(np.pi * np.outer(np.arange(COARSE), np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)  # [8, 32]
_TILES = np.repeat(np.eye(COARSE, dtype=np.float32), SIDE // COARSE, axis=1)
_SHARES = np.arange(1, PIXELS + 1) / PIXELS
_BITS = np.concatenate(([0.0], -_SHARES * np.log2(_SHARES)))  # what so many pixels of one level tell


def look(image: Image.Image) -> bytes:
    """The look of an upright picture in L or RGB."""
    return looks([grey(image)])


def grey(image: Image.Image) -> bytes:
    """What a look is made from: the pixels of an upright picture in L or RGB, at 32 × 32 in grey."""
    if image.mode != "L":
        factor = min(image.size) // (2 * SIDE)  # of a large one, not all pixels need to be turned into grey
        image = (image.reduce(factor) if factor > 1 else image).convert("L")
    if image.size != (SIDE, SIDE):
        image = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return image.tobytes()


def looks(greys: Sequence[bytes]) -> bytes:
    """Their looks, one after the other: of many at once, for a call of NumPy takes as long as its work on one."""
    if not greys:
        return b""
    pixels = np.frombuffer(b"".join(greys), np.uint8).reshape(len(greys), SIDE, SIDE)
    levels = pixels.astype(np.float32)
    waves = (_WAVES @ levels @ _WAVES.T).reshape(len(greys), -1)
    middle = np.sort(waves, axis=1)[:, COARSE * COARSE // 2, None]
    means = (_TILES @ levels @ _TILES.T).reshape(len(greys), -1) / (SIDE // COARSE) ** 2
    parts = (
        np.packbits(waves > middle, axis=1),
        (means + 0.5).astype(np.uint8),
        np.rint(BITS * _entropies(pixels)).astype(np.uint8)[:, None],
        np.ptp(pixels, axis=(1, 2))[:, None],
    )
    return np.concatenate(parts, axis=1).tobytes()


def _entropies(pixels: Array) -> Array:
    """Bits that a pixel tells, of each picture."""
    own = pixels + 256 * np.arange(len(pixels))[:, None, None]
    counts = np.bincount(own.ravel(), minlength=256 * len(pixels)).reshape(-1, 256)
    entropies: Array = _BITS[counts].sum(axis=1)
    return entropies
