"""The worker program, `python -m worker.main [--queues audits]`: a Celery worker of one process, and a reaper."""

from __future__ import annotations

import os

# A stop must not wait hours for a running job: it goes back to the queue, checkpointed, and another worker goes on.
# Celery's own library reads this when it is first imported.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

import argparse
import warnings
from typing import Any

from celery import signals

from core import logs, settings
from core.errors import Problem
from core.processes import adopt_orphans, die_with_parent, wait_for_orphans
from core.store import migrate
from core.store.blobs import Blobs
from core.store.db import Database
from worker import tasks
from worker.app import QUEUES, build
from worker.bells import Bells
from worker.reaper import Reaper
from worker.roster import Roster


def main() -> None:
    """Serve bells until told to stop."""
    parser = argparse.ArgumentParser(prog="worker.main")
    parser.add_argument("--queues", default=",".join(dict.fromkeys(QUEUES.values())))
    parser.add_argument("--parent", type=int, help="end when this process ends")
    arguments = parser.parse_args()
    if arguments.parent:
        die_with_parent(arguments.parent)

    configured = settings.load()
    logs.set_up(configured)
    logs.bind(worker=f"{arguments.queues}@{os.getpid()}")
    db = Database(configured.database)
    try:
        migrate.check(db)
    except Problem as problem:
        raise SystemExit(problem.detail) from None
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")  # an embedded one may
    app = build(configured)
    queues = arguments.queues.split(",")
    tasks.register(app, configured, queues)
    me = os.getpid()
    roster = Roster(configured, db, queues)

    @signals.worker_process_init.connect(weak=False)
    def _in_pool(**_: Any) -> None:
        die_with_parent(me)

    @signals.worker_ready.connect(weak=False)
    def _ready(**_: Any) -> None:
        reaper = Reaper(configured, db, Blobs(configured), Bells(build(configured)))
        reaper.start()
        roster.start()

    # A job's child outlives the pool process for as long as it takes to save its work. Inside a container nobody else
    # would wait for it, and the end of this process would be the end of all.
    adopt_orphans()
    try:
        app.worker_main(_arguments(arguments.queues, configured.log_level))
    finally:
        wait_for_orphans(configured.stop_grace_s)
        roster.close()


def _arguments(queues: str, log_level: str) -> list[str]:
    name = f"{queues.replace(',', '-')}-{os.getpid()}@%h"
    return [
        "--quiet", "worker", "--queues", queues, "--hostname", name, "--pool", "prefork", "--concurrency", "1",
        "--loglevel", log_level, "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
