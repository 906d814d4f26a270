"""How long the counts and orders of a review take in memory, at 1,000,000 samples and 5,000 decisions, and over HTTP.

    python -m bench.review [--rows 1000000] [--judged 5000] [--classes 100] [--runs 5]

Medians of several runs, one after the other, in one process. Over HTTP the service has an audit of that many rows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from uuid import uuid4

import numpy as np

from bench.listing import seed
from bench.load import Others
from bench.loads.stage import stage
from bench.record import record, show
from bench.wire import Connection
from core.review import orders
from core.review.cuts import cuts
from core.review.facets import facets
from core.review.feedback import feedback, probability
from core.review.ranking import NOTHING, RIGHT, WRONG, Judged, Ranking, Wanted, of
from core.review.sharpening import sharpened

SAID = 1000  # in one request


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.review", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--judged", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args(argv)
    others = Others()
    found = {"in_memory_ms": in_memory(args), "over_http_ms": over_http(args)}
    for where, figures in found.items():
        show(f"{where}: {args.rows:,} rows, {args.judged:,} decisions", ("what", "ms"), list(figures.items()))
    record("review", vars(args), {"others_cpu": round(others.share(), 2), **found})
    return 0


def in_memory(args: argparse.Namespace) -> dict[str, float]:
    """What the service works out, once the list is there."""
    made, judged = made_up(args.rows, args.classes, args.judged)
    left = Wanted(decided=False)
    jobs: dict[str, Callable[[], object]] = {
        "queue, undecided, by rank": lambda: orders.ranks(of(made, judged, left)).tobytes(),
        "queue, undecided, by chance": lambda: orders.by_chance(orders.ranks(of(made, judged, left)), "audit"),
        "queue, undecided, sharpened before": _filtered(made, judged, left),
        "sharpening": lambda: sharpened(made, judged.decision),
        "facets": lambda: facets(made, judged, left, args.classes, 500),
        "state": lambda: feedback(made, judged.decision),
        "cuts": lambda: cuts(made, judged.decision),
    }
    return {name: _median(job, args.runs) for name, job in jobs.items()}


def _filtered(made: Ranking, judged: Judged, wanted: Wanted) -> Callable[[], object]:
    ranks = sharpened(made, judged.decision).ranks
    return lambda: ranks[of(made, judged, wanted)[ranks - 1]].tobytes()


def made_up(rows: int, classes: int, decided: int) -> tuple[Ranking, Judged]:
    """A ranking in which each pair of classes has an effect; most decisions are on the first ranks, some by chance."""
    dice = np.random.default_rng(0)
    odds = np.sort(dice.normal(-3.0, 3.0, rows))[::-1]
    given = dice.integers(0, classes, rows).astype(np.int32)
    near = (given + dice.geometric(0.3, rows)) % classes
    score = probability(odds)
    suggested = np.where((score > 0.05) & (near != given), near, NOTHING).astype(np.int32)
    made = Ranking(
        sample=dice.permutation(rows).astype(np.int32),
        given=given,
        suggested=suggested,
        verdict=np.where(score > 0.5, 2, dice.integers(0, 2, rows)).astype(np.int8),
        is_issue=score > 0.5,
        reasons=dice.integers(0, 128, rows).astype(np.int32),
        conflict=dice.random(rows) < 0.01,
        split=np.zeros(rows, np.int8),
        score=score,
        confidence=np.where(suggested == NOTHING, np.nan, 0.9),
    )
    wrong = dice.random(rows) < probability(odds + dice.normal(0, 1, (classes, classes + 1))[given, suggested])
    seen = np.zeros(rows, bool)
    seen[: decided * 4 // 5] = True
    seen[dice.choice(rows, decided // 5, replace=False)] = True
    decision = np.where(seen, np.where(wrong, WRONG[0], RIGHT[0]), NOTHING).astype(np.int8)
    no = np.zeros(rows, bool)
    return made, Judged(decision, np.where(seen, 0, NOTHING).astype(np.int8), no, no)


def over_http(args: argparse.Namespace) -> dict[str, float]:
    """The same from the service, on SQLite; the first answer reads the whole list."""
    with stage("sqlite", pinned=False) as on:
        audit = f"/v1/audits/{seed(on.url, args.rows)}"
        return asyncio.run(_asked(on.server.port, audit, args))


async def _asked(port: int, audit: str, args: argparse.Namespace) -> dict[str, float]:
    line = await Connection.to(port)

    async def ms(path: str, times: int = args.runs) -> float:
        took = []
        for _ in range(times):
            began = time.perf_counter()
            answer = await line.ask("GET", audit + path)
            took.append(1e3 * (time.perf_counter() - began))
            assert answer.status == 200, answer.body
        return round(statistics.median(took), 1)

    found = {"queue, the first time": await ms("/queue", 1)}
    dice = np.random.default_rng(1)
    for start in range(0, args.judged, SAID):
        some = dice.choice(args.rows, min(SAID, args.judged - start), replace=False).tolist()
        said = [{"id": str(uuid4()), "sample": n, "decision": dice.choice(["keep", "exclude"])} for n in some]
        body = json.dumps({"reviewer": f"person {start // SAID % 4}", "reviews": said}).encode()
        answer = await line.ask("POST", f"{audit}/reviews", {"Content-Type": "application/json"}, body)
        assert answer.status == 200, answer.body
    ranks = ",".join(map(str, dice.choice(args.rows, 100, replace=False) + 1))
    for name, path in {
        "queue, by rank": "/queue",
        "queue, undecided": "/queue?decided=false",
        "queue, by chance": "/queue?order=random",
        "queue, sharpened before": "/queue?order=sharpened",
        "100 rows by rank": f"/suspects?ranks={ranks}",
        "facets": "/facets?decided=false",
        "state": "/reviews/summary",
        "cuts": "/cuts",
        "reviewers": "/reviewers",
        "queue, by path": "/queue?contains=0001",
    }.items():
        if "sharpened" in name:
            found["queue, sharpened now"] = await ms(path, 1)
        found[name] = await ms(path)
    await line.close()
    return found


def _median(job: Callable[[], object], runs: int) -> float:
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        job()
        took.append(1e3 * (time.perf_counter() - began))
    return round(statistics.median(took), 1)


if __name__ == "__main__":
    sys.exit(main())
