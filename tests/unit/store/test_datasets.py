"""Datasets: what the world is told of them, and that nothing of an upload goes uncounted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import Problem
from core.store import audits, datasets, jobs
from core.store.db import Database
from core.store.tables import Dataset, Job, LeftOut, Sample, Upload
from tests.unit.store import make


def left_out_rows(dataset_pk: int) -> list[tuple[Any, ...]]:
    rejected = [
        (dataset_pk, n, f"train/{n}.png", "rejected", "truncated", "It ends early.", b"\1" * 32) for n in (0, 2, 4)
    ]
    ignored = [(dataset_pk, n, f"__MACOSX/{n}", "ignored", "macos-metadata", "Ignored.", None) for n in (1, 3)]
    return sorted(rejected + ignored, key=lambda row: row[1])


def ingested(db: Database, count: int = 10) -> Dataset:
    """A ready dataset."""
    with db.write() as session:
        dataset, job = make.dataset(session)
    with db.write() as session:
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        rows = (make.sample_row(dataset.pk, n) for n in range(count))
        datasets.store(session, dataset.pk, make.FOUND, rows, left_out_rows(dataset.pk))
    return dataset


def count(db: Database, table: type[Any]) -> int:
    with db.read() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize(
    ("state", "attempt", "rejection", "status"),
    [
        ("queued", 0, None, "received"),
        ("queued", 1, None, "ingesting"),
        ("running", 1, None, "ingesting"),
        ("running", 3, None, "ingesting"),
        ("succeeded", 1, None, "ready"),
        ("succeeded", 1, {"code": "no-images", "detail": "None."}, "rejected"),
        ("failed", 3, None, "failed"),
        ("cancelled", 0, None, "failed"),
    ],
)
def test_the_status_of_a_dataset_follows_from_its_ingest(
    state: str, attempt: int, rejection: dict[str, Any] | None, status: str
) -> None:
    assert datasets.status(Dataset(rejection=rejection), Job(state=state, attempt=attempt)) == status


def test_a_new_dataset_is_received_and_has_its_ingest_queued(db: Database) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session, name="Schilder ✓")
    with db.read() as session:
        found = datasets.find(session, dataset.id)
    assert found is not None
    assert (found[0].name, found[1].id, datasets.status(*found)) == ("Schilder ✓", job.id, "received")


def test_an_unknown_dataset_is_not_found(db: Database) -> None:
    with db.read() as session:
        assert datasets.find(session, "01890000-0000-7000-8000-000000000000") is None


def test_what_ingest_found_is_read_back_exactly(db: Database) -> None:
    dataset = ingested(db)
    with db.read() as session:
        found = datasets.find(session, dataset.id)
        samples = datasets.samples(session, dataset.pk, -1, 100)
        one = datasets.sample(session, dataset.pk, 7)
        nobody = datasets.sample(session, dataset.pk, 10)
    assert found is not None and datasets.status(*found) == "ready"
    assert (found[0].classes, found[0].counts, found[0].content_hash) == tuple(make.FOUND.values())
    as_rows = [tuple(getattr(sample, name) for name in datasets.SAMPLE_COLUMNS) for sample in samples]
    assert as_rows == [make.sample_row(dataset.pk, n) for n in range(10)]
    assert one is not None and one.sha256 == bytes([7]) * 32
    assert nobody is None


@pytest.mark.parametrize("path", ["tab\tnew\nline", "back\\slash", '"quoted"', "\\N", "ünï/中/🛑.png", "\\.", ""])
def test_any_path_survives_the_bulk_load(db: Database, path: str) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, [make.sample_row(dataset.pk, 0, path=path, split=None)], [])
    with db.read() as session:
        sample = datasets.sample(session, dataset.pk, 0)
    assert sample is not None and (sample.path, sample.split) == (path, None)


def test_samples_are_paged_in_order_to_the_last(db: Database) -> None:
    dataset = ingested(db)
    seen: list[int] = []
    while True:
        with db.read() as session:
            page = datasets.samples(session, dataset.pk, seen[-1] if seen else -1, 3)
        if not page:
            break
        seen += [sample.n for sample in page]
    assert seen == list(range(10))


def test_every_member_that_was_left_out_is_listed_once_with_its_reason(db: Database) -> None:
    dataset = ingested(db)
    with db.read() as session:
        rejected = datasets.left_outs(session, dataset.pk, "rejected", -1, 100)
        rest = datasets.left_outs(session, dataset.pk, "rejected", rejected[0].n, 1)
        ignored = datasets.left_outs(session, dataset.pk, "ignored", -1, 100)
    assert [(out.n, out.code, out.sha256) for out in rejected] == [(n, "truncated", b"\1" * 32) for n in (0, 2, 4)]
    assert [out.n for out in rest] == [2]
    assert [(out.n, out.sha256) for out in ignored] == [(1, None), (3, None)]


def test_seen_is_accepted_and_rejected_and_ignored(db: Database) -> None:
    dataset = ingested(db)
    with db.read() as session:
        stored = session.get(Dataset, dataset.pk)
        rows = session.execute(select(LeftOut.outcome, func.count()).group_by(LeftOut.outcome)).all()
    assert stored is not None and stored.counts is not None
    outcomes = dict(rows)
    assert {**outcomes, "accepted": count(db, Sample)} == {
        outcome: stored.counts[outcome] for outcome in ("accepted", "rejected", "ignored")
    }
    assert stored.counts["seen"] == sum(outcomes.values()) + count(db, Sample)


def test_an_outcome_is_rejected_or_ignored_and_nothing_else(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        dataset, _ = make.dataset(session)
        session.add(LeftOut(dataset_pk=dataset.pk, n=0, path="a", outcome="lost", code="x", detail="y"))


def test_a_store_that_breaks_off_leaves_nothing(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)

    def breaks_off() -> Iterator[tuple[Any, ...]]:
        yield from (make.sample_row(dataset.pk, n) for n in range(1000))
        raise OSError("the shard is gone")

    with pytest.raises(OSError, match="the shard is gone"), db.write() as session:
        datasets.store(session, dataset.pk, make.FOUND, breaks_off(), [])
    assert count(db, Sample) == 0
    with db.read() as session:
        stored = session.get(Dataset, dataset.pk)
    assert stored is not None and stored.counts is None


def test_an_ingest_that_lost_its_lease_stores_nothing(db: Database) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session)
        lost = jobs.claim(session, job.id, "worker", -1.0)
        jobs.reap(session, 3, 60.0)
    assert lost is not None
    with pytest.raises(jobs.LeaseLost), db.write() as session:
        datasets.store(session, dataset.pk, make.FOUND, [make.sample_row(dataset.pk, 0)], [])
        jobs.finish(session, lost, {})
    assert count(db, Sample) == 0


def test_a_rejected_dataset_says_why_and_keeps_what_was_wrong(db: Database) -> None:
    with db.write() as session:
        dataset, job = make.dataset(session)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
        counts = {"seen": 5, "accepted": 0, "rejected": 3, "ignored": 2}
        problem = Problem("too-many-rejects", "Most images are broken.", counts=counts)
        datasets.reject(session, dataset.pk, problem, left_out_rows(dataset.pk))
    with db.read() as session:
        found = datasets.find(session, dataset.id)
        assert found is not None and found[0].rejection is not None
        assert (datasets.status(*found), found[0].counts) == ("rejected", counts)
        assert Problem.from_record(found[0].rejection).detail == "Most images are broken."
        assert len(datasets.left_outs(session, dataset.pk, "rejected", -1, 100)) == 3


def test_a_removed_dataset_and_its_audits_are_out_of_sight(db: Database) -> None:
    dataset = ingested(db)
    with db.write() as session:
        audit = jobs.submit(session, "audit", dataset.pk, {})
        kept = make.audit(session)
    with db.write() as session:
        found = datasets.find(session, dataset.id)
        assert found is not None
        datasets.remove(session, found[0])
    with db.read() as session:
        assert datasets.find(session, dataset.id) is None
        assert audits.find(session, audit.id) is None
        assert [job.id for job, _ in audits.page(session, None, None, 10)] == [kept.id]
        assert dataset.id not in [row.id for row, _ in datasets.page(session, None, 10)]
        assert datasets.unfinished(session, dataset.pk) == []


def test_the_jobs_that_still_work_on_a_dataset_are_known(db: Database) -> None:
    dataset = ingested(db)
    with db.write() as session:
        queued, running, done = (jobs.submit(session, "audit", dataset.pk, {}) for _ in range(3))
        jobs.submit(session, "probe", dataset.pk, {})  # which nobody needs to wait for
        jobs.claim(session, running.id, "worker", 60.0)
        jobs.cancel(session, done.id)
    with db.read() as session:
        assert [job.id for job in datasets.unfinished(session, dataset.pk)] == [queued.id, running.id]


def test_datasets_are_paged_from_the_newest_to_the_oldest(db: Database) -> None:
    with db.write() as session:
        made = sorted((make.dataset(session)[0].id for _ in range(5)), reverse=True)
    with db.read() as session:
        first = [row.id for row, _ in datasets.page(session, None, 2)]
        rest = [row.id for row, _ in datasets.page(session, first[-1], 10)]
    assert first + rest == made


def test_audits_are_paged_by_dataset_and_over_all(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        mine = sorted((jobs.submit(session, "audit", dataset.pk, {}).id for _ in range(3)), reverse=True)
        other = make.audit(session).id
    with db.read() as session:
        assert [job.id for job, _ in audits.page(session, dataset.id, None, 10)] == mine
        assert [job.id for job, _ in audits.page(session, dataset.id, mine[0], 1)] == mine[1:2]
        assert {job.id for job, _ in audits.page(session, None, None, 10)} == {*mine, other}


def test_an_epoch_that_is_run_again_replaces_its_own_figures(db: Database) -> None:
    figures = {"train_loss": 1.0, "train_accuracy": 0.5, "test_accuracy": None, "mean_weight": 1.0, "seconds": 2.0}
    with db.write() as session:
        audit = make.audit(session)
        for epoch in (1, 2):
            audits.write_epoch(session, audit.pk, epoch, figures)
        audits.write_epoch(session, audit.pk, 2, figures | {"train_loss": 0.25})
    with db.read() as session:
        assert [(row.epoch, row.train_loss) for row in audits.epochs(session, audit.pk)] == [(1, 1.0), (2, 0.25)]


def test_a_purged_dataset_takes_all_its_rows_along_and_no_others(db: Database) -> None:
    dataset, other = ingested(db), ingested(db)
    with db.write() as session:
        jobs.submit(session, "audit", dataset.pk, {})
    with db.write() as session:
        datasets.purge(session, dataset.pk)
    with db.read() as session:
        for table in (Sample, LeftOut, Job):
            assert set(session.execute(select(table.dataset_pk)).scalars()) == {other.pk}


def test_a_dataset_needs_an_upload_that_exists(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        dataset, _ = make.dataset(session)
        session.execute(update(Dataset).where(Dataset.pk == dataset.pk).values(upload_pk=999_999))
    assert count(db, Upload) == 0
