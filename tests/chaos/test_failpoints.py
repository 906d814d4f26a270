"""Killed at every durable step, a job ends as if nothing had happened: the same bytes, told once, nothing left over."""

from __future__ import annotations

import hashlib
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core import failpoints
from core.store import datasets, hooks, jobs
from core.store.tables import Dataset, Delivery, Job, Sample
from tests.chaos.conftest import Place
from tests.worker.digits import uploaded

pytestmark = pytest.mark.fault("F13")
chaos = pytest.mark.chaos
AUDITS = [
    pytest.param("audit.planned:1", marks=chaos),
    pytest.param("training.step:1", marks=chaos),
    pytest.param("training.step:13", marks=chaos),
    pytest.param("epoch.curves:2", marks=chaos),
    "epoch.written:2",
    pytest.param("checkpoint.written:1", marks=chaos),
    "checkpoint.written:2",
    pytest.param("checkpoint.remembered:1", marks=chaos),
    pytest.param("checkpoint.remembered:3", marks=chaos),
    pytest.param("checkpoint.dropped:1", marks=chaos),
    pytest.param("audit.file:1", marks=chaos),
    pytest.param("audit.file:5", marks=chaos),
    pytest.param("audit.file:9", marks=chaos),
    "audit.loading:1",
    pytest.param("audit.finished:1", marks=chaos),
]
INGESTS = [
    pytest.param("shelf.tar:1", marks=chaos),
    "shelf.tar:2",
    pytest.param("shelf.side:1", marks=chaos),
    pytest.param("shelf.side:2", marks=chaos),
    pytest.param("shelf.manifest:1", marks=chaos),
    "ingest.storing:1",
    pytest.param("ingest.stored:1", marks=chaos),
]
KILLED = -signal.SIGKILL


@pytest.mark.parametrize("point", AUDITS)
def test_an_audit_that_is_killed_ends_with_the_same_bits(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    undisturbed, killed = place.audit(dataset_id), place.audit(dataset_id)
    assert place.do("run", undisturbed) == 0
    assert place.do("run", killed, fail=point) == KILLED
    if point == "audit.finished:1":
        assert place.job(killed).state == "succeeded"
    else:
        assert place.taken_back(killed) == "queued"
        assert place.do("run", killed) == 0
        assert place.job(killed).attempt == 2
    place.check(killed)
    assert place.outcome(killed) == place.outcome(undisturbed)
    place.nothing_left(killed)


@chaos
@pytest.mark.fault("F1")
@pytest.mark.parametrize("seed", range(6))
def test_an_audit_that_is_killed_again_and_again_ends_with_the_same_bits(
    place: Place, dataset_id: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("resume", seed)
    dice, kills = random.Random(seed), 0
    undisturbed, killed = place.audit(dataset_id), place.audit(dataset_id)
    assert place.do("run", undisturbed) == 0
    while place.do("run", killed, fail=f"training.step:{dice.randrange(2, 14)}") == KILLED and kills < 6:
        kills += 1
        assert place.taken_back(killed) == "queued"
    if place.job(killed).state != "succeeded":
        place.taken_back(killed)
        assert place.do("run", killed) == 0
    assert kills >= 2
    place.check(killed)
    assert place.outcome(killed) == place.outcome(undisturbed)


@pytest.mark.parametrize("point", INGESTS)
def test_an_ingest_that_is_killed_ends_with_the_same_bytes(
    place: Place, archive: bytes, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    (undisturbed, first), (killed, job) = (uploaded(place.db, place.blobs, archive) for _ in range(2))
    with place.db.write() as session:  # no twins: each is read by itself
        session.execute(update(Dataset).values(sha256=Dataset.id))
    assert place.do("run", first) == 0
    assert place.do("run", job, fail=point) == KILLED
    if point == "ingest.stored:1":
        assert place.job(job).state == "succeeded"
    else:
        assert place.taken_back(job) == "queued"
        assert place.do("run", job) == 0
    place.check(job)

    def kept(id: str) -> tuple[Any, ...]:
        with place.db.read() as session:
            found = datasets.find(session, id)
            assert found is not None
            rows = session.execute(select(Sample).where(Sample.dataset_pk == found[0].pk).order_by(Sample.n)).scalars()
            told = [(row.path, row.label, row.shard, row.offset, row.sha256) for row in rows]
        names = sorted(key.removeprefix(f"datasets/{id}/") for key in place.blobs.names(f"datasets/{id}"))
        files = [(name, hashlib.sha256(place.blobs.get(f"datasets/{id}/{name}")).hexdigest()) for name in names]
        return found[0].content_hash, found[0].counts, told, files

    assert kept(killed) == kept(undisturbed)


@chaos
@pytest.mark.parametrize("point", ["job.releasing:1", "job.released:1"])
def test_a_paused_audit_whose_worker_dies_while_it_says_so_pauses_all_the_same(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    undisturbed, paused = place.audit(dataset_id), place.audit(dataset_id)
    assert place.do("run", undisturbed) == 0
    with place.db.write() as session:
        session.execute(update(Job).where(Job.id == paused).values(pause_requested=True))
    assert place.do("run", paused, fail=point) == KILLED
    assert place.taken_back(paused) == "paused"
    with place.db.write() as session:
        jobs.resume(session, paused)
    assert place.do("run", paused) == 0
    place.check(paused)
    assert place.outcome(paused) == place.outcome(undisturbed)


@chaos
@pytest.mark.parametrize("point", ["sweep.blobs:1", "sweep.blobs:2", "sweep.rows:1"])
def test_a_sweep_that_is_killed_takes_nothing_that_is_needed_and_the_next_one_the_rest(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    id = place.audit(dataset_id)
    assert place.do("run", id, fail="epoch.written:3") == KILLED
    place.taken_back(id)
    assert place.do("run", id) == 0
    before = place.outcome(id)
    assert place.do("sweep", fail=point) == KILLED
    place.check(id)
    assert place.outcome(id) == before
    place.nothing_left(id)


@chaos
@pytest.mark.parametrize("point", ["delivery.taken:1", "delivery.sent:1"])
def test_a_delivery_whose_postman_dies_is_sent_by_the_next(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    with place.db.write() as session:
        hooks.create(session, "http://127.0.0.1:9/", "whsec_AA==", None)
    id = place.audit(dataset_id)
    assert place.do("deliver", fail=point) == KILLED
    with place.db.write() as session:
        [row] = session.execute(select(Delivery)).scalars()
        assert (row.state, row.attempts) == ("waiting", 1)
        row.next_at = 0.0
    assert place.do("deliver") == 0
    with place.db.read() as session:
        [row] = session.execute(select(Delivery)).scalars()
    assert (row.attempts, row.error is None) == (2, False)
    assert place.do("run", id) == 0


def test_every_failpoint_is_killed_at() -> None:
    source = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in failpoints.NAMES if f'"{name}:' not in source] == []
