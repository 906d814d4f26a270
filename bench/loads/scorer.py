"""A process that writes an audit's scores as the worker's last transaction does.

python -m bench.loads.scorer DATABASE_URL AUDIT_ID ROWS      # prints "ready", waits for a line, prints the seconds
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bench.listing import CLASSES
from core.science.conflicts import Conflicts
from core.science.findings import Calibration, ClassTable, Cut, Interval, Transitions, Verdict
from core.store import conflicts, jobs, scores
from core.store.db import Database
from worker import report

LIKELY = 5


def main(words: list[str]) -> int:
    """Get ready, write when told, say how long it took."""
    url, audit, rows = words
    db, table = Database(url), scored(int(rows))
    with db.read() as session:
        claim = jobs.adopt(session, audit, 1)
    assert claim is not None
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    with db.write() as session:
        scores.load(session, report.rows(table, claim.pk))
        conflicts.load(session, report.conflict_rows(table, claim.pk))
        jobs.finish(session, claim, {"summary": {}, "files": {}})
    print(time.perf_counter() - began, flush=True)
    db.close()
    return 0


def scored(rows: int) -> report.Table:
    """A verdict on so many samples: a tenth is flagged, and the order is that of no other column."""
    dice = np.random.default_rng(0)
    rank = dice.permutation(rows) + 1
    score = 1 - (rank - 0.5) / rows
    given = np.arange(rows) % len(CLASSES)
    likely = (given[:, None] + np.arange(1, LIKELY + 1)) % len(CLASSES)
    issue = score >= 0.9
    none, no_figures = np.zeros(0, np.int64), np.zeros(0)
    verdict = Verdict(
        score=score,
        rank=rank,
        is_issue=issue,
        verdict=issue.astype(np.int8),
        reasons=issue.astype(np.int32),
        suggested=np.where(issue, likely[:, 0], -1),
        confidence=np.where(issue, 0.9, np.nan),
        top=likely,
        top_p=np.broadcast_to(0.5 ** np.arange(1.0, LIKELY + 1), (rows, LIKELY)),
        noise_rate=Interval(0.1, 0.09, 0.11, 0.95),
        cut=Cut(0.9, "expected-f1"),
        expected_precision=0.9,
        expected_recall=0.9,
        classes=ClassTable(none, none, no_figures, no_figures, no_figures),
        transitions=Transitions(none, none, no_figures, no_figures, no_figures),
        degenerate=None,
        calibration=Calibration(0, None, None),
    )
    evidence = {name: dice.normal(size=rows) for name in ("iam", "hm_weight", "aum", "tkum", "loss")}
    unmixed = Conflicts(np.zeros(rows, np.int64), none)
    return report.Table(np.arange(rows), given, verdict, evidence, unmixed, CLASSES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
