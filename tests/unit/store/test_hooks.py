"""Deliveries: written with their events, taken by one at a time, told by whoever has them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from core.store import events, hooks, jobs
from core.store.db import Database
from core.store.tables import Delivery
from tests.unit.store import make


def hooked(db: Database, types: list[str] | None = None, count: int = 1) -> list[str]:
    with db.write() as session:
        return [hooks.create(session, f"https://{n}.example.org/", "whsec_AA==", types).id for n in range(count)]


def waiting(db: Database) -> int:
    with db.read() as session:
        return session.execute(select(func.count()).where(Delivery.state == "waiting")).scalar_one()


def test_an_event_and_its_deliveries_are_there_together_or_not_at_all(db: Database) -> None:
    hooked(db, count=2)
    with db.write() as session:
        job = make.audit(session)
    before = waiting(db)
    with pytest.raises(ZeroDivisionError), db.write() as session:
        events.emit(session, job.pk, "state", {"status": "running"})
        raise ZeroDivisionError
    assert waiting(db) == before
    with db.write() as session:
        events.emit(session, job.pk, "state", {"status": "running"})
    assert waiting(db) == before + 2


def test_nobody_is_told_of_probes_or_of_what_nobody_asked_for(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    hooked(db, ["epoch"])
    with db.write() as session:
        events.emit(session, job.pk, "state", {"status": "running"})
        jobs.submit(session, "probe", job.dataset_pk, {})
    assert waiting(db) == 0


def test_exports_are_told_of_under_their_own_name(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
    hooked(db)
    with db.write() as session:
        job = jobs.submit(session, "export", dataset.pk, {"format": "csv"})
        parcel = hooks.take(session)
    assert parcel is not None
    about = {"dataset_id": dataset.id, "export_id": job.id, "data": {"status": "queued"}}
    assert parcel.content == {"type": "export.state", "event": 1, **about}


def test_many_senders_at_once_take_each_delivery_once(db: Database) -> None:
    hooked(db, count=20)
    with db.write() as session:
        make.audit(session)
    count = waiting(db)

    def all_of_them(_: int) -> list[str]:
        taken = []
        while True:
            with db.write() as session:
                parcel = hooks.take(session)
            if parcel is None:
                return taken
            taken.append(parcel.id)

    with ThreadPoolExecutor(4) as threads:
        taken = [id for mine in threads.map(all_of_them, range(4)) for id in mine]
    assert len(taken) == len(set(taken)) == count


def test_a_delivery_is_tried_later_and_later_and_then_given_up(db: Database) -> None:
    hooked(db)
    with db.write() as session:
        job = jobs.submit(session, "audit", make.dataset(session)[0].pk, {})
        session.execute(update(Delivery).where(Delivery.job_pk != job.pk).values(state="delivered"))
    pauses = []
    for _ in range(len(hooks.PAUSES_S) + 1):
        with db.write() as session:
            parcel = hooks.take(session)
            assert parcel is not None and parcel.content["audit_id"] == job.id
            hooks.refused(session, parcel, 503, None)
            row = session.execute(select(Delivery).where(Delivery.pk == parcel.pk)).scalar_one()
            session.refresh(row)
            pauses.append(row.next_at - (row.tried_at or 0))
            session.execute(update(Delivery).values(next_at=0.0))
    assert pauses[:-1] == pytest.approx(hooks.PAUSES_S, abs=1)
    with db.read() as session:
        assert not hooks.are_due(session)
        [state] = session.execute(select(Delivery.state).where(Delivery.job_pk == job.pk)).scalars()
    assert state == "given-up"
