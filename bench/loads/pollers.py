"""500 people who look at their audit every two seconds, each with the ETag of what they saw last."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import Any

from bench.loads.stage import LEASE_S, Found, Stage, Target, ready_dataset, running_audits, stage
from bench.wire import Connection, Latencies, percentile
from core.store import jobs
from core.store.jobs import Claim

EVERY_S = 2.0
BEAT_S = 10.0
AUDITS = 50
MOST_MS = 100.0


def measure(database: str, clients: int = 500, seconds: float = 20.0) -> Found:
    """Audits at work, whose workers beat every ten seconds; and audits that wait in the line."""
    with stage(database) as on:
        dataset = ready_dataset(on.db)
        claims = running_audits(on.db, dataset, AUDITS)
        asyncio.run(_poll(on, [claim.id for claim in claims], 2, 2.0))  # fills caches and pools
        at_work = _while_beating(on, claims, clients, seconds)
        with on.db.write() as session:
            queued = [jobs.submit(session, "audit", dataset.pk, {}).id for _ in range(AUDITS)]
        in_line = _loaded(on, queued, clients, seconds)
    both = {"at work": at_work, "in the line": in_line}
    targets = [Target(f"p99 of polls of audits {name}, ms", one["p99_ms"], MOST_MS) for name, one in both.items()]
    wrong = sum(one["errors"] for one in both.values())
    return Found(both, [*targets, Target("wrong answers", wrong, 0)])


def _while_beating(on: Stage, claims: list[Claim], clients: int, seconds: float) -> dict[str, Any]:
    stop = threading.Event()

    def beat() -> None:
        turn = 0
        while not stop.wait(BEAT_S / len(claims)):
            progress = {"phase": "training", "epoch": turn // len(claims), "epochs": 100, "percent": turn % 100}
            with on.db.write() as session:
                jobs.beat(session, claims[turn % len(claims)], LEASE_S, progress)
            turn += 1

    workers = threading.Thread(target=beat)
    workers.start()
    try:
        return _loaded(on, [claim.id for claim in claims], clients, seconds)
    finally:
        stop.set()
        workers.join()


def _loaded(on: Stage, ids: list[str], clients: int, seconds: float) -> dict[str, Any]:
    cpu = on.server.cpu_s()
    found = asyncio.run(_poll(on, ids, clients, seconds))
    every = [one for kind in found.seconds.values() for one in kind]
    return {
        "requests_per_s": round(found.count() / seconds, 1),
        "p50_ms": percentile(every, 0.5),
        "p99_ms": percentile(every, 0.99),
        "max_ms": percentile(every, 1.0),
        "not_modified": round(len(found.seconds.get("304", ())) / max(1, len(every)), 3),
        "errors": found.errors,
        "server_cpu": round((on.server.cpu_s() - cpu) / found.wall_s, 2),
        "client_cpu": round(found.cpu_s / found.wall_s, 2),
    }


async def _poll(on: Stage, ids: list[str], clients: int, seconds: float) -> Latencies:
    """Each client has a connection, a phase and a memory of its own."""
    found, dice = Latencies(), random.Random(0)
    connections = [await Connection.to(on.server.port) for _ in range(clients)]
    start = time.perf_counter() + 0.1

    async def client(connection: Connection, path: str, due: float) -> None:
        tag = "none"
        while due < start + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            answer = await connection.ask("GET", path, {"If-None-Match": tag})
            if answer.status == 200 or (answer.status == 304 and answer.headers["etag"] == tag):
                found.seconds.setdefault(str(answer.status), []).append(time.perf_counter() - due)
                tag = answer.headers["etag"]
            else:
                found.errors += 1
            due += EVERY_S

    cpu = time.process_time()
    phases = [start + EVERY_S * dice.random() for _ in connections]
    await asyncio.gather(
        *(
            client(connection, f"/v1/audits/{ids[k % len(ids)]}", due)
            for k, (connection, due) in enumerate(zip(connections, phases, strict=True))
        )
    )
    found.wall_s, found.cpu_s = time.perf_counter() - start, time.process_time() - cpu
    for connection in connections:
        await connection.close()
    return found
