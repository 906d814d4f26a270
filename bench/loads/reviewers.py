"""People who judge a long list: each decision is written, and after each the counts are asked for anew."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any
from uuid import uuid4

from bench.listing import seed
from bench.loads.stage import Found, Stage, Target, stage
from bench.wire import Connection, Latencies, by_schedule, closed_loop, percentile

PEOPLE = 4
MOST_MS, MOST_LOOK_MS = 200.0, 500.0
JSON = {"Content-Type": "application/json"}
LOOKS = ("facets?decided=false", "reviews/summary")


def measure(database: str, rows: int = 50_000, rate: float = 8.0, seconds: float = 30.0) -> Found:
    """`rate` decisions a second by all of them together; each person looks at both counts after each tenth."""
    with stage(database) as on:
        audit = seed(on.url, rows)
        paths = (f"/v1/audits/{audit}/{look}" for look in itertools.cycle(LOOKS))
        asyncio.run(closed_loop(on.server.port, 1, 2.0, (("look", path) for path in paths)))  # reads the list once
        found = asyncio.run(_judged(on, audit, rows, rate, seconds))
        bulk_s = asyncio.run(_bulk(on, audit))
    figures: dict[str, Any] = {"samples": rows, "errors": found.errors}
    for kind, took in found.seconds.items():
        figures[kind] = {"n": len(took), **{f"p{p}_ms": percentile(took, p / 100) for p in (50, 99)}}
    figures["bulk"] = {"decisions": 1000, "ms": round(1e3 * bulk_s, 1)}
    return Found(figures, [
        Target("p99 until a decision is stored, ms", percentile(found.seconds["decision"], 0.99), MOST_MS),
        Target("p99 of the slower of both counts, ms",
               max(percentile(found.seconds[look], 0.99) for look in LOOKS), MOST_LOOK_MS),
        Target("wrong answers", found.errors, 0),
    ])  # fmt: skip


async def _judged(on: Stage, audit: str, rows: int, rate: float, seconds: float) -> Latencies:
    turns = itertools.count()

    async def one(line: Connection, found: Latencies, due: float) -> None:
        turn = next(turns)
        said = {"id": str(uuid4()), "sample": turn % rows, "decision": "keep"}
        body = json.dumps({"reviewer": f"person {turn % PEOPLE}", "reviews": [said]}).encode()
        await _asked(line, found, "decision", due, "POST", f"/v1/audits/{audit}/reviews", body)
        if turn % 10 == 0:
            for look in LOOKS:
                await _asked(line, found, look, time.perf_counter(), "GET", f"/v1/audits/{audit}/{look}")

    return await by_schedule(on.server.port, PEOPLE, seconds, rate, one)


async def _asked(
    line: Connection, found: Latencies, kind: str, since: float, method: str, path: str, body: bytes = b""
) -> None:
    answer = await line.ask(method, path, JSON if body else None, body)
    if answer.status == 200:
        found.seconds.setdefault(kind, []).append(time.perf_counter() - since)
    else:
        found.errors += 1


async def _bulk(on: Stage, audit: str) -> float:
    """Seconds for one decision on a thousand samples."""
    line, path = await Connection.to(on.server.port), f"/v1/audits/{audit}/reviews/bulk"
    asked = {"id": str(uuid4()), "action": "keep", "top": 1000}
    seen = await line.ask("POST", f"{path}?dry_run=true", JSON, json.dumps(asked).encode())
    asked["count"] = json.loads(seen.body)["count"]
    began = time.perf_counter()
    done = await line.ask("POST", path, JSON, json.dumps(asked).encode())
    assert done.status == 200, done.body
    await line.close()
    return time.perf_counter() - began
