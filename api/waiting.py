"""Where a queued audit stands, and when its turn will come as far as that can be known."""

from __future__ import annotations

import heapq

from sqlalchemy.orm import Session

from api.deps import Parts
from api.schemas import Waiting
from core.spec import AuditSpec, Pace, Plan
from core.store import audits, datasets, jobs, workers
from core.store.tables import Dataset, Job
from core.training.budget import duration_s
from core.training.plan import resolve

MOST = 200  # audits ahead whose durations are added up
BEATS = 3.0  # without which a worker is taken to be gone


def waiting(parts: Parts, session: Session, job: Job) -> Waiting | None:
    """The place in the line of an audit that waits; None when it does not."""
    if job.state != "queued":
        return None
    place = next((n for n, pk in enumerate(jobs.in_line(session, "audit"), start=1) if pk == job.pk), None)
    if place is None:
        return None
    there = workers.alive(session, BEATS * parts.settings.beat_s)
    able = [one for one in there if "audits" in one.queues and _can(one.devices, job.device)]
    if not able:
        wanted = "" if job.device is None else f" with the device {job.device}"
        return Waiting(position=place, starts_in_s=None, why=f"No worker{wanted} shows itself at present.")
    seconds = _until(session, place, len(able))
    if seconds is None:
        return Waiting(position=place, starts_in_s=None, why="How long the audits before it take is not known yet.")
    count = f"{len(able)} worker{'s' if len(able) > 1 else ''}"
    why = f"{place - 1} before it, {count}, at the pace of earlier audits."
    return Waiting(position=place, starts_in_s=float(f"{seconds:.2g}"), why=why)


def _can(devices: list[dict[str, str]], kind: str | None) -> bool:
    return kind is None or any(device["kind"] == kind for device in devices)


def _until(session: Session, place: int, hands: int) -> float | None:
    """Seconds until so many workers have come to this place of the line; None when nobody can say."""
    paces = [pace for _, pace in audits.paces(session)]
    at_work = [_left(job, dataset, paces) for job, dataset in audits.at_work(session)]
    ahead = [_takes(job, dataset, paces) for job, dataset in audits.first_in_line(session, min(place - 1, MOST))]
    if place - 1 > MOST or None in at_work or None in ahead:
        return None
    free = sorted([left for left in at_work if left is not None] + [0.0] * max(0, hands - len(at_work)))[-hands:]
    for takes in ahead:
        assert takes is not None
        heapq.heapreplace(free, free[0] + takes)
    return free[0]


def _left(job: Job, dataset: Dataset, paces: list[Pace]) -> float | None:
    """Of an audit that is at work."""
    told = (job.progress or {}).get("eta_s")
    if told is not None:
        return float(told)
    takes = _takes(job, dataset, paces)
    return None if takes is None else max(0.0, takes - job.spent_s)


def _takes(job: Job, dataset: Dataset, paces: list[Pace]) -> float | None:
    """From its start to its end."""
    if not paces:
        return None
    facts, pace = datasets.facts(dataset), paces[0]
    if job.plan is not None:
        return duration_s(Plan(**job.plan), facts, pace)
    plan = resolve(
        AuditSpec(**job.spec), facts, pace.device, pace.cores, bf16=pace.bf16, pace=pace, processes=pace.processes
    )
    return duration_s(plan, facts, pace)
