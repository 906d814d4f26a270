"""What an export is made of: the samples of a dataset, what people decided of them, and what an audit says of them.

All of it that is held is columns, about two hundred bytes a sample; images and scores are read as they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.spec import Frozen, Revised
from core.summary import Summary
from core.words import DECISIONS, EXCLUDE, HELD_OUT, KEEP, RELABEL, UNSURE, Decision

BLOCK = 8192
COLUMNS = (
    "n", "path", "label", "split", "shard", "offset", "length", "sha256", "width", "height", "format",
)  # fmt: skip


class About(Frozen):
    """Where an export comes from; it stands in every file that has a place for it."""

    dataset_id: str
    dataset_name: str
    dataset_version: int
    content_hash: str | None
    audit_id: str
    score_version: str
    reviews: int
    splits: tuple[str, ...] | None
    change_held_out: bool

    def line(self) -> str:
        """As JSON, on one line."""
        return json.dumps({"made_by": "labelaudit", **self.model_dump()}, ensure_ascii=True, sort_keys=True)


@dataclass(frozen=True)
class Decided:
    """What counts of each sample, a place each; −1 where nobody said anything."""

    decision: NDArray[np.int8]
    label: NDArray[np.int32]
    source: NDArray[np.int8]  # places in SOURCES
    reviewer: NDArray[np.int32]  # places in `reviewers`
    at: NDArray[np.float64]
    disputed: NDArray[np.bool_]
    reviewers: list[str] = field(default_factory=list)

    @staticmethod
    def nothing(samples: int) -> Decided:
        """Before anybody said anything."""
        none, words = np.full((2, samples), -1, np.int32), np.full((2, samples), -1, np.int8)
        return Decided(words[0], none[0], words[1], none[1], np.full(samples, np.nan), np.zeros(samples, np.bool_))


def revised(
    given: NDArray[np.int32], held: NDArray[np.bool_], decided: Decided, change_held_out: bool
) -> NDArray[np.int32]:
    """The labels after the decisions: −1 for a sample that is taken out. What nobody decided stays as it is."""
    label, free = given.copy(), ~held | change_held_out
    relabelled = (decided.decision == RELABEL) & free
    label[relabelled] = decided.label[relabelled]
    label[(decided.decision == EXCLUDE) & free] = -1
    return label


class Entry(NamedTuple):
    """One sample that is left, with the label that it has now."""

    n: int
    path: str
    split: str | None
    given: str
    label: str
    shard: str
    offset: int
    length: int
    sha256: str
    width: int
    height: int
    kind: str  # of its bytes
    decision: Decision | None


class Ranked(NamedTuple):
    """What an audit says of each sample, a place each; NaN and −1 for those that it did not look at."""

    rank: NDArray[np.int32]
    score: NDArray[np.float64]
    suggested: NDArray[np.int32]
    confidence: NDArray[np.float64]
    is_issue: NDArray[np.bool_]


class Images(Protocol):
    """Reads the bytes of images, and makes thumbnails of them."""

    def read(self, entry: Entry) -> bytes: ...

    def thumbnail(self, data: bytes) -> bytes | None: ...


@dataclass(frozen=True)
class Content:
    """Everything that a writer may use."""

    about: About
    classes: tuple[str, ...]
    samples: pa.Table  # COLUMNS, in order of n
    decided: Decided
    scores: Callable[[], Iterator[pa.RecordBatch]]  # in rank order, as in the audit's score file
    images: Images
    summary: Summary
    heed: Callable[[int], None] = lambda _done: None  # is told how many samples were written

    @cached_property
    def given(self) -> NDArray[np.int32]:
        number = {name: k for k, name in enumerate(self.classes)}
        labels = self.samples["label"].combine_chunks().dictionary_encode()
        numbers = np.array([number[name] for name in labels.dictionary.to_pylist()], np.int32)
        return numbers[labels.indices.to_numpy()] if len(labels) else np.zeros(0, np.int32)

    @cached_property
    def split(self) -> NDArray[np.str_]:
        return np.array([split or "" for split in self.samples["split"].to_pylist()], dtype="U5")

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        return np.isin(self.split, HELD_OUT)

    @cached_property
    def label(self) -> NDArray[np.int32]:
        """After the decisions."""
        return revised(self.given, self.held, self.decided, self.about.change_held_out)

    @cached_property
    def upheld(self) -> NDArray[np.int8]:
        """What people say of the label that a sample has now: 1 that it is right, 0 that it is not, −1 nothing."""
        decision = self.decided.decision
        right = (decision == KEEP) | ((decision == RELABEL) & (self.label == self.decided.label))
        return np.where((decision < 0) | (decision == UNSURE), -1, right).astype(np.int8)

    @cached_property
    def chosen(self) -> NDArray[np.bool_]:
        """The samples of the splits that were asked for."""
        splits = self.about.splits
        return np.ones(len(self.given), np.bool_) if splits is None else np.isin(self.split, splits)

    @cached_property
    def ranked(self) -> Ranked:
        size = len(self.given)
        number = {name: k for k, name in enumerate(self.classes)}
        found = Ranked(
            np.full(size, -1, np.int32),
            np.full(size, np.nan),
            np.full(size, -1, np.int32),
            np.full(size, np.nan),
            np.zeros(size, np.bool_),
        )
        for batch in self.scores():
            at = batch["sample"].to_numpy()
            found.rank[at], found.score[at] = batch["rank"].to_numpy(), batch["score"].to_numpy()
            found.is_issue[at] = batch["is_issue"].to_numpy(zero_copy_only=False)
            suggested = batch["suggested_label"].to_pylist()
            found.suggested[at] = [-1 if name is None else number[name] for name in suggested]
            confidence = batch["suggested_confidence"].to_numpy(zero_copy_only=False)
            found.confidence[at] = confidence.astype(np.float64)
        return found

    @cached_property
    def audited(self) -> NDArray[np.int64]:
        """The chosen samples that the audit looked at, in rank order."""
        rank = self.ranked.rank
        inside = np.flatnonzero((rank >= 0) & self.chosen)
        return inside[np.argsort(rank[inside], kind="stable")]

    @cached_property
    def left(self) -> NDArray[np.int64]:
        """The chosen samples that were not taken out, in order."""
        return np.flatnonzero(self.chosen & (self.label >= 0))

    @cached_property
    def classes_left(self) -> tuple[str, ...]:
        """The classes that the samples that are left have."""
        return tuple(self.classes[k] for k in np.unique(self.label[self.left]).tolist())

    def counts(self, audited: bool) -> Revised:
        """What the decisions make of the samples of this export. What is held out is counted for all of its splits,
        audited or not: it is the number that whoever wants it changed has to say, whatever the format."""
        inside = self.chosen & (self.ranked.rank >= 0) if audited else self.chosen
        given, label = self.given[inside], self.label[inside]
        asked = revised(self.given, self.held, self.decided, True)
        return Revised(
            samples=int((label >= 0).sum()),
            relabelled=int(((label >= 0) & (label != given)).sum()),
            excluded=int((label < 0).sum()),
            unsure_kept=int((self.decided.decision[inside] == UNSURE).sum()),
            held_out_untouched=int((self.chosen & (self.label != asked)).sum()),
        )

    def entries(self, which: NDArray[np.int64], splits: tuple[str, ...] | None = None) -> Iterator[Entry]:
        """The samples of these numbers, or those of some splits among them; one that was taken out has its old label.
        Whoever watches is told how many were written."""
        if splits is not None:
            which = which[np.isin(self.split[which], splits)]
        for start in range(0, len(which), BLOCK):
            block = which[start : start + BLOCK]
            rows = self.samples.take(pa.array(block)).to_pylist()
            now = np.where(self.label[block] < 0, self.given[block], self.label[block]).tolist()
            decisions = self.decided.decision[block].tolist()
            for k, (row, label, decision) in enumerate(zip(rows, now, decisions, strict=True)):
                yield _entry(row, self.classes[label], None if decision < 0 else DECISIONS[decision])
                self.heed(start + k + 1)


def _entry(row: dict[str, Any], label: str, decision: Decision | None) -> Entry:
    return Entry(
        row["n"], row["path"], row["split"], row["label"], label, row["shard"], row["offset"], row["length"],
        row["sha256"], row["width"], row["height"], row["format"], decision,
    )  # fmt: skip
