"""Bells never make anybody wait, and the reaper rings for those that were lost: on both brokers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from sqlalchemy import update

from core.settings import Settings
from core.store import jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Job
from tests.unit.store import make
from tests.worker.service import eventually
from worker.app import QUEUES, build
from worker.bells import Bells
from worker.reaper import Reaper


@pytest.fixture(params=["files", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Settings:
    broker = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return Settings(home=tmp_path, database_url=database_url, broker_url=broker, lease_s=1, beat_s=0.1, reaper_s=0.1)


@pytest.fixture
def app(settings: Settings) -> Celery:
    return build(settings)


@pytest.fixture
def bells(app: Celery) -> Iterator[Bells]:
    bells = Bells(app)
    yield bells
    bells.close()


def _heard(app: Celery, queue: str) -> str | None:
    """The next bell of a queue: the id it is about."""
    with app.connection_for_read() as connection, connection.SimpleQueue(app.amqp.queues[queue]) as heard:
        try:
            message = heard.get(timeout=0.3)
        except heard.Empty:
            return None
        message.ack()
        [id], _, _ = message.payload
        return str(id)


def test_a_bell_reaches_the_queue_of_its_kind_with_one_id(app: Celery, bells: Bells) -> None:
    bells.ring("audit", "some-audit")
    bells.ring("ingest", "some-dataset")
    assert eventually(lambda: _heard(app, QUEUES["audit"]), "the audit's bell") == "some-audit"
    assert eventually(lambda: _heard(app, QUEUES["ingest"]), "the ingest's bell") == "some-dataset"


def test_the_reaper_takes_back_a_lost_job_and_rings_for_it(
    db: Database, settings: Settings, app: Celery, bells: Bells
) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        make.expire(session, claim.pk)
    reaped = Reaper(settings, db, Blobs(settings), bells).look()
    assert reaped.requeued == [claim.id]
    assert eventually(lambda: _heard(app, QUEUES["audit"]), "the bell") == claim.id


@pytest.mark.fault("F14")
def test_a_machine_that_wakes_up_gives_its_jobs_the_time_to_show_life(
    db: Database, settings: Settings, bells: Bells, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as session:
        claim = make.claimed(session)
    reaper, real = Reaper(settings, db, Blobs(settings), bells), jobs.moment
    assert reaper.look().requeued == []
    monkeypatch.setattr(jobs, "moment", lambda session: real(session) + 3600)
    with db.write() as session:
        make.expire(session, claim.pk)
    began = time.monotonic()
    assert reaper.look().requeued == []
    assert eventually(lambda: reaper.look().requeued, "nobody showed life") == [claim.id]
    assert time.monotonic() - began > 0.8 * settings.lease_s


def test_the_reaper_rings_again_for_a_job_whose_bell_was_lost(
    db: Database, settings: Settings, app: Celery, bells: Bells
) -> None:
    with db.write() as session:
        job = make.audit(session)
        session.execute(update(Job).values(rung_at=Job.rung_at - 60))
    reaper = Reaper(settings, db, Blobs(settings), bells)
    reaper.look()
    assert eventually(lambda: _heard(app, QUEUES["audit"]), "the bell") == job.id
    assert reaper.look().to_ring == []


def test_the_reaper_outlives_a_database_that_is_away(
    db: Database, settings: Settings, bells: Bells, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    real, looks = jobs.reap, threading.Semaphore(0)

    def reap(*args: object, **options: object) -> jobs.Reaped:
        looks.release()
        if looks._value <= 1:
            raise OperationalError("BEGIN", {}, Exception("gone"))
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "reap", reap)
    reaper = Reaper(settings, db, Blobs(settings), bells)
    reaper.start()
    for _ in range(3):
        assert looks.acquire(timeout=30)
    reaper.close()


def test_a_broker_that_accepts_and_never_answers_holds_nobody_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(home=tmp_path, broker_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        bells = Bells(build(settings), depth=3)
        rung = threading.Event()

        def ring_often() -> None:
            for n in range(50):
                bells.ring("audit", str(n))
            rung.set()

        threading.Thread(target=ring_often, daemon=True).start()
        assert rung.wait(30)
        bells.close(timeout_s=0.1)
