"""CIFAR-10 from Parquet parts to arrays that several processes read at once.

The images are decoded here, without the sandbox of the service: the files are our own, and a lent machine may forbid
what the sandbox does.
"""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.gpu_cells import Scale
from bench.images import Pictures, read
from core.training.loader import TrainingData

CLASSES = 10
LOSSY = {"JPEG"}


@dataclass(frozen=True)
class Stored:
    """Decoded images with their true labels, in two files; cheap to hand to a process."""

    images: Path
    labels: Path
    samples: int
    side: int
    format: str

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The images mapped into memory, and the labels."""
        return np.load(self.images, mmap_mode="r"), np.load(self.labels)


@dataclass(frozen=True)
class Given:
    """What the trainings learn from and are measured on."""

    train: Stored
    test: Stored

    def data(self) -> TrainingData:
        """Both, with the true labels."""
        images, labels = self.train.load()
        return TrainingData(images, labels, tuple("0123456789"), *self.test.load())


def missing(train: list[Path], test: list[Path]) -> str | None:
    """Why there is nothing to train on yet."""
    if not train or not test:
        return "--data and --test, Parquet parts of CIFAR-10"
    absent = [str(part) for part in (*train, *test) if not part.exists()]
    return ", ".join(absent) or None


def given(train: list[Path], test: list[Path], scale: Scale, work: Path) -> Given:
    """The parts of both sets, concatenated and decoded."""
    return Given(_stored(train, scale.samples, work), _stored(test, scale.test_samples, work))


def _stored(parts: list[Path], wanted: int | None, work: Path) -> Stored:
    pictures = [read(part) for part in parts]
    encoded = [data for part in pictures for data in part.encoded]
    labels = np.concatenate([part.labels for part in pictures])
    _refuse(pictures, labels, wanted)
    with Image.open(io.BytesIO(encoded[0])) as image:
        side, kind = image.width, image.format or "unknown"
    digest = hashlib.sha256(labels.tobytes())
    for data in encoded:
        digest.update(data)
    images, to = (work / f"{digest.hexdigest()[:24]}-{what}.npy" for what in ("images", "labels"))
    if not images.exists() or not to.exists():
        work.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool:
            _save(to, labels)
            _save(images, np.stack(list(pool.map(lambda data: _pixels(data, side), encoded))))
    return Stored(images, to, len(labels), side, kind)


def _refuse(pictures: list[Pictures], labels: NDArray[np.int64], wanted: int | None) -> None:
    names = "+".join(part.name for part in pictures)
    if wanted is not None and len(labels) != wanted:
        raise SystemExit(f"{names}: there are {len(labels):,} images, not {wanted:,}; give all parts of the set.")
    if int(labels.max()) >= CLASSES:
        raise SystemExit(f"{names}: there are more than {CLASSES} classes, so this is not CIFAR-10.")


def _pixels(data: bytes, side: int) -> NDArray[np.uint8]:  # [side, side, 3]
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    if pixels.shape != (side, side, 3):
        raise SystemExit(f"An image has {pixels.shape[1]} × {pixels.shape[0]} pixels, the first {side} × {side}.")
    return pixels


def _save(file: Path, array: NDArray[np.generic]) -> None:
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as into:
        np.save(into, array)
    part.replace(file)
