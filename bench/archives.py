"""Archives of made-up photographs: gradients, coarse and fine noise, at the bytes that real ones of that size have."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 88
CLASSES = 10


def photographs(side: int, count: int, seed: int = 0) -> list[bytes]:
    """JPEGs, about 1 kB at 32 pixels and 30 kB at 300."""
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    made = []
    for _ in range(count):
        slope, cells = random.normal(0, 70, (3, 2)), random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        coarse = np.asarray(Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC), np.float64)
        gradient = across[..., None] * slope[:, 0] + down[..., None] * slope[:, 1]
        pixels = 0.6 * coarse + gradient + 40 + random.normal(0, 9, (side, side, 1))
        file = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
        made.append(file.getvalue())
    return made


def specks(count: int, seed: int = 0) -> list[bytes]:
    """PNGs of eight pixels a side, some 250 bytes each."""
    made = []
    for pixels in np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        made.append(file.getvalue())
    return made


def archive(path: Path, images: list[bytes], count: int) -> Path:
    """A zip (stored) or a tar, as its name says, of so many members in class folders; the images come round again."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in _members(images, count):
                packed.writestr(zipfile.ZipInfo(name), data)
        return path
    with path.open("wb") as file:  # a TarFile would keep every member in memory
        for name, data in _members(images, count):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE))
        file.write(bytes(2 * tarfile.BLOCKSIZE))
    return path


def _members(images: list[bytes], count: int) -> Iterator[tuple[str, bytes]]:
    for n in range(count):
        data = images[n % len(images)]
        ending = "png" if data.startswith(b"\x89PNG") else "jpg"
        yield f"set/train/class-{n % CLASSES}/{n:08d}.{ending}", data
