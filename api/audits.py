"""Audits: start, watch, cancel, delete."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from api import dryrun, files
from api.deps import AuditDep, FinishedAuditDep, Parts, PartsDep, RequestId, audit_of, check_finished
from api.differences import Difference, difference
from api.once import OnceDep
from api.removal import Removal
from api.schemas import Asked, AuditOut, ListQuery, Page, Planned, audit_out
from api.strict import StrictRoute
from core import failpoints
from core.errors import Problem
from core.ids import is_id
from core.spec import AuditSpec, DatasetFacts, Frozen
from core.store import audits, datasets, jobs
from core.store.tables import Dataset, Job
from core.training.plan import resolve

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["audits"])


class NewAudit(AuditSpec):
    """What to audit, and how; only the dataset is needed."""

    dataset_id: str


class StartQuery(Asked):
    """Whether to start, or only to say what would be done."""

    dry_run: bool = False


class Rerun(Frozen):
    """Which audit is done again."""

    audit_id: str


class AuditsQuery(ListQuery):
    """Which audits."""

    dataset_id: str | None = None


@router.post(
    "",
    status_code=202,
    response_model=None,
    responses={202: {"model": AuditOut}, 200: {"model": Planned, "description": "The answer to a dry run."}},
)
def start(
    body: NewAudit, parts: PartsDep, request_id: RequestId, query: Annotated[StartQuery, Query()], once: OnceDep
) -> Response | Planned:
    """Start an audit. It is queued, and done by a worker; `?dry_run=true` only tells the plan and its duration."""
    spec = AuditSpec(**body.model_dump(exclude={"dataset_id"}))
    if spec.max_cost is not None and not parts.settings.device_hour_cost:
        raise Problem("no-price", "An hour has no price here (LABELAUDIT_DEVICE_HOUR_COST); give max_s instead.")
    if query.dry_run:
        with parts.db.read() as session:
            dataset, facts = _auditable(session, body.dataset_id, spec)
        plan = dryrun.planned(parts, dataset, facts, spec, request_id)
        return Response(plan.model_dump_json(), media_type="application/json")
    with parts.db.write() as session:
        if (again := once.begun(session, body)) is not None:
            return again
        dataset, _ = _auditable(session, body.dataset_id, spec)
        asked, priority = spec.model_dump(exclude_none=True), spec.priority or 0
        job = jobs.submit(session, "audit", dataset.pk, asked, request_id, priority=priority, device=spec.device)
        answer = once.done(session, body, _out(parts, job, dataset), f"/v1/audits/{job.id}")
    failpoints.at("audit.submitted")
    parts.bells.ring("audit", job.id)
    return answer


def _auditable(session: Session, id: str, spec: AuditSpec) -> tuple[Dataset, DatasetFacts]:
    """A dataset that can be audited so."""
    found = datasets.find(session, id) if is_id(id) else None
    if found is None:
        raise Problem("not-found", "There is no such dataset.")
    status = datasets.status(*found)
    if status != "ready":
        raise Problem("dataset-not-ready", f"This dataset cannot be audited: its status is {status}.")
    facts = datasets.facts(found[0])
    resolve(spec, facts, "cpu", 1)  # refuses what cannot be done
    return found[0], facts


@router.post("/{audit_id}/rerun", status_code=202, response_model=AuditOut)
def rerun(found: AuditDep, parts: PartsDep, request_id: RequestId, once: OnceDep) -> Response:
    """Do an audit again, by the plan that it had: on the same kind of machine it comes to the same bits."""
    before, dataset = found
    said = Rerun(audit_id=before.id)
    with parts.db.write() as session:
        if (again := once.begun(session, said)) is not None:
            return again
        line: dict[str, Any] = {"priority": before.priority, "device": before.device, "rerun_of": before}
        job = jobs.submit(session, "audit", dataset.pk, before.spec, request_id, **line)
        answer = once.done(session, said, _out(parts, job, dataset), f"/v1/audits/{job.id}")
    parts.bells.ring("audit", job.id)
    return answer


@router.get("/{audit_id}/diff/{other_id}", response_model=Difference)
def diff(found: FinishedAuditDep, other_id: str, parts: PartsDep) -> Difference:
    """How two rankings of the same data differ."""
    one, dataset = found
    with parts.db.read() as session:
        pair = audits.find(session, other_id) if is_id(other_id) else None
        if pair is None:
            raise Problem("not-found", "There is no such audit to compare with.")
        other, its = pair
        check_finished(other)
        if its.content_hash != dataset.content_hash:
            raise Problem("other-data", "These audits are of different data: their samples cannot be compared.")
        return difference(session, one, other, dataset)


@router.get("", response_model=Page[AuditOut])
async def index(parts: PartsDep, query: Annotated[AuditsQuery, Query()]) -> Response:
    """The audits, newest first."""
    page = await to_thread.run_sync(_page, parts, query, limiter=parts.readers)
    return Response(page, media_type="application/json")


def _page(parts: Parts, query: AuditsQuery) -> str:
    with parts.db.read() as session:
        if query.dataset_id is not None and not (is_id(query.dataset_id) and datasets.find(session, query.dataset_id)):
            raise Problem("not-found", "There is no such dataset.")
        found = audits.page(session, query.dataset_id, query.after, query.limit + 1)
    shown = [_out(parts, job, dataset) for job, dataset in found[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(found) > query.limit else None).model_dump_json()


@router.get("/{audit_id}", response_model=AuditOut, responses={304: {"description": "It has not changed."}})
async def show(request: Request, parts: PartsDep, audit_id: str) -> Response:
    """An audit. Its ETag changes whenever it does."""
    content = await to_thread.run_sync(_content, parts, audit_id, limiter=parts.readers)
    etag = f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if files.has(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _content(parts: Parts, audit_id: str) -> str:
    with parts.db.read() as session:
        job, dataset = audit_of(session, audit_id)
        queue = parts.line.waiting(session, job, parts.settings.beat_s)
    return audit_out(job, dataset, queue, parts.settings.device_hour_cost).model_dump_json()


@router.post("/{audit_id}/cancel", status_code=202, response_model=AuditOut)
def cancel(found: AuditDep, parts: PartsDep) -> AuditOut:
    """Ask an audit to end. A running one ends within seconds."""
    job, dataset = found
    with parts.db.write() as session:
        return _out(parts, jobs.cancel(session, job.id), dataset)


@router.post("/{audit_id}/pause", status_code=202, response_model=AuditOut)
def pause(found: AuditDep, parts: PartsDep) -> AuditOut:
    """Ask an audit to wait. A running one saves its work within seconds, and its worker goes on with another."""
    job, dataset = found
    with parts.db.write() as session:
        return _out(parts, jobs.pause(session, job.id), dataset)


@router.post("/{audit_id}/resume", status_code=202, response_model=AuditOut)
def resume(found: AuditDep, parts: PartsDep) -> AuditOut:
    """Let a paused audit go on where it was, when its turn comes."""
    job, dataset = found
    with parts.db.write() as session:
        job = jobs.resume(session, job.id)
    if job.state == "queued":
        parts.bells.ring("audit", job.id)
    return _out(parts, job, dataset)


@router.delete("/{audit_id}", status_code=204)
def remove(found: AuditDep, parts: PartsDep, query: Annotated[Removal, Query()]) -> Response:
    """Remove an audit and its files. With `force`, one that is still at work is cancelled first."""
    job, _ = found
    with parts.db.write() as session:
        query.check(job, "audit-in-progress")
        audits.remove(session, job)
    return Response(status_code=204)


def _out(parts: Parts, job: Job, dataset: Dataset) -> AuditOut:
    return audit_out(job, dataset, hour_cost=parts.settings.device_hour_cost)
