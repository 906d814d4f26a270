"""Rings bells without making anybody wait.

Whoever submits a job has already committed its row; the bell only says "look now". It goes to a bounded queue that a
background thread empties. When the broker is slow, silent or gone, bells are dropped and the reaper rings again.
"""

from __future__ import annotations

import queue
import threading

from celery import Celery
from prometheus_client import Counter

from core import logs
from worker.app import BELL, QUEUES

log = logs.get(__name__)
RUNG = Counter("labelaudit_bells_total", "Bells rung, by outcome.", ["outcome"])


class Bells:
    """The bell rope of one process."""

    def __init__(self, app: Celery, depth: int = 1000) -> None:
        self._app = app
        self._waiting: queue.Queue[tuple[str, str] | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._ring_all, name="bells", daemon=True)
        self._thread.start()

    def ring(self, kind: str, job_id: str) -> None:
        """Have a worker look at a job. Returns at once, and never fails."""
        try:
            self._waiting.put_nowait((kind, job_id))
        except queue.Full:
            RUNG.labels("dropped").inc()

    def close(self, timeout_s: float = 2.0) -> None:
        """Ring what is waiting, if that is quick, and stop."""
        try:
            self._waiting.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _ring_all(self) -> None:
        while (bell := self._waiting.get()) is not None:
            kind, job_id = bell
            try:
                self._app.send_task(BELL, [job_id], queue=QUEUES[kind], retry=False)
                RUNG.labels("rung").inc()
            except Exception as error:  # the thread must outlive every broker; the reaper rings again
                RUNG.labels("failed").inc()
                log.warning("bell not rung", job=job_id, error=type(error).__name__)
