"""A small HTTP/1.1 client on raw sockets, so that the load costs far less than what it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field

from bench.service import HOST

Requests = Iterator[tuple[str, str]]  # kind, path; shared by all clients


@dataclass
class Latencies:
    """Seconds of each answered request by kind, and how many were answered wrongly."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0  # of this process

    def ms(self, kind: str, share: float) -> float:
        """A percentile in milliseconds."""
        ordered = sorted(self.seconds[kind])
        return round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    def count(self) -> int:
        """Requests that were answered well."""
        return sum(map(len, self.seconds.values()))


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection(HOST, port, limit=1 << 20))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + 15
        return int(head[9:12]), await self._reader.readexactly(int(head[at : head.index(b"\r", at)]))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def closed_loop(port: int, clients: int, seconds: float, requests: Requests) -> Latencies:
    """Every client asks again as soon as it is answered."""
    until = time.perf_counter() + seconds

    async def client(connection: Connection, found: Latencies) -> None:
        while (began := time.perf_counter()) < until:
            await _ask(connection, found, next(requests), began)

    return await _measured(port, clients, client)


async def open_loop(port: int, clients: int, seconds: float, rate: float, requests: Requests) -> Latencies:
    """Requests by a schedule; each counts from the moment it was due, so that a stall is charged to all that waited."""
    turns = iter(range(int(rate * seconds)))
    start = time.perf_counter() + 0.05

    async def client(connection: Connection, found: Latencies) -> None:
        for turn in turns:
            due = start + turn / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await _ask(connection, found, next(requests), due)

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
