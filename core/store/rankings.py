"""Whole ranked lists as arrays, for what looks at all of it: facets, bulk decisions, the state of a review."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.review.ranking import NOTHING, Judged, Ranking, Wanted, nothing_judged
from core.spec import SPLITS
from core.store import reviews
from core.store.audits import Audited
from core.store.tables import Dataset, Judgement, Sample, Score
from core.words import DECISIONS, SOURCES

BLOCK = 50_000
_ROW = np.dtype([
    ("sample", np.int32), ("given", np.int32), ("suggested", np.int32), ("verdict", np.int8), ("is_issue", np.bool_),
    ("reasons", np.int32), ("conflict", np.bool_), ("score", np.float64), ("confidence", np.float64),
])  # fmt: skip
_SAID = np.dtype([
    ("sample", np.int64), ("decision", np.int8), ("source", np.int8), ("label", np.int32), ("disputed", np.bool_),
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
    columns = {name: np.ascontiguousarray(table[name]) for name in _ROW.fields or ()}
    return Ranking(**columns, split=_splits(session, audit, columns["sample"]))


def judged(session: Session, audit: Audited, ranking: Ranking) -> Judged:
    """What counts of each sample, in rank order."""
    query = select(
        Judgement.sample, Judgement.decision, Judgement.source, Judgement.label, Judgement.disputed
    ).where(Judgement.dataset_pk == audit.dataset_pk)  # fmt: skip
    number: dict[str, int] = {source: k for k, source in enumerate(SOURCES)}
    said = [
        (sample, decision, number.get(source, NOTHING), NOTHING if label is None else label, disputed)
        for sample, decision, source, label, disputed in session.execute(query)
    ]
    table = np.array(said, _SAID)
    known, at = ranking.placed(table["sample"])
    table = table[known]
    relabelled = table["decision"] == DECISIONS.index("relabel")
    found = nothing_judged(len(ranking))
    found.decision[at], found.source[at], found.disputed[at] = table["decision"], table["source"], table["disputed"]
    found.accepted[at] = relabelled & (table["label"] == ranking.suggested[at])
    return found


def decisions(session: Session, audit: Audited, ranking: Ranking, seq: int) -> NDArray[np.int8]:
    """What counted of each sample when review number `seq` was the last, in rank order."""
    stood = reviews.decisions(session, audit.dataset_pk, seq)
    known, at = ranking.placed(np.fromiter(stood.keys(), np.int64, len(stood)))
    found = nothing_judged(len(ranking)).decision
    found[at] = np.fromiter(stood.values(), np.int8, len(stood))[known]
    return found


def named(session: Session, audit: Audited, ranking: Ranking, wanted: Wanted) -> Wanted:
    """The same wish, with the ranks whose paths contain what is asked for."""
    if wanted.contains is None:
        return wanted
    query = select(Sample.n).where(Sample.dataset_pk == audit.dataset_pk, has_in_path(wanted.contains))
    _, at = ranking.placed(np.array(session.execute(query).scalars().all(), np.int64))
    found = np.zeros(len(ranking), np.bool_)
    found[at] = True
    return replace(wanted, named=found)


def has_in_path(text: str) -> Any:
    """The condition that a sample's path contains a text, whatever its case."""
    return Sample.path.icontains(text, autoescape=True)


def _splits(session: Session, audit: Audited, samples: NDArray[np.int32]) -> NDArray[np.int8]:
    """Of these samples. Most datasets have one split only, and it stands in their facts."""
    number: dict[str | None, int] = {None: NOTHING, "": NOTHING, **{split: k for k, split in enumerate(SPLITS)}}
    facts = session.execute(select(Dataset.facts).where(Dataset.pk == audit.dataset_pk)).scalar_one() or {}
    if len(known := facts.get("samples", {})) == 1:
        return np.full(len(samples), number[next(iter(known))], np.int8)
    query = select(Sample.n, Sample.split).where(Sample.dataset_pk == audit.dataset_pk).order_by(Sample.n).limit(BLOCK)
    found = np.full(int(samples.max(initial=-1)) + 1, NOTHING, np.int8)
    after = -1
    while rows := session.execute(query.where(Sample.n > after, Sample.n < len(found))).all():
        after = rows[-1].n
        found[[n for n, _ in rows]] = [number[split] for _, split in rows]
    return found[samples]
