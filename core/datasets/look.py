"""What an image looks like, in a few bytes: enough to find those that look alike, and those that show nothing.

A look is the perceptual hash (the signs of its low frequencies), the picture at 8 × 8, how many bits a pixel tells, and
how far the darkest and the lightest are apart. It is made in the confined child, from the picture at 32 × 32 in grey.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE, COARSE = 32, 8
BYTES = 8 + COARSE * COARSE + 2
BITS = 16  # entropy is kept in sixteenths of a bit

_WAVES = np.cos(np.pi * np.outer(np.arange(COARSE), np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)  # [8, 32]


def look(image: Image.Image) -> bytes:
    """The look of an upright picture in L or RGB."""
    if image.mode != "L":
        factor = min(image.size) // (2 * SIDE)  # of a large one, not all pixels need to be turned into grey
        image = (image.reduce(factor) if factor > 1 else image).convert("L")
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    grey = np.frombuffer(small.tobytes(), np.uint8).reshape(SIDE, SIDE).astype(np.float32)
    waves = (_WAVES @ grey @ _WAVES.T).ravel()
    signs = np.packbits(waves > np.sort(waves)[waves.size // 2])
    darkest, lightest = small.getextrema()
    assert isinstance(darkest, int) and isinstance(lightest, int)  # one band
    return (
        signs.tobytes()
        + small.reduce(SIDE // COARSE).tobytes()
        + bytes((round(BITS * small.entropy()), lightest - darkest))
    )
