"""Requests that are done once however often they are sent: what was answered to a key is kept with what it did.

The row is written in the transaction of the effect. So there is no key without its effect and no effect without its
key, whatever dies; and of two requests with one key at the same time the later one waits for the earlier one's commit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.errors import Problem
from core.store.db import now
from core.store.tables import Answered

KEPT_S = 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done once: the key that its sender gave it, where it was sent, and what it says."""

    key: str
    route: str
    content: str  # a hash

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(f"{self.route}\0{self.key}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: str
    location: str | None


def answered(session: Session, request: Request) -> Answer | None:
    """What this request was answered; None for the first of its kind, which must `keep` its answer."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"digest": request.digest, "content": request.content, "at": now(), "status": 0, "body": ""}
    first = session.execute(insert(Answered).values(row).on_conflict_do_nothing().returning(Answered.at)).one_or_none()
    return None if first else known(session, request)


def known(session: Session, request: Request) -> Answer | None:
    """What this request was answered, without taking its key."""
    found = session.execute(select(Answered).where(Answered.digest == request.digest)).scalar_one_or_none()
    if found is None:
        return None
    if found.content != request.content:
        raise Problem("idempotency-key-reused", "This Idempotency-Key came with another request; take a new one.")
    return Answer(found.status, found.body, found.location)


def keep(session: Session, request: Request, answer: Answer) -> None:
    """The answer, with what was done."""
    values = {"status": answer.status, "body": answer.body, "location": answer.location}
    session.execute(update(Answered).where(Answered.digest == request.digest).values(**values))


def forget(session: Session) -> int:
    """Keys that nobody will send again."""
    old = delete(Answered).where(Answered.at < now() - KEPT_S).returning(Answered.digest)
    return len(session.execute(old).all())
