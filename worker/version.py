"""A version of a dataset: the samples of its parent with what people decided of them. Their images stay where they are;
only the list of them is written anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.datasets import manifest
from core.datasets.exports.content import Decided, revised
from core.datasets.ingest import MANIFEST
from core.datasets.shards import pieces
from core.datasets.summary import Packed, Summary, Warned
from core.errors import Problem, shown
from core.settings import Settings
from core.spec import VersionSpec
from core.store import datasets
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset
from core.words import HELD_OUT
from worker.beside import beside
from worker.decided import decided
from worker.progress import Voice

CORRECTED, HELD_OUT_CHANGED = "labels-corrected", "held-out-changed"  # warnings


@dataclass(frozen=True)
class Revision:
    """What was changed: a place for each sample of the parent that has another label now, or none."""

    sample: NDArray[np.int64]  # in the first version
    before: NDArray[np.int32]  # classes of the parent
    after: NDArray[np.int32]  # −1 for a sample that was taken out
    classes: tuple[str, ...]

    def rows(self, version_id: str, folder: str) -> Iterator[tuple[Any, ...]]:
        """Rows for `changes`."""
        for n, before, after in zip(self.sample.tolist(), self.before.tolist(), self.after.tolist(), strict=True):
            yield version_id, n, folder, self.classes[before], None if after < 0 else self.classes[after]


def pack(settings: Settings, db: Database, blobs: Blobs, voice: Voice, shelf: Any) -> tuple[Packed, Revision]:
    """Write the new list of samples, and say what is in it and what was changed."""
    spec = VersionSpec(**voice.claim.spec["version"])
    parent = _parent(db, spec.parent_id)
    listed = blobs.get(datasets.manifest_of(parent))
    classes = tuple(parent.classes or ())
    number = {name: k for k, name in enumerate(classes)}
    rows = [(batch["label"].to_pylist(), batch["split"].to_pylist()) for batch in manifest.samples(listed, _LABELS)]
    given = np.array([number[name] for labels, _ in rows for name in labels], np.int32)
    held = np.array([split in HELD_OUT for _, splits in rows for split in splits], np.bool_)
    said = decided(db, parent.pk, len(given), spec.reviews, voice.tick)
    _parent(db, spec.parent_id)  # decisions go with their dataset, and may have gone while they were read
    label = revised(given, held, said, spec.change_held_out)

    scratch = settings.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=scratch) as file:
        writer, origins = manifest.Writer(file), np.zeros(len(given), np.int64)
        for row in _revised(listed, parent, label, said, origins):
            writer.add(row)
            if writer.rows % manifest.ROWS_A_GROUP == 0:
                voice.tick(percent=round(90 * writer.rows / len(given), 1))
        writer.close()
        summary = Summary()
        for batch in manifest.rows(file):
            summary.add(batch)
            voice.tick()
        shelf.put(MANIFEST, pieces(file))
    changed = np.flatnonzero(label != given)
    found = beside(summary.packed, voice.tick)
    packed = replace(found, layout=parent.layout or "", warnings=(*_warned(parent, held[changed]), *found.warnings))
    return packed, Revision(origins[changed], given[changed], label[changed], classes)


_LABELS = ("label", "split")


def _parent(db: Database, id: str) -> Dataset:
    here = select(Dataset).where(Dataset.id == id, Dataset.deleted_at.is_(None))
    with db.read() as session:
        parent = session.execute(here).scalar_one_or_none()
    if parent is None:
        raise Problem("parent-removed", "The dataset was removed before its version was written.")
    return parent


def _warned(parent: Dataset, held: NDArray[np.bool_]) -> Iterator[Warned]:
    """What to bear in mind from now on, because of where the labels come from."""
    times = "once" if parent.version == 1 else f"{parent.version} times"
    yield Warned(
        CORRECTED,
        f"The labels were corrected {times} after audits, so they agree with networks more than labels do that nobody "
        "corrected. A further audit may estimate too few errors: judge a random sample to learn what is left.",
    )
    if held.any() or any(warning["code"] == HELD_OUT_CHANGED for warning in parent.warnings or ()):
        yield Warned(
            HELD_OUT_CHANGED,
            "Labels of held-out splits were changed after audits: accuracies measured on them are too good.",
        )


def _revised(
    listed: bytes, parent: Dataset, label: NDArray[np.int32], said: Decided, origins: NDArray[np.int64]
) -> Iterator[manifest.Row]:
    """The parent's samples with their new labels. Each is a member under the number that it has in the first version;
    one that was taken out is told as ignored, so that what was seen is still all accounted for."""
    classes, n = tuple(parent.classes or ()), 0
    for batch in manifest.samples(listed, ("member", *manifest.SCHEMA.names[2:])):
        for row in batch.to_pylist():
            at = row["n"]
            member = at if parent.version == 1 else row["member"]
            origins[at] = member
            if label[at] < 0:
                who = shown(said.reviewers[int(said.reviewer[at])], 64)
                detail = f"Taken out of version {parent.version} in review, by {who}."
                yield manifest.Row(member, "ignored", path=row["path"], code="excluded", detail=detail)
                continue
            told = {"member": member, "outcome": "accepted", "n": n, "label": classes[label[at]]}
            if told["label"] != row["label"]:
                told["votes"] = None  # they would speak against the label that was decided, audit after audit
            yield manifest.Row(**row | told)
            n += 1
