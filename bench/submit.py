"""How long `POST /v1/audits` takes while the broker answers, hangs, and is gone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import time
from typing import Any

from bench import record
from bench.loads.stage import Found, Target, ready_dataset, stage
from bench.service import HOST
from bench.wire import percentile
from tests.servers import redis

TARGET_MS = 100.0
WARM_UP = 5  # posts, so that what is measured is no import


def main(words: list[str] | None = None) -> int:
    """Measure, show, record."""
    parser = argparse.ArgumentParser(prog="bench.submit", description=__doc__)
    parser.add_argument("--posts", type=int, default=200, help="posts in each state of the broker")
    parser.add_argument("--rate", type=float, default=50.0, help="posts a second")
    options = parser.parse_args(words)
    found = measure("sqlite", options.posts, options.rate)
    found.tell("POST /v1/audits")
    record.record("submit", vars(options), found.as_record())
    return 0


def measure(database: str, posts: int = 200, rate: float = 50.0) -> Found:
    """All states of the broker, one after the other."""
    states: dict[str, dict[str, Any]] = {}
    with redis() as broker, stage(database, broker_url=broker.url) as on:
        dataset_id = ready_dataset(on.db).id
        asyncio.run(_post(on.server.port, dataset_id, WARM_UP, rate))
        states["up"] = asyncio.run(_post(on.server.port, dataset_id, posts, rate))
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            states["hanging"] = asyncio.run(_post(on.server.port, dataset_id, posts, rate))
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        broker.kill()
        states["gone"] = asyncio.run(_post(on.server.port, dataset_id, posts, rate))
    worst = max(one["p99_ms"] for one in states.values())
    refused = sum(posts - one["accepted"] for one in states.values())
    targets = [
        Target("p99 of the worst state, ms", worst, TARGET_MS),
        Target("posts that were not accepted", refused, 0),
    ]
    return Found({"states": states}, targets)


async def _post(port: int, dataset_id: str, posts: int, rate: float) -> dict[str, Any]:
    """Posts by a schedule, each on a connection of its own, timed from the moment it was due."""
    body = json.dumps({"dataset_id": dataset_id}).encode()
    head = (
        f"POST /v1/audits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    request = f"{head}\r\nConnection: close\r\n\r\n".encode() + body
    start = time.perf_counter()

    async def one(turn: int) -> tuple[bool, float]:
        due = start + turn / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.startswith(b"HTTP/1.1 202"), time.perf_counter() - due

    answers = await asyncio.gather(*(one(turn) for turn in range(posts)))
    seconds = [took for _, took in answers]
    return {
        "p50_ms": percentile(seconds, 0.5),
        "p99_ms": percentile(seconds, 0.99),
        "accepted": sum(accepted for accepted, _ in answers),
        "posts": posts,
    }


if __name__ == "__main__":
    raise SystemExit(main())
