from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from dataset_makers import image, limits, saved
from PIL import Image

from core.datasets import images
from core.datasets.bounds import Bounds
from core.errors import Problem

BOUNDS = Bounds.of(limits())


def pixels(data: bytes, side: int = 1, channels: int = 3) -> list[Any]:
    raw = np.frombuffer(images.to_array(data, side, channels, BOUNDS), np.uint8)
    rows: list[Any] = raw.reshape(side, side, channels).tolist()
    return rows


def code(data: bytes, **changes: Any) -> str:
    with pytest.raises(Problem) as caught:
        images.check(data, Bounds.of(limits(**changes)))[0]
    return caught.value.code


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bits_are_scaled_and_never_clipped() -> None:
    values = [0, 128, 129, 257, 300, 32896, 65406, 65535]
    rows = b"\0" + struct.pack(">8H", *values)
    data = png(8, 1, depth=16, rows=rows)
    assert images.check(data, BOUNDS)[0][:5] == (8, 1, "I;16", "PNG", True)
    row = Image.open(io.BytesIO(images.thumbnail(data, 0, BOUNDS)))
    assert list(row.tobytes()) == [0, 0, 1, 1, 1, 128, 254, 255]
    for order in ("I;16", "I;16B"):
        tiff = saved(Image.frombytes(order, (1, 1), struct.pack("<H" if order == "I;16" else ">H", 300)), "TIFF")
        assert pixels(tiff, channels=1) == [[[1]]]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_without_an_agreed_white_are_refused(mode: str) -> None:
    assert code(saved(Image.new(mode, (2, 2), 7), "TIFF")) == "image-mode"


def test_transparent_pixels_lie_on_white() -> None:
    assert pixels(saved(Image.new("RGBA", (1, 1), (255, 0, 0, 0)))) == [[[255, 255, 255]]]
    assert pixels(saved(Image.new("RGBA", (1, 1), (0, 0, 0, 128)))) == [[[127, 127, 127]]]
    assert pixels(saved(Image.new("LA", (1, 1), (0, 0))), channels=1) == [[[255]]]
    clear = Image.new("P", (1, 1), 0)
    clear.putpalette([0, 0, 255])
    assert pixels(saved(clear, transparency=0)) == [[[255, 255, 255]]]
    assert pixels(saved(clear)) == [[[0, 0, 255]]]
    assert pixels(saved(Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3))) == [[[255, 255, 255]]]


def test_other_ways_to_write_colour_become_rgb() -> None:
    assert pixels(saved(Image.new("1", (1, 1), 1))) == [[[255, 255, 255]]]
    assert pixels(saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF")) == [[[255, 0, 0]]]
    assert pixels(saved(Image.new("LAB", (1, 1), (255, 128, 128)), "TIFF"))[0][0] == pytest.approx([255] * 3, abs=3)
    inverted = pixels(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100))[0][0]
    assert inverted == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    upright = np.zeros((32, 16, 3), np.uint8)
    upright[:16, :8] = 255  # white where the upper left corner of the upright image is
    undo = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud}
    undo |= {5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1)}
    undo |= {7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: lambda a: np.rot90(a, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    data = saved(picture, kind, exif=exif)
    assert images.check(data, BOUNDS)[0][:2] == (16, 32)
    shown = np.asarray(Image.open(io.BytesIO(images.thumbnail(data, 0, BOUNDS))))
    assert np.abs(shown.astype(int) - upright).mean() < 10


def test_broken_exif_counts_as_none() -> None:
    data = image("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert images.check(data, BOUNDS)[0][:2] == (8, 6)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_counts(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert pixels(data)[0][0] == pytest.approx([255, 0, 0], abs=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_half_a_file_is_rejected(kind: str) -> None:
    whole = image(kind, size=(64, 64))
    assert images.check(whole, BOUNDS)[0].format == kind
    assert code(whole[: len(whole) // 2]) in ("image-truncated", "image-corrupt")
    assert code(whole[:14]) in ("image-truncated", "image-corrupt")


def test_half_a_jpeg_is_called_truncated() -> None:
    whole = image("JPEG", size=(64, 64))
    assert code(whole[: len(whole) // 2]) == "image-truncated"


def test_a_tail_after_a_whole_image_does_no_harm() -> None:
    assert images.check(image("JPEG") + b"<script>alert(1)</script>", BOUNDS)[0].format == "JPEG"


def test_size_is_refused_from_the_header_before_anything_is_decoded() -> None:
    assert code(png(65_535, 65_535)) == "image-too-large"
    assert code(png(1, 1_000_000)) == "image-too-large"
    assert code(png(0, 10)) == "image-corrupt"
    assert code(image(size=(9, 9)), max_pixels=80) == "image-too-large"
    assert code(image(size=(9, 2)), max_side=8) == "image-too-large"
    assert images.check(image(size=(9, 9)), Bounds.of(limits(max_pixels=81, max_side=9)))[0].width == 9


def test_a_text_bomb_inside_a_png_is_refused() -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(4 << 20), 9))
    data = png(1, 1, rows=b"\0\0")
    assert code(data[:33] + bomb + data[33:]) in ("image-corrupt", "image-too-large")


def test_formats_that_are_not_allowed_are_not_even_tried() -> None:
    for kind in ("PPM", "TGA", "ICO", "EPS", "PDF"):
        assert code(saved(Image.new("RGB", (16, 16)), kind)) == "image-format"


def test_grey_is_seen_in_colour_files_too() -> None:
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert images.check(saved(grey), BOUNDS)[0].grey
    assert images.check(saved(grey.convert("RGB")), BOUNDS)[0].grey
    assert images.check(saved(grey.convert("RGB"), "JPEG"), BOUNDS)[0].grey
    spot = grey.convert("RGB")
    spot.putpixel((0, 0), (1, 2, 3))
    assert not images.check(saved(spot), BOUNDS)[0].grey


def test_an_image_that_has_the_size_is_not_resampled() -> None:
    data = image(size=(8, 8))
    assert np.array_equal(np.array(pixels(data, 8)), np.asarray(Image.open(io.BytesIO(data))))


def test_a_square_is_made_by_stretching_with_an_antialiased_filter() -> None:
    stripes = np.zeros((4, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = np.array(pixels(saved(Image.fromarray(stripes)), 4))[:, 1:3]
    assert inner == pytest.approx(np.full((4, 2, 3), 127), abs=4)


def test_a_large_jpeg_decodes_to_nearly_the_same_square_at_reduced_scale() -> None:
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((512, 512), 3)
    fast = np.array(pixels(saved(smooth, "JPEG", quality=95), 32)).astype(int)
    exact = np.array(pixels(saved(smooth), 32)).astype(int)
    assert np.abs(fast - exact).mean() < 2


def test_a_thumbnail_is_never_enlarged_and_keeps_its_shape() -> None:
    def size(data: bytes, most: int) -> tuple[int, int]:
        return Image.open(io.BytesIO(images.thumbnail(data, most, BOUNDS))).size

    assert size(image(size=(100, 50)), 20) == (20, 10)
    assert size(image(size=(10, 5)), 20) == (10, 5)
    assert size(image(size=(100, 50)), 0) == (100, 50)
    assert size(image("JPEG", size=(400, 200)), 20) == (20, 10)
