"""Has imported what a job needs, and forks a process for each: `python -m tests.chaos.zygote`.

A line of JSON says what to run, with which environment, and is answered by the process's id; `{"wait": id}` by its exit
status, negative for a signal. What a job does is what `python -m worker.run` does; only the seconds that importing
torch takes are spared. What it says on stderr goes into the file that the line names.
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
        if pid := asked.get("wait"):
            answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _do(asked)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _do(asked: dict[str, Any]) -> None:
    os.environ.update(asked["env"])
    with open(asked["log"], "ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
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
