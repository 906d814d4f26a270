"""What people said of samples, and what of it counts, as the API answers with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from api.schemas import time_out
from core.store.tables import Dataset, Judgement, Review
from core.words import DECISIONS, Decision


class JudgementOut(BaseModel):
    """What counts of a sample: the last decision that was not taken back. `seq` is the number of that review;
    `disputed` says that reviewers' last words differ."""

    sample: int
    decision: Decision
    label: str | None
    reviewer: str
    source: str
    at: str
    seq: int
    disputed: bool


class ReviewOut(BaseModel):
    """Something that a person said of a sample. One that takes another one back names it and has no decision."""

    seq: int
    id: str
    sample: int
    decision: Decision | None
    label: str | None
    undoes: str | None
    reviewer: str
    source: str
    bulk: str | None
    at: str


class EarlierOut(BaseModel):
    """What was said of a sample in an earlier version of its dataset, where it may have had another label."""

    dataset_id: str
    version: int
    reviews: list[ReviewOut]


def judgement_out(classes: list[str], row: Judgement) -> dict[str, Any]:
    """What counts of a sample, as `JudgementOut` has it."""
    return {
        "sample": row.sample,
        "decision": DECISIONS[row.decision],
        "label": None if row.label is None else classes[row.label],
        "reviewer": row.reviewer,
        "source": row.source,
        "at": time_out(row.at),
        "seq": row.seq,
        "disputed": row.disputed,
    }


def reviews_out(classes: list[str], rows: Sequence[Review], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Reviews as `ReviewOut` has them; `names` are the ids of those that were taken back."""
    return [
        {
            "seq": row.seq,
            "id": row.id,
            "sample": row.sample,
            "decision": DECISIONS[row.decision] if row.undoes is None else None,
            "label": None if row.label is None else classes[row.label],
            "undoes": None if row.undoes is None else names[row.undoes],
            "reviewer": row.reviewer,
            "source": row.source,
            "bulk": row.bulk,
            "at": time_out(row.at),
        }
        for row in rows
    ]


def history_out(classes: list[str], rows: Sequence[Review]) -> list[dict[str, Any]]:
    """All that was said of a sample: what was taken back is among it."""
    return reviews_out(classes, rows, {row.seq: row.id for row in rows})


def earlier_out(found: Sequence[tuple[Dataset, Sequence[Review]]]) -> list[dict[str, Any]]:
    """What was said in earlier versions, as `EarlierOut` has it."""
    return [
        {
            "dataset_id": version.id,
            "version": version.version,
            "reviews": history_out(version.classes or [], said),
        }
        for version, said in found
    ]
