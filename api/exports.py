"""Exports: files that others read, written by a worker."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from api import files
from api.deps import PartsDep, RequestId, audit_of, check_finished
from api.held_out import Agreed, agreed
from api.once import OnceDep
from api.removal import Removal
from api.schemas import ListQuery, Page, problem_out, time_out
from api.strict import StrictRoute
from core.errors import Problem
from core.ids import is_id
from core.spec import ExportSpec, Frozen, Progress, Revised, Split
from core.store import audits, exports, jobs, reviews
from core.store.tables import Dataset, Job
from core.words import ExportFormat

router = APIRouter(prefix="/v1/exports", route_class=StrictRoute, tags=["exports"])

FILES = files.described("application/octet-stream")


class NewExport(Frozen):
    """What to export. Of the splits val and test no label is changed, unless `change_held_out` is the number of their
    samples that would be: whoever sends it has seen it."""

    audit_id: str
    format: ExportFormat
    splits: tuple[Split, ...] | None = Field(default=None, min_length=1, max_length=3, strict=False)
    change_held_out: Agreed | None = None


class ExportsQuery(ListQuery):
    """Which exports."""

    audit_id: str | None = None


class ExportFile(BaseModel):
    """What was written."""

    name: str
    size: int
    sha256: str
    media_type: str


class ExportOut(BaseModel):
    """An export and how far it is. `reviews` is the number of the last review that it takes into account, `counts` what
    the decisions made of its samples."""

    id: str
    status: Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
    format: ExportFormat
    audit_id: str
    dataset_id: str
    dataset_version: int
    reviews: int
    splits: list[Split] | None
    change_held_out: bool
    cancel_requested: bool
    progress: Progress
    counts: Revised | None
    file: ExportFile | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    problem: dict[str, Any] | None


@router.post("", status_code=202, response_model=ExportOut)
def start(body: NewExport, parts: PartsDep, request_id: RequestId, once: OnceDep) -> Response:
    """Export an audit with the decisions as they are now. A worker writes the file."""
    with parts.db.write() as session:
        if (again := once.begun(session, body)) is not None:
            return again
        audit, dataset = audit_of(session, body.audit_id)
        check_finished(audit)
        last = reviews.wait_turn(session, dataset.pk)  # nothing is decided until this export is in the line
        change = agreed(session, dataset, body.splits, body.change_held_out)
        said = body.model_dump(exclude={"change_held_out"})
        spec = ExportSpec(**said, change_held_out=change, reviews=last)
        job = jobs.submit(session, "export", dataset.pk, spec.model_dump(), request_id)
        answer = once.done(session, body, _out(job, dataset), f"/v1/exports/{job.id}")
    parts.bells.ring("export", job.id)
    return answer


@router.get("", response_model=Page[ExportOut])
def index(parts: PartsDep, query: Annotated[ExportsQuery, Query()]) -> Page[ExportOut]:
    """The exports, newest first."""
    with parts.db.read() as session:
        if query.audit_id is not None and not (is_id(query.audit_id) and audits.find(session, query.audit_id)):
            raise Problem("not-found", "There is no such audit.")
        found = exports.page(session, query.audit_id, query.after, query.limit + 1)
    shown = [_out(job, dataset) for job, dataset in found[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(found) > query.limit else None)


def _export(parts: PartsDep, export_id: Annotated[str, Path()]) -> tuple[Job, Dataset]:
    with parts.db.read() as session:
        found = exports.find(session, export_id) if is_id(export_id) else None
    if found is None:
        raise Problem("not-found", "There is no such export.")
    return found


ExportDep = Annotated[tuple[Job, Dataset], Depends(_export)]


@router.get("/{export_id}", response_model=ExportOut)
def show(found: ExportDep) -> ExportOut:
    """An export."""
    return _out(*found)


@router.head("/{export_id}/file", response_class=Response, name="file_head")
@router.get("/{export_id}/file", response_class=Response, responses=FILES)
def file(request: Request, found: ExportDep, parts: PartsDep) -> Response:
    """The file that was written."""
    job, _ = found
    if job.state != "succeeded":
        raise Problem("export-not-finished", f"This export has no file: its status is {job.state}.")
    stored = (job.result or {})["file"]
    written = files.File(stored["size"], stored["sha256"], partial(parts.blobs.stream, stored["key"]))
    return files.serve(request, written, stored["media_type"], stored["name"])


@router.post("/{export_id}/cancel", status_code=202, response_model=ExportOut)
def cancel(found: ExportDep, parts: PartsDep) -> ExportOut:
    """Ask an export to end. A running one ends within seconds."""
    job, dataset = found
    with parts.db.write() as session:
        return _out(jobs.cancel(session, job.id), dataset)


@router.delete("/{export_id}", status_code=204)
def remove(found: ExportDep, parts: PartsDep, query: Annotated[Removal, Query()]) -> Response:
    """Remove an export and its file. With `force`, one that is still at work is cancelled first."""
    job, _ = found
    with parts.db.write() as session:
        query.check(job, "export-in-progress")
        exports.remove(session, job)
    return Response(status_code=204)


def _out(job: Job, dataset: Dataset) -> ExportOut:
    spec, result = ExportSpec(**job.spec), job.result or {}
    written = job.state == "succeeded"
    progress = Progress(**(job.progress or {})) if job.state != "queued" or job.attempt else Progress(percent=0.0)
    return ExportOut(
        id=job.id,
        status=job.state,
        format=spec.format,
        audit_id=spec.audit_id,
        dataset_id=dataset.id,
        dataset_version=dataset.version,
        reviews=spec.reviews,
        splits=None if spec.splits is None else list(spec.splits),
        change_held_out=spec.change_held_out,
        cancel_requested=job.cancel_requested,
        progress=progress,
        counts=Revised(**result["counts"]) if written else None,
        file=ExportFile(**{name: result["file"][name] for name in ExportFile.model_fields}) if written else None,
        created_at=time_out(job.created_at),
        started_at=job.started_at and time_out(job.started_at),
        finished_at=job.finished_at and time_out(job.finished_at),
        problem=problem_out(job.problem, f"/v1/exports/{job.id}", job.request_id),
    )
