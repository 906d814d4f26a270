"""Rows that tests of the store begin with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, event, select, update
from sqlalchemy.orm import Session

from core.store import datasets, events, jobs, uploads
from core.store.db import Database, now
from core.store.tables import Dataset, Event, Job, Upload

FOUND: dict[str, Any] = {
    "classes": ["stop", "yield", "Ümlaut/中"],
    "counts": {"seen": 15, "accepted": 10, "rejected": 3, "ignored": 2},
    "content_hash": "c" * 64,
}
"""What an ingest says of its dataset."""
SAMPLES = 20  # of an audit that people judge


def dataset(session: Session, name: str = "signs") -> tuple[Dataset, Job]:
    """A dataset of a new, empty upload, with its queued ingest job."""
    upload = uploads.begin(session)
    return datasets.create(
        session, upload, name=name, format="imagefolder-zip", size=0, sha256="0" * 64, request_id="request"
    )


def upload_of(session: Session, dataset: Dataset) -> Upload:
    """The upload that a dataset was made of."""
    return session.execute(select(Upload).where(Upload.pk == dataset.upload_pk)).scalar_one()


def audit(session: Session, spec: dict[str, Any] | None = None) -> Job:
    """A queued audit of a dataset of its own."""
    return jobs.submit(session, "audit", dataset(session)[0].pk, spec or {})


def claimed(session: Session, lease_s: float = 60.0) -> jobs.Claim:
    """A running audit."""
    claim = jobs.claim(session, audit(session).id, "worker", lease_s)
    assert claim is not None
    return claim


def expire(session: Session, pk: int) -> None:
    """Let a job's lease run out."""
    session.execute(update(Job).where(Job.pk == pk).values(lease_until=now() - 1.0))


def row(db: Database, pk: int) -> Job:
    """A job as it stands in the database."""
    with db.read() as session:
        return session.execute(select(Job).where(Job.pk == pk)).scalar_one()


def history(db: Database, pk: int) -> list[Event]:
    """All events of a job."""
    with db.read() as session:
        return events.after(session, pk, 0, 1_000_000)


def sample_row(dataset_pk: int, n: int, **values: Any) -> tuple[Any, ...]:
    """A row for `datasets.store`."""
    row = {
        "dataset_pk": dataset_pk,
        "n": n,
        "path": f"train/{n % 3}/{n}.png",
        "label": n % 3,
        "split": "train",
        "shard": 0,
        "offset": 512 + n * 1024,
        "length": 300,
        "width": 32,
        "height": 32,
        "format": "png",
        "votes": None,
        "extra": None,
        "sha256": bytes([n % 256]) * 32,
    } | values
    return tuple(row[name] for name in datasets.SAMPLE_COLUMNS)


@contextlib.contextmanager
def plans(db: Database) -> Iterator[list[str]]:
    """Grows by how SQLite finds what each statement reads."""
    found: list[str] = []

    def look(connection: Connection, _cursor: object, statement: str, values: Any, *_: object) -> None:
        driver: Any = connection.connection.driver_connection
        if statement.lstrip().startswith("SELECT"):
            found.append("; ".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)))

    event.listen(db.engine, "after_cursor_execute", look)
    yield found
    event.remove(db.engine, "after_cursor_execute", look)
