"""What the API answers with. Unknown fields are null, labels are class names, times are ISO 8601 in UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api import problems
from core.errors import Problem
from core.spec import Counts, Plan, Progress, Record
from core.store import datasets
from core.store.audits import Audited
from core.store.conflicts import Group
from core.store.curves import Point
from core.store.likeliest import unpacked
from core.store.scores import Ranked
from core.store.tables import Dataset, Event, Finding, Job, Judgement, LeftOut, Review, Sample
from core.words import DECISIONS, VERDICTS, Decision, FindingKind, Reason, VerdictWord, reasons_of

Row = TypeVar("Row")
DatasetName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
NOBODY: Mapping[int, Judgement] = {}  # has said anything
ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class Page(BaseModel, Generic[Row]):
    """A list, cut into pages: `next` is the value for `after`, or null at the end."""

    data: list[Row]
    next: str | int | None


class Asked(BaseModel):
    """Query parameters: text on the wire, so they are converted; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ListQuery(Asked):
    """How lists of things with ids are asked for."""

    after: Annotated[str | None, Field(pattern=ID)] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class NumberedQuery(Asked):
    """How lists of numbered rows are asked for."""

    after: Annotated[int | None, Field(ge=-1, lt=2**31)] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class FoundOut(BaseModel):
    """How many images of a kind were found, in how many groups, and how many of them have a copy in another split."""

    images: int
    groups: int
    across_splits: int


class DatasetOut(BaseModel):
    """A dataset and how far it is."""

    id: str
    name: str
    status: Literal["received", "ingesting", "ready", "rejected", "failed"]
    format: str | None
    layout: str | None
    size: int | None
    sha256: str | None
    created_at: str
    finished_at: str | None
    progress: dict[str, Any] | None
    counts: Counts | None
    class_count: int | None
    classes: list[str] | None
    class_counts: dict[str, int] | None
    splits: dict[str, int] | None
    found: dict[FindingKind, FoundOut] | None
    warnings: list[dict[str, str]] | None
    problem: dict[str, Any] | None


class SampleOut(BaseModel):
    """One accepted image."""

    sample: int
    path: str
    split: str | None
    label: str
    width: int
    height: int
    format: str
    bytes: int
    sha256: str
    image: str
    votes: dict[str, int] | None
    extra: dict[str, str] | None


class FindingOut(BaseModel):
    """An image that was found without a model."""

    kind: FindingKind
    group: int | None
    across_splits: bool
    sample: int
    path: str
    label: str
    split: str | None
    image: str


class LeftOutOut(BaseModel):
    """A member of the upload that became no sample."""

    member: str
    outcome: Literal["rejected", "ignored"]
    code: str
    detail: str
    sha256: str | None


class Waiting(BaseModel):
    """The place in the line, 1 being next, and when its turn comes, if that can be known."""

    position: int
    starts_in_s: float | None
    why: str


class AuditOut(BaseModel):
    """An audit and how far it is. `spent_s` counts the time at work in all attempts, `cost` is what that cost if hours
    have a price; `queue` is there while it is queued and shown by itself; `record` is what determined its result."""

    id: str
    dataset_id: str
    status: Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
    cancel_requested: bool
    pause_requested: bool
    priority: int
    queue: Waiting | None
    progress: Progress
    attempt: int
    spent_s: float
    cost: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    spec: dict[str, Any]
    plan: Plan | None
    device: str | None
    score_version: str | None
    record: Record | None
    rerun_of: str | None
    files: dict[str, Any] | None
    problem: dict[str, Any] | None


class Estimate(BaseModel):
    """How long an audit will take from its start to its end, and how that is known."""

    duration_s: float | None
    low_s: float | None
    high_s: float | None
    basis: Literal["measured on this worker", "earlier audits"] | None
    why: str


