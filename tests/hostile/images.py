"""Images that were cut, lie about their size, explode, or are none (T17 to T23)."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

from tests.hostile.case import CAT, GOOD, Case, Ready, harmless, image, member, ready, rejected, zip_of

NOISE = {kind: image(kind, size=(64, 64)) for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")}
LETTER = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02a\0\0\0\0\0\0\0"  # which way up: "a"
SCRIPT = b"<script>alert(1)</script>"


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, rows: bytes = b"\0\0") -> bytes:
    """A grey PNG that says it is so large, with more chunks before its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    )


def patched(kind: str, at: int, form: str, *values: int) -> bytes:
    """An image whose header says another size."""
    data = bytearray(NOISE[kind])
    struct.pack_into(form, data, at, *values)
    return bytes(data)


def jpeg_of(side: int) -> bytes:
    data = NOISE["JPEG"]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def tiff_of(side: int) -> bytes:
    """A TIFF of one strip that says it is so large."""
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (277, 3, 1),
               (278, 4, side), (279, 4, 100)]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in entries)
    return (b"II*\0" + struct.pack("<I", 8) + body).ljust(400, b"\0")


def spoiled(kind: str) -> bytes:
    """An image with other bytes where its pixels are."""
    data = bytearray(NOISE[kind])
    start = {"PNG": 60, "WEBP": 16, "GIF": len(data) // 2, "JPEG": 2}[kind]
    data[start : start + 40] = b"\xff" * 40
    return bytes(data)


def frames(kind: str, count: int) -> bytes:
    """An animation."""
    pictures = [Image.new("P" if kind == "GIF" else "RGB", (2, 2), n % 256) for n in range(count)]
    return saved(pictures[0], kind, save_all=True, append_images=pictures[1:])


def black(side: int) -> bytes:
    return png(side, side, rows=bytes((side + 1) * side))


def text_bomb(kind: bytes) -> bytes:
    return png(1, 1, chunk(kind, (b"k\0\0" if kind != b"iTXt" else b"k\0\1\0\0\0") + zlib.compress(bytes(64 << 20), 9)))


def polyglot() -> bytes:
    """A GIF whose comment is a web page."""
    whole = saved(Image.new("P", (2, 2)), "GIF", comment=b"<html>" + SCRIPT + b"</html>")
    assert b"<html>" in whole
    return whole


BROKEN = [
    *(member("T17", f"half a {kind}", code, f"cat/half.{kind.lower()}", NOISE[kind][: len(NOISE[kind]) // 2])
      for kind, code in (("JPEG", "image-truncated"), ("PNG", "image-truncated"), ("WEBP", "image-corrupt"),
                         ("BMP", "image-truncated"), ("TIFF", "image-truncated"), ("GIF", "image-truncated"))),
    *(member("T17", f"a {kind} with other bytes", code, f"cat/bad.{kind.lower()}", lambda kind=kind: spoiled(kind))
      for kind, code in (("PNG", "image-corrupt"), ("WEBP", "image-corrupt"), ("JPEG", "image-corrupt"))),
    *(member("T17", f"the first bytes of a {kind}", code, f"cat/head.{kind.lower()}", NOISE[kind][:14])
      for kind, code in (("JPEG", "image-truncated"), ("PNG", "image-corrupt"), ("WEBP", "image-corrupt"),
                         ("BMP", "image-corrupt"), ("TIFF", "image-corrupt"), ("GIF", "image-corrupt"))),
    member("T17", "no bytes called an image", "image-format", "cat/empty.png", b""),
]  # fmt: skip

LARGE = [
    member("T19", "a PNG that says 65535 by 65535", "image-too-large", "cat/1.png", png(65_535, 65_535)),
    member("T19", "a PNG that says 1 by a million", "image-too-large", "cat/1.png", png(1, 1_000_000)),
    member("T19", "a PNG of no width", "image-corrupt", "cat/1.png", png(0, 10)),
    member("T19", "a black PNG of 9400 by 9400", "image-too-large", "cat/1.png", lambda: black(9400)),
    member("T19", "a PNG that needs more memory than there is", "image-too-large", "cat/1.png",
           lambda: saved(Image.new("RGB", (6000, 6000))), sandbox_memory_bytes=40 << 20),
    member("T19", "a JPEG that says 8000 by 8000", "image-too-large", "cat/1.jpg", jpeg_of(8000), sandbox_memory_bytes=1 << 30),
    member("T19", "a GIF that says 8000 by 8000", "image-too-large", "cat/1.gif", patched("GIF", 6, "<HH", 8000, 8000), sandbox_memory_bytes=1 << 30),
    member("T19", "a BMP that says 8000 by 8000", "image-too-large", "cat/1.bmp", patched("BMP", 18, "<ii", 8000, 8000), sandbox_memory_bytes=1 << 30),
    member("T19", "a TIFF that says 8000 by 8000", "image-too-large", "cat/1.tif", tiff_of(8000), sandbox_memory_bytes=1 << 30),
    member("T19", "compressed text in a PNG that explodes", "image-corrupt", "cat/1.png", lambda: text_bomb(b"zTXt")),
    member("T19", "international text in a PNG that explodes", "image-corrupt", "cat/1.png", lambda: text_bomb(b"iTXt")),
    member("T19", "a colour profile in a PNG that explodes", "image-corrupt", "cat/1.png", lambda: text_bomb(b"iCCP")),
    harmless("T19", "a GIF of two thousand frames", "cat/1.gif", lambda: frames("GIF", 2000)),
    harmless("T19", "a WebP of three hundred frames", "cat/1.webp", lambda: frames("WEBP", 300)),
    harmless("T19", "a PNG of three hundred frames", "cat/1.png", lambda: frames("PNG", 300)),
    member("T19", "a file larger than an image may be", "member-too-large", "cat/1.png", CAT + bytes(9000), max_member_bytes=9000),
]  # fmt: skip

OTHER = [
    *(member("T20", name, "image-format", f"cat/1.{ending}", data) for name, ending, data in (
        ("an SVG", "svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a web page called an image", "png", b"<!DOCTYPE html>" + SCRIPT),
        ("a PDF called an image", "jpg", b"%PDF-1.7"),
        ("a program called an image", "png", b"#!/bin/sh\ntrue\n"),
        ("a pickle called an image", "png", b"\x80\x04\x95."),
    )),
    *(member("T20", f"an image in {kind}", "image-format", f"cat/1.{kind.lower()}",
             lambda kind=kind: saved(Image.new("RGB", (16, 16)), kind)) for kind in ("EPS", "ICO", "PPM", "TGA", "PCX")),
    member("T20", "a font of PostScript that wants a program", "image-format", "cat/1.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    harmless("T20", "a JPEG with a script behind it", "cat/1.jpg", NOISE["JPEG"] + SCRIPT),
    harmless("T20", "a GIF that is a web page too", "cat/1.gif", polyglot),
    harmless("T20", "a PNG with a zip behind it", "cat/1.png", lambda: CAT + zip_of(GOOD)),
    harmless("T20", "a JPEG that is called PNG", "cat/1.png", NOISE["JPEG"]),
    member("T22", "a picture of floats", "image-mode", "cat/1.tif", lambda: saved(Image.new("F", (2, 2), 0.5), "TIFF")),
    member("T22", "a picture of 32 bits", "image-mode", "cat/1.tif", lambda: saved(Image.new("I", (2, 2), 7), "TIFF")),
    harmless("T22", "a PNG of 16 bits", "cat/1.png", lambda: saved(Image.new("I;16", (2, 2), 300))),
    harmless("T22", "a JPEG in CMYK", "cat/1.jpg", lambda: saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")),
    harmless("T22", "grey with alpha", "cat/1.png", lambda: saved(Image.new("LA", (2, 2), (7, 0)))),
    harmless("T22", "a broken EXIF block", "cat/1.jpg", lambda: image("JPEG", exif=LETTER)),
    ready("T23", "all images are one image", lambda: zip_of({f"{name}/{n}.png": CAT for name in ("cat", "dog") for n in range(9)}), Ready(accepted=18)),
    ready("T23", "one pixel each and of one colour",
          lambda: zip_of({f"{name}/{n}.png": saved(Image.new("RGB", (1, 1))) for name in ("cat", "dog") for n in range(6)}), Ready(accepted=12)),
    rejected("T17", "more bad images than may be left out", "too-many-rejects",
             lambda: zip_of({**GOOD, "cat/1.png": b"no image"}), max_reject_fraction=0.05),
    rejected("T25", "no image at all", "empty-dataset", lambda: zip_of({"README.md": b"words", "cat/": b""})),
]  # fmt: skip

CASES: list[Case] = [*BROKEN, *LARGE, *OTHER]
