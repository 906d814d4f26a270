"""A small HTTP/1.1 client on raw sockets, so that the load costs far less than what it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field

from bench.service import HOST

Requests = Iterator[tuple[str, str]]  # kind, path; shared by all clients
NO_BODY = (204, 304)


@dataclass
class Latencies:
    """Seconds of each answered request by kind, and how many were answered wrongly."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0  # of this process

    def ms(self, kind: str, share: float) -> float:
        """A percentile in milliseconds."""
        return percentile(self.seconds[kind], share)

    def count(self) -> int:
        """Requests that were answered well."""
        return sum(map(len, self.seconds.values()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection(HOST, port, limit=1 << 20))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        answer = await self.ask("GET", path)
        return answer.status, answer.body

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """The answer to any request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        first, *fields = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value for name, _, value in (line.partition(": ") for line in fields if line)}
        status = int(first[9:12])
        length = 0 if status in NO_BODY else int(found["content-length"])
        return Answer(status, found, await self._reader.readexactly(length))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(seconds)
    return round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)


async def closed_loop(port: int, clients: int, seconds: float, requests: Requests) -> Latencies:
    """Every client asks again as soon as it is answered."""
    until = time.perf_counter() + seconds

    async def client(connection: Connection, found: Latencies) -> None:
        while (began := time.perf_counter()) < until:
            await _ask(connection, found, next(requests), began)

    return await _measured(port, clients, client)


async def open_loop(port: int, clients: int, seconds: float, rate: float, requests: Requests) -> Latencies:
    """Requests by a schedule; each counts from the moment it was due, so that a stall is charged to all that waited."""

    async def one(connection: Connection, found: Latencies, due: float) -> None:
        await _ask(connection, found, next(requests), due)

    return await by_schedule(port, clients, seconds, rate, one)


async def by_schedule(
    port: int,
    clients: int,
    seconds: float,
    rate: float,
    one: Callable[[Connection, Latencies, float], Coroutine[None, None, None]],
) -> Latencies:
    """Any request by a schedule: `one` makes it, and is told when it was due."""
    turns = iter(range(int(rate * seconds)))
    start = time.perf_counter() + 0.05

    async def client(connection: Connection, found: Latencies) -> None:
        for turn in turns:
            due = start + turn / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await one(connection, found, due)

    return await _measured(port, clients, client)


async def _ask(connection: Connection, found: Latencies, request: tuple[str, str], since: float) -> None:
    kind, path = request
    status, _ = await connection.get(path)
    if status == 200:
        found.seconds.setdefault(kind, []).append(time.perf_counter() - since)
    else:
        found.errors += 1


async def _measured(
    port: int, clients: int, client: Callable[[Connection, Latencies], Coroutine[None, None, None]]
) -> Latencies:
    found = Latencies()
    connections = [await Connection.to(port) for _ in range(clients)]
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(connection, found) for connection in connections))
    found.wall_s, found.cpu_s = time.perf_counter() - began, time.process_time() - cpu
    for connection in connections:
        await connection.close()
    return found
