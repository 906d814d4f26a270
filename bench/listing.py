"""How fast the ranked list is read: pages of 100 rows over HTTP from the real service, at the top and at the bottom.

    python -m bench.listing [--rows 1000000] [--clients 8] [--database sqlite|postgresql|both] [--seconds 10] [--runs 3]

The service, with its database, and the load run on different cores where there are two. First, deepest and random
pages alternate within each run, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench.record import record, show
from bench.service import Service, apart, service
from bench.wire import Latencies, Requests, closed_loop, open_loop
from core.store import datasets, jobs, migrate, scores, uploads
from core.store.db import Database
from core.store.likeliest import packed
from tests.servers import postgres

PAGE = 100
CLASSES = tuple(f"n{1440764 + 5741 * k:08d}" for k in range(100))
KINDS = ("first", "deepest", "random")
TARGET_MS, TARGET_RATIO = 50.0, 1.5
BUSY = 0.7  # a client that uses more of its core than this measures itself

Figures = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.listing", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3, help="runs of the main load; figures are medians")
    args = parser.parse_args(argv)
    wanted = ("sqlite", "postgresql") if args.database == "both" else (args.database,)
    result = {database: measure(database, args) for database in wanted}
    record("listing", vars(args), result)
    return 0


def measure(database: str, args: argparse.Namespace) -> Figures:
    """Seed one database, serve it and read it."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="la-listing-")))
        with apart():
            url = f"sqlite:///{home / 'labelaudit.db'}"
            if database == "postgresql":
                url = stack.enter_context(postgres()).create_database()
            began = time.perf_counter()
            audit = seed(url, args.rows)
            seed_s = time.perf_counter() - began
            server = stack.enter_context(service(home, database_url=url))
        figures = load(server, f"/v1/audits/{audit}/suspects?limit={PAGE}", args)
    tell(database, args, figures)
    return {"seed_s": round(seed_s, 1), **figures}


def seed(url: str, rows: int) -> str:
    """A finished audit of that many samples, written the way ingest and a worker write it; its id."""
    db = Database(url)
    migrate.upgrade(db)
    order = list(range(rows))
    random.Random(0).shuffle(order)
    with db.write() as session:
        upload = uploads.begin(session)
        dataset, ingest = datasets.create(
            session, upload, name="seeded", format="zip", size=0, sha256="0" * 64, request_id="bench"
        )
        claim = jobs.claim(session, ingest.id, "bench", 3600.0)
        assert claim is not None
        facts = {"samples": {"train": rows}, "classes": len(CLASSES), "median_side": 224, "grey": False}
        counts = {"seen": rows, "accepted": rows, "rejected": 0, "ignored": 0}
        found = {"classes": list(CLASSES), "counts": counts, "facts": facts}
        datasets.store(session, dataset.pk, found, sample_rows(dataset.pk, rows), [])
        jobs.finish(session, claim, {})
    with db.write() as session:
        audit = jobs.submit(session, "audit", dataset.pk, {})
        claim = jobs.claim(session, audit.id, "bench", 3600.0)
        assert claim is not None
        scores.load(session, score_rows(audit.pk, order))
        jobs.finish(session, claim, {"summary": {}, "files": {}})
    if not db.is_sqlite:  # what autovacuum does to a table that was just filled
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    db.close()
    return audit.id


def sample_rows(dataset_pk: int, rows: int) -> Iterator[tuple[Any, ...]]:
    """In the order of `datasets.SAMPLE_COLUMNS`."""
    for n in range(rows):
        label = n % len(CLASSES)
        path = f"ILSVRC2012_img_train/{CLASSES[label]}/{CLASSES[label]}_{n:08d}.JPEG"
        digest = n.to_bytes(32, "big")
        yield dataset_pk, n, path, label, "train", n // 2000, n * 110_000, 109_527, 500, 375, "jpeg", digest, None, None


def score_rows(audit_pk: int, order: list[int]) -> Iterator[tuple[Any, ...]]:
    """In the order of `scores.COLUMNS`; samples lie in the ranking as in a real one, without any order."""
    rows = len(order)
    likely = np.stack([(np.arange(len(CLASSES)) + k) % len(CLASSES) for k in range(5)], axis=1)
    top = packed(likely, np.broadcast_to(np.array([3, 4, 5, 6, 7]) ** -1.0, likely.shape))
    for k, sample in enumerate(order):
        score = 1 - (k + 0.5) / rows
        given = sample % len(CLASSES)
        suggested = (given + 1 + k % 7) % len(CLASSES)
        margin = 20 * (0.5 - score) + 1 / 3
        weight = 1 / (1 + score)
        issue = score >= 0.92
        yield (
            audit_pk, k + 1, sample, given, suggested, score, issue, int(issue),
            margin, weight, margin / 3, margin / 7, 3 * score, 0.9, 1 if issue else 0, top[given], None,
        )  # fmt: skip


