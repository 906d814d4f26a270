"""What a worker does when a bell rings: claim the job, start a child program for it, watch over the child.

Nothing here imports torch. The child is a program of its own (`python -m worker.run`), because a pool process may not
have children, must not touch a GPU before it forks, and could not be killed without losing the worker.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from celery import Celery

from core import logs
from core.settings import Settings
from core.store import jobs
from core.store.db import Away, Database
from worker.app import BELL, QUEUES
from worker.roster import kinds as kinds_of_devices

log = logs.get(__name__)


TURN_S = 30.0  # after which a worker of several queues hears the bells of the others


def register(app: Celery, settings: Settings, queues: Sequence[str]) -> None:
    """Teach the application of a worker of these queues the one task there is."""
    turn_s = TURN_S if len(queues) > 1 else math.inf

    @app.task(name=BELL, bind=True, shared=False)  # type: ignore[untyped-decorator]
    def bell(task: Any, job_id: str) -> None:
        queue = task.request.delivery_info["routing_key"]
        answer(settings, [kind for kind, its in QUEUES.items() if its == queue], job_id, turn_s)


def answer(settings: Settings, kinds: list[str], job_id: str, turn_s: float = math.inf) -> None:
    """Do every job of these kinds that waits, the first kind first and each in its line, until there is none, or the
    turn of other kinds has come: uploads that never end must not hold up audits, nor the other way round.

    Which job the bell is about does not matter: one that was lost costs nothing while there is work, one that comes
    late finds nothing to do, and nobody jumps the line by being rung for.
    """
    log.debug("a bell", job=job_id)
    devices = kinds_of_devices(settings)
    worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    db, until = Database(settings.database), time.monotonic() + turn_s
    try:
        while True:
            with db.write() as session:
                waiting = (jobs.claim_next(session, kind, worker, settings.start_s, devices) for kind in kinds)
                claim = next((found for found in waiting if found is not None), None)
            if claim is None:
                return
            Watch(settings, db, claim).until_over()
            if time.monotonic() > until:
                return
    finally:
        db.close()


class Watch:
    """One child program and the parent's eye on it."""

    def __init__(self, settings: Settings, db: Database, claim: jobs.Claim) -> None:
        self._settings, self._db, self._claim = settings, db, claim
        self._log = log.bind(job=claim.id, attempt=claim.attempt)
        self._asked_to_stop_at: float | None = None

    def until_over(self) -> None:
        """Start the child, wait for its end, and say so when it ended without a word."""
        claim = self._claim
        command = [sys.executable, "-m", "worker.run", claim.id, "--attempt", str(claim.attempt)]
        command += ["--parent", str(os.getpid())]
        child = subprocess.Popen(command, start_new_session=True)
        self._log.info("started", kind=claim.kind, pid=child.pid)
        while True:
            try:
                status = child.wait(self._settings.watch_s)
                break
            except subprocess.TimeoutExpired:
                self._look(child)
        _kill(child)  # whatever the child had started
        shutil.rmtree(self._settings.together / claim.id, ignore_errors=True)
        reason = f"it was killed by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"
        with self._db.write() as session:
            state = jobs.abandon(session, claim, self._settings.max_attempts, reason)
        if state is not None:
            self._log.warning("the child ended without a word", reason=reason, now=state)

    def _look(self, child: subprocess.Popen[bytes]) -> None:
        """Pass on that it shall end or pause, and end a child whose job is no longer its own."""
        try:
            with self._db.read() as session:
                row = jobs.adopt(session, self._claim.id, self._claim.attempt)
                asked = jobs.asked_to_stop(session, self._claim)
        except Away:
            return  # the database is away; the lease decides
        if row is None:
            # The child itself may have just written its end; a moment is enough to leave.
            if self._overdue(child, grace_s=self._settings.stop_grace_s, ask=False):
                self._log.warning("killed a child whose job is no longer its own")
        elif asked and self._overdue(child, grace_s=self._settings.stop_grace_s, ask=True):
            self._log.warning("killed a child that did not stop when asked")

    def _overdue(self, child: subprocess.Popen[bytes], grace_s: float, ask: bool) -> bool:
        if self._asked_to_stop_at is None:
            self._asked_to_stop_at = time.monotonic()
            if ask:
                child.send_signal(signal.SIGTERM)
            return False
        if time.monotonic() - self._asked_to_stop_at < grace_s:
            return False
        _kill(child)
        return True


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole process group."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
