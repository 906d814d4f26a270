"""The written rules of decoding. Used only inside the confined child programs.

- The bytes decide what a file is, never its name: JPEG, PNG, WebP, BMP, TIFF or GIF, nothing else.
- The size is read from the header and refused before a pixel is decoded; then every pixel is decoded.
- Of an animation the first frame counts. EXIF orientation is applied; a broken EXIF block counts as none.
- Sixteen bits become eight by division by 257 (grey) or by the high byte (colour, as Pillow reads it), never by
  clipping. Integers of 32 bits and floats have no agreed white, so they are refused.
- Transparent pixels lie on white. Colour profiles are ignored, as training frameworks ignore them.
- A square is made by stretching both sides with an antialiased bilinear filter; an image that has the size already
  is not resampled.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import NamedTuple

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.datasets.bounds import Bounds
from core.errors import Problem

# Asked themselves and not by `Image.open`, which looks for them anew for each image.
OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
SUPPORTED = "JPEG, PNG, WebP, BMP, TIFF or GIF"
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = ("1", "L", *SIXTEEN_BITS)
TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
COLOUR = ("P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
TOLD_BY = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where else than in TIFF's tags it may stand

ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.simplefilter("ignore")
warnings.simplefilter("error", Image.DecompressionBombWarning)


class ImageFacts(NamedTuple):
    """What an image is; width and height as it is shown, upright."""

    width: int
    height: int
    mode: str
    format: str
    grey: bool


def check(data: bytes, limits: Bounds) -> tuple[ImageFacts, Image.Image]:
    """Decode the whole image once; raise the problem that it has. The picture is upright, in L or RGB."""
    image, kind, mode = _decode(data, limits)
    try:
        grey = mode in GREY or _is_grey(image)
    except MemoryError as error:
        raise too_much_memory() from error
    return ImageFacts(image.width, image.height, mode, kind, grey), image


def to_array(data: bytes, side: int, channels: int, limits: Bounds) -> bytes:
    """The image as uint8 [side, side, channels], row by row; one channel is luminance (ITU-R 601)."""
    image, _, _ = _decode(data, limits, draft=side)
    try:
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BILINEAR)
        return image.tobytes()
    except MemoryError as error:
        raise too_much_memory() from error


def thumbnail(data: bytes, size: int, limits: Bounds) -> bytes:
    """A PNG of the image whose longest side is at most `size`; 0 keeps the size. Nothing is ever enlarged."""
    image, _, _ = _decode(data, limits, draft=size)
    try:
        if 0 < size < max(image.size):
            image.thumbnail((size, size), Image.Resampling.BICUBIC)
        png = io.BytesIO()
        image.copy().save(png, "PNG", compress_level=3)  # an image that was opened asks where we are when saved
    except MemoryError as error:
        raise too_much_memory() from error
    return png.getvalue()


def kind_of(data: bytes) -> str | None:
    """The format by the first bytes, or None when it is not one of ours."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    return "BMP" if data[:2] == b"BM" else None


def _decode(data: bytes, limits: Bounds, draft: int = 0) -> tuple[Image.Image, str, str]:
    """The image upright in L or RGB, its format, and the mode that it had.

    `draft` lets a JPEG be decoded at a half, a quarter or an eighth when that still leaves twice the size asked for.
    """
    kind = kind_of(data)
    if kind is None:
        raise Problem("image-format", f"This is not an image that we read: it must be {SUPPORTED}.")
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    try:
        with OPENERS[kind](io.BytesIO(data)) as image:
            _check_size(image.width, image.height, limits)
            mode = image.mode
            if draft and mode in ("L", "RGB"):
                image.draft(None, (2 * draft, 2 * draft))
            image.load()
            return _upright(_eight_bits(image), _orientation(image)), kind, mode
    except Problem:
        raise
    except MemoryError as error:
        raise too_much_memory() from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Problem("image-too-large", f"The image has more than {limits.max_pixels} pixels.") from error
    except Exception as error:  # decoders raise whatever a broken file makes them stumble on
        if "truncated" in str(error).lower():
            raise Problem("image-truncated", f"The {kind} file ends too early; upload it again, complete.") from error
        raise Problem("image-corrupt", f"The {kind} file is damaged and cannot be decoded.") from error


def _check_size(width: int, height: int, limits: Bounds) -> None:
    if width < 1 or height < 1:
        raise Problem("image-corrupt", f"The image says that it is {width} x {height} pixels.")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise Problem(
            "image-too-large",
            f"The image is {width} x {height} pixels; at most {limits.max_side} a side and {limits.max_pixels} "
            "in all are read. Make it smaller.",
        )


def _eight_bits(image: Image.Image) -> Image.Image:
    """One of the two modes that everything later knows: L or RGB."""
    mode = image.mode
    if mode in SIXTEEN_BITS:
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if mode in TRANSPARENT or (mode in ("1", "L", "P", "RGB") and "transparency" in image.info):
        clear = image if mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, clear).convert("RGB")
        return flat.getchannel(0) if mode in ("1", "L", "LA", "La") else flat
    if mode in GREY:
        return image if mode == "L" else image.convert("L")
    if mode in COLOUR:
        return image if mode == "RGB" else image.convert("RGB")
    raise Problem("image-mode", f"Pixels of the kind {mode} have no agreed white; save the image with 8 or 16 bits.")


def _orientation(image: Image.Image) -> int:
    if not (TOLD_BY & image.info.keys() or hasattr(image, "tag_v2")):
        return 1  # asking takes as long as a tenth of decoding a small image
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, EOFError, struct.error):
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _is_grey(image: Image.Image) -> bool:
    """Whether a colour image has no colour: one pixel answers for nearly all that have."""
    if image.mode == "L":
        return True
    middle = image.getpixel((image.width // 2, image.height // 2))
    if isinstance(middle, tuple) and len(set(middle)) > 1:
        return False
    red, green, blue = image.split()
    return all(ImageChops.difference(red, other).getbbox() is None for other in (green, blue))


def too_much_memory() -> Problem:
    return Problem("image-too-large", "Decoding the image needs more memory than one image may have. Make it smaller.")
