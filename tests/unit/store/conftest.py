"""What tests of what people say begin with."""

from __future__ import annotations

import pytest

from core.store import audits, datasets, jobs, scores
from core.store.audits import Audited
from core.store.db import Database
from tests.unit.store import make
from tests.unit.store.make import SAMPLES
from tests.unit.store.test_scores import score_row


@pytest.fixture
def audit(db: Database) -> Audited:
    """An audit of twenty samples, the first ten of its ranks flagged."""
    with db.write() as session:
        dataset, _ = make.dataset(session)
        datasets.store(session, dataset.pk, make.FOUND, (make.sample_row(dataset.pk, n) for n in range(SAMPLES)), [])
        job = jobs.submit(session, "audit", dataset.pk, {})
        rows = (score_row(job.pk, rank, sample=rank - 1) for rank in range(1, SAMPLES + 1))
        scores.load(session, rows)
    with db.read() as session:
        found = audits.find_audited(session, job.id)
    assert found is not None
    return found
