"""Ten times what the service can take, and what it is like afterwards."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from bench.loads.stage import Found, Stage, Target, ready_dataset, running_audits, stage
from bench.wire import Connection, Latencies, Requests, by_schedule, closed_loop, open_loop, percentile

CLIENTS = 8
FACTOR = 10
MOST_MS, MOST_RECOVERY_S = 50.0, 10.0
NORMAL = 0.25  # of what it can take
LOOK_S = 0.5


def measure(database: str, connections: int = 400, seconds: float = 10.0) -> Found:
    """Polls and lists of audits, half and half."""
    with stage(database) as on:
        ids = [claim.id for claim in running_audits(on.db, ready_dataset(on.db), 20)]
        asyncio.run(closed_loop(on.server.port, CLIENTS, 2.0, _mixed(ids)))  # fills caches and pools
        full = asyncio.run(closed_loop(on.server.port, CLIENTS, min(5.0, seconds), _mixed(ids)))
        capacity = full.count() / full.wall_s
        before = _all(asyncio.run(open_loop(on.server.port, 64, seconds, NORMAL * capacity, _mixed(ids))))
        flood, recovery_s, after = asyncio.run(_flood(on, ids, connections, seconds, capacity, before))
    accepted, refused = flood.seconds.get("accepted", []), flood.seconds.get("refused", [])
    refused_ms = percentile(refused, 0.99) if refused else 0.0
    figures = {
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(FACTOR * capacity, 1),
        "answered_per_s": round(flood.count() / flood.wall_s, 1),
        "accepted": {"per_s": round(len(accepted) / flood.wall_s, 1), **_times(accepted)},
        "refused": {"per_s": round(len(refused) / flood.wall_s, 1), **_times(refused)},
        "other_answers": flood.errors,
        "client_cpu": round(flood.cpu_s / flood.wall_s, 2),
        "normal_before": _times(before),
        "normal_after": _times(after),
        "recovered_after_s": recovery_s,
    }
    return Found(figures, [
        Target("p99 of refusals, ms", refused_ms, MOST_MS),
        Target("answers other than 200 and 503 with Retry-After", flood.errors, 0),
        Target("seconds until p99 is at most twice that before", recovery_s, MOST_RECOVERY_S),
    ])  # fmt: skip


async def _flood(
    on: Stage, ids: list[str], connections: int, seconds: float, capacity: float, before: list[float]
) -> tuple[Latencies, float, list[float]]:
    """The flood, then the normal load again until it is as quick as before; how long that took, and its latencies."""
    requests, port = _mixed(ids), on.server.port

    async def one(connection: Connection, found: Latencies, due: float) -> None:
        _, path = next(requests)
        answer = await connection.ask("GET", path)
        if answer.status == 200:
            found.seconds.setdefault("accepted", []).append(time.perf_counter() - due)
        elif answer.status == 503 and int(answer.headers["retry-after"]) > 0:
            found.seconds.setdefault("refused", []).append(time.perf_counter() - due)
        else:
            found.errors += 1

    flood = await by_schedule(port, connections, seconds, FACTOR * capacity, one)
    ended = time.perf_counter()
    while True:
        after = _all(await open_loop(port, 64, LOOK_S, NORMAL * capacity, _mixed(ids)))
        took = time.perf_counter() - ended
        if percentile(after, 0.99) <= 2 * percentile(before, 0.99) or took > 3 * MOST_RECOVERY_S:
            return flood, round(max(0.0, took - LOOK_S), 2), after


def _mixed(ids: list[str]) -> Requests:
    for id in itertools.cycle(ids):
        yield "poll", f"/v1/audits/{id}"
        yield "list", "/v1/audits?limit=20"


def _all(found: Latencies) -> list[float]:
    return [one for kind in found.seconds.values() for one in kind]


def _times(seconds: list[float]) -> dict[str, Any]:
    if not seconds:
        return {"p50_ms": None, "p99_ms": None}
    return {"p50_ms": percentile(seconds, 0.5), "p99_ms": percentile(seconds, 0.99)}
