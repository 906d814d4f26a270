"""Who judges, and whether those agree who judge the same."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from api.deps import PartsDep, audited
from api.schemas import time_out
from api.strict import StrictRoute
from core.store import reviewers
from core.words import Decision

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["reviews"])

MOST = 200


class ReviewerOut(BaseModel):
    """Of how many samples somebody says what, taking the last word that was not taken back, and when they last did."""

    reviewer: str
    samples: int
    decisions: dict[Decision, int]
    last_at: str


class TogetherOut(BaseModel):
    """How many samples two people judged both, without being unsure, and of how many they say the same: the same
    decision with the same label."""

    reviewers: tuple[str, str]
    samples: int
    agreed: int
    share: float


class ReviewersOut(BaseModel):
    """Those who judged most, and the pairs of them that have most samples in common, at most 200 of each."""

    data: list[ReviewerOut]
    together: list[TogetherOut]


@router.get("/{audit_id}/reviewers", response_model=ReviewersOut)
def index(audit_id: str, parts: PartsDep) -> ReviewersOut:
    """Who judged the samples of the audit's dataset, and how far those agree who judged the same ones."""
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        people = reviewers.everybody(session, audit.dataset_pk, MOST)
        pairs = reviewers.together(session, audit.dataset_pk, MOST)
    return ReviewersOut(
        data=[
            ReviewerOut(reviewer=one.name, samples=one.samples, decisions=one.decisions, last_at=time_out(one.last_at))
            for one in people
        ],
        together=[
            TogetherOut(
                reviewers=(pair.one, pair.other),
                samples=pair.samples,
                agreed=pair.agreed,
                share=pair.agreed / pair.samples,
            )
            for pair in pairs
        ],
    )
