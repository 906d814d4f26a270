"""What an ingest found, added up from the rows of its side files."""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.findings import Found, Looks
from core.errors import shown
from core.spec import Counts, DatasetFacts
from core.words import FindingKind

FINDINGS: dict[FindingKind, tuple[str, str]] = {  # code, and what is said of them
    "conflict": (
        "duplicate-conflict",
        "have the same bytes and different labels: at least one label a group is wrong.",
    ),
    "duplicate": ("duplicate", "have the same bytes and the same label."),
    "near-duplicate": ("near-duplicate", "look alike without being equal."),
    "blank": ("blank-image", "of one colour."),
    "tiny": ("tiny-image", "much smaller than the others."),
    "odd-aspect": ("odd-aspect", "of a far longer shape than the others."),
    "low-information": ("low-information", "with far less to see than the others."),
}
MANY, MOSTLY = 50, 0.5  # classes, and the share of them with one sample, from which labels look like ids
FEW, IMBALANCE = 5, 50  # samples, and how many times as many the largest class has


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is allowed, but that its owner would want to know."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A dataset that is ready: what the database keeps of it besides its samples."""

    classes: tuple[str, ...]  # sorted
    counts: Counts
    facts: DatasetFacts
    warnings: tuple[Warned, ...]
    content_hash: str
    shards: tuple[str, ...]
    image_bytes: int
    class_counts: tuple[int, ...]
    found: tuple[Found, ...]
    layout: str = ""  # what in the upload said which image is what


class Summary:
    """Grows by batches of the manifest's schema, in order."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._sides = array("i")
        self._folded = array("q")  # of every path, as a system sees it that does not tell A from a
        self._shards: dict[str, None] = {}
        self._grey = True
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._looks = Looks()

    def add(self, batch: pa.RecordBatch) -> None:
        self._outcomes.update(batch["outcome"].to_pylist())
        rejected = batch.filter(pc.equal(batch["outcome"], "rejected"))
        self._codes.update(rejected["code"].to_pylist())
        batch = batch.filter(pc.equal(batch["outcome"], "accepted"))
        if not batch.num_rows:
            return
        columns = {name: batch[name].to_pylist() for name in ("sha256", "label", "split", "path")}
        for sha256, label, split, path in zip(*columns.values(), strict=True):
            self._hash.update(f"{sha256}\0{label}\0{split or ''}\0{path}\n".encode())
        self._folded.extend(hash(unicodedata.normalize("NFC", path).casefold()) for path in columns["path"])
        self._labels.update(columns["label"])
        self._splits.update(split or "" for split in columns["split"])
        longer = np.maximum(batch["width"].to_numpy(), batch["height"].to_numpy())
        self._sides.frombytes(longer.astype(np.int32).tobytes())
        self._shards |= dict.fromkeys(batch["shard"].unique().to_pylist())
        self._grey = self._grey and bool(pc.all(batch["grey"]).as_py())
        self._looks.add(batch)
        self._bytes += int(pc.sum(batch["length"]).as_py())

    @property
    def counts(self) -> Counts:
        return Counts(
            seen=sum(self._outcomes.values()),
            accepted=self._outcomes["accepted"],
            rejected=self._outcomes["rejected"],
            ignored=self._outcomes["ignored"],
        )

    def commonest_reason(self) -> tuple[str, int]:
        return max(self._codes.items(), key=lambda item: (item[1], item[0]))

    @property
    def classes(self) -> int:
        return len(self._labels)

    @property
    def looks_like_ids(self) -> bool:
        """Whether labels seem to number the images rather than to name classes."""
        return len(self._labels) >= MANY and self.single > MOSTLY * len(self._labels)

    @property
    def single(self) -> int:
        """Classes with one sample."""
        return sum(count == 1 for count in self._labels.values())

    def packed(self) -> Packed:
        """The result; there must be a sample."""
        classes = tuple(sorted(self._labels))
        found, complete = self._looks.found()
        return Packed(
            classes=classes,
            counts=self.counts,
            facts=DatasetFacts(
                samples=dict(sorted(self._splits.items())),
                classes=len(classes),
                median_side=int(np.sort(np.frombuffer(self._sides, np.int32))[(len(self._sides) - 1) // 2]),
                grey=self._grey,
            ),
            warnings=(
                *_near_duplicates(classes),
                *_collisions(np.frombuffer(self._folded, np.int64)),
                *_rare(self._labels),
                *_told(found, complete),
            ),
            content_hash=self._hash.hexdigest(),
            shards=tuple(self._shards),
            image_bytes=self._bytes,
            class_counts=tuple(self._labels[name] for name in classes),
            found=tuple(found),
        )


def _rare(labels: Counter[str]) -> tuple[Warned, ...]:
    """Classes so small, beside the largest, that little can be said of them."""
    most = max(labels.values())
    few = sorted((count, name) for name, count in labels.items() if count < FEW or count * IMBALANCE <= most)
    if not few:
        return ()
    told = shown(", ".join(f"{name} ({count})" for count, name in few[:5])) + (" and others" if len(few) > 5 else "")
    detail = f"{len(few)} of {len(labels)} classes have few images: {told}. The largest has {most}."
    return (Warned("rare-class", detail),)


def _told(found: list[Found], complete: bool) -> Iterator[Warned]:
    """What was found in the images, in words."""
    for one in found:
        (code, words), counts = FINDINGS[one.kind], one.counts
        images = f"{counts['images']} image{'s' if counts['images'] > 1 else ''}"
        if counts["groups"]:
            images += f" in {counts['groups']} group{'s' if counts['groups'] > 1 else ''}"
        yield Warned(code, f"{images} {words}")
    if leaked := sum(one.counts["across_splits"] for one in found):
        yield Warned(
            "split-leak", f"{leaked} images have a copy, or nearly, in another split: accuracies are too good."
        )
    if not complete:
        yield Warned("near-duplicate-unfinished", "So many images look alike that not all were compared.")


def _collisions(folded: np.ndarray[Any, Any]) -> tuple[Warned, ...]:
    """Names that some systems take for one."""
    counts = np.unique(folded, return_counts=True)[1]
    same = int(counts[counts > 1].sum())
    if not same:
        return ()
    detail = f"{same} images have a name that differs from that of another only in case, or in how accents are written."
    return (Warned("name-collision", f"{detail} Here they are different images; on some systems they are one file."),)


def _near_duplicates(classes: tuple[str, ...]) -> tuple[Warned, ...]:
    """Class names that a person would read as the same."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[unicodedata.normalize("NFKC", name).strip().casefold()].append(name)
    return tuple(
        Warned("near-duplicate-class", f"These classes differ only in case or spaces: {shown(', '.join(names))}.")
        for names in alike.values()
        if len(names) > 1
    )
