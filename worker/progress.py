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
from core.settings import Settings
from core.spec import Phase, Progress
from core.store import events, jobs
from core.store.db import Away, Database
from core.store.jobs import Cancelled, Claim, LeaseLost

log = logs.get(__name__)
Answer = TypeVar("Answer")


class Stopped(Exception):
    """This process was asked to end: save what there is and give the job back."""


class Voice:
    """Speaks for one claim. `tick` is called at every small step of the work; it costs nothing most of the time."""

    def __init__(self, settings: Settings, db: Database, claim: Claim) -> None:
        self._settings, self._db, self.claim = settings, db, claim
        self.progress = Progress(phase="preparing")
        self._steps: deque[float] = deque(maxlen=64)
        self._last_step = self._last_beat = time.monotonic()
        self._told_to_stop = False
        self._phase_began = time.monotonic()
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

    def eta(self, done: float, to_do: float) -> float | None:
        """Seconds left in this phase, from its pace so far."""
        elapsed = time.monotonic() - self._phase_began
        return round(elapsed / done * to_do, 1) if done > 0 and elapsed > 0.2 else None

    def beat(self) -> None:
        """A sign of life now, with what we last said of our progress."""
        self.write(lambda _session: None)

    def write(self, also: Callable[[Session], Answer]) -> Answer:
        """A fenced transaction: a sign of life, and whatever `also` writes. Raises when the job is no longer ours."""

        def transaction() -> tuple[bool, Answer]:
            with self._db.write() as session:
                cancel = jobs.beat(session, self.claim, self._lease(), self.progress.model_dump())
                return cancel, also(session)

        cancel, answer = self._patiently(transaction)
        self._last_beat = time.monotonic()
        if cancel:
            raise Cancelled
        return answer

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
