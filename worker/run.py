"""The program that does one job: `python -m worker.run JOB`. It can be run by hand, without any broker.

Whatever happens, one of these is said in the job's row: done, failed with a problem, cancelled, given back. When the
program cannot say even that (it was killed, it crashed), the worker that started it, or the lease, says it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path

from core import failpoints, logs, settings
from core.errors import Problem
from core.processes import die_with_parent
from core.settings import Settings
from core.store import jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.jobs import Cancelled, Claim, LeaseLost
from worker.progress import Stopped, Voice

log = logs.get(__name__)
NOT_OURS = 3


def main(words: list[str] | None = None) -> int:
    """Do the job; the exit status says how that went."""
    parser = argparse.ArgumentParser(prog="worker.run", description=__doc__)
    parser.add_argument("job")
    parser.add_argument("--attempt", type=int, help="the attempt under which our parent claimed the job")
    parser.add_argument("--parent", type=int, help="save and end when this process ends")
    parser.add_argument("--together", type=Path, help="where we meet the others that train with us under torchrun")
    arguments = parser.parse_args(words)
    if arguments.parent:
        # torchrun passes on that it was told to stop; when it is dead, nothing else ends its processes.
        die_with_parent(arguments.parent, signal.SIGKILL if arguments.together else signal.SIGTERM)
    os.umask(0o077)
    configured = settings.load()
    logs.set_up(configured)
    db = Database(configured.database)
    claim = _claim(configured, db, arguments.job, arguments.attempt)
    if claim is None:
        log.warning("this job is not there to be done", job=arguments.job)
        return NOT_OURS
    logs.bind(job=claim.id, attempt=claim.attempt, kind=claim.kind)
    if claim.request_id:
        logs.bind(request=claim.request_id)
    return _do(configured, db, claim, arguments.together)


def _claim(configured: Settings, db: Database, job: str, attempt: int | None) -> Claim | None:
    with db.write() as session:
        if attempt is not None:
            return jobs.adopt(session, job, attempt)
        return jobs.claim(session, job, f"{socket.gethostname()}:{os.getpid()}", configured.start_s)


def _do(configured: Settings, db: Database, claim: Claim, together: Path | None) -> int:
    # Only what this job needs, for torch takes seconds; the first sign of life, which ends the long first lease, after.
    # Threads that wait must sleep: on a machine with other work, spinning makes training several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if claim.kind == "ingest":
        from worker.ingest import run
    elif claim.kind == "export":
        from worker.export import run
    elif claim.kind == "probe":
        from worker.probe import run
    else:
        from worker import audit
        from worker.together import Seat, follow

        seat = Seat.at(together) if together else None
        if seat and seat.rank:
            return follow(configured, db, Blobs(configured), claim, seat)
        run = partial(audit.run, seat=seat)
    try:
        try:
            run(configured, db, Blobs(configured), Voice(configured, db, claim))
            return 0
        except Problem as problem:
            log.warning("the job failed", code=problem.code, detail=problem.detail)
            with db.write() as session:
                jobs.fail(session, claim, problem)
            return 0
        except Cancelled:
            log.info("cancelled")
            with db.write() as session:
                jobs.stop(session, claim)
            return 0
        except Stopped:
            failpoints.at("job.releasing")
            with db.write() as session:
                state = jobs.release(session, claim)
            failpoints.at("job.released")
            log.info("told to stop", now=state)
            return 0
    except LeaseLost:
        log.warning("the job is no longer ours; nothing more is written")
        return NOT_OURS


if __name__ == "__main__":
    status = main()
    if "--together" in sys.argv:  # what still waits for the others on a device must not keep us
        os._exit(status)
    sys.exit(status)
