"""Makes a child import, open and allocate everything that decoding will ever need, while it still may."""

from __future__ import annotations

import hashlib
import io
import zlib

from PIL import Image

from core.datasets import images
from core.datasets.bounds import Bounds
from core.errors import Problem, shown

MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "RGB"),
    "GIF": ("P", "RGB"),
    "TIFF": ("1", "RGB", "CMYK", "LAB", "I;16"),
}
ENCODINGS = ("cp437", "utf-8", "latin-1", "ascii", "utf-8-sig", "utf-16", "utf-32-le", "utf-32-be", "unicode_escape")


def warm(limits: Bounds) -> None:
    """Decode one tiny image of each kind, and broken ones, in each of the ways that a child will be asked for."""
    for kind, modes in MODES.items():
        for mode in modes:
            images.check(_tiny(kind, mode), limits)
        data = _tiny(kind, "RGB")
        images.to_array(data, 2, 3, limits)
        images.thumbnail(data, 2, limits)
        for broken in (data[: len(data) // 2], data[:12], b"no image"):
            try:
                images.check(broken, limits)
            except Problem:
                continue
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        images.check(_tiny("TIFF", "RGB", compression=compression), limits)
    hashlib.sha256(data).hexdigest()
    zlib.decompressobj(-zlib.MAX_WBITS).decompress(zlib.compress(data)[2:-4])
    for encoding in ENCODINGS:
        b"warm".decode(encoding, "backslashreplace")
    shown("\0")


def _tiny(kind: str, mode: str, **options: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (4, 4)).save(file, kind, **options)
    return file.getvalue()
