"""What the API answers with. Unknown fields are null, labels are class names, times are ISO 8601 in UTC."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api import problems
from core.errors import Problem
from core.spec import Counts, Plan, Progress, Record
from core.store import datasets, versions
from core.store.tables import Dataset, Event, Finding, Job, LeftOut, Sample
from core.summary import NoiseRate
from core.words import FindingKind

Row = TypeVar("Row")
DatasetName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
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
    """A dataset and how far it is. A corrected one is a `version` of its `parent_id`, of the decisions up to review
    `from_reviews`, said of the list of `from_audit`."""

    id: str
    name: str
    version: int
    parent_id: str | None
    from_audit: str | None
    from_reviews: int | None
    status: Literal["received", "ingesting", "ready", "rejected", "failed"]
    format: str | None
    layout: str | None
    size: int | None
    sha256: str | None
    created_at: str
    finished_at: str | None
    progress: Progress | None
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
    have a price; `queue` is there while it is queued and shown by itself; `noise_rate` is the summary's, null until it
    has succeeded and where the run says nothing of the labels; `record` is what determined its result."""

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
    noise_rate: NoiseRate | None
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


class NoiseSoFar(BaseModel):
    """The share of wrong labels as far as the planted ones tell, which lies between `low` and `high` with 95 %."""

    estimate: float
    low: float
    high: float


class EpochOut(BaseModel):
    """What an event of type `epoch` says."""

    epoch: int
    epochs: int
    train_loss: float
    train_accuracy: float
    test_accuracy: float | None
    mean_weight: float
    seconds: float
    noise: NoiseSoFar | None


class EventOut(BaseModel):
    """Something that happened to an audit; what `data` holds is up to its type."""

    id: int
    type: str
    at: str
    data: Annotated[dict[str, Any] | EpochOut, Field(union_mode="left_to_right")]


def dataset_out(dataset: Dataset, ingest: Job, *, whole: bool = True) -> DatasetOut:
    """A dataset; in lists without the names of its classes, which may be very many. What an import is to fetch has
    no format, size or hash yet."""
    problem = dataset.rejection or (ingest.problem if ingest.state == "failed" else None)
    return DatasetOut(
        id=dataset.id,
        name=dataset.name,
        version=dataset.version,
        parent_id=versions.parent_of(dataset),
        from_audit=dataset.from_audit,
        from_reviews=dataset.from_reviews,
        status=datasets.status(dataset, ingest),
        format=dataset.format or None,
        layout=dataset.layout,
        size=dataset.size or None,
        sha256=dataset.sha256 or None,
        created_at=time_out(dataset.created_at),
        finished_at=ingest.finished_at and time_out(ingest.finished_at),
        progress=ingest.progress and Progress(**ingest.progress),
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
        noise_rate=_noise_rate(result.get("summary")),
        record=Record(**result["record"]) if result.get("record") else None,
        rerun_of=job.rerun_of,
        files={name: {"size": f["size"], "sha256": f["sha256"]} for name, f in files.items()} or None,
        problem=problem_out(job.problem, f"/v1/audits/{job.id}", job.request_id),
    )


def _noise_rate(summary: dict[str, Any] | None) -> NoiseRate | None:
    return None if summary is None or summary["degenerate"] else NoiseRate(**summary["noise_rate"])


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
