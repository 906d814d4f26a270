"""One image of every allowed format, mode and compression, made with Pillow alone."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

FORMATS: dict[str, tuple[tuple[str, dict[str, object]], ...]] = {
    "JPEG": (("L", {}), ("RGB", {}), ("RGB", {"progressive": True}), ("CMYK", {}), ("RGB", {"quality": 100})),
    "PNG": (("1", {}), ("L", {}), ("LA", {}), ("P", {}), ("RGB", {}), ("RGBA", {}), ("I;16", {}), ("P", {"bits": 4})),
    "WEBP": (("RGB", {}), ("RGBA", {}), ("RGB", {"lossless": True}), ("RGBA", {"method": 6})),
    "BMP": (("1", {}), ("L", {}), ("P", {}), ("RGB", {}), ("RGBA", {})),
    "GIF": (("1", {}), ("L", {}), ("P", {}), ("RGB", {"interlace": 1})),
    "TIFF": (
        *((mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16B")),
        *(
            ("RGB", {"compression": way})
            for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd", "webp", "tiff_sgilog24")
        ),
        *(("1", {"compression": way}) for way in ("group3", "group4", "tiff_ccitt")),
    ),
}


def pictures(kind: str) -> Iterator[tuple[str, bytes]]:
    """A name and the bytes of each image of one format that this Pillow can write."""
    for mode, options in FORMATS[kind]:
        file = io.BytesIO()
        try:
            Image.new(mode, (64, 48)).save(file, kind, **options)
        except (OSError, ValueError):
            continue
        yield f"{mode} {options}", file.getvalue()


def mpo() -> bytes:
    """What phones write: a JPEG with a second picture behind it."""
    file = io.BytesIO()
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(file, "MPO", save_all=True, append_images=[second])
    return file.getvalue()
