"""An audit's million scores are written the way a worker does it, while others read the suspects of another audit."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from asyncio.subprocess import PIPE
from typing import Any

from bench.listing import PAGE, seed
from bench.loads.stage import LEASE_S, Found, Stage, Target, stage
from bench.wire import Latencies, Requests, open_loop, percentile
from core.store import audits, jobs

READERS = 8
MOST_S, MOST_RATIO = 10.0, 2.0


def measure(database: str, rows: int = 1_000_000, rate: float = 30.0, seconds: float = 20.0) -> Found:
    """`rate` pages a second before, during and after. All processes share all cores, as on a machine of one's own."""
    with stage(database, pinned=False) as on:
        read = seed(on.url, rows)
        asyncio.run(open_loop(on.server.port, READERS, min(5.0, seconds), rate, _pages(read, rows)))  # fills caches
        with on.db.write() as session:
            found = audits.find(session, read)
            assert found is not None
            written = jobs.submit(session, "audit", found[1].pk, {})
            assert jobs.claim(session, written.id, "bench", LEASE_S) is not None
        before = asyncio.run(open_loop(on.server.port, READERS, seconds, rate, _pages(read, rows)))
        during, wrote_s = asyncio.run(_written(on, written.id, rows, rate, _pages(read, rows)))
        after = asyncio.run(open_loop(on.server.port, READERS, seconds, rate, _pages(read, rows)))
        sizes = _sizes(on, rows)
    ratio = during.ms("page", 0.99) / before.ms("page", 0.99)
    wrong = sum(found.errors for found in (before, during, after))
    figures = {
        "rows": rows,
        "write_s": round(wrote_s, 2),
        "rows_per_s": round(rows / wrote_s),
        **{name: _times(found) for name, found in (("before", before), ("during", during), ("after", after))},
        "p99_during_over_before": round(ratio, 2),
        **sizes,
    }
    return Found(figures, [
        Target("seconds to write the scores", wrote_s, MOST_S),
        Target("readers' p99 during it over before", ratio, MOST_RATIO),
        Target("wrong answers", wrong, 0),
    ])  # fmt: skip


async def _written(on: Stage, audit: str, rows: int, rate: float, pages: Requests) -> tuple[Latencies, float]:
    """Read for as long as a process of its own writes; its own seconds, without its start."""
    words = [sys.executable, "-m", "bench.loads.scorer", on.url, audit, str(rows)]
    writer = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
    assert writer.stdin is not None and writer.stdout is not None
    assert await writer.stdout.readline() == b"ready\n"
    found = Latencies()
    writer.stdin.write(b"go\n")
    done = asyncio.create_task(writer.stdout.readline())
    while not done.done():
        stretch = await open_loop(on.server.port, READERS, 1.0, rate, pages)
        found.seconds.setdefault("page", []).extend(stretch.seconds.get("page", ()))
        found.errors += stretch.errors
    await writer.wait()
    return found, float(await done)


def _pages(audit: str, rows: int) -> Requests:
    dice = random.Random(1)
    for _ in itertools.count():
        yield "page", f"/v1/audits/{audit}/suspects?limit={PAGE}&after={dice.randrange(rows)}"


def _times(found: Latencies) -> dict[str, Any]:
    times = found.seconds["page"]
    return {"pages": len(times), **{f"p{p}_ms": percentile(times, p / 100) for p in (50, 99)}}


def _sizes(on: Stage, rows: int) -> dict[str, Any]:
    """Bytes of a row on the disk, its indexes with it; two audits of one dataset are there."""
    sizes = {name: _bytes_of(on, name) for name in ("scores", "samples")}
    return {
        "bytes_per_score": round(sizes["scores"] / (2 * rows), 1),
        "bytes_per_sample": round(sizes["samples"] / rows, 1),
    }


def _bytes_of(on: Stage, table: str) -> int:
    query = f"SELECT pg_total_relation_size('{table}')"
    if on.db.is_sqlite:
        indexes = f"SELECT name FROM sqlite_master WHERE tbl_name = '{table}'"
        query = f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({indexes})"
    with on.db.engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())
