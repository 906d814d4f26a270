"""PostgreSQL crashes under an audit, for a moment or for longer than a lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from core.store import migrate
from core.store.db import Away, Database
from tests.chaos.conftest import Place, Places
from tests.servers import Postgres
from tests.servers import postgres as running_postgres
from tests.worker.service import eventually
from worker.run import NOT_OURS

pytestmark = pytest.mark.chaos
Note = Callable[[str, object], None]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        if not server.is_ours:
            pytest.skip("the PostgreSQL that the environment names is not ours to crash")
        yield server


@pytest.fixture
def place(postgres: Postgres, places: Places) -> Iterator[Place]:
    """A place whose PostgreSQL keeps every commit, whatever happens to it."""
    url = postgres.create_database("crashing")
    postgres.execute("ALTER DATABASE crashing SET synchronous_commit = on")
    with closing(Database(url)) as db:
        migrate.upgrade(db)
        with places(url, db, LABELAUDIT_LEASE_S="4") as place:
            yield place


def is_away(place: Place) -> bool:
    try:
        place.db.ping()
    except Away:
        return True
    return False


def come_back(postgres: Postgres) -> float:
    began = time.monotonic()
    postgres.start()
    postgres.wait()
    return time.monotonic() - began


@pytest.mark.fault("F10")
@pytest.mark.parametrize("point", ["training.step:9", "epoch.curves:3", "audit.loading:1"])
def test_an_audit_rides_out_a_database_that_crashes(
    place: Place, dataset_id: str, postgres: Postgres, point: str, record_property: Note
) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    audit = place.start("run", id, fail=f"{point}:STOP")
    audit.stopped()
    postgres.kill()
    assert is_away(place)
    audit.go_on()
    eventually(lambda: "the database does not answer" in place.said(), "the audit notices")
    record_property("database_back_s", come_back(postgres))
    assert audit.wait() == 0
    assert place.job(id).attempt == 1
    place.check(id)
    assert place.outcome(id) == expected


@pytest.mark.fault("F11")
def test_an_audit_whose_database_is_away_for_longer_than_the_lease_is_let_go(
    place: Place, dataset_id: str, postgres: Postgres, record_property: Note
) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    audit = place.start("run", id, fail="training.step:9:STOP")
    audit.stopped()
    postgres.kill()
    assert is_away(place)
    audit.go_on()
    assert audit.wait() == NOT_OURS, "nobody can prove any more whose it is"
    come_back(postgres)
    eventually(lambda: place.taken_back(id, wait=True) == "queued", "its lease is over")
    assert place.do("run", id) == 0
    assert place.job(id).attempt == 2
    place.check(id)
    assert place.outcome(id) == expected
