"""Where a queued audit stands, and when its turn will come as far as that can be known."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from threading import Lock

from sqlalchemy.orm import Session

from api.schemas import Waiting
from core.spec import AuditSpec, Pace, Plan
from core.store import audits, datasets, jobs, workers
from core.store.tables import Dataset, Job, Worker
from core.training.budget import duration_s
from core.training.plan import resolve

MOST = 200  # audits ahead whose durations are added up
LONGEST = 10_000  # places that are told
BEATS = 3.0  # without which a worker is taken to be gone
AGE_S = 1.0  # of what is told: it is read once for all who ask meanwhile


@dataclass(frozen=True)
class Snapshot:
    """What is told of the line, and when it was read."""

    at: float
    places: dict[int, int]  # of the audits that wait, by their row
    workers: list[Worker]
    left: list[float | None]  # seconds, of the audits at work
    takes: list[float | None]  # seconds, of the first that wait


class Line:
    """The line as one API process knows it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: Snapshot | None = None

    def waiting(self, session: Session, job: Job, beat_s: float) -> Waiting | None:
        """The place in the line of an audit that waits; None when it does not."""
        if job.state != "queued":
            return None
        known = self._look(session, job.pk, beat_s)
        place = known.places.get(job.pk)
        return None if place is None else _waiting(known, place, job.device)

    def _look(self, session: Session, job_pk: int, beat_s: float) -> Snapshot:
        with self._lock:
            known = self._known
            new = known is not None and job_pk not in known.places and len(known.places) < LONGEST
            if known is None or new or time.monotonic() - known.at >= AGE_S:
                known = self._known = _read(session, beat_s)
            return known


def _read(session: Session, beat_s: float) -> Snapshot:
    at = time.monotonic()
    paces = [pace for _, pace in audits.paces(session)]
    return Snapshot(
        at,
        {pk: place for place, pk in enumerate(jobs.in_line(session, "audit", LONGEST), start=1)},
        workers.alive(session, BEATS * beat_s),
        [_left(job, dataset, paces) for job, dataset in audits.at_work(session)],
        [_takes(job, dataset, paces) for job, dataset in audits.first_in_line(session, MOST)],
    )


def _waiting(known: Snapshot, place: int, device: str | None) -> Waiting:
    able = [one for one in known.workers if "audits" in one.queues and _can(one.devices, device)]
    if not able:
        wanted = "" if device is None else f" with the device {device}"
        return Waiting(position=place, starts_in_s=None, why=f"No worker{wanted} shows itself at present.")
    seconds = _until(known, place, len(able))
    if seconds is None:
        return Waiting(position=place, starts_in_s=None, why="How long the audits before it take is not known yet.")
    count = f"{len(able)} worker{'s' if len(able) > 1 else ''}"
    why = f"{place - 1} before it, {count}, at the pace of earlier audits."
    return Waiting(position=place, starts_in_s=float(f"{seconds:.2g}"), why=why)


def _can(devices: list[dict[str, str]], kind: str | None) -> bool:
    return kind is None or any(device["kind"] == kind for device in devices)


def _until(known: Snapshot, place: int, hands: int) -> float | None:
    """Seconds until so many workers have come to this place of the line; None when nobody can say."""
    ahead = known.takes[: place - 1]
    if place - 1 > len(ahead) or None in known.left or None in ahead:
        return None
    free = sorted([left for left in known.left if left is not None] + [0.0] * max(0, hands - len(known.left)))[-hands:]
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
