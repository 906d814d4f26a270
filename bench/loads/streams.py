"""A thousand clients on the event streams of audits, while a process beside them writes events; then kill -9."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from bench.loads.stage import Found, Stage, Target, ready_dataset, running_audits, stage
from bench.service import HOST
from bench.wire import percentile

AUDITS = 20
RETRY_S = 2.0  # what the service tells its clients
PATIENCE_S = 30.0
MOST_MS, MOST_MB = 250.0, 200.0
EVENT = re.compile(rb"id: (\d+)\nevent: note\n")


@dataclass
class Watcher(asyncio.Protocol):
    """One client: what it received and when, over all its connections."""

    port: int
    id: str
    received: list[tuple[int, float]] = field(default_factory=list)
    last: int = 0  # of all events, the audit's own with them
    open: bool = False
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    _pending: bytes = b""

    async def stay(self) -> None:
        """Connect, and again whenever the connection is lost, as browsers do."""
        while True:
            self.lost.clear()
            try:
                transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, HOST, self.port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self.lost.wait()
            finally:
                transport.close()
            await asyncio.sleep(RETRY_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        head = f"GET /v1/audits/{self.id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
        transport.write(f"{head}Last-Event-ID: {self.last}\r\n\r\n".encode())
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self.open = True
        whole, _, self._pending = (self._pending + data).rpartition(b"\n\n")
        self.received += [(int(number), now) for number in EVENT.findall(whole)]
        if found := re.findall(rb"id: (\d+)\n", whole):
            self.last = int(found[-1])

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self.lost.set()


def measure(database: str, clients: int = 1000, rate: float = 20.0, seconds: float = 20.0) -> Found:
    """`rate` events a second over all audits, so many seconds before the kill and as many after it."""
    with stage(database) as on:
        pks = [(claim.pk, claim.id) for claim in running_audits(on.db, ready_dataset(on.db), AUDITS)]
        return asyncio.run(_watched(on, pks, clients, rate, seconds))


async def _watched(on: Stage, audits: list[tuple[int, str]], clients: int, rate: float, seconds: float) -> Found:
    rss = on.server.rss_bytes()
    watchers = [Watcher(on.server.port, audits[k % AUDITS][1]) for k in range(clients)]
    staying = [asyncio.create_task(watcher.stay()) for watcher in watchers]
    connect_s = await _until(lambda: all(watcher.open and watcher.last >= 2 for watcher in watchers))
    turns = int(rate * 2 * seconds)
    words = [sys.executable, "-m", "bench.loads.writer", on.url, str(rate), str(turns), *(str(pk) for pk, _ in audits)]
    writer = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    reading = asyncio.create_task(writer.stdout.read())
    await _until(lambda: bool(watchers[0].received))
    cpu, began = on.server.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu = (on.server.cpu_s() - cpu) / (time.monotonic() - began)
    grown = on.server.rss_bytes() - rss
    on.server.kill()
    killed = time.monotonic()
    await asyncio.to_thread(on.server.start)
    ready = time.monotonic()
    await _until(lambda: all(watcher.open for watcher in watchers))
    back = time.monotonic()
    written = json.loads(await reading)
    await writer.wait()
    wanted = {id: [row for row in written if row[0] == pk] for pk, id in audits}
    await _until(lambda: all(len(watcher.received) >= len(wanted[watcher.id]) for watcher in watchers), must=False)
    for task in staying:
        task.cancel()
    await asyncio.gather(*staying, return_exceptions=True)
    return _found(watchers, wanted, (killed, back), {
        "clients": clients,
        "events_per_s": rate,
        "connected_in_s": round(connect_s, 2),
        "server_cpu": round(cpu, 2),
        "rss_before_mb": round(rss / 1e6, 1),
        "rss_growth_mb": round(grown / 1e6, 1),
        "restart_s": round(ready - killed, 2),
        "all_back_after_ready_s": round(back - ready, 2),
    })  # fmt: skip


def _found(
    watchers: list[Watcher], wanted: dict[str, list[list[Any]]], away: tuple[float, float], figures: dict[str, Any]
) -> Found:
    """Delays of what was committed while the service was there; what is missing, twice or in disorder of everything."""
    steady, after, wrong = [], [], 0
    for watcher in watchers:
        numbers = [seq for _, seq, _ in wanted[watcher.id]]
        wrong += [seq for seq, _ in watcher.received] != numbers
        committed = {seq: at for _, seq, at in wanted[watcher.id]}
        for seq, at in watcher.received:
            delay = max(0.0, at - committed.get(seq, at))
            if committed.get(seq, at) < away[0] - 1.0:
                steady.append(delay)
            elif committed.get(seq, at) > away[1] + 1.0:
                after.append(delay)
    delays = {
        name: {"p50_ms": percentile(found, 0.5), "p99_ms": percentile(found, 0.99), "max_ms": percentile(found, 1.0)}
        for name, found in (("before the kill", steady), ("after it", after))
        if found
    }
    received = sum(len(watcher.received) for watcher in watchers)
    worst = max(one["p99_ms"] for one in delays.values())
    return Found(
        {**figures, "events_received": received, **delays, "clients_that_missed_or_repeated": wrong},
        [
            Target("p99 from commit to receipt, ms", worst, MOST_MS),
            Target("growth of memory by the clients, MB", figures["rss_growth_mb"], MOST_MB),
            Target("clients that missed or repeated an event", wrong, 0),
        ],
    )


async def _until(so: Any, must: bool = True) -> float:
    """Wait; the seconds that it took."""
    began = time.monotonic()
    while not so():
        if time.monotonic() - began > PATIENCE_S:
            if must:
                raise RuntimeError("the clients do not get through")
            break
        await asyncio.sleep(0.02)
    return time.monotonic() - began
