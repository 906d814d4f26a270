"""Suspects: the verdicts on samples and their evidence, as the API answers with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from api.judgements import EarlierOut, JudgementOut, ReviewOut, judgement_out
from api.schemas import image_url
from core.store.audits import Audited
from core.store.conflicts import Group
from core.store.curves import Point
from core.store.likeliest import unpacked
from core.store.scores import Ranked
from core.store.tables import Judgement, Sample
from core.words import VERDICTS, Reason, VerdictWord, reasons_of

NOBODY: Mapping[int, Judgement] = {}  # has said anything


class Likely(BaseModel):
    """A class that may be the true one, and the probability that it is."""

    label: str
    p: float


class Suspect(BaseModel):
    """The verdict on one sample.

    `score` is the probability that its given label is wrong, `suggested_confidence` that the suggested one is right if
    it is. Without a class that is likelier than all others together, nothing is suggested. `top` holds the five
    likeliest classes, the likeliest first; it is null in audits that were made before it was kept.
    `conflict` is the number of the group of samples with the same content and different labels that it is in.
    `sharpened` is the score as decisions correct it, in rows that are asked for by rank and review number.
    """

    rank: int
    sample: int
    path: str
    split: str | None
    given_label: str
    suggested_label: str | None
    suggested_confidence: float | None
    score: float
    is_issue: bool
    verdict: VerdictWord
    reasons: list[Reason]
    top: list[Likely] | None
    conflict: int | None
    iam: float
    hm_weight: float
    aum: float
    tkum: float
    loss: float
    image: str
    sharpened: float | None
    judgement: JudgementOut | None


class Standing(BaseModel):
    """Where a sample stands while its audit is at work: by how much its given label has led so far. Nothing is
    calibrated yet, so there is no score."""

    rank: int
    sample: int
    path: str
    split: str | None
    given_label: str
    aum: float
    image: str


class Suspects(BaseModel):
    """A page of the ranking. While the audit is at work it is provisional: the first thousand as they stand after
    `epoch`."""

    data: list[Suspect] | list[Standing]
    next: int | None
    provisional: bool
    epoch: int | None


class Curves(BaseModel):
    """What the training pass of every epoch showed of a sample, in half precision, the first epoch first.

    `margin`: how far the given label led its strongest rival; `rival_gap`: how far that one led the next class.
    """

    margin: list[float]
    rival_gap: list[float]
    loss: list[float]


class Evidence(Suspect):
    """A suspect with its curves, which are null in audits that were made before they were kept, and all that was said
    of it, also while it was in earlier versions of its dataset."""

    curves: Curves | None
    reviews: list[ReviewOut]
    earlier: list[EarlierOut]


class ConflictOut(BaseModel):
    """Samples with the same content and different labels, at least one of which is wrong.

    `favoured_label` is the class that is likelier than all others together, over all of them; null when none is.
    `size` counts the samples; the twenty most suspicious of them are listed.
    """

    conflict: int
    size: int
    favoured_label: str | None
    samples: list[Suspect]


def standing_out(audit: Audited, rows: list[tuple[int, float, Sample]]) -> list[dict[str, Any]]:
    """Rows of a provisional ranking as `Standing` has them."""
    return [
        {
            "rank": rank,
            "sample": sample.n,
            "path": sample.path,
            "split": sample.split,
            "given_label": audit.classes[sample.label],
            "aum": margin,
            "image": image_url(audit.dataset_id, sample.n),
        }
        for rank, margin, sample in rows
    ]


def suspects_out(audit: Audited, rows: list[Ranked], judged: Mapping[int, Judgement] = NOBODY) -> list[dict[str, Any]]:
    """Rows of the ranked list as `Suspect` has them; plain, because a page is many and comes from our own table."""
    classes = audit.classes
    return [
        {
            "rank": rank,
            "sample": sample,
            "path": path,
            "split": split,
            "given_label": classes[given],
            "suggested_label": classes[suggested] if suggested >= 0 else None,
            "suggested_confidence": confidence,
            "score": score,
            "is_issue": is_issue,
            "verdict": VERDICTS[verdict],
            "reasons": reasons_of(reasons),
            "top": None if top is None else [{"label": classes[k], "p": p} for k, p in unpacked(top)],
            "conflict": conflict,
            "iam": iam,
            "hm_weight": hm_weight,
            "aum": aum,
            "tkum": tkum,
            "loss": loss,
            "image": image_url(audit.dataset_id, sample),
            "sharpened": None,
            "judgement": judgement_out(classes, judged[sample]) if sample in judged else None,
        }
        for (
            rank, sample, given, suggested, score, is_issue, verdict, iam, hm_weight, aum, tkum, loss,
            confidence, reasons, top, conflict, path, split,
        ) in rows
    ]  # fmt: skip


def curves_out(points: list[Point]) -> dict[str, list[float]] | None:
    """Points as `Curves` has them."""
    return {name: [getattr(point, name) for point in points] for name in Point._fields} if points else None


def conflicts_out(audit: Audited, groups: list[Group]) -> list[dict[str, Any]]:
    """Groups as `ConflictOut` has them."""
    return [
        {
            "conflict": group.number,
            "size": group.size,
            "favoured_label": audit.classes[group.favoured] if group.favoured >= 0 else None,
            "samples": suspects_out(audit, group.samples),
        }
        for group in groups
    ]
