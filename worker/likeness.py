"""Who is like whom: the features of the final network, the nearest of every sample, a map, and cohorts of curves."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core import logs
from core.errors import Problem
from core.science import cohorts, layout
from core.science.ledger import CURVES
from core.science.neighbours import Features, Integers, is_exact, nearest, recall
from core.settings import Settings
from core.store import likeness
from core.store.blobs import Blobs
from core.summary import Band, Cohort, Cohorts, Likeness
from core.training.events import Room
from core.training.host import is_out_of_memory
from core.words import VERDICTS
from worker.progress import Voice
from worker.report import Table
from worker.training import free_memory

log = logs.get(__name__)


@dataclass(frozen=True)
class Found:
    """What is told of likeness, and the arrays that become files."""

    about: Likeness
    neighbours: NDArray[Any]  # [samples] of core.store.likeness.ROW
    points: layout.Points  # [samples, 2]


def room(settings: Settings, voice: Voice) -> Room:
    """Where features lie until they are stored. All of it is taken before any work is done, so that the disk cannot be
    full in the middle of it."""
    return lambda samples, width: voice.durably(lambda: _taken(settings, samples, width))


def _taken(settings: Settings, samples: int, width: int) -> Features:
    """A file without a name, which is gone with the process."""
    if not samples:
        return np.zeros((0, width), np.float16)
    need = 2 * samples * width
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with tempfile.TemporaryFile(dir=settings.home) as file:
            os.posix_fallocate(file.fileno(), 0, need)
            return np.memmap(file, np.float16, "r+", shape=(samples, width))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Problem("disk-full", f"Features need {need} bytes; free some.", retryable=True) from error


def find(features: Features, table: Table, device: torch.device, alive: Callable[[], object]) -> Found:
    """The nearest of every sample: of all, with its given label, and with its suggested one; and the map of them.

    What does not fit a device beside all that is there is done on the processor.
    """
    try:
        return _found(features, table, device, alive)
    except RuntimeError as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
    free_memory()
    return _found(features, table, torch.device("cpu"), alive)


def _found(features: Features, table: Table, device: torch.device, alive: Callable[[], object]) -> Found:
    samples, width = features.shape
    everybody = np.arange(samples)
    near = nearest(features, everybody, everybody, likeness.OF_ALL, device, alive)
    exact = is_exact(samples, samples, width, device)
    shown = 1.0 if exact else recall(features, near, device, alive)
    about = Likeness(samples=samples, width=width, exact=exact, recall=shown)
    rows = np.empty(samples, likeness.ROW)
    for name in likeness.ROW.names or ():
        rows[name] = (likeness.NOBODY, np.nan)

    def keep(name: str, asked: Integers, which: Integers, distance: NDArray[np.float16]) -> None:
        rows[name]["sample"][asked] = np.where(which < 0, likeness.NOBODY, table.sample[which])
        rows[name]["distance"][asked] = distance

    keep("nearest", everybody, near.which, near.distance)
    wanted = {"with_given": table.given, "with_suggested": table.verdict.suggested}
    for name, labels in wanted.items():
        for label, asked in _members(labels):
            among = np.flatnonzero(table.given == label)
            found = nearest(features, asked, among, likeness.OF_A_LABEL, device, alive)
            keep(name, asked, found.which, found.distance)
    return Found(about, rows, layout.laid_out(features, near, device, alive))


def _members(labels: Integers) -> Iterator[tuple[int, Integers]]:
    """Every label that somebody has, and who, rising."""
    order = np.argsort(labels, kind="stable")
    found, starts = np.unique(labels[order], return_index=True)
    for label, members in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        if label >= 0:
            yield label, members


def files(found: Found, features: Features, table: Table) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files of likeness; the points of the map stand in rank order."""
    yield likeness.EMBEDDINGS, likeness.npy(features)
    yield likeness.NEIGHBOURS, likeness.npy(found.neighbours)
    order = table.order
    columns: dict[str, NDArray[Any]] = {"sample": table.sample, "given": table.given, "verdict": table.verdict.verdict}
    columns |= {"x": found.points[:, 0], "y": found.points[:, 1]}
    yield likeness.MAP, likeness.points({name: values[order] for name, values in columns.items()})


def cohorts_of(blobs: Blobs, keys: list[str], table: Table, decoys: Integers, alive: Callable[[], object]) -> Cohorts:
    """The bands of clean, hard and planted wrong labels, read from the curves of every epoch."""
    samples = len(table.sample)
    own = np.ones(samples, np.bool_)
    own[decoys] = False  # their given labels were never taught
    told: dict[str, Integers] = {
        word: np.flatnonzero(own & (table.verdict.verdict == VERDICTS.index(word))) for word in ("clean", "hard")
    }
    told["wrong"] = samples + np.arange(len(decoys))
    looked_at = {name: cohorts.chosen(members) for name, members in told.items()}
    shown: dict[str, list[NDArray[np.float64] | None]] = {name: [] for name in told}
    for key in keys:
        points = _points(blobs, key)
        for name, members in looked_at.items():
            shown[name].append(None if points is None else cohorts.bands(points[members]))
        alive()

    def cohort(name: str) -> Cohort:
        columns: list[list[Band]] = [
            [None if band is None else band[k].round(4).tolist() for band in shown[name]] for k in range(len(CURVES))
        ]
        return Cohort(samples=len(told[name]), **dict(zip(CURVES, columns, strict=True)))

    return Cohorts(
        epochs=len(keys),
        levels=list(cohorts.LEVELS),
        clean=cohort("clean"),
        hard=cohort("hard"),
        wrong=cohort("wrong"),
    )


def _points(blobs: Blobs, key: str) -> cohorts.Points | None:
    """What an epoch showed; a blob that somebody removed is no reason to lose a training."""
    try:
        content = blobs.get(key)
    except Problem as problem:
        log.warning("the curves of an epoch are gone", code=problem.code)
        return None
    return np.frombuffer(content, np.float16).reshape(-1, len(CURVES))
