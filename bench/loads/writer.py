"""A process that writes events to audits by a schedule, and says when each was committed, by the machine's clock.

python -m bench.loads.writer DATABASE_URL RATE COUNT AUDIT_PK …
"""

from __future__ import annotations

import json
import sys
import time

from core.store import events
from core.store.db import Database


def main(words: list[str]) -> int:
    """Write; then print `[audit, number, committed]` of every event."""
    url, rate, count, *pks = words
    db, written = Database(url), []
    start = time.monotonic()
    for turn in range(int(count)):
        time.sleep(max(0.0, start + turn / float(rate) - time.monotonic()))
        pk = int(pks[turn % len(pks)])
        with db.write() as session:
            events.emit(session, pk, "note", {"turn": turn, "said": "something of the usual length"})
            [event] = events.after(session, pk, turn // len(pks), 1000)[-1:]
        written.append((pk, event.seq, time.monotonic()))
    db.close()
    print(json.dumps(written))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
