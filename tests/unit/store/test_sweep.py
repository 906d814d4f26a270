"""The sweep: nothing that is still pointed to goes, everything else does, wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.settings import Settings
from core.store import audits, curves, datasets, jobs, uploads
from core.store.blobs import Blobs
from core.store.db import Database, now
from core.store.sweep import sweep
from core.store.tables import Dataset, Job, Upload
from tests.unit.store import make

WEEK = 7 * 86400.0


@pytest.fixture
def store(settings: Settings) -> Blobs:
    """A local blob store: that S3 deletes the same is tested with the blobs."""
    return Blobs(settings)


def put(store: Blobs, *keys: str) -> None:
    for key in keys:
        store.put(key, b"x")


def sweep_all(db: Database, store: Blobs, kept_s: float = 0.0) -> None:
    """Sweep until there is nothing left to do."""
    for _ in range(20):
        if not sweep(db, store, WEEK, kept_s):
            return
    raise AssertionError("the sweep never comes to an end")


def left(store: Blobs) -> set[str]:
    return set(store.names(""))


def rows(db: Database, table: type[Any]) -> set[int]:
    with db.read() as session:
        return set(session.execute(select(table.pk)).scalars())


def stale_upload(session: Session, store: Blobs, age_s: float) -> Upload:
    upload = uploads.begin(session)
    session.execute(update(Upload).where(Upload.pk == upload.pk).values(touched_at=now() - age_s))
    put(store, uploads.part_key(upload.id, 0), uploads.part_key(upload.id, 8))
    return upload


def test_an_upload_that_nobody_went_on_with_is_removed_and_a_fresh_one_is_not(db: Database, store: Blobs) -> None:
    with db.write() as session:
        stale_upload(session, store, WEEK + 60)
        fresh = stale_upload(session, store, WEEK - 60)
    sweep_all(db, store)
    assert rows(db, Upload) == {fresh.pk}
    assert left(store) == {uploads.part_key(fresh.id, 0), uploads.part_key(fresh.id, 8)}


def test_an_old_upload_is_kept_while_a_dataset_waits_for_it(db: Database, store: Blobs) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        upload = make.upload_of(session, dataset)
        session.execute(update(Upload).values(touched_at=now() - 10 * WEEK))
    put(store, uploads.part_key(upload.id, 0))
    sweep_all(db, store)
    assert rows(db, Upload) == {upload.pk}
    assert left(store) == {uploads.part_key(upload.id, 0)}


@pytest.mark.parametrize("rejected", [False, True])
def test_an_upload_goes_when_it_was_read_and_kept_for_long_enough(db: Database, store: Blobs, rejected: bool) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session)
        make.dataset(session)
        upload = make.upload_of(session, dataset)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        if rejected:
            datasets.reject(session, dataset.pk, Problem("empty-dataset", "Nothing."), [])
        session.execute(update(Job).where(Job.pk == job.pk).values(finished_at=now() - WEEK))
    part, manifest = uploads.part_key(upload.id, 0), f"datasets/{dataset.id}/manifest.parquet"
    put(store, part, manifest)
    sweep_all(db, store, kept_s=WEEK + 60)
    assert len(rows(db, Upload)) == 2
    assert part in left(store)
    sweep_all(db, store, kept_s=WEEK - 60)
    assert len(rows(db, Upload)) == 1
    assert left(store) == (set() if rejected else {manifest})


def test_an_audit_keeps_only_the_files_of_its_result(db: Database, store: Blobs) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.remember(session, claim, checkpoints=[{"key": f"audits/{claim.id}/1/checkpoint"}])
        kept = f"audits/{claim.id}/1/scores.parquet"
        point = curves.key(claim.id, 0, 1)  # of an epoch that the first attempt finished
        figures = dict.fromkeys(("train_loss", "train_accuracy", "test_accuracy", "mean_weight", "seconds"), 0.5)
        audits.write_epoch(session, claim.pk, 1, {**figures, "curves": point})
        jobs.finish(session, claim, {"files": {"scores.parquet": {"key": kept, "size": 1, "sha256": "0"}}})
    put(store, kept, point, curves.key(claim.id, 0, 2))
    put(store, f"audits/{claim.id}/1/checkpoint", f"audits/{claim.id}/0/scores.parquet")
    sweep_all(db, store)
    assert left(store) == {kept, point}
    job = make.row(db, claim.pk)
    assert (job.swept, job.checkpoints, job.state) == (True, None, "succeeded")


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_an_audit_that_came_to_nothing_keeps_nothing(db: Database, store: Blobs, end: str) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        if end == "failed":
            jobs.fail(session, claim, Problem("no-labels", "One class only."))
        else:
            jobs.stop(session, claim)
    put(store, f"audits/{claim.id}/1/checkpoint")
    sweep_all(db, store)
    assert left(store) == set()
    assert make.row(db, claim.pk).state == end


def test_a_running_job_and_a_queued_one_with_checkpoints_are_left_alone(db: Database, store: Blobs) -> None:
    with db.write() as session:
        running, released = make.claimed(session), make.claimed(session)
        jobs.release(session, released)
    keys = {f"audits/{running.id}/1/checkpoint", f"audits/{released.id}/1/checkpoint"}
    put(store, *keys)
    sweep_all(db, store)
    assert left(store) == keys


def test_a_failed_ingest_leaves_no_shards_and_keeps_its_upload(db: Database, store: Blobs) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session)
        upload = make.upload_of(session, dataset)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.fail(session, claim, Problem("disk-full", "No space.", retryable=True))
    part = uploads.part_key(upload.id, 0)
    put(store, part, f"datasets/{dataset.id}/shards/00000.tar")
    sweep_all(db, store)
    assert left(store) == {part}


def test_the_shards_of_a_ready_dataset_stay(db: Database, store: Blobs) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        datasets.store(session, dataset.pk, make.FOUND, [make.sample_row(dataset.pk, 0)], [])
    put(store, f"datasets/{dataset.id}/shards/00000.tar")
    sweep_all(db, store)
    assert left(store) == {f"datasets/{dataset.id}/shards/00000.tar"}


def test_a_removed_audit_goes_with_its_files(db: Database, store: Blobs) -> None:
    with db.write() as session:
        removed, kept = make.audit(session), make.audit(session)
        audits.remove(session, removed)
    put(store, f"audits/{removed.id}/1/model.safetensors", f"audits/{kept.id}/1/checkpoint")
    sweep_all(db, store)
    assert left(store) == {f"audits/{kept.id}/1/checkpoint"}
    assert removed.pk not in rows(db, Job)


def test_a_removed_audit_stays_while_its_worker_may_still_write(db: Database, store: Blobs) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        audits.remove(session, session.execute(select(Job).where(Job.pk == claim.pk)).scalar_one())
    key = f"audits/{claim.id}/1/checkpoint"
    put(store, key)
    sweep_all(db, store)
    assert left(store) == {key}
    with db.write() as session:
        make.expire(session, claim.pk)
        jobs.reap(session, 3, 60.0)
    sweep_all(db, store)
    assert left(store) == set()
    assert claim.pk not in rows(db, Job)


def a_removed_dataset(db: Database, store: Blobs) -> None:
    """With an upload, shards, samples, a finished audit and a queued one, and another dataset beside it."""
    with db.write() as session:
        dataset, job = make.dataset(session)
        upload = make.upload_of(session, dataset)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        datasets.store(session, dataset.pk, make.FOUND, [make.sample_row(dataset.pk, 0)], [])
        audit, _ = (jobs.submit(session, "audit", dataset.pk, {}) for _ in range(2))
        kept, _ = make.dataset(session, name="kept")
    put(store, uploads.part_key(upload.id, 0), f"datasets/{dataset.id}/shards/00000.tar")
    put(store, f"audits/{audit.id}/1/scores.parquet", f"datasets/{kept.id}/shards/00000.tar")
    with db.write() as session:
        datasets.remove(session, dataset)


def only_the_other_dataset_is_left(db: Database, store: Blobs) -> None:
    with db.read() as session:
        ((kept, _),) = datasets.page(session, None, 10)
    assert rows(db, Dataset) == {kept.pk}
    assert left(store) == {f"datasets/{kept.id}/shards/00000.tar"}
    assert rows(db, Upload) == {kept.upload_pk}


def test_a_removed_dataset_goes_with_everything_that_was_its(db: Database, store: Blobs) -> None:
    a_removed_dataset(db, store)
    sweep_all(db, store)
    only_the_other_dataset_is_left(db, store)


class PowerCut(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("steps", range(1, 11))
def test_a_sweep_that_dies_between_two_steps_is_finished_by_the_next(
    sqlite_db: Database, store: Blobs, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    a_removed_dataset(sqlite_db, store)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done == steps:
            raise PowerCut

    real_write, real_delete, real_delete_all = sqlite_db.write, store.delete, store.delete_all

    @contextmanager
    def write() -> Iterator[Session]:
        step()
        with real_write() as session:
            yield session

    monkeypatch.setattr(sqlite_db, "write", write)
    monkeypatch.setattr(store, "delete", lambda key: (step(), real_delete(key)))
    monkeypatch.setattr(store, "delete_all", lambda prefix: (step(), real_delete_all(prefix)))
    with pytest.raises(PowerCut):
        sweep_all(sqlite_db, store)
    monkeypatch.undo()
    sweep_all(sqlite_db, store)
    only_the_other_dataset_is_left(sqlite_db, store)


def test_an_audit_that_was_submitted_while_its_dataset_was_removed_holds_nothing_back(
    db: Database, store: Blobs
) -> None:
    a_removed_dataset(db, store)
    with db.write() as session:
        removed = session.execute(select(Dataset.pk).where(Dataset.deleted_at.is_not(None))).scalar_one()
        late = jobs.submit(session, "audit", removed, {})
    sweep_all(db, store)
    only_the_other_dataset_is_left(db, store)
    with db.write() as session:
        assert jobs.claim(session, late.id, "worker", 60.0) is None


def test_a_sweep_of_nothing_does_nothing(db: Database, store: Blobs) -> None:
    assert sweep(db, store, WEEK) == 0


def test_a_probe_is_forgotten_after_an_hour_and_takes_nothing_along(db: Database, store: Blobs) -> None:
    with db.write() as session:
        dataset, ingest = make.dataset(session)
        claim = jobs.claim(session, ingest.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        new, old, queued, failed = (jobs.submit(session, "probe", dataset.pk, {}) for _ in range(4))
        for job in (new, old, failed):
            claim = jobs.claim(session, job.id, "worker", 60.0)
            assert claim is not None
            if job is failed:
                jobs.fail(session, claim, Problem("device-unavailable", "No GPU."))
            else:
                jobs.finish(session, claim, {})
        past = {"created_at": now() - 3700}
        session.execute(update(Job).where(Job.pk.in_([old.pk, queued.pk])).values(**past))
    put(store, f"datasets/{dataset.id}/shards/00000.tar")
    sweep_all(db, store)
    assert rows(db, Job) == {ingest.pk, new.pk, failed.pk}
    assert left(store) == {f"datasets/{dataset.id}/shards/00000.tar"}
