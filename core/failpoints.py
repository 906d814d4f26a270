"""Named places at which a test can let a process die: just after each thing that becomes durable.

`LABELAUDIT_FAILPOINTS=checkpoint.written:2` kills the process when it comes there for the second time. Without the
variable a place costs a look at a dictionary.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "LABELAUDIT_FAILPOINTS"
NAMES = (
    "shelf.tar", "shelf.side", "shelf.manifest", "ingest.storing", "ingest.stored",
    "audit.planned", "training.step", "epoch.curves", "epoch.written", "checkpoint.written", "checkpoint.remembered",
    "checkpoint.dropped", "audit.file", "audit.loading", "audit.finished", "job.releasing", "job.released",
    "sweep.blobs", "sweep.rows", "delivery.taken", "delivery.sent",
)  # fmt: skip


def read(said: str) -> dict[str, int]:
    """At which visit to which places to die."""
    found = {}
    for one in filter(None, said.split(",")):
        name, _, count = one.partition(":")
        if name not in NAMES:
            raise ValueError(f"{VARIABLE} names no such failpoint: {one}")
        found[name] = int(count)
    return found


armed = read(os.environ.get(VARIABLE, ""))
_passed: Counter[str] = Counter()


def at(name: str) -> None:
    """We are there."""
    if armed:
        _passed[name] += 1
        if _passed[name] == armed.get(name):
            os.kill(os.getpid(), signal.SIGKILL)
