"""Everything at once at a steady pace for a long time: what grows, and whether the service gets slower."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.loads.stage import Found, Stage, Target, ready_dataset, running_audits, stage
from bench.loads.streams import Watcher
from bench.upload import archive
from bench.wire import Answer, Connection, percentile
from core.store import events
from core.store.jobs import Claim

LOOK_S = 2.0
STREAMS = 50
STAY_S = 30.0  # for which a client stays at a stream
UPLOAD_BYTES = 200_000
MOST_MB_10_MIN, MOST_FDS, MOST_DRIFT = 1.0, 2.0, 0.2
WARM_UP = 0.25  # of all the time, at most two minutes
RATES = {"poll": 20.0, "list": 10.0, "submit": 1.0, "upload": 0.5, "event": 2.0}  # a second
JSON = {"Content-Type": "application/json"}


@dataclass
class Seen:
    """What was measured, each with the second it was due in."""

    began: float = field(default_factory=time.perf_counter)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    rss: list[tuple[float, int]] = field(default_factory=list)
    descriptors: list[tuple[float, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    wrong: int = 0


class Visitor:
    """One client of every kind, each on a connection of its own."""

    def __init__(self, on: Stage, seen: Seen, dataset_id: str, claims: list[Claim], file: bytes) -> None:
        self._on, self._seen, self._dataset_id, self._claims, self._file = on, seen, dataset_id, claims, file
        self._turn = itertools.count()
        self._tags: dict[str, str] = {}

    async def poll(self, line: Connection) -> bool:
        """An audit at work, with the ETag of what was seen last."""
        path = f"/v1/audits/{self._claims[next(self._turn) % len(self._claims)].id}"
        answer = await line.ask("GET", path, {"If-None-Match": self._tags.get(path, "none")})
        self._tags[path] = answer.headers["etag"]
        return answer.status in (200, 304)

    async def list(self, line: Connection) -> bool:
        """The newest audits."""
        return (await line.ask("GET", "/v1/audits?limit=20")).status == 200

    async def submit(self, line: Connection) -> bool:
        """A new audit, which is cancelled and removed."""
        body = json.dumps({"dataset_id": self._dataset_id}).encode()
        asked = await line.ask("POST", "/v1/audits", JSON, body)
        return asked.status == 202 and await self._gone(line, asked, "audits", cancel=True)

    async def upload(self, line: Connection) -> bool:
        """A small zip, which is removed."""
        sent = await line.ask("POST", "/v1/datasets?name=soak", {"Content-Type": "application/zip"}, self._file)
        return sent.status == 202 and await self._gone(line, sent, "datasets")

    async def event(self, line: Connection) -> bool:
        """What a worker writes; it comes to those who watch."""

        def emit() -> None:
            with self._on.db.write() as session:
                events.emit(session, self._claims[next(self._turn) % len(self._claims)].pk, "note", {"of": "soak"})

        await asyncio.to_thread(emit)
        return True

    async def _gone(self, line: Connection, made: Answer, kind: str, cancel: bool = False) -> bool:
        path = f"/v1/{kind}/{json.loads(made.body)['id']}"
        cancelled = not cancel or (await line.ask("POST", f"{path}/cancel")).status == 202
        return cancelled and (await line.ask("DELETE", f"{path}?force=true")).status == 204


def measure(database: str, minutes: float = 60.0) -> Found:
    """The load for so many minutes; what came first is not counted."""
    with stage(database) as on:
        dataset = ready_dataset(on.db)
        claims = running_audits(on.db, dataset, 10)
        file = archive(on.home / "small.zip", UPLOAD_BYTES).read_bytes()
        seen = asyncio.run(_soaked(on, Seen(), dataset.id, claims, file, 60.0 * minutes))
    return _found(seen, 60.0 * minutes)


async def _soaked(on: Stage, seen: Seen, dataset_id: str, claims: list[Claim], file: bytes, seconds: float) -> Seen:
    visitor = Visitor(on, seen, dataset_id, claims, file)
    kinds = [_paced(on, seen, kind, rate, getattr(visitor, kind), seconds) for kind, rate in RATES.items()]
    watching = [asyncio.create_task(_watch(on, claims[k % len(claims)].id, k)) for k in range(STREAMS)]
    looking = asyncio.create_task(_look(on, seen))
    await asyncio.gather(*kinds)
    for task in (looking, *watching):
        task.cancel()
    await asyncio.gather(looking, *watching, return_exceptions=True)
    return seen


async def _paced(
    on: Stage, seen: Seen, kind: str, rate: float, act: Callable[[Connection], Awaitable[bool]], seconds: float
) -> None:
    """One kind of visit by its schedule."""
    line = await Connection.to(on.server.port)
    for turn in range(int(rate * seconds)):
        due = seen.began + turn / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        seen.wrong += not await act(line)
        seen.counts[kind] = seen.counts.get(kind, 0) + 1
        if kind in ("poll", "list"):
            seen.latencies.append((due - seen.began, time.perf_counter() - due))
    await line.close()


async def _watch(on: Stage, audit: str, k: int) -> None:
    """A client of a stream that leaves after a while; another one comes."""
    stay = STAY_S * (0.5 + k / STREAMS)
    while True:
        staying = asyncio.create_task(Watcher(on.server.port, audit).stay())
        try:
            await asyncio.sleep(stay)
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)


async def _look(on: Stage, seen: Seen) -> None:
    while True:
        at = time.perf_counter() - seen.began
        seen.rss.append((at, on.server.rss_bytes()))
        seen.descriptors.append((at, on.server.descriptors()))
        await asyncio.sleep(LOOK_S)


def _found(seen: Seen, seconds: float) -> Found:
    warm = min(120.0, WARM_UP * seconds)
    half = (warm + seconds) / 2
    rss = [(at, value / 1e6) for at, value in seen.rss if at >= warm]
    slope = statistics.linear_regression(*zip(*rss, strict=True)).slope * 600
    first = [took for at, took in seen.latencies if warm <= at < half]
    second = [took for at, took in seen.latencies if at >= half]
    drift = percentile(second, 0.99) / percentile(first, 0.99) - 1
    opened = [(at, value) for at, value in seen.descriptors if at >= warm]
    early, late = ([value for at, value in opened if (at < half) is first_half] for first_half in (True, False))
    more = statistics.median(late) - statistics.median(early)
    figures = {
        "minutes": round(seconds / 60, 1),
        "did": seen.counts,
        "rss_mb": {"at warm-up": round(rss[0][1], 1), "at the end": round(rss[-1][1], 1)},
        "rss_mb_by_minute": [round(value / 1e6, 1) for _, value in seen.rss[:: int(60 / LOOK_S)]],
        "rss_mb_per_10_min": round(slope, 2),
        "descriptors": {"first half": statistics.median(early), "second half": statistics.median(late)},
        "p99_ms": {"first half": percentile(first, 0.99), "second half": percentile(second, 0.99)},
        "p50_ms": {"first half": percentile(first, 0.5), "second half": percentile(second, 0.5)},
        "p99_drift": round(drift, 3),
    }
    return Found(figures, [
        Target("growth of memory after warm-up, MB in 10 minutes", slope, MOST_MB_10_MIN),
        Target("more descriptors in the second half", more, MOST_FDS),
        Target("drift of p99 from the first half to the second", drift, MOST_DRIFT),
        Target("wrong answers", seen.wrong, 0),
    ])  # fmt: skip
