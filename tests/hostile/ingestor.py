"""A worker that does one ingest after the other: `python -m tests.hostile.ingestor`.

It is told jobs and settings on standard input, line by line, and answers each with the memory that was ever used, by
itself and by the confined children that it started.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from worker import run


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    given: set[str] = set()
    for line in sys.stdin:
        order = json.loads(line)
        for name in given:
            del os.environ[name]
        changed = {f"LABELAUDIT_{name.upper()}": str(value) for name, value in order["settings"].items()}
        given = set(changed)
        os.environ.update(changed)
        status = run.main([order["job"]])
        children = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(json.dumps({"status": status, "peak_bytes": max(children, _own_peak())}), file=answers, flush=True)


def _own_peak() -> int:
    """What `getrusage` says of ourselves counts what the process held that started us, before it became us."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main()
