"""What routes ask for, as types: the service's parts, and the things that a path names (or 404)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Path, Request
from sqlalchemy.orm import Session

from api.digests import Digests
from api.kept import Kept
from api.rankings import Rankings
from api.tail import Tail
from api.waiting import Line
from core.datasets.pixels import Renderer
from core.errors import Problem
from core.ids import is_id
from core.settings import Settings
from core.store import audits, datasets
from core.store.audits import Audited
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset, Job
from core.store.versions import Moves
from worker.bells import Bells

MOST_MOVES_BYTES = 32 << 20


@dataclass(frozen=True)
class Parts:
    """What a running service is made of."""

    settings: Settings
    db: Database
    blobs: Blobs
    bells: Bells
    renderer: Renderer
    tail: Tail
    digests: Digests = field(default_factory=Digests)
    line: Line = field(default_factory=Line)
    rankings: Rankings = field(default_factory=Rankings)
    moves: Kept[tuple[str, str], Moves] = field(default_factory=lambda: Kept(MOST_MOVES_BYTES))
    # Pages are short work for one lock, the interpreter's: more threads at it only make the slowest of them slower.
    readers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))


# What needs no thread is async: a plain function would be sent to one, and every such trip costs a request a tenth of a
# millisecond and a turn in the queue.
async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


SettingsDep = Annotated[Settings, Depends(_settings)]
PartsDep = Annotated[Parts, Depends(_parts)]


async def request_id(request: Request) -> str:
    """The id under which this request stands in the log."""
    return str(request.scope["request_id"])


RequestId = Annotated[str, Depends(request_id)]
SampleNumber = Annotated[int, Path(ge=0, lt=2**31)]


def _dataset(parts: PartsDep, dataset_id: Annotated[str, Path()]) -> tuple[Dataset, Job]:
    with parts.db.read() as session:
        found = datasets.find(session, dataset_id) if is_id(dataset_id) else None
    if found is None:
        raise Problem("not-found", "There is no such dataset.")
    return found


def _audit(parts: PartsDep, audit_id: Annotated[str, Path()]) -> tuple[Job, Dataset]:
    with parts.db.read() as session:
        return audit_of(session, audit_id)


def audit_of(session: Session, audit_id: str) -> tuple[Job, Dataset]:
    """An audit and its dataset, for routes that read more in the same transaction."""
    found = audits.find(session, audit_id) if is_id(audit_id) else None
    if found is None:
        raise Problem("not-found", "There is no such audit.")
    return found


async def _finished(found: Annotated[tuple[Job, Dataset], Depends(_audit)]) -> tuple[Job, Dataset]:
    check_finished(found[0])
    return found


def found_audit(session: Session, audit_id: str) -> Audited:
    """An audit as its list needs it, for routes that read it and the list in one transaction."""
    found = audits.find_audited(session, audit_id) if is_id(audit_id) else None
    if found is None:
        raise Problem("not-found", "There is no such audit.")
    return found


def audited(session: Session, audit_id: str) -> Audited:
    """The same; one that has no result is refused."""
    found = found_audit(session, audit_id)
    check_finished(found)
    return found


def check_finished(audit: Job | Audited) -> None:
    """Refuse an audit that has no result."""
    if audit.state != "succeeded":
        raise Problem("audit-not-finished", f"This audit has no result: its status is {audit.state}.")


DatasetDep = Annotated[tuple[Dataset, Job], Depends(_dataset)]
AuditDep = Annotated[tuple[Job, Dataset], Depends(_audit)]
FinishedAuditDep = Annotated[tuple[Job, Dataset], Depends(_finished)]
