"""Conflicts: read group by group, with the samples that the scores name."""

from __future__ import annotations

import pytest

from core.store import conflicts, datasets, jobs, scores
from core.store.db import Database
from core.store.tables import Job
from tests.unit.store import make
from tests.unit.store.test_scores import SAMPLES, score_row

LARGE = 25  # samples of the second group


def number(rank: int) -> int | None:
    """Ranks 1 and 40 are one group, 3 to 27 another, 30 and 31 a third."""
    return 1 if rank in (1, 40) else 2 if 3 <= rank < 3 + LARGE else 3 if rank in (30, 31) else None


@pytest.fixture
def audit(db: Database) -> Job:
    """An audit with three conflicts; beside it others of the same dataset, one with a conflict and one without."""
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, (make.sample_row(dataset.pk, n) for n in range(SAMPLES)), [])
        audit, other, peaceful = (jobs.submit(session, "audit", dataset.pk, {}) for _ in range(3))
        assert peaceful.pk == audit.pk + 2
        scores.load(session, (score_row(audit.pk, k, conflict=number(k)) for k in range(1, SAMPLES + 1)))
        scores.load(session, (score_row(other.pk, k, conflict=1) for k in (1, 2)))
        conflicts.load(session, [(audit.pk, 1, 2, 2), (audit.pk, 2, -1, LARGE), (audit.pk, 3, 0, 2)])
        conflicts.load(session, [(other.pk, 1, 1, 2)])
    return audit


def test_groups_have_their_own_samples_in_rank_order(db: Database, audit: Job) -> None:
    with db.read() as session:
        first, second, third = conflicts.page(session, audit, 0, 10)
    assert (first.number, first.favoured, first.size) == (1, 2, 2)
    assert [row.rank for row in first.samples] == [1, 40]
    assert (second.favoured, second.size) == (-1, LARGE)
    assert [row.rank for row in third.samples] == [30, 31]
    assert all(row.path.endswith(f"/{row.sample}.png") for row in first.samples)


def test_of_a_large_group_only_the_best_suspects_are_read(db: Database, audit: Job) -> None:
    with db.read() as session:
        (second,) = conflicts.page(session, audit, 1, 1)
    assert [row.rank for row in second.samples] == list(range(3, 3 + conflicts.SHOWN))


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_walk_every_group_once(db: Database, audit: Job, limit: int) -> None:
    seen: list[int] = []
    with db.read() as session:
        while page := conflicts.page(session, audit, seen[-1] if seen else 0, limit):
            seen += [group.number for group in page]
    assert seen == [1, 2, 3]


def test_an_audit_without_conflicts_has_an_empty_list(db: Database, audit: Job) -> None:
    with db.read() as session:
        peaceful = session.get_one(Job, audit.pk + 2)
        assert conflicts.page(session, peaceful, 0, 10) == []
