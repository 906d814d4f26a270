"""Looks after the jobs: takes back the lost, rings for the forgotten, removes what nobody needs.

One runs in every API process and in every worker's parent. All of it is idempotent, so nobody needs to be elected.
"""

from __future__ import annotations

import random
import threading

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
            reaped = jobs.reap(session, settings.max_attempts, ring_after_s=settings.lease_s)
        for id in reaped.requeued + reaped.failed + reaped.cancelled:
            log.warning("took back a job whose worker is gone", job=id)
        for kind, id in reaped.to_ring:
            self._bells.ring(kind, id)
        sweep(self._db, self._blobs, settings.upload_expiry_s, settings.upload_kept_s)
        return reaped

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