def load(server: Service, url: str, args: argparse.Namespace) -> Figures:
    """All loads, one after the other."""
    rows, clients, seconds, port = args.rows, args.clients, args.seconds, server.port

    def pages(*kinds: str) -> Requests:
        dice = random.Random(1)
        for kind in itertools.cycle(kinds):
            after = {"first": 0, "deepest": max(0, rows - PAGE)}.get(kind)
            yield kind, f"{url}&after={dice.randrange(rows) if after is None else after}"

    def one_class() -> Requests:
        for kind, path in pages("one class"):
            yield kind, f"{path}&given={CLASSES[17]}"

    def run(clients: int, requests: Requests, seconds: float = seconds) -> Latencies:
        return asyncio.run(closed_loop(port, clients, seconds, requests))

    run(clients, pages(*KINDS), min(2.0, seconds))  # fills caches and pools
    idle = run(clients, (("ping", "/healthz") for _ in itertools.count()), seconds / 2)
    cpu = server.cpu_s()
    full = [run(clients, pages(*KINDS)) for _ in range(args.runs)]
    cpu = server.cpu_s() - cpu
    rate = statistics.median(found.count() / found.wall_s for found in full)
    ratio = statistics.median(found.ms("deepest", 0.99) / found.ms("first", 0.99) for found in full)
    paced = asyncio.run(open_loop(port, 4 * clients, seconds, rate / 2, pages("random")))
    return {
        "deepest_over_first_p99": round(ratio, 2),
        "server_cpu_ms_per_request": round(1e3 * cpu / sum(found.count() for found in full), 2),
        "loads": {
            f"{clients} clients": figures(full),
            "1 client": figures([run(1, pages(*KINDS))]),
            f"{rate / 2:.0f} requests/s by schedule": figures([paced]),
            f"{clients} clients, filtered": figures([run(clients, one_class())]),
            f"{clients} clients, empty answer": figures([idle]),
        },
    }


def figures(runs: list[Latencies]) -> Figures:
    """Medians over the runs, and the p99 of each."""
    return {
        "requests_per_s": round(statistics.median(found.count() / found.wall_s for found in runs), 1),
        "errors": sum(found.errors for found in runs),
        "client_cpu": round(max(found.cpu_s / found.wall_s for found in runs), 2),
        "kinds": {
            kind: {
                "p50_ms": round(statistics.median(found.ms(kind, 0.5) for found in runs), 2),
                "p99_ms": round(statistics.median(found.ms(kind, 0.99) for found in runs), 2),
                "max_ms": round(max(found.ms(kind, 1.0) for found in runs), 2),
                "p99_ms_runs": [found.ms(kind, 0.99) for found in runs],
            }
            for kind in runs[0].seconds
        },
    }


def tell(database: str, args: argparse.Namespace, figures: Figures) -> None:
    """The table for whoever watches."""
    rows: list[tuple[object, ...]] = []
    for name, found in figures["loads"].items():
        for kind, one in found["kinds"].items():
            times = (one["p50_ms"], one["p99_ms"], one["max_ms"])
            rows.append((name, kind, *times, found["requests_per_s"], found["errors"], found["client_cpu"]))
    columns = ("load", "page", "p50 ms", "p99 ms", "max ms", "requests/s", "errors", "client CPU")
    show(f"{database}: pages of {PAGE} from {args.rows:,} rows", columns, rows)
    full = figures["loads"][f"{args.clients} clients"]
    worst = max(one["p99_ms"] for one in full["kinds"].values())
    ratio = figures["deepest_over_first_p99"]
    show(
        "targets",
        ("what", "figure", "target", "met"),
        [
            (f"p99 with {args.clients} clients, ms", worst, f"≤ {TARGET_MS:.0f}", worst <= TARGET_MS),
            ("p99 of the deepest page over the first's", ratio, f"≤ {TARGET_RATIO}", ratio <= TARGET_RATIO),
        ],
    )
    if full["client_cpu"] > BUSY:
        print("The client was busy itself: these figures say more of it than of the service.")


if __name__ == "__main__":
    sys.exit(main())
