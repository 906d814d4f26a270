"""A file of labelled images as arrays: a Parquet file as Hugging Face writes it, or a zip of class folders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from core.datasets.bounds import Bounds
from core.datasets.pixels import decode
from core.datasets.readers.imagefolder import Shared, ends_like_image, left_out, place
from core.spec import DatasetFacts, Limits

DECODERS = 2
LOOKED_AT = 500  # images that tell the size and whether there is colour

Pixels = NDArray[np.uint8]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Encoded images with their classes, in file order."""

    name: str
    encoded: list[bytes]
    labels: Integers  # [samples]
    classes: tuple[str, ...]

    @cached_property
    def shape(self) -> tuple[int, bool]:
        """The median of the longer sides, and whether all are grey."""
        sides, grey = [], True
        for k in np.linspace(0, len(self.encoded) - 1, min(LOOKED_AT, len(self.encoded))).astype(int):
            with Image.open(io.BytesIO(self.encoded[k])) as image:
                sides.append(max(image.size))
                grey = grey and (image.mode in ("1", "L") or _colourless(image))
        return int(np.sort(sides)[(len(sides) - 1) // 2]), grey

    def facts(self, samples: int) -> DatasetFacts:
        """What a plan has to know when this many of them are audited."""
        side, grey = self.shape
        return DatasetFacts(samples={"train": samples}, classes=len(self.classes), median_side=side, grey=grey)

    def arrays(self, side: int, channels: int) -> Pixels:  # [samples, side, side, channels]
        """All images decoded as an audit decodes them, kept beside the temporary files, mapped into memory."""
        digest = hashlib.sha256(f"{PIL.__version__} {side} {channels}".encode())
        for data in self.encoded:
            digest.update(hashlib.sha256(data).digest())
        folder = Path(tempfile.gettempdir()) / f"labelaudit-bench-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{digest.hexdigest()[:32]}.npy"
        if not file.exists():
            part = file.with_suffix(f".{os.getpid()}.part")
            shape = (len(self.encoded), side, side, channels)
            into = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
            for k, image in enumerate(decode(self.encoded, side, channels, Limits(), DECODERS)):
                into[k] = image
            into.flush()
            part.rename(file)
        array: Pixels = np.load(file, mmap_mode="r")
        return array


def read(file: Path) -> Pictures:
    """The images of a file."""
    return _zip(file) if zipfile.is_zipfile(file) else _parquet(file)


def subset(labels: Integers, samples: int | None, half: str, seed: int) -> Integers:  # [samples] -> rising indices
    """Of each class its first or second half in file order, or all; of that, by lot, a share alike for each class."""
    generator = np.random.default_rng(seed)
    pools = []
    for label in np.unique(labels):
        pool = np.flatnonzero(labels == label)
        middle = len(pool) // 2
        pools.append({"all": pool, "first": pool[:middle], "second": pool[middle:]}[half])
    available = sum(map(len, pools))
    wanted = available if samples is None else min(samples, available)
    ends = np.cumsum([len(pool) for pool in pools]) * wanted // available  # so that the shares add up
    takes = np.diff(ends, prepend=0)
    drawn = [generator.choice(pool, size=take, replace=False) for pool, take in zip(pools, takes, strict=True)]
    return np.sort(np.concatenate(drawn))


def _parquet(file: Path) -> Pictures:
    table = pq.read_table(file)
    image = next(name for name in ("image", "img") if name in table.column_names)
    labels = table["label"].to_numpy().astype(np.int64)
    encoded = [row["bytes"] for row in table[image].to_pylist()]
    info = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    names = info.get("info", {}).get("features", {}).get("label", {}).get("names")
    return Pictures(file.name, encoded, labels, tuple(names or map(str, range(int(labels.max()) + 1))))


def _zip(file: Path) -> Pictures:
    bounds = Bounds.of(Limits())
    with zipfile.ZipFile(file) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        names = [name for name, size in sizes.items() if ends_like_image(name) and left_out(name, size, bounds) is None]
        above = Shared()
        for name in names:
            above.add(name)
        places = {name: place(name, above.strip) for name in names}
        if any(at.split == "train" for at in places.values()):
            names = [name for name in names if places[name].split == "train"]
        classes = sorted({places[name].label or "" for name in names})
        number = {label: k for k, label in enumerate(classes)}
        labels = np.array([number[places[name].label or ""] for name in names], dtype=np.int64)
        return Pictures(file.name, [archive.read(name) for name in names], labels, tuple(classes))


def _colourless(image: Image.Image) -> bool:
    pixels = np.asarray(image.convert("RGB"))
    return bool((pixels == pixels[..., :1]).all())
