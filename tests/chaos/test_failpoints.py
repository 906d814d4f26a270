"""Killed at every durable step, a job ends as if nothing had happened: the same bytes, told once, nothing left over."""

from __future__ import annotations

import hashlib
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from core import failpoints
from core.spec import ExportSpec
from core.store import audits, datasets, hooks, jobs, reviews, versions
from core.store.sweep import sweep
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


EXPORTS = [
    "export.chunk:1",
    pytest.param("export.chunk:150", marks=chaos),
    pytest.param("export.stored:1", marks=chaos),
]
VERSIONS = ["shelf.manifest:1", "ingest.storing:1", pytest.param("ingest.stored:1", marks=chaos)]


def decided(place: Place, dataset_id: str) -> tuple[Dataset, str, int]:
    """An audit, some of whose samples people decided on; with the number of the last review."""
    audit = place.audit(dataset_id)
    assert place.do("run", audit) == 0
    with place.db.write() as session:
        found = audits.find_audited(session, audit)
        assert found is not None
        said = [
            reviews.Said(str(uuid4()), n, "exclude" if n % 2 else "relabel", None if n % 2 else 3) for n in range(40)
        ]
        last = reviews.add(session, found, "ann", said, "list")[-1].seq
        return session.get_one(Dataset, found.dataset_pk), audit, last


@pytest.mark.parametrize("point", EXPORTS)
def test_an_export_that_is_killed_ends_with_the_same_bytes(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    dataset, audit, last = decided(place, dataset_id)
    spec = ExportSpec(audit_id=audit, format="imagefolder", reviews=last).model_dump()
    with place.db.write() as session:
        undisturbed, killed = (jobs.submit(session, "export", dataset.pk, spec).id for _ in range(2))
    assert place.do("run", undisturbed) == 0
    assert place.do("run", killed, fail=point) == KILLED
    with place.db.write() as session:  # what is said meanwhile comes too late for both
        found = audits.find_audited(session, audit)
        assert found is not None
        reviews.add(session, found, "bob", [reviews.Said(str(uuid4()), 7, "keep")], "list")
    assert place.taken_back(killed) == "queued"
    assert place.do("run", killed) == 0
    first, second = ((place.job(id).result or {})["file"] for id in (undisturbed, killed))
    assert (first["sha256"], first["size"]) == (second["sha256"], second["size"])
    place.blobs.get(second["key"], second["sha256"])
    while sweep(place.db, place.blobs, 1e9):
        pass
    assert set(place.blobs.names("exports")) == {first["key"], second["key"]}


@pytest.mark.parametrize("point", VERSIONS)
def test_a_version_that_is_killed_ends_with_the_same_bytes(
    place: Place, dataset_id: str, point: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("failpoint", point)
    dataset, _, last = decided(place, dataset_id)
    made = []
    for fail in ("", point):
        with place.db.write() as session:
            version, job = versions.create(
                session, dataset, name="v", reviews=last, change_held_out=False, from_audit=None, request_id="r"
            )
        if fail:
            assert place.do("run", job.id, fail=fail) == KILLED
        if place.job(job.id).state != "succeeded":
            place.taken_back(job.id)
            assert place.do("run", job.id) == 0
        with place.db.read() as session:
            row = session.get_one(Dataset, version.pk)
            samples = [(one.n, one.path, one.label) for one in datasets.samples(session, version.pk, -1, 1000)]
            changed = [tuple(one) for one in versions.differences(session, dataset, row)]
        manifest = hashlib.sha256(place.blobs.get(datasets.manifest_of(row))).hexdigest()
        made.append((row.content_hash, row.counts, samples, changed, manifest))
    assert made[0] == made[1]
    assert len(made[0][2]) == 100 and len(made[0][3]) >= 20


def test_every_failpoint_is_killed_at() -> None:
    source = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in failpoints.NAMES if f'"{name}:' not in source] == []