class Planned(BaseModel):
    """What an audit would do."""

    plan: Plan
    estimate: Estimate


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
    of it."""

    curves: Curves | None
    reviews: list[ReviewOut]


class ConflictOut(BaseModel):
    """Samples with the same content and different labels, at least one of which is wrong.

    `favoured_label` is the class that is likelier than all others together, over all of them; null when none is.
    `size` counts the samples; the twenty most suspicious of them are listed.
    """

    conflict: int
    size: int
    favoured_label: str | None
    samples: list[Suspect]


class EventOut(BaseModel):
    """Something that happened to an audit."""

    id: int
    type: str
    at: str
    data: dict[str, Any]


def dataset_out(dataset: Dataset, ingest: Job, *, whole: bool = True) -> DatasetOut:
    """A dataset; in lists without the names of its classes, which may be very many. What an import is to fetch has
    no format, size or hash yet."""
    problem = dataset.rejection or (ingest.problem if ingest.state == "failed" else None)
    return DatasetOut(
        id=dataset.id,
        name=dataset.name,
        status=datasets.status(dataset, ingest),
        format=dataset.format or None,
        layout=dataset.layout,
        size=dataset.size or None,
        sha256=dataset.sha256 or None,
        created_at=time_out(dataset.created_at),
        finished_at=ingest.finished_at and time_out(ingest.finished_at),
        progress=ingest.progress,
        counts=dataset.counts and Counts(**dataset.counts),
        class_count=None if dataset.classes is None else len(dataset.classes),
        classes=dataset.classes if whole else None,
        class_counts=_class_counts(dataset) if whole else None,
        splits=(dataset.facts or {}).get("samples"),
        found=None if dataset.found is None else {kind: FoundOut(**counts) for kind, counts in dataset.found.items()},
        warnings=dataset.warnings,
        problem=problem_out(problem, f"/v1/datasets/{dataset.id}", ingest.request_id),
    )


def _class_counts(dataset: Dataset) -> dict[str, int] | None:
    if dataset.classes is None or dataset.class_counts is None:
        return None
    return dict(zip(dataset.classes, dataset.class_counts, strict=True))


def sample_out(dataset: Dataset, sample: Sample) -> SampleOut:
    """A sample with its class's name."""
    assert dataset.classes is not None
    return SampleOut(
        sample=sample.n,
        path=sample.path,
        split=sample.split,
        label=dataset.classes[sample.label],
        width=sample.width,
        height=sample.height,
        format=sample.format,
        bytes=sample.length,
        sha256=sample.sha256.hex(),
        image=image_url(dataset.id, sample.n),
        votes=json.loads(sample.votes) if sample.votes else None,
        extra=json.loads(sample.extra) if sample.extra else None,
    )


def finding_out(dataset: Dataset, found: Finding, sample: Sample) -> FindingOut:
    """What was found of a sample."""
    assert dataset.classes is not None
    return FindingOut(
        kind=found.kind,
        group=found.group,
        across_splits=found.across,
        sample=sample.n,
        path=sample.path,
        label=dataset.classes[sample.label],
        split=sample.split,
        image=image_url(dataset.id, sample.n),
    )


def left_out_out(row: LeftOut) -> LeftOutOut:
    """A left-out member."""
    return LeftOutOut(
        member=row.path,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        sha256=row.sha256.hex() if row.sha256 else None,
    )


def audit_out(job: Job, dataset: Dataset, queue: Waiting | None = None, hour_cost: float = 0.0) -> AuditOut:
    """An audit."""
    result = job.result or {}
    ended = job.state in ("succeeded", "failed", "cancelled")
    progress = Progress(**(job.progress or {})) if job.state != "queued" or job.attempt else Progress(percent=0.0)
    if ended:
        progress = progress.model_copy(update={"eta_s": 0.0 if job.state == "succeeded" else None})
    files = result.get("files", {})
    return AuditOut(
        id=job.id,
        dataset_id=dataset.id,
        status=job.state,
        cancel_requested=job.cancel_requested,
        pause_requested=job.pause_requested,
        priority=job.priority,
        queue=queue,
        progress=progress,
        attempt=job.attempt,
        spent_s=round(job.spent_s, 1),
        cost=round(job.spent_s / 3600 * hour_cost, 4) if hour_cost else None,
        created_at=time_out(job.created_at),
        started_at=job.started_at and time_out(job.started_at),
        finished_at=job.finished_at and time_out(job.finished_at),
        spec=job.spec,
        plan=job.plan and Plan(**job.plan),
        device=result.get("device"),
        score_version=result.get("score_version"),
        record=Record(**result["record"]) if result.get("record") else None,
        rerun_of=job.rerun_of,
        files={name: {"size": f["size"], "sha256": f["sha256"]} for name, f in files.items()} or None,
        problem=problem_out(job.problem, f"/v1/audits/{job.id}", job.request_id),
    )


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
            "judgement": judgement_out(classes, judged[sample]) if sample in judged else None,
        }
        for (
            rank, sample, given, suggested, score, is_issue, verdict, iam, hm_weight, aum, tkum, loss,
            confidence, reasons, top, conflict, path, split,
        ) in rows
    ]  # fmt: skip


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


def event_out(event: Event) -> EventOut:
    """An event."""
    return EventOut(id=event.seq, type=event.type, at=time_out(event.at), data=event.data)


def problem_out(record: dict[str, Any] | None, instance: str, request_id: str | None) -> dict[str, Any] | None:
    """A stored problem in the form that a response would have."""
    return record and problems.body_of(Problem.from_record(record), instance, request_id)


def image_url(dataset_id: str, n: int) -> str:
    """Where a sample's picture is."""
    return f"/v1/datasets/{dataset_id}/samples/{n}/image"


def time_out(seconds: float) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
