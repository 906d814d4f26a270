"""A running job's voice: signs of life, progress, events, and the ear for being told to stop."""

from __future__ import annotations

import signal
import statistics
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core import logs
from core.errors import Problem
from core.settings import Settings
from core.spec import Phase, Progress
from core.store import events, jobs
from core.store.blobs import FULL, Unreachable
from core.store.db import Away, Database
from core.store.jobs import Cancelled, Claim, LeaseLost

log = logs.get(__name__)
Answer = TypeVar("Answer")
WAITED_FOR = frozenset({"blobs-unreachable", "disk-full", "insufficient-storage"})  # what somebody may mend meanwhile
UNREACHABLE = Problem("blobs-unreachable", "The blob store does not answer.", retryable=True)
DISK_FULL = Problem("disk-full", "The disk of LABELAUDIT_HOME, on which files are made, is full.", retryable=True)


class Stopped(Exception):
    """This process was asked to end, or its job to pause: save what there is and give the job back."""


def _limit_s(settings: Settings, claim: Claim) -> float | None:
    """How long a job may be at work, by its time or by what that costs."""
    limits = [claim.spec.get("max_s"), claim.spec.get("max_cost")]
    if limits[1] is not None:
        limits[1] = 3600 * limits[1] / settings.device_hour_cost if settings.device_hour_cost else None
    return min((limit for limit in limits if limit is not None), default=None)


def _as_problem(error: Exception) -> Problem | None:
    """What failed for want of room or of the blob store; None when it did so for another reason."""
    if isinstance(error, OSError):
        return DISK_FULL if error.errno in FULL else None
    return error if isinstance(error, Problem) else UNREACHABLE


class Voice:
    """Speaks for one claim. `tick` is called at every small step of the work; it costs nothing most of the time."""

    def __init__(self, settings: Settings, db: Database, claim: Claim) -> None:
        self._settings, self._db, self.claim = settings, db, claim
        self.progress = Progress(phase="preparing")
        self._steps: deque[float] = deque(maxlen=64)
        self._began = self._last_step = self._last_beat = self._phase_began = time.monotonic()
        self._told_to_stop = False
        self._most_s = _limit_s(settings, claim)
        signal.signal(signal.SIGTERM, self._hear)
        self.beat()

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True
        # Whatever hangs must not outlive the grace; the alarm's default action ends the process.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(max(1, int(self._settings.stop_grace_s)))

    def enter(self, phase: Phase) -> None:
        """Begin a phase, and say so."""
        self.progress = self.progress.model_copy(update={"phase": phase, "eta_s": None})
        self._steps.clear()
        self._phase_began = self._last_step = time.monotonic()
        self.beat()

    def tick(self, **progress: Any) -> None:
        """A step was made. Raises `Stopped`, `Cancelled` or `LeaseLost` when the work must not go on."""
        moment = time.monotonic()
        self._steps.append(moment - self._last_step)
        self._last_step = moment
        if progress:
            self.progress = self.progress.model_copy(update=progress)
        if self._told_to_stop or moment - self._last_beat >= self._settings.beat_s:
            self.beat()
        if self._told_to_stop:
            raise Stopped
        if self._most_s is not None and self.spent_s > self._most_s:
            raise Problem("time-limit", f"This {self.claim.kind} was at work for {self._most_s:g} s, its limit.")

    def eta(self, done: float, to_do: float) -> float | None:
        """Seconds left in this phase, from its pace so far."""
        elapsed = time.monotonic() - self._phase_began
        return round(elapsed / done * to_do, 1) if done > 0 and elapsed > 0.2 else None

    def beat(self, silent_s: float = 0.0) -> None:
        """A sign of life now, with what we last said of our progress; the next one may take so long."""
        self.write(lambda _session: None, silent_s)

    def write(self, also: Callable[[Session], Answer], silent_s: float = 0.0) -> Answer:
        """A fenced transaction: a sign of life, and whatever `also` writes. Raises when the job is no longer ours."""

        lease_s = max(self._lease(), silent_s)

        def transaction() -> tuple[str | None, Answer]:
            with self._db.write() as session:
                asked = jobs.beat(session, self.claim, lease_s, self.progress.model_dump(), self.spent_s)
                return asked, also(session)

        asked, answer = self._patiently(transaction)
        self._last_beat = time.monotonic()
        if asked == "cancel":
            raise Cancelled
        self._told_to_stop |= asked == "pause"
        return answer

    def durably(self, act: Callable[[], Answer]) -> Answer:
        """Do something that needs room on the disk, or the blob store. While there is none, wait and do it again:
        what was learned so far is worth more than the time.
        """
        began: float | None = None
        while True:
            try:
                answer = act()
            except (Problem, OSError, *Unreachable) as error:
                problem = _as_problem(error)
                if problem is None:
                    raise
                ours = problem is UNREACHABLE and not self._settings.blobs.startswith("s3://")  # a disk that fails
                if ours or problem.code not in WAITED_FOR:
                    raise
                began = began or self._begin_to_wait(problem)
                if time.monotonic() - began > self._settings.storage_wait_s:
                    raise problem from error
            else:
                if began is not None:
                    self.progress = self.progress.model_copy(update={"waiting": None})
                    self.event("went-on", {"waited_s": round(time.monotonic() - began, 1)})
                return answer
            time.sleep(min(1.0, self._settings.beat_s / 2))
            self.tick()

    def _begin_to_wait(self, problem: Problem) -> float:
        log.warning("waiting", code=problem.code, detail=problem.detail)
        self.progress = self.progress.model_copy(update={"waiting": problem.code})
        self.event("waiting", {"code": problem.code, "detail": problem.detail})
        return time.monotonic()

    @property
    def spent_s(self) -> float:
        """Seconds at work, those of earlier attempts included."""
        return self.claim.spent_s + time.monotonic() - self._began

    def event(self, type: str, data: dict[str, Any]) -> None:
        """Tell whoever watches."""
        self.write(lambda session: events.emit(session, self.claim.pk, type, data))

    def _lease(self) -> float:
        """Liveness is progress: a job whose steps are slow may be silent for longer."""
        slow = 20 * statistics.median(self._steps) if self._steps else 0.0
        return max(self._settings.lease_s, slow)

    def _patiently(self, transaction: Callable[[], Answer]) -> Answer:
        """Ride out a database that is away for less than a lease; after that the job is no longer provably ours."""
        while True:
            try:
                return transaction()
            except Away as error:
                if time.monotonic() - self._last_beat > self._settings.lease_s:
                    raise LeaseLost("the database was away for longer than the lease") from error
                log.warning("the database does not answer, trying again", error=type(error).__name__)
                time.sleep(min(1.0, self._settings.beat_s / 4))
