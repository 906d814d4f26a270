"""The samples of an audit, read and decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.datasets import manifest
from core.datasets.arrays import Cache
from core.settings import Settings
from core.spec import Plan
from core.store import datasets
from core.store.blobs import Blobs
from core.store.tables import Dataset
from core.training.loader import TrainingData

PREPARED = 5.0  # percent of an audit's way


def listed(blobs: Blobs, dataset: Dataset) -> pa.Table:
    """All samples of a dataset, a row each."""
    return pa.Table.from_batches(manifest.samples(blobs.get(datasets.manifest_of(dataset))))


def prepare(
    settings: Settings, blobs: Blobs, dataset: Dataset, listed: pa.Table, plan: Plan, tick: Callable[..., object]
) -> tuple[TrainingData, NDArray[np.int64]]:
    """The audited samples as arrays, with their numbers, and the split that the accuracy is measured on."""
    number = {name: k for k, name in enumerate(dataset.classes or [])}
    labels = np.array([number[name] for name in listed["label"].to_pylist()], dtype=np.int64)
    splits = np.array([split or "" for split in listed["split"].to_pylist()])
    cache = Cache(settings.home / "cache", settings.cache_bytes)

    def arrays(chosen: NDArray[np.int64], share: float) -> Any:
        wanted = listed.take(pa.array(chosen))
        building = cache.open(
            wanted,
            plan.resolution,
            plan.channels,
            lambda shard, offset, length: blobs.read(f"{datasets.folder_of(dataset)}/{shard}", offset, length),
            settings.limits,
        )
        while True:
            try:
                done = next(building)
            except StopIteration as end:
                return end.value
            tick(percent=round(share * PREPARED * done / len(chosen), 2))

    audited = np.flatnonzero(np.isin(splits, plan.splits))
    test = np.flatnonzero(splits == plan.accuracy_split) if plan.accuracy_split else None
    return (
        TrainingData(
            images=arrays(audited, 1.0),
            labels=labels[audited],
            classes=tuple(dataset.classes or ()),
            test_images=None if test is None else arrays(test, 1.0),
            test_labels=None if test is None else labels[test],
        ),
        audited,
    )
