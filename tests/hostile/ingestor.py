"""A worker that does one ingest after the other: `python -m tests.hostile.ingestor`.

It is told jobs and settings on standard input, line by line, and answers each with the memory that was ever used, by
itself and by the confined children that it started.
"""

from __future__ import annotations

import json
import os
import resource
import sys

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
        kilobytes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(json.dumps({"status": status, "peak_bytes": 1024 * max(kilobytes)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
