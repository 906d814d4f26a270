"""What people say of the samples of an audit, one by one or many at once, and where their review stands."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from api import lists
from api.choices import Choices, LabelName, class_number
from api.deps import PartsDep, audited
from api.judgements import JudgementOut, ReviewOut, judgement_out, reviews_out
from api.schemas import ID, Asked, NumberedQuery, Page
from api.strict import StrictRoute
from core.errors import Problem
from core.review import facets as counting
from core.review import feedback as learning
from core.review import looks
from core.review.feedback import Action, Advice
from core.review.ranking import NOTHING, Judged, Ranking, Wanted, both, of
from core.spec import SPLITS, Frozen
from core.store import rankings, reviews, scores
from core.store.audits import Audited
from core.store.reviews import Said
from core.words import DECISIONS, REASONS, VERDICTS, Decision

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["reviews"])

MOST_AT_ONCE = 1000
MOST_PAIRS = 500
DECIDES: dict[Action, Decision] = {"accept": "relabel", "keep": "keep", "exclude": "exclude"}

Reviewer = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Uuid = Annotated[str, Field(pattern=ID)]


class Saying(Frozen):
    """A decision on a sample, or the taking back of one. `id` is a UUID that the sender makes, once for each."""

    id: Uuid
    sample: Annotated[int, Field(ge=0, lt=2**31)]
    decision: Decision | None = None
    label: LabelName | None = None
    undoes: Uuid | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.decision is None) == (self.undoes is None):
            raise ValueError("give a decision, or the review that it undoes")
        if (self.label is not None) != (self.decision == "relabel"):
            raise ValueError("a label belongs to the decision relabel, and only to that")
        return self


class Sayings(Frozen):
    """Decisions of one person. `source`: how the samples came to be looked at; of a random choice, or blind, without
    having seen what is suggested, they say more."""

    reviews: tuple[Saying, ...] = Field(min_length=1, max_length=MOST_AT_ONCE, strict=False)
    reviewer: Reviewer = "local"
    source: Literal["list", "random", "blind"] = "list"


class Written(BaseModel):
    """What was written, in the order in which it came, and how the samples stand now."""

    data: list[ReviewOut]
    standing: list[JudgementOut]


class Bulk(lists.Ordered, Frozen):
    """One decision on the first `top` samples of a list, as `queue` has it, that nobody has judged yet. `accept` gives
    each its suggested label, and passes over those without one. `count` is how many there are: whoever sends it has
    seen it."""

    id: Uuid
    action: Action
    top: Annotated[int, Field(ge=1, lt=2**31)]
    count: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    choices: Choices = Choices()
    reviewer: Reviewer = "local"


class BulkQuery(Asked):
    """Whether to do it, or only to say what would be done."""

    dry_run: bool = False


class UndoQuery(Asked):
    """Who takes it back."""

    reviewer: Reviewer = "local"


class RangeOut(BaseModel):
    """An estimate and its interval of 95 %."""

    estimate: float
    low: float
    high: float


class BulkOut(BaseModel):
    """How many samples are decided, and how many of these decisions are expected to be wrong."""

    id: str
    count: int
    expected_wrong: RangeOut
    done: bool


class UndoneOut(BaseModel):
    """How many decisions were taken back."""

    count: int


class Counted(BaseModel):
    """A choice, and how many samples it would leave."""

    value: str
    count: int


class Pair(BaseModel):
    """How many samples that are labelled as one class are suggested to be of another."""

    given: str
    suggested: str
    count: int


class Bin(BaseModel):
    """How many scores are from `low` on and below the next one's; the last bin ends with 1."""

    low: float
    count: int


class FacetsOut(BaseModel):
    """What every further choice would leave: each facet counts under all choices but its own. Choices without any
    sample are left out; of the pairs, the 500 most frequent are there, of `score` all 20 equal bins."""

    total: int
    given: list[Counted]
    suggested: list[Counted]
    without_suggestion: int
    pairs: list[Pair]
    verdict: list[Counted]
    reason: list[Counted]
    is_issue: list[Counted]
    conflict: list[Counted]
    decision: list[Counted]
    undecided: int
    disputed: list[Counted]
    split: list[Counted]
    without_split: int
    score: list[Bin]


