"""Whole ranked lists as arrays, for what looks at all of it: facets, bulk decisions, the state of a review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.review.ranking import NOTHING, Judged, Ranking, Wanted, nothing_judged
from core.spec import SPLITS
from core.store import reviews
from core.store.audits import Audited
from core.store.tables import Dataset, Judgement, Review, Sample, Score
from core.words import DECISIONS, SOURCES

BLOCK = 50_000
_ROW = np.dtype([
    ("sample", np.int32), ("given", np.int32), ("suggested", np.int32), ("verdict", np.int8), ("is_issue", np.bool_),
    ("reasons", np.int32), ("conflict", np.bool_), ("score", np.float64), ("confidence", np.float64),
])  # fmt: skip
_SAID = np.dtype([
    ("sample", np.int64), ("decision", np.int8), ("source", np.int8), ("label", np.int32), ("disputed", np.bool_),
])  # fmt: skip
_SAID_COLUMNS = Judgement.decision, Judgement.source, Judgement.label, Judgement.disputed


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


@dataclass(frozen=True)
class Standing:
    """What counts of each rank after so many reviews. Some that came while it was read may count already."""

    reviews: int
    judged: Judged

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(getattr(self.judged, field.name).nbytes for field in fields(Judged))


def standing(session: Session, audit: Audited, ranking: Ranking, known: Standing | None = None) -> Standing:
    """What counts now, or what was known with what was said since."""
    if known is not None and audit.reviews - known.reviews <= BLOCK:
        found = Judged(**{field.name: getattr(known.judged, field.name).copy() for field in fields(Judged)})
        of_sample = (Judgement.dataset_pk == Review.dataset_pk) & (Judgement.sample == Review.sample)
        news = select(Review.sample, *_SAID_COLUMNS).join(Judgement, of_sample, isouter=True)
        news = news.where(Review.dataset_pk == audit.dataset_pk, Review.seq > known.reviews)
        _note(found, ranking, session.execute(news).all())
        return Standing(audit.reviews, found)
    found = nothing_judged(len(ranking))
    query = select(Judgement.sample, *_SAID_COLUMNS).where(Judgement.dataset_pk == audit.dataset_pk)
    query, after = query.order_by(Judgement.sample).limit(BLOCK), -1
    while audit.reviews and (rows := session.execute(query.where(Judgement.sample > after)).all()):
        _note(found, ranking, rows)
        after = rows[-1].sample
    return Standing(audit.reviews, found)


def _note(found: Judged, ranking: Ranking, said: Sequence[Any]) -> None:
    """Write down what counts of some samples; of those without a decision, that nothing does any more."""
    number: dict[str | None, int] = {source: k for k, source in enumerate(SOURCES)}
    rows = [
        (
            sample, NOTHING if decision is None else decision, number.get(source, NOTHING),
            NOTHING if label is None else label, bool(disputed),
        )
        for sample, decision, source, label, disputed in said
    ]  # fmt: skip
    table = np.array(rows, _SAID)
    known, at = ranking.placed(table["sample"])
    table = table[known]
    relabelled = table["decision"] == DECISIONS.index("relabel")
    found.decision[at], found.source[at], found.disputed[at] = table["decision"], table["source"], table["disputed"]
    found.accepted[at] = relabelled & (table["label"] == ranking.suggested[at])


def decisions(session: Session, audit: Audited, ranking: Ranking, seq: int) -> NDArray[np.int8]:
    """What counted of each sample when review number `seq` was the last, in rank order."""
    found = nothing_judged(len(ranking)).decision
    for after in range(0, seq, BLOCK):
        said = reviews.decisions(session, audit.dataset_pk, seq, after, min(seq, after + BLOCK))
        table = np.array(said, np.int64).reshape(-1, 2)
        known, at = ranking.placed(table[:, 0])
        found[at] = table[known, 1]  # of a sample that comes several times, the last one stays
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
