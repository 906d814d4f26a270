"""Datasets of the same bytes keep one set of blobs, for as long as one of them is there."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from core.settings import Settings
from core.store import datasets, jobs, twins
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.sweep import sweep
from core.store.tables import Dataset
from tests.unit.store import make

RULES = "r" * 64


def ready(db: Database, *, rules: str = RULES) -> Dataset:
    with db.write() as session:
        dataset, job = make.dataset(session)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        rows = [make.sample_row(dataset.pk, n) for n in range(4)]
        findings = [(dataset.pk, 0, "blank", None, 2, False)]
        datasets.store(session, dataset.pk, make.FOUND | {"rules": rules}, rows, (), findings)
        jobs.finish(session, claim, {})
    return row(db, dataset)


def received(db: Database) -> tuple[Dataset, jobs.Claim]:
    with db.write() as session:
        dataset, job = make.dataset(session)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
    return dataset, claim


def row(db: Database, dataset: Dataset) -> Dataset:
    with db.read() as session:
        return session.get_one(Dataset, dataset.pk)


def shared(db: Database, twin: Dataset) -> Dataset:
    dataset, claim = received(db)
    with db.write() as session:
        assert twins.share(session, dataset.pk, twin.pk)
        jobs.finish(session, claim, {})
    return row(db, dataset)


def remove(db: Database, blobs: Blobs, dataset: Dataset) -> None:
    with db.write() as session:
        datasets.remove(session, dataset)
    for _ in range(3):
        sweep(db, blobs, 1e9)


def test_a_twin_has_the_same_rows_and_the_same_folder(db: Database) -> None:
    first = ready(db)
    second = shared(db, first)
    assert datasets.folder_of(second) == datasets.folder_of(first) == f"datasets/{first.id}"
    assert second.classes == first.classes and second.counts == first.counts
    with db.read() as session:
        a, b = (datasets.samples(session, one.pk, -1, 10) for one in (first, second))
        assert [(one.n, one.path, one.sha256) for one in a] == [(one.n, one.path, one.sha256) for one in b]
        assert [finding.sample for finding, _ in datasets.findings(session, second.pk, None, None, -1, 10)] == [2]
    assert datasets.folder_of(shared(db, second)) == f"datasets/{first.id}"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_folder_goes_with_the_last_of_them(db: Database, tmp_path: Path, order: tuple[int, int]) -> None:
    blobs = Blobs(Settings(home=tmp_path))
    first = ready(db)
    blobs.write(f"datasets/{first.id}/shards/00000.tar", b"images")
    pair = (first, shared(db, first))
    remove(db, blobs, pair[order[0]])
    assert list(blobs.names("datasets")) == [f"datasets/{first.id}/shards/00000.tar"]
    remove(db, blobs, pair[order[1]])
    assert list(blobs.names("datasets")) == []


def test_what_an_earlier_attempt_left_in_its_own_folder_goes(db: Database, tmp_path: Path) -> None:
    blobs = Blobs(Settings(home=tmp_path))
    first = ready(db)
    second = shared(db, first)
    blobs.write(f"datasets/{second.id}/shards/00000.tar", b"half")
    sweep(db, blobs, 1e9)
    assert list(blobs.names("datasets")) == []


def test_only_a_ready_dataset_of_the_same_bytes_read_in_the_same_way_is_a_twin(db: Database) -> None:
    dataset, _ = received(db)
    ready(db, rules="other")
    removed, refused, forced, other = ready(db), ready(db), ready(db), ready(db)
    with db.write() as session:
        datasets.remove(session, removed)
        for one, values in (
            (refused, {"rejection": {"code": "x"}}),
            (forced, {"asked_layout": "table"}),
            (other, {"sha256": "1" * 64}),
        ):
            session.execute(update(Dataset).where(Dataset.pk == one.pk).values(**values))
        assert twins.find(session, dataset, RULES) is None
    wanted = ready(db)
    with db.read() as session:
        found = twins.find(session, dataset, RULES)
    assert found is not None and found.pk == wanted.pk


def test_a_twin_that_was_removed_meanwhile_is_none(db: Database) -> None:
    first = ready(db)
    dataset, _ = received(db)
    with db.write() as session:
        datasets.remove(session, first)
    with db.write() as session:
        assert not twins.share(session, dataset.pk, first.pk)
    assert row(db, dataset).classes is None


def test_whoever_comes_later_with_an_old_list_harms_nothing(db: Database) -> None:
    first = ready(db)
    second = shared(db, first)
    with db.write() as session:
        datasets.remove(session, second)
    with db.write() as session:
        assert twins.leave(session, second.pk) is None
    with db.write() as session:
        assert twins.leave(session, second.pk) is None, "it is gone already, and is not the last of its folder"
    with db.write() as session:
        assert twins.leave(session, first.pk) == first.id


def test_many_who_sweep_at_once_remove_the_folder_with_the_last_and_not_before(db: Database, tmp_path: Path) -> None:
    blobs = Blobs(Settings(home=tmp_path))
    first = ready(db)
    shard = f"datasets/{first.id}/shards/00000.tar"
    blobs.write(shard, b"images")
    others = [shared(db, first) for _ in range(6)]

    def swept_by_all() -> None:
        together = threading.Barrier(4)

        def one() -> None:
            together.wait()
            for _ in range(3):
                sweep(db, blobs, 1e9)

        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(one) for _ in range(4)]:
                done.result()

    with db.write() as session:
        for dataset in others:
            datasets.remove(session, dataset)
    swept_by_all()
    assert list(blobs.names("datasets")) == [shard]
    with db.write() as session:
        datasets.remove(session, first)
    swept_by_all()
    assert list(blobs.names("datasets")) == []
    with db.read() as session:
        assert session.get(Dataset, first.pk) is None
