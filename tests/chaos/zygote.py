"""Has imported what a job needs, and forks a process for each: `python -m tests.chaos.zygote`.

A line of JSON says what to run, with which environment; the answer is the exit status, negative for a signal. What a
job does is what `python -m worker.run` does; only the seconds that importing torch takes are spared.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

JOBS = {
    "run": lambda words: importlib.import_module("worker.run").main(words),
    "sweep": lambda _: _sweep(),
    "deliver": lambda _: _deliver(),
}


def main() -> None:
    for name in ("worker.audit", "worker.ingest", "worker.run", "worker.postman", "core.store.sweep", "scipy.optimize"):
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _do(asked)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _do(asked: dict[str, Any]) -> None:
    os.environ.update(asked["env"])
    os.dup2(2, 1)
    from core import failpoints

    failpoints.armed = failpoints.read(os.environ.get(failpoints.VARIABLE, ""))
    code = 70
    try:
        code = int(JOBS[asked["job"]](asked["words"]) or 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _sweep() -> None:
    from core import settings
    from core.store.blobs import Blobs
    from core.store.db import Database
    from core.store.sweep import sweep

    configured = settings.load()
    sweep(Database(configured.database), Blobs(configured), 1e9)


def _deliver() -> None:
    from core import settings
    from core.store.db import Database
    from worker.postman import Postman

    configured = settings.load()
    Postman(configured, Database(configured.database)).deliver()


if __name__ == "__main__":
    main()
