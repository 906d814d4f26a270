"""Webhooks: addresses that are told what happens, and the log of what they were told."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.deps import PartsDep
from api.once import OnceDep
from api.schemas import ListQuery, Page, time_out
from api.strict import StrictRoute
from core import fetch
from core.errors import Problem
from core.ids import is_id
from core.settings import Settings
from core.spec import Frozen
from core.store import hooks
from core.store.tables import Delivery, Event, Hook, Job
from worker.postman import PREFIX

router = APIRouter(prefix="/v1/webhooks", route_class=StrictRoute, tags=["webhooks"])
SECRET_BYTES = 24
EventType = Literal[
    "state", "epoch", "plan", "counts", "resumed", "out-of-memory", "checkpoint-unusable", "fewer-processes"
]


class NewHook(Frozen):
    """Where to tell of what; without `types`, of every change of state."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    types: list[EventType] | None = Field(None, min_length=1, strict=False)


class HookOut(BaseModel):
    """A webhook. Its `secret` is told once, when it is made."""

    id: str
    url: str
    types: list[str]
    created_at: str
    secret: str | None


class DeliveryOut(BaseModel):
    """One event on its way to one address. `status` is the last answer's, `error` why there was none."""

    id: str
    state: Literal["waiting", "delivered", "given-up"]
    type: str
    job: str
    event: int
    attempts: int
    status: int | None
    error: str | None
    created_at: str
    tried_at: str | None
    next_at: str | None


@router.post("", status_code=202, response_model=HookOut)
def create(body: NewHook, parts: PartsDep, once: OnceDep) -> Response:
    """Tell an address of what happens from now on."""
    _check(body.url, parts.settings)
    secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    with parts.db.write() as session:
        if (again := once.begun(session, body)) is not None:
            return again
        hook = hooks.create(session, body.url, secret, list(body.types) if body.types else None)
        return once.done(session, body, _out(hook, secret), f"/v1/webhooks/{hook.id}")


@router.get("", response_model=Page[HookOut])
def index(parts: PartsDep, query: Annotated[ListQuery, Query()]) -> Page[HookOut]:
    """The webhooks, newest first."""
    with parts.db.read() as session:
        found = hooks.page(session, query.after, query.limit + 1)
    shown = [_out(hook) for hook in found[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(found) > query.limit else None)


@router.get("/{hook_id}", response_model=HookOut)
def show(parts: PartsDep, hook_id: str) -> HookOut:
    """One of them."""
    with parts.db.read() as session:
        return _out(_found(session, hook_id))


@router.delete("/{hook_id}", status_code=204)
def remove(parts: PartsDep, hook_id: str) -> Response:
    """Tell this address nothing more."""
    with parts.db.write() as session:
        hooks.remove(session, _found(session, hook_id))
    return Response(status_code=204)


@router.get("/{hook_id}/deliveries", response_model=Page[DeliveryOut])
def deliveries(parts: PartsDep, hook_id: str, query: Annotated[ListQuery, Query()]) -> Page[DeliveryOut]:
    """What it was told, and what it is still to be told, newest first."""
    with parts.db.read() as session:
        found = hooks.log(session, _found(session, hook_id), query.after, query.limit + 1)
    shown = [_delivery_out(*row) for row in found[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(found) > query.limit else None)


@router.post("/{hook_id}/deliveries/{delivery_id}/redeliver", status_code=204)
def redeliver(parts: PartsDep, hook_id: str, delivery_id: str) -> Response:
    """Send it again, now."""
    with parts.db.write() as session:
        hooks.again(session, _found(session, hook_id), delivery_id)
    return Response(status_code=204)


def _check(url: str, settings: Settings) -> None:
    if settings.webhooks_anywhere:
        fetch.anywhere(url)
    else:
        fetch.check(url)


def _found(session: Any, id: str) -> Hook:
    hook = hooks.find(session, id) if is_id(id) else None
    if hook is None:
        raise Problem("not-found", "There is no such webhook.")
    return hook


def _out(hook: Hook, secret: str | None = None) -> HookOut:
    created = time_out(hook.created_at)
    return HookOut(id=hook.id, url=hook.url, types=hook.types, created_at=created, secret=secret)


def _delivery_out(delivery: Delivery, event: Event, job: Job) -> DeliveryOut:
    waits = delivery.state == "waiting"
    return DeliveryOut(
        id=delivery.id,
        state=delivery.state,
        type=event.type,
        job=job.id,
        event=event.seq,
        attempts=delivery.attempts,
        status=delivery.status,
        error=delivery.error,
        created_at=time_out(delivery.created_at),
        tried_at=delivery.tried_at and time_out(delivery.tried_at),
        next_at=time_out(delivery.next_at) if waits and delivery.next_at else None,
    )
