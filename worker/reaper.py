"""Looks after the jobs: takes back the lost, rings for the forgotten, removes what nobody needs.

One runs in every API process and in every worker's parent. All of it is idempotent, so nobody needs to be elected.
"""

from __future__ import annotations

import random
import threading
from time import monotonic

from sqlalchemy.orm import Session

from core import logs
from core.errors import Problem
from core.settings import Settings
from core.store import jobs
from core.store.blobs import Blobs
from core.store.db import Away, Database
from core.store.sweep import sweep
from worker.bells import Bells

log = logs.get(__name__)


class Reaper:
    """A background thread that looks every `reaper_s` seconds."""

    def __init__(self, settings: Settings, db: Database, blobs: Blobs, bells: Bells) -> None:
        self._settings, self._db, self._blobs, self._bells = settings, db, blobs, bells
        self._clocks: tuple[float, float] | None = None  # the database's and ours, at the last look
        self._lenient_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        """Begin; the first look comes at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the look that is under way."""
        self._stop.set()
        self._thread.join(5)

    def look(self) -> jobs.Reaped:
        """One look."""
        settings = self._settings
        with self._db.write() as session:
            strict = not self._slept(session)
            reaped = jobs.reap(session, settings.max_attempts, ring_after_s=settings.lease_s, leases=strict)
        for id in reaped.requeued + reaped.failed + reaped.cancelled:
            log.warning("took back a job whose worker is gone", job=id)
        for kind, id in reaped.to_ring:
            self._bells.ring(kind, id)
        sweep(self._db, self._blobs, settings.upload_expiry_s, settings.upload_kept_s)
        return reaped

    def _slept(self, session: Session) -> bool:
        """Whether the database's clock has just jumped ahead of ours, as it does when a machine wakes up.

        All leases are over then, and nobody has had the time to show a sign of life: each job gets a lease's time.
        """
        theirs, ours = jobs.moment(session), monotonic()
        if self._clocks is not None:
            ahead = (theirs - self._clocks[0]) - (ours - self._clocks[1])
            if ahead > self._settings.beat_s:
                log.warning(
                    "the clock jumped; running jobs may show life before they are taken back", by_s=round(ahead)
                )
                self._lenient_until = ours + self._settings.lease_s
        self._clocks = theirs, ours
        return ours < self._lenient_until

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (*Away, OSError, Problem) as error:
                log.warning("the reaper could not look", error=str(error).splitlines()[0])
            except Exception:  # top of a thread that must outlive its accidents
                log.exception("the reaper stumbled")
            # A little chance keeps many processes from looking all at once.
            self._stop.wait(self._settings.reaper_s * random.uniform(0.8, 1.2))
