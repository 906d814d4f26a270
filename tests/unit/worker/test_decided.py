"""What a job takes for decided: as things stood when it was asked for."""

from __future__ import annotations

from uuid import uuid4

import numpy as np

from core.store import datasets, jobs, reviews, scores
from core.store.audits import find_audited
from core.store.db import Database
from core.store.reviews import Said
from core.words import DECISIONS, SOURCES, Source
from tests.unit.store import make
from tests.unit.store.test_scores import score_row
from worker.decided import decided

SAMPLES = 6


def test_each_decision_comes_with_who_said_it_and_how_it_was_looked_at(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, (make.sample_row(dataset.pk, n) for n in range(SAMPLES)), [])
        job = jobs.submit(session, "audit", dataset.pk, {})
        scores.load(session, (score_row(job.pk, rank, sample=rank - 1) for rank in range(1, SAMPLES + 1)))
    with db.write() as session:
        audit = find_audited(session, job.id)
        assert audit is not None
        ways: tuple[tuple[str, Source], ...] = (("ann", "blind"), ("ben", "list"), ("ann", "random"))
        for sample, (who, source) in enumerate(ways):
            reviews.add(session, audit, who, [Said(str(uuid4()), sample, "keep")], source)
        reviews.add(session, audit, "ben", [Said(str(uuid4()), 5, "exclude")], "from another day")
    found = decided(db, audit.dataset_pk, SAMPLES, 4, lambda: None)
    keep, exclude = DECISIONS.index("keep"), DECISIONS.index("exclude")
    assert found.decision.tolist() == [keep, keep, keep, -1, -1, exclude]
    assert found.source.tolist() == [SOURCES.index("blind"), SOURCES.index("list"), SOURCES.index("random"), -1, -1, -1]
    assert [found.reviewers[k] for k in found.reviewer[[0, 1, 2, 5]]] == ["ann", "ben", "ann", "ben"]
    before = decided(db, audit.dataset_pk, SAMPLES, 1, lambda: None)
    assert np.flatnonzero(before.decision >= 0).tolist() == [0]
