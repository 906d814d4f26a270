"""Named places at which a test can let a process die: just after each thing that becomes durable.

`LABELAUDIT_FAILPOINTS=checkpoint.written:2` kills the process when it comes there for the second time;
`checkpoint.written:2:STOP` sends another signal than KILL. Without the variable a place costs a look at a dictionary.
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
    "upload.part", "upload.counted", "dataset.created", "audit.submitted", "dataset.removed",
    "export.chunk", "export.stored",
)  # fmt: skip


def read(said: str) -> dict[str, tuple[int, signal.Signals]]:
    """At which visit to which places what is to happen."""
    found = {}
    for one in filter(None, said.split(",")):
        name, count, *how = one.split(":")
        if name not in NAMES:
            raise ValueError(f"{VARIABLE} names no such failpoint: {one}")
        found[name] = int(count), signal.Signals[f"SIG{how[0] if how else 'KILL'}"]
    return found


armed = read(os.environ.get(VARIABLE, ""))
_passed: Counter[str] = Counter()


def at(name: str) -> None:
    """We are there."""
    if armed:
        _passed[name] += 1
        count, how = armed.get(name, (0, signal.SIGKILL))
        if _passed[name] == count:
            os.kill(os.getpid(), how)
