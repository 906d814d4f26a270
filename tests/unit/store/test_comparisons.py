"""Two rankings compared by the database say what statistics say of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sqlalchemy import select

from core.store import comparisons, datasets, jobs, scores
from core.store.db import Database
from core.store.tables import Dataset, Job
from tests.unit.store import make
from tests.unit.store.test_scores import score_row

SAMPLES = 300


def ranked(db: Database, order: list[int]) -> Job:
    """An audit that puts the samples in this order."""
    with db.write() as session:
        [dataset_pk] = session.execute(select(Dataset.pk)).scalars()
        job = jobs.submit(session, "audit", dataset_pk, {})
        rows = (
            score_row(job.pk, rank, sample=sample, given=sample % 3, score=1 - rank / 1000, is_issue=rank <= 40)
            for rank, sample in enumerate(order, start=1)
        )
        scores.load(session, rows)
    return job


@pytest.fixture
def dataset(db: Database) -> int:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, (make.sample_row(dataset.pk, n) for n in range(SAMPLES)), [])
    return dataset.pk


def test_correlation_and_overlaps_are_those_of_the_two_orders(db: Database, dataset: int) -> None:
    dice = np.random.default_rng(3)
    ours = np.arange(SAMPLES)
    theirs = np.argsort(np.arange(SAMPLES) + dice.normal(0, 40, SAMPLES), kind="stable")
    one, other = ranked(db, ours.tolist()), ranked(db, theirs.tolist())
    with db.read() as session:
        found = comparisons.compare(session, one.pk, other.pk)
        moved = comparisons.moved(session, one.pk, other.pk, dataset)
    assert found.sizes == (SAMPLES, SAMPLES) and found.samples == SAMPLES
    assert found.rank_correlation == pytest.approx(spearmanr(np.argsort(ours), np.argsort(theirs)).statistic)
    assert found.overlaps == [(k, len({*ours[:k].tolist()} & {*theirs[:k].tolist()})) for k in (10, 100)]
    assert found.flagged == (40, 40, len({*ours[:40].tolist()} & {*theirs[:40].tolist()}))
    by = np.abs(np.argsort(ours) - np.argsort(theirs))
    assert [abs(row.ranks[0] - row.ranks[1]) for row in moved] == np.sort(by)[::-1][: comparisons.MOVED].tolist()
    assert all(row.path == f"train/{row.sample % 3}/{row.sample}.png" for row in moved)


def test_a_ranking_is_like_itself(db: Database, dataset: int) -> None:
    order = list(range(SAMPLES))
    one, other = ranked(db, order), ranked(db, order)
    with db.read() as session:
        found = comparisons.compare(session, one.pk, other.pk)
        assert comparisons.moved(session, one.pk, other.pk, dataset) == []
    assert (found.rank_correlation, found.overlaps) == (1.0, [(10, 10), (100, 100)])


def test_samples_that_only_one_has_do_not_count(db: Database, dataset: int) -> None:
    one, other = ranked(db, list(range(20))), ranked(db, list(range(15, 40)))
    with db.read() as session:
        found = comparisons.compare(session, one.pk, other.pk)
    assert (found.sizes, found.samples) == ((20, 25), 5)
    assert found.overlaps == [(10, 0)]


def test_of_a_single_common_sample_there_is_no_correlation(db: Database, dataset: int) -> None:
    one, other = ranked(db, [1, 2]), ranked(db, [2, 3])
    with db.read() as session:
        assert comparisons.compare(session, one.pk, other.pk).rank_correlation is None
