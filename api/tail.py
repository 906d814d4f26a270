"""Wakes the watchers of jobs: one question to the database for all of them, only while somebody watches."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core import logs
from core.store import events
from core.store.db import Away, Database

log = logs.get(__name__)
PAUSE_S = 0.4


class Tail:
    """Lives in the event loop of one API process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._watchers: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
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
    async def watch(self, job_pk: int) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever something happened to the job."""
        bell = asyncio.Event()
        self._watchers[job_pk].add(bell)
        try:
            yield bell
        finally:
            self._watchers[job_pk].discard(bell)
            if not self._watchers[job_pk]:
                del self._watchers[job_pk]

    async def _run(self) -> None:
        seen: dict[int, int] = {}
        while True:
            await asyncio.sleep(PAUSE_S)
            if not self._watchers:
                seen.clear()
                continue
            try:
                newest = await asyncio.to_thread(self._newest, list(self._watchers))
            except Away as error:
                log.warning("the database does not answer", error=type(error).__name__)
                continue
            for job_pk, bells in list(self._watchers.items()):
                # A job that is gone wakes its watchers too: they find out and end.
                if newest.get(job_pk) != seen.get(job_pk) or job_pk not in newest:
                    for bell in bells:
                        bell.set()
            seen = newest

    def _newest(self, job_pks: list[int]) -> dict[int, int]:
        with self._db.read() as session:
            return events.newest(session, job_pks)