class MissedOut(BaseModel):
    """Labels without a flag that were judged with the source `random`, how many were wrong, and that share."""

    judged: int
    wrong: int
    share: RangeOut | None


class AgreedOut(BaseModel):
    """Samples with a suggestion that were judged, how many were given the suggested label, and that share from 50."""

    judged: int
    agreed: int
    share: RangeOut | None


class ReviewState(BaseModel):
    """Where the review of an audit stands.

    `precision`: of the flagged labels that were judged, the share that was wrong. `errors_left` are those among the
    samples that nobody judged, `errors_next` those among the next of them in the list. All of it follows from the
    scores as the decisions so far correct them; decisions marked unsure say nothing.

    `random` is what chance showed of the labels without a flag. `blind` and `seen` tell how often a decision was what
    is suggested, while that was hidden and while it was shown, of samples with the sources `blind` and `list`: far
    apart, the suggestions sway who judges.
    """

    last: int
    decisions: dict[Decision, int]
    disputed: int
    flagged_judged: int
    precision: RangeOut | None
    left: int
    errors_left: RangeOut
    next: int
    errors_next: RangeOut
    advice: Advice
    random: MissedOut
    blind: AgreedOut
    seen: AgreedOut


@router.post("/{audit_id}/reviews", response_model=Written)
def say(audit_id: str, body: Sayings, parts: PartsDep) -> dict[str, Any]:
    """Write decisions down. They are only ever added; the last one that was not taken back counts, and what is sent
    again is written once."""
    with parts.db.write() as session:
        audit = audited(session, audit_id)
        said = [_said(audit, one) for one in body.reviews]
        samples = sorted({one.sample for one in said})
        if missing := set(samples) - scores.among(session, audit.pk, samples):
            raise Problem("unknown-sample", f"This audit has no sample {min(missing)}.")
        written = reviews.add(session, audit, body.reviewer, said, body.source)
        standing = reviews.judgements(session, audit.dataset_pk, samples)
        undone = reviews.ids(session, audit.dataset_pk, [one.undoes for one in written])
    return {
        "data": reviews_out(audit.classes, written, undone),
        "standing": [judgement_out(audit.classes, one) for one in standing.values()],
    }


@router.get("/{audit_id}/reviews", response_model=Page[ReviewOut])
def said(audit_id: str, parts: PartsDep, query: Annotated[NumberedQuery, Query()]) -> dict[str, Any]:
    """Everything that was said of the dataset's samples, in order: `after` is the last number you have."""
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        rows = reviews.after(session, audit.dataset_pk, query.after or 0, query.limit + 1)
        undone = reviews.ids(session, audit.dataset_pk, [row.undoes for row in rows])
    shown = rows[: query.limit]
    after = shown[-1].seq if len(rows) > query.limit else None
    return {"data": reviews_out(audit.classes, shown, undone), "next": after}


@router.post("/{audit_id}/reviews/bulk", response_model=BulkOut)
def say_of_many(audit_id: str, body: Bulk, parts: PartsDep, query: Annotated[BulkQuery, Query()]) -> BulkOut:
    """One decision on many samples. `?dry_run=true` only tells how many there are, and how many of the decisions are
    expected to be wrong; without it, `count` must be that number."""
    look = parts.db.read if query.dry_run else parts.db.write
    with look() as session:
        audit = audited(session, audit_id)
        if not query.dry_run:
            last = reviews.wait_turn(session, audit.dataset_pk)  # what is undecided now is so until this is done
            audit = replace(audit, reviews=last)
        ranking, judged = parts.rankings.judged(session, audit)
        open = _open(body.action, ranking, judged, lists.wanted(session, audit, ranking, body.choices, body))
        ranks = lists.in_order(parts.rankings, session, audit, body, open)
        chosen = ranks[: body.top].astype(np.intp) - 1
        if not query.dry_run:
            if reviews.knows(session, audit.dataset_pk, body.id):
                raise Problem("already-done", "This was done before; take a new id for another one.")
            if body.count != len(chosen):
                raise Problem("count-differs", f"There are {len(chosen)} such samples, not {body.count}: look again.")
            rows = zip(ranking.sample[chosen].tolist(), ranking.suggested[chosen].tolist(), strict=True)
            decision = DECIDES[body.action]
            labels = ((n, decision, label if body.action == "accept" else None) for n, label in rows)
            reviews.add_many(session, audit, body.reviewer, body.id, labels)
    wrong = learning.expected_wrong(ranking, judged.decision, chosen, body.action)
    return BulkOut(id=body.id, count=len(chosen), expected_wrong=RangeOut(**asdict(wrong)), done=not query.dry_run)


