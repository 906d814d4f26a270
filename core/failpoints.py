"""Named places at which a test can let a process die, stumble or stop: just after each thing that becomes durable.

`LABELAUDIT_FAILPOINTS=checkpoint.written:2:kill` kills the process when it comes there for the second time. `raise`
raises an error of the disk, `stop` stops the process as SIGSTOP does, `sleep` lets it hang. Without the variable a
place costs a look at a dictionary.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections import Counter

VARIABLE = "LABELAUDIT_FAILPOINTS"
NAMES = (
    "shelf.tar", "shelf.side", "shelf.manifest", "ingest.storing", "ingest.stored",
    "audit.planned", "training.step", "epoch.curves", "epoch.written", "checkpoint.written", "checkpoint.remembered",
    "checkpoint.dropped", "audit.file", "audit.loading", "audit.finished", "job.releasing", "job.released",
    "sweep.blobs", "sweep.rows", "delivery.taken", "delivery.sent",
)  # fmt: skip
HANG_S = 3600.0


def _read(said: str) -> dict[str, tuple[int, str]]:
    found = {}
    for one in filter(None, said.split(",")):
        name, count, action = one.split(":")
        if name not in NAMES or action not in ("kill", "raise", "stop", "sleep"):
            raise ValueError(f"{VARIABLE} names no such failpoint or action: {one}")
        found[name] = int(count), action
    return found


_armed = _read(os.environ.get(VARIABLE, ""))
_passed: Counter[str] = Counter()


def at(name: str) -> None:
    """We are there."""
    if not _armed:
        return
    _passed[name] += 1
    count, action = _armed.get(name, (0, ""))
    if _passed[name] != count:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "sleep":
        time.sleep(HANG_S)
    else:
        raise OSError(errno.EIO, "a failpoint")
