"""What people say of samples. Nothing they said is ever changed: taking something back is said too.

Numbers are taken by updating the dataset's row, as events do with their job's, so they become visible in order and
without gaps: whoever has seen number k never misses one below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from core.errors import Problem
from core.store.audits import Audited
from core.store.db import copy_rows, now
from core.store.tables import Dataset, Judgement, Review
from core.words import DECISIONS, UNSURE, Decision

TAKEN_BACK = -1
AT_ONCE = 500  # a statement has room for so many samples
COLUMNS = (
    "dataset_pk", "seq", "id", "audit_pk", "sample", "decision", "label", "undoes", "reviewer", "source", "bulk", "at",
)  # fmt: skip
JUDGED = ("dataset_pk", "sample", "seq", "decision", "label", "reviewer", "source", "at", "disputed")


@dataclass(frozen=True)
class Said:
    """What somebody says of a sample. One that takes another one back names it and has no decision."""

    id: str
    sample: int
    decision: Decision | None
    label: int | None = None
    undoes: str | None = None


class Word(NamedTuple):
    """A review as far as it matters for what counts."""

    seq: int
    sample: int
    decision: int
    label: int | None
    undoes: int | None
    reviewer: str
    source: str
    at: float


def add(session: Session, audit: Audited, reviewer: str, said: Sequence[Said], source: str) -> list[Review]:
    """Write down what was said, and what counts now. What is known already is not written again; the reviews in the
    order of `said`."""
    seq = wait_turn(session, audit.dataset_pk)
    known = _by_id(session, audit.dataset_pk, [one.id for one in said] + [one.undoes for one in said if one.undoes])
    at = session.execute(select(now())).scalar_one()
    fresh: list[Review] = []
    for one in said:
        if one.id in known:
            if known[one.id].sample != one.sample:
                raise Problem("review-id-reused", f"The id {one.id} came before, with another sample; make a new one.")
            continue
        undoes = None if one.undoes is None else _undone(known, one)
        decision = TAKEN_BACK if one.decision is None else DECISIONS.index(one.decision)
        seq += 1
        review = Review(
            dataset_pk=audit.dataset_pk, seq=seq, id=one.id, audit_pk=audit.pk, sample=one.sample, decision=decision,
            label=one.label, undoes=undoes, reviewer=reviewer, source=source, bulk=None, at=at,
        )  # fmt: skip
        known[one.id] = review
        fresh.append(review)
    session.add_all(fresh)
    session.flush()
    _judge(session, audit.dataset_pk, {review.sample for review in fresh})
    _counted(session, audit.dataset_pk, seq)
    return [known[one.id] for one in said]


def add_many(
    session: Session, audit: Audited, reviewer: str, bulk: str, said: Iterable[tuple[int, Decision, int | None]]
) -> int:
    """The same for many samples of which nobody has said anything yet; how many. All of it can be taken back at once.

    Their ids follow from that of the whole, so that sending it again changes nothing.
    """
    first = wait_turn(session, audit.dataset_pk) + 1
    if knows(session, audit.dataset_pk, bulk):
        return 0
    at = session.execute(select(now())).scalar_one()
    rows = [
        Word(seq, sample, DECISIONS.index(decision), label, None, reviewer, "bulk", at)
        for seq, (sample, decision, label) in enumerate(said, first)
    ]
    copy_rows(session, Review, COLUMNS, (_row(audit, word, bulk) for word in rows))
    copy_rows(session, Judgement, JUDGED, (_judged(audit.dataset_pk, word, False) for word in rows))
    _counted(session, audit.dataset_pk, first + len(rows) - 1)
    return len(rows)


def take_back(session: Session, audit: Audited, reviewer: str, bulk: str) -> int:
    """Take back what was said of many at once, where it was not taken back yet; how many."""
    seq = wait_turn(session, audit.dataset_pk)
    at = session.execute(select(now())).scalar_one()
    open = _of_bulk(audit.dataset_pk, bulk).where(stands()).order_by(Review.seq)
    undone = session.execute(open).all()
    rows = [
        Word(number, row.sample, TAKEN_BACK, None, row.seq, reviewer, "bulk", at)
        for number, row in enumerate(undone, seq + 1)
    ]
    copy_rows(session, Review, COLUMNS, (_row(audit, word, None) for word in rows))
    _judge(session, audit.dataset_pk, {row.sample for row in undone})
    _counted(session, audit.dataset_pk, seq + len(rows))
    return len(rows)


def wait_turn(session: Session, dataset_pk: int) -> int:
    """The number of the last review. Nobody else takes one until this transaction ends."""
    mine = update(Dataset).where(Dataset.pk == dataset_pk).values(reviews=Dataset.reviews).returning(Dataset.reviews)
    return session.execute(mine).scalar_one()


def after(session: Session, dataset_pk: int, seq: int, limit: int) -> list[Review]:
    """The reviews that follow number `seq`, in order."""
    query = select(Review).where(Review.dataset_pk == dataset_pk, Review.seq > seq).order_by(Review.seq).limit(limit)
    return list(session.execute(query).scalars())


def of_sample(session: Session, dataset_pk: int, sample: int) -> list[Review]:
    """Everything that was said of one sample, in order."""
    query = select(Review).where(Review.dataset_pk == dataset_pk, Review.sample == sample).order_by(Review.seq)
    return list(session.execute(query).scalars())


def judgements(session: Session, dataset_pk: int, samples: Iterable[int]) -> dict[int, Judgement]:
    """What counts of these samples; those of which nobody said anything are absent."""
    found: dict[int, Judgement] = {}
    for some in _blocks(samples):
        query = select(Judgement).where(Judgement.dataset_pk == dataset_pk, Judgement.sample.in_(some))
        found |= {row.sample: row for row in session.execute(query).scalars()}
    return found


def ids(session: Session, dataset_pk: int, numbers: Iterable[int | None]) -> dict[int, str]:
    """What the reviews of these numbers are called."""
    found: dict[int, str] = {}
    for some in _blocks(number for number in numbers if number is not None):
        query = select(Review.seq, Review.id).where(Review.dataset_pk == dataset_pk, Review.seq.in_(some))
        found |= {row.seq: row.id for row in session.execute(query)}
    return found


def knows(session: Session, dataset_pk: int, bulk: str) -> bool:
    """Whether something was said of many at once under this id."""
    return session.execute(_of_bulk(dataset_pk, bulk).limit(1)).first() is not None


def state(session: Session, dataset_pk: int) -> tuple[int, int]:
    """The number of the last review, and of how many samples reviewers differ."""
    disputed = select(func.count()).where(Judgement.dataset_pk == dataset_pk, Judgement.disputed)
    last = select(Dataset.reviews).where(Dataset.pk == dataset_pk)
    return session.execute(last).scalar_one(), session.execute(disputed).scalar_one()


def decisions(session: Session, dataset_pk: int, upto: int, after: int, end: int) -> list[tuple[int, int]]:
    """Samples and what was decided of them, by the reviews after number `after` and up to `end`, in order; without
    those that were taken back when number `upto` was the last."""
    query = select(Review.sample, Review.decision).where(Review.dataset_pk == dataset_pk, Review.undoes.is_(None))
    query = query.where(Review.seq > after, Review.seq <= end, stands(upto)).order_by(Review.seq)
    return [(sample, decision) for sample, decision in session.execute(query)]


def stands(upto: int | None = None) -> ColumnElement[bool]:
    """The condition that a review was not taken back, or not before number `upto` was the last."""
    later = aliased(Review)
    # With all columns in the place of that one, SQLite would not use the index.
    takes_back = select(later.undoes).where(later.dataset_pk == Review.dataset_pk, later.undoes == Review.seq)
    return ~(takes_back if upto is None else takes_back.where(later.seq <= upto)).exists()


def counting(words: Sequence[Word]) -> tuple[Word, bool] | None:
    """Which of all that was said of one sample counts, and whether reviewers differ in their last words. Who is unsure
    differs from nobody."""
    stand = live(words)
    if not stand:
        return None
    last = {word.reviewer: (word.decision, word.label) for word in stand if word.decision != UNSURE}
    return stand[-1], len(set(last.values())) > 1


def live(words: Sequence[Word]) -> list[Word]:
    """What was not taken back."""
    taken_back = {word.undoes for word in words if word.undoes is not None}
    return [word for word in words if word.undoes is None and word.seq not in taken_back]


def words(session: Session, dataset_pk: int, samples: Iterable[int]) -> Iterator[list[Word]]:
    """What was said of each of these samples, in order, sample by sample."""
    for some in _blocks(samples):
        yield from _words(session, dataset_pk, Review.sample.in_(some)).values()


def standing(session: Session, dataset_pk: int, upto: int, first: int, end: int) -> dict[int, tuple[Word, bool]]:
    """What counted of the samples from `first` up to `end` when review `upto` was the last, and whether reviewers
    differed. What was said later changes nothing of it."""
    some = _words(session, dataset_pk, Review.sample >= first, Review.sample < end, Review.seq <= upto)
    found = ((sample, counting(said)) for sample, said in some.items())
    return {sample: stood for sample, stood in found if stood is not None}


def _counted(session: Session, dataset_pk: int, seq: int) -> None:
    session.execute(update(Dataset).where(Dataset.pk == dataset_pk).values(reviews=seq))


def _by_id(session: Session, dataset_pk: int, ids: list[str]) -> dict[str, Review]:
    found: dict[str, Review] = {}
    for some in _blocks(ids):
        query = select(Review).where(Review.dataset_pk == dataset_pk, Review.id.in_(some))
        found |= {review.id: review for review in session.execute(query).scalars()}
    return found


def _undone(known: dict[str, Review], one: Said) -> int:
    wanted = known.get(one.undoes or "")
    if wanted is None or wanted.sample != one.sample or wanted.undoes is not None:
        raise Problem("unknown-review", f"There is no review {one.undoes} of sample {one.sample} to take back.")
    return wanted.seq


def _of_bulk(dataset_pk: int, bulk: str) -> Any:
    return select(Review.seq, Review.sample).where(Review.dataset_pk == dataset_pk, Review.bulk == bulk)


def _judge(session: Session, dataset_pk: int, samples: set[int]) -> None:
    """Work out anew what counts of these samples."""
    for some in _blocks(sorted(samples)):
        session.execute(delete(Judgement).where(Judgement.dataset_pk == dataset_pk, Judgement.sample.in_(some)))
        words = _words(session, dataset_pk, Review.sample.in_(some), Review.undoes.is_(None), stands())
        found = [_judged(dataset_pk, *now_so) for said in words.values() if (now_so := counting(said)) is not None]
        if found:
            session.execute(insert(Judgement), [dict(zip(JUDGED, row, strict=True)) for row in found])


def _words(session: Session, dataset_pk: int, *which: ColumnElement[bool]) -> dict[int, list[Word]]:
    """What was said of each sample, in order."""
    columns = (getattr(Review, name) for name in Word._fields)
    query = select(*columns).where(Review.dataset_pk == dataset_pk, *which).order_by(Review.seq)
    said: dict[int, list[Word]] = defaultdict(list)
    for row in session.execute(query):
        said[row.sample].append(Word(*row))
    return said


def _row(audit: Audited, word: Word, bulk: str | None) -> tuple[Any, ...]:
    named = uuid5(UUID(bulk), str(word.sample)) if bulk else uuid5(UUID(int=audit.dataset_pk), f"undo {word.undoes}")
    return (
        audit.dataset_pk, word.seq, str(named), audit.pk, word.sample, word.decision, word.label, word.undoes,
        word.reviewer, word.source, bulk, word.at,
    )  # fmt: skip


def _judged(dataset_pk: int, word: Word, disputed: bool) -> tuple[Any, ...]:
    return (
        dataset_pk, word.sample, word.seq, word.decision, word.label, word.reviewer, word.source, word.at, disputed,
    )  # fmt: skip


def _blocks(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while block := list(islice(rest, AT_ONCE)):
        yield block
