"""Whole ranked lists as arrays, for what looks at all of it: facets, bulk decisions, the state of a review."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.review.ranking import NOTHING, Ranking
from core.store.audits import Audited
from core.store.tables import Judgement, Score

BLOCK = 50_000
_ROW = np.dtype([
    ("sample", np.int32), ("given", np.int32), ("suggested", np.int32), ("verdict", np.int8), ("is_issue", np.bool_),
    ("reasons", np.int32), ("conflict", np.bool_), ("score", np.float64), ("confidence", np.float64),
])  # fmt: skip


def load(session: Session, audit: Audited) -> Ranking:
    """The list of an audit that is done."""
    query = select(
        Score.sample, Score.given, Score.suggested, Score.verdict, Score.is_issue, Score.reasons,
        Score.conflict.is_not(None), Score.score, Score.confidence,
    ).where(Score.audit_pk == audit.pk)  # fmt: skip
    blocks = [np.zeros(0, _ROW)]
    while True:
        after = sum(map(len, blocks))  # ranks are numbers without gaps
        rows = session.execute(query.where(Score.rank > after).order_by(Score.rank).limit(BLOCK)).all()
        blocks.append(np.array([tuple(row) for row in rows], _ROW))
        if len(rows) < BLOCK:
            break
    table = np.concatenate(blocks)
    return Ranking(**{name: np.ascontiguousarray(table[name]) for name in _ROW.fields or ()})


def decisions(session: Session, audit: Audited, ranking: Ranking) -> NDArray[np.int8]:
    """What counts of each sample, in rank order."""
    query = select(Judgement.sample, Judgement.decision).where(Judgement.dataset_pk == audit.dataset_pk)
    rows = session.execute(query).all()
    if not rows:
        return np.full(len(ranking), NOTHING, np.int8)
    samples, decided = zip(*rows, strict=True)
    return ranking.placed(np.array(samples, np.int32), np.array(decided, np.int8))
