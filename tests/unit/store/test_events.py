"""Events: numbered from 1 without gaps, in the order in which they become visible."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.store import audits, events
from core.store.db import Database
from tests.unit.store import make


def test_many_writers_to_one_job_get_numbers_without_gaps(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)

    def tell(writer: int) -> None:
        for k in range(10):
            with db.write() as session:
                events.emit(session, job.pk, "note", {"writer": writer, "k": k})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(tell, range(6)))
    told = make.history(db, job.pk)
    assert [event.seq for event in told] == list(range(1, 62))
    for writer in range(6):
        assert [event.data["k"] for event in told if event.data.get("writer") == writer] == list(range(10))


def test_a_reader_that_has_seen_a_number_never_misses_a_lower_one(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    done = threading.Event()

    def tell(_: int) -> None:
        for _ in range(15):
            with db.write() as session:
                events.emit(session, job.pk, "note", {})

    def follow() -> list[int]:
        seen: list[int] = []
        while not (done.is_set() and len(seen) >= 61):
            with db.read() as session:
                seen += [event.seq for event in events.after(session, job.pk, seen[-1] if seen else 0, 7)]
        return seen

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(follow)
        list(pool.map(tell, range(4)))
        done.set()
        assert reader.result(timeout=30) == list(range(1, 62))


def test_an_event_of_a_transaction_that_failed_leaves_no_gap(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    with pytest.raises(RuntimeError), db.write() as session:
        events.emit(session, job.pk, "note", {"lost": True})
        raise RuntimeError
    with db.write() as session:
        events.emit(session, job.pk, "note", {"lost": False})
    assert [(event.seq, event.type) for event in make.history(db, job.pk)] == [(1, "state"), (2, "note")]


def test_a_page_of_events_begins_after_a_number_and_has_an_end(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        for k in range(10):
            events.emit(session, job.pk, "note", {"k": k})
    with db.read() as session:
        assert [event.seq for event in events.after(session, job.pk, 4, 3)] == [5, 6, 7]
        assert events.after(session, job.pk, 11, 3) == []


def test_the_newest_numbers_are_known_for_many_jobs_and_not_for_removed_ones(db: Database) -> None:
    with db.write() as session:
        first, second, removed = (make.audit(session) for _ in range(3))
        events.emit(session, second.pk, "note", {})
        audits.remove(session, removed)
    with db.read() as session:
        newest = events.newest(session, [first.pk, second.pk, removed.pk, 999_999])
    assert newest == {first.pk: (1, "queued"), second.pk: (2, "queued")}
