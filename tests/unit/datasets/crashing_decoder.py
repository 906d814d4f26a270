"""The real decoder, but it crashes on purple images and never returns from black ones."""

from __future__ import annotations

import ctypes

from PIL import Image

from core.datasets import decoder, images

_real = images._eight_bits


def _crash(image: Image.Image) -> Image.Image:
    corner = image.convert("RGB").getpixel((0, 0))
    if image.size == (7, 7) and corner == (255, 0, 255):
        ctypes.string_at(0)
    while image.size == (7, 7) and corner == (0, 0, 0):
        pass
    return _real(image)


images._eight_bits = _crash

if __name__ == "__main__":
    decoder.main()
