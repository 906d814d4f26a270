"""The workers that show themselves."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.deps import PartsDep
from api.schemas import Page, time_out
from api.strict import StrictRoute
from api.waiting import BEATS
from core.store import workers

router = APIRouter(prefix="/v1/workers", route_class=StrictRoute, tags=["workers"])


class Device(BaseModel):
    """What a worker's jobs may use; the first one is what they use by themselves."""

    kind: Literal["cpu", "cuda"]
    name: str


class WorkerOut(BaseModel):
    """A worker, for which queues it is there, and with which devices."""

    id: str
    queues: list[str]
    devices: list[Device]
    started_at: str
    seen_at: str


@router.get("", response_model=Page[WorkerOut])
def index(parts: PartsDep) -> Page[WorkerOut]:
    """The workers that have shown themselves lately."""
    with parts.db.read() as session:
        there = workers.alive(session, BEATS * parts.settings.beat_s)
    shown = [
        WorkerOut(
            id=one.id,
            queues=one.queues,
            devices=[Device.model_validate(device) for device in one.devices],
            started_at=time_out(one.started_at),
            seen_at=time_out(one.seen_at),
        )
        for one in there
    ]
    return Page(data=shown, next=None)
