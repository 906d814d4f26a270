"""Brings new events to all who watch: they are read once for all of them, and only while somebody watches."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from api.schemas import event_out
from core import logs
from core.store import events
from core.store.db import Away, Database
from core.store.tables import ENDED, Event

log = logs.get(__name__)
PAUSE_S = 0.1
KEPT = 64  # events of each job; who is further behind asks the database


@dataclass(frozen=True, slots=True)
class News:
    """What follows an event, as it is sent."""

    content: bytes
    last: int  # number of the last of them
    over: bool  # whether the job has ended
    more: bool = False  # whether others are there already


@dataclass(slots=True)
class Feed:
    """The latest events of one job, and a bell for each of its watchers."""

    bells: set[asyncio.Event] = field(default_factory=set)
    recent: deque[tuple[int, bytes]] = field(default_factory=deque)
    seen: int | None = None  # number of the newest event when we last looked
    over: bool = False

    def after(self, number: int) -> News | None:
        """What follows event `number`; None when that must be read from the database."""
        if self.seen is None or number < self.seen - len(self.recent):
            return None
        new = [content for seq, content in self.recent if seq > number]
        return News(b"".join(new), max(number, self.seen), self.over)

    def add(self, rows: Iterable[Event], newest: int, over: bool) -> None:
        """Take in what a look at the database found."""
        for row in rows:
            if row.seq != (self.seen or 0) + 1:
                self.recent.clear()
            self.recent.append((row.seq, sent(row)))
            self.seen = row.seq
        while len(self.recent) > KEPT:
            self.recent.popleft()
        self.seen = max(newest, self.seen or 0)
        self.over = over

    def ring(self) -> None:
        """Wake all watchers."""
        for bell in self.bells:
            bell.set()


class Tail:
    """Lives in the event loop of one API process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._feeds: dict[int, Feed] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @asynccontextmanager
    async def watch(self, job_pk: int) -> AsyncIterator[tuple[Feed, asyncio.Event]]:
        """A job's feed, and an event that is set whenever something came to it."""
        feed, bell = self._feeds.setdefault(job_pk, Feed()), asyncio.Event()
        feed.bells.add(bell)
        try:
            yield feed, bell
        finally:
            feed.bells.discard(bell)
            if not feed.bells:
                del self._feeds[job_pk]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            if not self._feeds:
                continue
            known = {job_pk: feed.seen for job_pk, feed in self._feeds.items()}
            try:
                found = await asyncio.to_thread(self._look, known)
            except Away as error:
                log.warning("the database does not answer", error=type(error).__name__)
                continue
            for job_pk, seen in known.items():
                feed, news = self._feeds.get(job_pk), found.get(job_pk)
                if feed is None or feed.seen != seen:
                    continue  # its watchers left meanwhile, and others may have come
                if news is None:
                    feed.seen, feed.over = seen or 0, True  # the job is gone: its watchers find out and end
                    feed.ring()
                elif news[1] != seen or news[2] != feed.over:
                    feed.add(*news)
                    feed.ring()

    def _look(self, known: dict[int, int | None]) -> dict[int, tuple[list[Event], int, bool]]:
        """Of each job: the events that follow those known, the number of the newest, whether it has ended."""
        found: dict[int, tuple[list[Event], int, bool]] = {}
        with self._db.read() as session:
            for job_pk, (newest, state) in events.newest(session, list(known)).items():
                seen = known[job_pk]
                rows: list[Event] = []
                if seen is not None and newest > seen:
                    rows = events.after(session, job_pk, max(seen, newest - KEPT), newest - seen)
                found[job_pk] = rows, newest, state in ENDED
        return found


def sent(row: Event) -> bytes:
    """An event as a stream has it."""
    event = event_out(row)
    return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps({'at': event.at, **row.data})}\n\n".encode()
