"""What happened to an audit, as a stream (SSE) or as a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.deps import AuditDep, Parts, PartsDep
from api.schemas import EventOut, NumberedQuery, Page, event_out
from api.strict import StrictRoute
from api.tail import News, sent
from core.store import events, jobs
from core.store.db import Away
from core.store.tables import ENDED

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["audits"])
HEARTBEAT_S = 15.0
BATCH = 200
LARGEST = 2**31 - 1


@router.get(
    "/{audit_id}/events",
    response_model=Page[EventOut],
    responses={200: {"content": {"text/event-stream": {}}, "description": "A stream if asked for, else a page."}},
)
def events_of(
    request: Request,
    found: AuditDep,
    parts: PartsDep,
    query: Annotated[NumberedQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse | Page[EventOut]:
    """The events after a number. A stream goes on where `Last-Event-ID` left off, and ends with the audit."""
    job, _ = found
    after = query.after if query.after is not None else 0
    if "text/event-stream" in request.headers.get("accept", ""):
        if last_event_id is not None and last_event_id.isdecimal():
            after = min(int(last_event_id), LARGEST)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(parts, job.pk, after), headers=headers, media_type="text/event-stream")
    with parts.db.read() as session:
        rows = events.after(session, job.pk, after, query.limit + 1)
    shown = [event_out(row) for row in rows[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(rows) > query.limit else None)


async def _stream(parts: Parts, job_pk: int, after: int) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async with parts.tail.watch(job_pk) as (feed, bell):
        while True:
            bell.clear()
            news = feed.after(after)
            if news is None:
                try:
                    news = await asyncio.to_thread(_read, parts, job_pk, after)
                except Away:
                    return  # the client comes back, and says where it was
            after = news.last
            if news.content:
                yield news.content
            if news.more:
                continue
            if news.over:
                return
            try:
                await asyncio.wait_for(bell.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"


def _read(parts: Parts, job_pk: int, after: int) -> News:
    """The next events from the database."""
    with parts.db.read() as session:
        state = jobs.state(session, job_pk)
        rows = events.after(session, job_pk, after, BATCH)
    last, over = rows[-1].seq if rows else after, state is None or state in ENDED
    return News(b"".join(map(sent, rows)), last, over, more=len(rows) == BATCH)