@router.post("/{audit_id}/reviews/bulk/{bulk_id}/undo", response_model=UndoneOut)
def take_back(audit_id: str, bulk_id: str, parts: PartsDep, query: Annotated[UndoQuery, Query()]) -> UndoneOut:
    """Take back what was decided of many at once, as far as nobody did so before."""
    with parts.db.write() as session:
        audit = audited(session, audit_id)
        if not reviews.knows(session, audit.dataset_pk, bulk_id):
            raise Problem("not-found", "There are no decisions of that id.")
        return UndoneOut(count=reviews.take_back(session, audit, query.reviewer, bulk_id))


@router.get("/{audit_id}/reviews/summary", response_model=ReviewState)
def summary(audit_id: str, parts: PartsDep) -> ReviewState:
    """Where the review stands: how right the ranking is so far, how many errors are left, whether to go on."""
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        ranking, judged = parts.rankings.judged(session, audit)
        last, disputed = reviews.state(session, audit.dataset_pk)
    found = learning.feedback(ranking, judged.decision)
    counts = np.bincount(judged.decision[judged.decision >= 0], minlength=len(DECISIONS)).tolist()
    return ReviewState(
        last=last,
        decisions=dict(zip(DECISIONS, counts, strict=True)),
        disputed=disputed,
        flagged_judged=found.flagged_right + found.flagged_wrong,
        precision=found.precision and RangeOut(**asdict(found.precision)),
        left=found.left,
        errors_left=RangeOut(**asdict(found.errors_left)),
        next=found.next,
        errors_next=RangeOut(**asdict(found.errors_next)),
        advice=found.advice,
        random=MissedOut(**asdict(looks.missed(ranking, judged))),
        blind=AgreedOut(**asdict(looks.blind(ranking.suggested, judged))),
        seen=AgreedOut(**asdict(looks.seen(ranking.suggested, judged))),
    )


@router.get("/{audit_id}/facets", response_model=FacetsOut)
def facets(audit_id: str, parts: PartsDep, query: Annotated[Choices, Query()]) -> FacetsOut:
    """How many samples every further choice of a filter would leave."""
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        ranking, judged = parts.rankings.judged(session, audit)
        wanted = rankings.named(session, audit, ranking, query.wanted(audit))
    found = counting.facets(ranking, judged, wanted, len(audit.classes), MOST_PAIRS)
    named = audit.classes
    return FacetsOut(
        total=found.total,
        given=_counted(named, found.given.tolist()),
        suggested=_counted(named, found.suggested.tolist()),
        without_suggestion=found.unsuggested,
        pairs=[Pair(given=named[one], suggested=named[other], count=count) for one, other, count in found.pairs],
        verdict=_counted(VERDICTS, found.verdict),
        reason=_counted(REASONS, found.reason),
        is_issue=_counted(("false", "true"), found.is_issue),
        conflict=_counted(("false", "true"), found.conflict),
        decision=_counted(DECISIONS, found.decision),
        undecided=found.undecided,
        disputed=_counted(("false", "true"), found.disputed),
        split=_counted(SPLITS, found.split),
        without_split=found.unsplit,
        score=[Bin(low=low, count=count) for low, count in zip(counting.EDGES.tolist(), found.score, strict=False)],
    )


def _said(audit: Audited, one: Saying) -> Said:
    return Said(one.id, one.sample, one.decision, class_number(audit, one.label), one.undoes)


def _open(action: Action, ranking: Ranking, judged: Judged, wanted: Wanted) -> NDArray[np.bool_]:
    """What a bulk decision can be about: of what is wanted, that which nobody judged."""
    masks = [of(ranking, judged, wanted), judged.decision == NOTHING]
    return both(ranking, [*masks, ranking.suggested != NOTHING] if action == "accept" else masks)


def _counted(names: Any, counts: list[int]) -> list[Counted]:
    return [Counted(value=name, count=count) for name, count in zip(names, counts, strict=True) if count]
