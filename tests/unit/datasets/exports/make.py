"""A content with everything that could go wrong in a name, and images that can be read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from core.datasets.exports.content import About, Content, Decided, Entry
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
from core.words import DECISIONS, Decision

CLASSES = tuple(sorted((
    ".", "../../etc/passwd", "CON", "Cat", "a/b\\c", "cat", "evil\u202e[31m", "naïve 猫", "x" * 250,
    "=cmd()|' /C calc'!A0", '<script>alert(1)</script> & "quoted"',
)))  # fmt: skip
SPLITS = ("train", "val", "test", None)
KINDS = ("PNG", "JPEG")
SAMPLES = 44
DECIDED: dict[int, tuple[Decision, str | None]] = {
    0: ("keep", None), 4: ("relabel", "Cat"), 8: ("exclude", None), 12: ("unsure", None), 3: ("relabel", "cat"),
    1: ("relabel", "naïve 猫"), 2: ("exclude", None),
}  # fmt: skip
HELD_OUT = 2  # of the decisions that change something, those on val and test


def picture(n: int, kind: str) -> bytes:
    """A small picture of its own."""
    file = io.BytesIO()
    Image.new("RGB", (20 + n % 5, 16), (n * 5 % 256, n, 90)).save(file, kind)
    return file.getvalue()


class Pictures:
    """The images of all contents, out of memory."""

    def read(self, entry: Entry) -> bytes:
        data = picture(entry.n, entry.kind)
        assert hashlib.sha256(data).hexdigest() == entry.sha256
        return data

    def thumbnail(self, data: bytes) -> bytes | None:
        return data if data.startswith(b"\x89PNG") else None


def rows() -> list[dict[str, Any]]:
    """The samples."""
    found = []
    for n in range(SAMPLES):
        kind = KINDS[n % len(KINDS)]
        data = picture(n, kind)
        label = CLASSES[n % len(CLASSES)]
        found.append({
            "n": n, "path": f"up/{'=' if n % 7 == 0 else ''}<b>{n}&.{kind.lower()}", "label": label,
            "split": SPLITS[n % len(SPLITS)], "shard": "shards/00000.tar", "offset": 1000 * n, "length": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), "width": 20 + n % 5, "height": 16, "format": kind,
        })  # fmt: skip
    return found


def content(*, splits: tuple[str, ...] | None = None, change_held_out: bool = False, **more: Any) -> Content:
    """All of it, with decisions on some samples; an audit has looked at every second and at those decided on."""
    samples = rows()
    audited = [n for n in range(SAMPLES) if n % 2 == 0 or n in DECIDED]
    decided = Decided.nothing(SAMPLES)
    decided = replace(decided, reviewers=["ann", '<b onload="x">'])
    for k, (n, (word, label)) in enumerate(DECIDED.items()):
        decided.decision[n], decided.at[n] = DECISIONS.index(word), 1_700_000_000.25 + n
        decided.reviewer[n], decided.disputed[n] = k % 2, k == 3
        if label is not None:
            decided.label[n] = CLASSES.index(label)
    ranked = [
        {
            "sample": n, "path": samples[n]["path"], "split": samples[n]["split"], "given_label": samples[n]["label"],
            "suggested_label": None if rank % 3 == 0 else CLASSES[(n + 1) % len(CLASSES)],
            "suggested_confidence": None if rank % 3 == 0 else 0.75, "score": 1 / rank, "is_issue": rank < 6,
            "verdict": "clean", "reasons": ["high-loss"], "rank": rank,
        }
        for rank, n in enumerate(reversed(audited), 1)
    ]  # fmt: skip
    table = pa.Table.from_pylist(ranked)

    def scores() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=7)

    about = About(
        dataset_id="d1", dataset_name="<i>signs</i>", dataset_version=3, content_hash="c" * 64, audit_id="a1",
        score_version="test-1", reviews=9, splits=splits, change_held_out=change_held_out,
    )  # fmt: skip
    return Content(
        about=about,
        classes=CLASSES,
        samples=pa.Table.from_pylist(samples),
        decided=decided,
        scores=scores,
        images=Pictures(),
        summary=summary(),
        **more,
    )


def summary() -> Summary:
    """What an audit says of them."""
    return Summary(
        samples=24,
        flagged=5,
        noise_rate=NoiseRate(estimate=0.1, low=0.05, high=0.15, level=0.95),
        expected=Expected(precision=0.9, recall=None),
        cut=CutMade(score=0.2, chosen_by="expected-f1"),
        classes=[OfClass(label=k, samples=4, flagged=1, noise_rate=0.1, low=0.0, high=0.2) for k in CLASSES],
        transitions=Moves(labels=[CLASSES[0], CLASSES[3]], counts=[[0.0, 2.0], [0.0, 0.0]], probabilities=[None, None]),
        verdicts={"clean": 24, "hard": 0, "wrong": 0, "ambiguous": 0, "alien": 0},
        conflicts=ConflictCounts(groups=0, samples=0),
        degenerate=None,
        calibration=DecoyCheck(decoys=0, found=None, auroc=None),
        model=TrainedModel(network="fast", epochs=20, test_accuracy_best=0.8, test_accuracy_last=0.7),
        score_version="test-1",
    )


def expected(change_held_out: bool = False) -> dict[int, str]:
    """The samples that are left, with their labels, told once more in another way."""
    left = {}
    for row in rows():
        word, label = DECIDED.get(row["n"], ("keep", None))
        if row["split"] in ("val", "test") and not change_held_out:
            word = "keep"
        if word != "exclude":
            left[row["n"]] = label if word == "relabel" and label is not None else row["label"]
    return left


def whole(chunks: Iterator[bytes]) -> bytes:
    """All of a file."""
    return b"".join(chunks)


def numbers(values: Any) -> list[int]:
    """As a list."""
    return [int(value) for value in np.asarray(values)]
