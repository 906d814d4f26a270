"""Audits of any number of samples, written the way ingest and a worker write them, without the time these take.

There are few pictures, and many samples of each: the page does not know, and a million samples need no gigabytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from core.store import datasets, jobs, scores, uploads
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.likeliest import packed
from core.summary import (
    ConflictCounts,
    CutMade,
    DecoyCheck,
    Expected,
    Moves,
    NoiseRate,
    OfClass,
    Summary,
    TrainedModel,
)
from core.words import VERDICTS

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen")
PICTURES = 64
SIDE = 48
LEASE_S = 3600.0
FLAGGED = 0.08


class Seeded(NamedTuple):
    """The ids of what was made."""

    dataset: str
    audit: str


class Picture(NamedTuple):
    """Where a picture lies in the one shard."""

    offset: int
    length: int
    sha256: bytes


def seed(db: Database, blobs: Blobs, samples: int, classes: Sequence[str] = CLASSES, name: str = "seeded") -> Seeded:
    """A dataset that is ready and an audit that is done."""
    with db.write() as session:
        upload = uploads.begin(session)
        dataset, ingest = datasets.create(
            session, upload, name=name, format="zip", size=0, sha256="0" * 64, request_id="seeded"
        )
        claim = jobs.claim(session, ingest.id, "seeder", LEASE_S)
    assert claim is not None
    pictures, shard = draw()
    blobs.put(f"datasets/{dataset.id}/shards/00000.tar", shard)
    sizes = [len(range(k, samples, len(classes))) for k in range(len(classes))]
    found = {
        "layout": "folders",
        "classes": list(classes),
        "counts": {"seen": samples, "accepted": samples, "rejected": 0, "ignored": 0},
        "facts": {"samples": {"train": samples}, "classes": len(classes), "median_side": SIDE, "grey": False},
        "class_counts": sizes,
        "found": {},
        "warnings": [],
    }
    with db.write() as session:
        datasets.store(session, dataset.pk, found, _samples(dataset.pk, samples, classes, pictures), [])
        jobs.finish(session, claim, {})
    with db.write() as session:
        audit = jobs.submit(session, "audit", dataset.pk, {})
        claim = jobs.claim(session, audit.id, "seeder", LEASE_S)
        assert claim is not None
        scores.load(session, _scores(audit.pk, samples, len(classes)))
        jobs.finish(session, claim, {"summary": _summary(samples, classes, sizes), "files": {}})
    return Seeded(dataset.id, audit.id)


def draw() -> tuple[list[Picture], bytes]:
    """Pictures that can be told apart, and a shard of them."""
    dice = np.random.default_rng(0)
    pictures, shard = [], b""
    for _ in range(PICTURES):
        coarse = dice.integers(40, 220, (4, 4, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
        content = file.getvalue()
        pictures.append(Picture(len(shard), len(content), hashlib.sha256(content).digest()))
        shard += content
    return pictures, shard


def _samples(pk: int, count: int, classes: Sequence[str], pictures: list[Picture]) -> Iterator[tuple[Any, ...]]:
    """In the order of `datasets.SAMPLE_COLUMNS`."""
    for n in range(count):
        label, picture = n % len(classes), pictures[n % len(pictures)]
        path = f"{classes[label]}/{n:07d}.png"
        size = (picture.offset, picture.length, SIDE, SIDE)
        yield pk, n, path, label, "train", 0, *size, "PNG", picture.sha256, None, None


def _scores(audit_pk: int, count: int, classes: int) -> Iterator[tuple[Any, ...]]:
    """In the order of `scores.COLUMNS`. Samples lie in the ranking without any order, as they do in a real one."""
    order = np.random.default_rng(1).permutation(count)
    likely = np.stack([(np.arange(classes) + k) % classes for k in (1, 0, 2, 3, 4)], axis=1)
    top = packed(likely, np.broadcast_to(np.array([0.5, 0.3, 0.1, 0.06, 0.04]), likely.shape))
    for k, sample in enumerate(order.tolist()):
        score = (1 - (k + 0.5) / count) ** 12
        issue = k < FLAGGED * count
        given = sample % classes
        suggested = (given + 1) % classes if k % 5 else -1
        verdict = 2 if issue else 1 if k % 7 == 0 else 0
        margin = 10 * (0.5 - score)
        yield (
            audit_pk, k + 1, sample, given, suggested, score, issue, verdict, margin, 1 - score, margin, margin, score,
            None if suggested < 0 else 0.9, 1 if issue else 0, top[given], None,
        )  # fmt: skip


def _summary(samples: int, classes: Sequence[str], sizes: list[int]) -> dict[str, Any]:
    flagged = int(np.ceil(FLAGGED * samples))
    each = flagged // len(classes)
    moved = np.roll(np.eye(len(classes)), 1, axis=1) * each
    return Summary(
        samples=samples,
        flagged=flagged,
        noise_rate=NoiseRate(estimate=0.077, low=0.06, high=0.1, level=0.95),
        expected=Expected(precision=0.62, recall=0.64),
        cut=CutMade(score=0.37, chosen_by="expected-f1"),
        classes=[
            OfClass(label=label, samples=size, flagged=each, noise_rate=0.077, low=0.05, high=0.11)
            for label, size in zip(classes, sizes, strict=True)
        ],
        transitions=Moves(labels=list(classes), counts=moved.tolist(), probabilities=[None] * len(classes)),
        verdicts=dict.fromkeys(VERDICTS, 0) | {"wrong": flagged, "clean": samples - flagged},
        conflicts=ConflictCounts(groups=0, samples=0),
        degenerate=None,
        calibration=DecoyCheck(decoys=200, found=0.9, auroc=0.97),
        model=TrainedModel(network="fast", epochs=20, test_accuracy_best=None, test_accuracy_last=None),
        score_version="seeded",
    ).model_dump()
