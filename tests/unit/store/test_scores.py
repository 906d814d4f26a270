"""The ranked list: every sample once, in rank order, whatever the page and the filter."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select

from core.review.ranking import Wanted
from core.settings import Settings
from core.store import audits, datasets, jobs, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.scores import Ranked
from core.store.sweep import sweep
from core.store.tables import Job, Score
from core.words import REASONS, VERDICTS, Reason, reasons_of
from tests.unit.store import make

SAMPLES = 40
EVERYTHING = Wanted()


def score_row(audit_pk: int, rank: int, **values: Any) -> tuple[Any, ...]:
    sample = (rank * 7) % SAMPLES
    row = {
        "audit_pk": audit_pk,
        "rank": rank,
        "sample": sample,
        "given": sample % 3,
        "suggested": (sample + rank % 2) % 3,
        "score": 1.0 - rank / 64,
        "is_issue": rank <= 10,
        "verdict": VERDICTS.index("wrong" if rank <= 10 else "clean"),
        "iam": -1.5 + rank / 3,
        "hm_weight": 1 / rank,
        "aum": 0.1 * rank,
        "tkum": 1e-300,
        "loss": 3.0000000000000004,
        "confidence": None if rank % 3 == 0 else 0.7500000000000001,
        "reasons": 3 * rank,  # each of them somewhere
        "conflict": None if rank % 5 else rank // 10 + 1,
        "top": None if rank % 4 == 0 else bytes([rank % 256, 0, 255]),
    } | values
    return tuple(row[name] for name in scores.COLUMNS)


@pytest.fixture
def audit(db: Database) -> Job:
    """An audit of 40 samples, done; beside it another one of the same dataset with a single row."""
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, (make.sample_row(dataset.pk, n) for n in range(SAMPLES)), [])
        audit, other = (jobs.submit(session, "audit", dataset.pk, {}) for _ in range(2))
        scores.load(session, (score_row(audit.pk, rank) for rank in range(1, SAMPLES + 1)))
        scores.load(session, [score_row(other.pk, 1)])
    return audit


def read(db: Database, audit: Job, wanted: Wanted, limit: int) -> list[Ranked]:
    """All pages."""
    seen: list[Ranked] = []
    while True:
        with db.read() as session:
            page = scores.page(session, audit, seen[-1].rank if seen else 0, limit, wanted)
        if not page:
            return seen
        assert len(page) <= limit
        assert all(row.path.endswith(f"/{row.sample}.png") for row in page)
        seen += page


@pytest.mark.parametrize("limit", [1, 7, 40, 1000])
def test_the_pages_are_the_whole_list_in_rank_order(db: Database, audit: Job, limit: int) -> None:
    assert [score.rank for score in read(db, audit, EVERYTHING, limit)] == list(range(1, SAMPLES + 1))


def test_every_number_is_read_back_exactly(db: Database, audit: Job) -> None:
    for score in read(db, audit, EVERYTHING, 1000):
        assert (audit.pk, *score[:-2]) == score_row(audit.pk, score.rank)


@pytest.mark.parametrize("limit", [3, 1000])
def test_a_filtered_list_is_the_whole_list_without_the_others(db: Database, audit: Job, limit: int) -> None:
    whole = read(db, audit, EVERYTHING, 1000)
    either = (None, True, False)
    for given, suggested, verdict, is_issue, conflict in product(
        (None, 0, 2), (None, 1), (None, *VERDICTS), either, either
    ):
        wanted = Wanted(given, suggested, verdict, is_issue=is_issue, conflict=conflict)
        expected = [
            score.rank
            for score in whole
            if given in (None, score.given)
            and suggested in (None, score.suggested)
            and (verdict is None or score.verdict == VERDICTS.index(verdict))
            and (is_issue is None or score.is_issue == is_issue)
            and (conflict is None or (score.conflict is not None) == conflict)
        ]
        assert [score.rank for score in read(db, audit, wanted, limit)] == expected


@pytest.mark.parametrize("reason", REASONS)
def test_samples_are_found_by_each_of_their_reasons(db: Database, audit: Job, reason: Reason) -> None:
    found = [score.rank for score in read(db, audit, Wanted(reason=reason), 7)]
    assert found == [score.rank for score in read(db, audit, EVERYTHING, 1000) if reason in reasons_of(score.reasons)]
    assert 0 < len(found) < SAMPLES


def test_a_page_after_the_last_rank_is_empty(db: Database, audit: Job) -> None:
    with db.read() as session:
        assert scores.page(session, audit, SAMPLES, 10, EVERYTHING) == []


def test_one_samples_verdict_is_found_by_its_number(db: Database, audit: Job) -> None:
    with db.read() as session:
        found = scores.of_sample(session, audit, 14)
        assert scores.of_sample(session, audit, SAMPLES) is None
    assert found is not None
    assert (found.rank, found.sample, found.path) == (2, 14, "train/2/14.png")


@pytest.mark.parametrize("spoilt", [{"rank": 1}, {"sample": 7}, {"score": 1.5}, {"score": -0.1}, {"sample": None}])
def test_a_row_that_cannot_be_true_is_refused_and_takes_the_others_along(
    db: Database, audit: Job, spoilt: dict[str, Any]
) -> None:
    with db.write() as session:
        fresh = jobs.submit(session, "audit", audit.dataset_pk, {})
    rows = [score_row(fresh.pk, 1), score_row(fresh.pk, **({"rank": 2, "sample": 30} | spoilt))]
    with pytest.raises(Exception) as caught, db.write() as session:
        scores.load(session, rows)
    assert "IntegrityError" in type(caught.value).__name__ or "Violation" in type(caught.value).__name__
    with db.read() as session:
        of_fresh = select(func.count()).select_from(Score).where(Score.audit_pk == fresh.pk)
        assert session.execute(of_fresh).scalar_one() == 0


def test_scores_and_the_end_of_their_audit_become_visible_together(db: Database, audit: Job) -> None:
    with db.write() as session:
        claim = jobs.claim(session, audit.id, "worker", -1.0)
        jobs.reap(session, 3, 60.0)
        fresh = jobs.submit(session, "audit", audit.dataset_pk, {})
    assert claim is not None
    with pytest.raises(jobs.LeaseLost), db.write() as session:
        scores.load(session, [score_row(fresh.pk, 1)])
        jobs.finish(session, claim, {})
    assert read(db, fresh, EVERYTHING, 10) == []


def test_the_scores_of_a_removed_audit_go_with_it_and_no_others(db: Database, audit: Job, settings: Settings) -> None:
    with db.write() as session:
        jobs.cancel(session, audit.id)
        audits.remove(session, audit)
    sweep(db, Blobs(settings), 60.0)
    with db.read() as session:
        (other,) = session.execute(select(Score.audit_pk)).scalars()
        assert other != audit.pk and audits.find(session, audit.id) is None
