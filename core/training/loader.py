"""Pixels at rest as one uint8 array, batches of it as normalised floats."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.training.ahead import ahead
from core.training.augment import Draws
from core.training.company import ALONE, Company
from core.training.share import Share

BLOCK = 4096  # images counted at a time for the mean
FAR_BYTES = 256 << 20  # of a memory map that is likely to be read from a disk


@dataclass(frozen=True)
class TrainingData:
    """The audited samples, on which the network learns, and perhaps a test split; rows are in sample order."""

    images: NDArray[np.uint8]  # [samples, height, width, channels]
    labels: NDArray[np.int64]  # [samples]
    classes: tuple[str, ...]
    test_images: NDArray[np.uint8] | None = None
    test_labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def normalisation(images: NDArray[np.uint8]) -> Normalisation:
    """Exact, whatever the order of summation: counts of the 256 values, a block of images at a time."""
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        for channel in range(channels):
            counts[channel] += np.bincount(block[..., channel].ravel(), minlength=256)
    share = counts / counts.sum(1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    std = np.sqrt((share * (values - mean[:, None]) ** 2).sum(1))
    return Normalisation(tuple(mean.tolist()), tuple(np.where(std > 1e-6, std, 1.0).tolist()))


@dataclass(frozen=True)
class Only:
    """What of an epoch a process has to go through: its share; and when others began the epoch, what they left."""

    share: Share | None = None
    rest: Tensor | None = None  # [samples] bool, on the CPU

    def of(self, order: Tensor) -> Tensor:  # [samples] -> [n], on the CPU
        """Those of an order."""
        order = order if self.rest is None else order[self.rest[order]]
        return order if self.share is None else self.share.of(order)

    def cut(self, samples: int, steps: int, first: int) -> list[slice]:
        """Where they are cut into the batches of the steps from `first` on."""
        if self.rest is None:
            return even(samples, steps, first)
        ends = [0]
        for left in range(steps - first, 0, -1):  # cut the same from whatever step on
            ends.append(ends[-1] + (samples - ends[-1]) // left)
        return [slice(*part) for part in pairwise(ends)]


EVERYTHING = Only()


class Loader:
    """Batches of one array; the array lives on the device when it takes at most half of the free memory there."""

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], scale: Normalisation, device: torch.device
    ) -> None:
        with warnings.catch_warnings():  # a read-only memory map is fine: nothing here writes
            warnings.simplefilter("ignore", UserWarning)
            held = torch.from_numpy(images)
        self.device = device
        self.images = held.to(device) if _fits(held, device) else held
        on_disk = isinstance(images, np.memmap) and images.nbytes >= FAR_BYTES
        self.far = on_disk or self.images.device.type != device.type
        self.labels = torch.from_numpy(np.ascontiguousarray(labels)).to(device)
        self.mean = torch.tensor(scale.mean, device=device) * 255
        self.std = torch.tensor(scale.std, device=device) * 255

    def steps(self, batch: int) -> int:
        """Batches of one pass. They are even, so that none is dropped and batch normalisation meets no batch of one."""
        return -(-len(self.labels) // batch)

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, first: int, pad: int, flip: bool, only: Only = EVERYTHING
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:  # index [b], x [b, channels, h, w], y [b]
        """The epoch's batches from step `first` on, augmented; the order depends on (seed, epoch) alone."""
        order = self._order(seed, epoch, only)
        draws = Draws.of(order, seed=seed, epoch=epoch, pad=pad, flip=flip)
        side = (self.images.shape[1], self.images.shape[2])

        def read(part: slice) -> tuple[Tensor, Tensor]:
            index, (rows, columns) = order[part], draws.window(part, side)
            return index, self.images[index[:, None, None], rows[:, :, None], columns[:, None, :]]

        return self._batches(only.cut(len(order), self.steps(batch), first), read)

    def some(self, count: int) -> tuple[Tensor, Tensor]:  # index [n], x [n, channels, h, w]
        """At most `count` samples as they are, evenly spaced."""
        count = min(count, len(self.labels))
        index = torch.linspace(0, len(self.labels) - 1, count, dtype=torch.float64).round().long().to(self.device)
        return index, self.at(index)

    def at(self, index: Tensor) -> Tensor:  # [n] -> [n, channels, h, w]
        """Some samples as they are."""
        return self._floats(self.images[index.to(self.images.device)])

    def in_order(self, batch: int, company: Company = ALONE) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All samples as they are, in fixed batches, of which those in company take turns."""
        order = torch.arange(len(self.labels), device=self.images.device)
        parts = even(len(self.labels), self.steps(batch))[company.rank :: company.size]
        return self._batches(parts, lambda part: (order[part], self.images[part].clone()))

    def _order(self, seed: int, epoch: int, only: Only) -> Tensor:
        generator = torch.Generator().manual_seed((seed << 20) + epoch)
        return only.of(torch.randperm(len(self.labels), generator=generator)).to(self.images.device)

    def _batches(
        self, parts: Sequence[slice], read: Callable[[slice], tuple[Tensor, Tensor]]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Index, normalised images and labels; far images are read while the batch before is used."""
        made = (read(part) for part in parts)
        for index, pixels in ahead(made) if self.far else made:
            index = index.to(self.device, non_blocking=True)
            yield index, self._floats(pixels), self.labels[index]

    def _floats(self, pixels: Tensor) -> Tensor:
        # uint8 [b, h, w, channels] -> float [b, channels, h, w], channels last in memory
        x = (pixels.to(self.device, non_blocking=True).float() - self.mean) / self.std
        return x.permute(0, 3, 1, 2)


class Features(Loader):
    """Batches of what a network at rest made of each image of a loader, in the place of the images."""

    def __init__(self, features: Tensor, of: Loader) -> None:  # float [samples, d]
        self.device, self.labels = of.device, of.labels
        self.images = features.to(self.device) if _fits(features, self.device) else features
        self.far = self.images.device.type != self.device.type

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, first: int, pad: int, flip: bool, only: Only = EVERYTHING
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:  # index [b], x [b, d], y [b]
        """The epoch's batches from step `first` on, in the order of the images; they cannot be augmented any more."""
        order = self._order(seed, epoch, only)
        parts = only.cut(len(order), self.steps(batch), first)
        return self._batches(parts, lambda part: (order[part], self.images[order[part]]))

    def _floats(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.device, non_blocking=True)


def even(samples: int, steps: int, first: int = 0) -> list[slice]:
    """The parts from step `first` on, when so many samples are cut into parts that differ by one at most."""
    ends = [samples * step // steps for step in range(first, steps + 1)]
    return [slice(*part) for part in pairwise(ends)]


def _fits(images: Tensor, device: torch.device) -> bool:
    return device.type != "cuda" or images.nbytes <= torch.cuda.mem_get_info(device)[0] // 2
