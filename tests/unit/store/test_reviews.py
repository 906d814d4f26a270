"""What people say of samples: nothing is lost, nothing counts twice, and the last word counts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Problem
from core.store import reviews
from core.store.audits import Audited
from core.store.db import Database
from core.store.reviews import Said, Word, counting
from core.store.tables import Dataset, Review
from core.words import DECISIONS, Decision
from tests.unit.store.make import SAMPLES


def said(sample: int, decision: Decision | None = "keep", **more: Any) -> Said:
    return Said(str(uuid4()), sample, decision, **more)


def add(db: Database, audit: Audited, *words: Said, reviewer: str = "ann") -> list[Review]:
    with db.write() as session:
        return reviews.add(session, audit, reviewer, words, "review")


def standing(db: Database, audit: Audited) -> dict[int, tuple[str, int | None, bool]]:
    with db.read() as session:
        found = reviews.judgements(session, audit.dataset_pk, range(SAMPLES))
    return {n: (DECISIONS[row.decision], row.label, row.disputed) for n, row in found.items()}


def numbers(db: Database, audit: Audited) -> list[int]:
    with db.read() as session:
        return [review.seq for review in reviews.after(session, audit.dataset_pk, 0, 10_000)]


def test_the_last_word_counts_and_every_word_stays(db: Database, audit: Audited) -> None:
    add(db, audit, said(3), said(4, "relabel", label=2))
    add(db, audit, said(3, "exclude"))
    assert standing(db, audit) == {3: ("exclude", None, False), 4: ("relabel", 2, False)}
    assert numbers(db, audit) == [1, 2, 3]
    with db.read() as session:
        history = reviews.of_sample(session, audit.dataset_pk, 3)
        assert [(row.seq, DECISIONS[row.decision], row.reviewer) for row in history] == [
            (1, "keep", "ann"),
            (3, "exclude", "ann"),
        ]


def test_what_is_sent_again_is_not_said_again(db: Database, audit: Audited) -> None:
    one, other = said(3), said(4)
    first = add(db, audit, one, other)
    again = add(db, audit, other, one, said(5))
    assert [review.seq for review in again] == [2, 1, 3]
    assert [review.at for review in again[:2]] == [first[1].at, first[0].at]
    with pytest.raises(Problem, match="came before, with another sample"):
        add(db, audit, Said(one.id, 9, "keep"))


def test_a_word_that_is_taken_back_leaves_what_was_before(db: Database, audit: Audited) -> None:
    first, second = said(3, "keep"), said(3, "relabel", label=1)
    add(db, audit, first, second)
    add(db, audit, said(3, None, undoes=second.id))
    assert standing(db, audit) == {3: ("keep", None, False)}
    add(db, audit, said(3, None, undoes=first.id))
    assert standing(db, audit) == {}
    assert numbers(db, audit) == [1, 2, 3, 4]


def test_a_word_can_be_said_and_taken_back_at_once(db: Database, audit: Audited) -> None:
    one = said(3)
    add(db, audit, one, said(3, None, undoes=one.id))
    assert standing(db, audit) == {}


def test_only_what_was_said_of_the_sample_can_be_taken_back(db: Database, audit: Audited) -> None:
    one = said(3)
    add(db, audit, one)
    undo = said(3, None, undoes=one.id)
    add(db, audit, undo)
    for wrong in (said(4, None, undoes=one.id), said(3, None, undoes=str(uuid4())), said(3, None, undoes=undo.id)):
        with pytest.raises(Problem, match="to take back"):
            add(db, audit, said(9), wrong)
    assert numbers(db, audit) == [1, 2] and standing(db, audit) == {}


def test_reviewers_who_differ_are_told_apart_from_one_who_changes_her_mind(db: Database, audit: Audited) -> None:
    add(db, audit, said(3, "keep"), said(4, "keep"), said(5, "keep"))
    add(db, audit, said(3, "exclude"), said(4, "keep"), said(5, "unsure"), reviewer="bob")
    add(db, audit, said(4, "relabel", label=1))
    assert standing(db, audit) == {
        3: ("exclude", None, True),
        4: ("relabel", 1, True),
        5: ("unsure", None, False),
    }
    add(db, audit, said(4, "relabel", label=1), reviewer="bob")
    assert standing(db, audit)[4] == ("relabel", 1, False)


def test_many_at_once_can_be_taken_back_at_once(db: Database, audit: Audited) -> None:
    bulk = str(uuid4())
    rows: list[tuple[int, Decision, int | None]] = [(n, "relabel", 1) for n in range(2, 8)]
    with db.write() as session:
        assert reviews.add_many(session, audit, "ann", bulk, rows) == 6
    with db.write() as session:
        assert reviews.add_many(session, audit, "ann", bulk, rows) == 0, "sent again"
    add(db, audit, said(2, "keep"))
    with db.write() as session:
        assert reviews.take_back(session, audit, "ann", bulk) == 6
        assert reviews.take_back(session, audit, "ann", bulk) == 0
    assert standing(db, audit) == {2: ("keep", None, False)}
    assert numbers(db, audit) == list(range(1, 14))


def test_reviewers_at_the_same_time_leave_no_gap_and_lose_nothing(db: Database, audit: Audited) -> None:
    def write(reviewer: str) -> None:
        for n in range(10):
            add(db, audit, said(n), reviewer=reviewer)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ann", "bob", "cem")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(db, audit) == list(range(1, 31))
    with db.read() as session:
        dataset = session.get(Dataset, audit.dataset_pk)
        assert dataset is not None and dataset.reviews == 30


def word(seq: int, decision: int = 0, label: int | None = None, undoes: int | None = None, by: str = "a") -> Word:
    return Word(seq, 0, decision, label, undoes, by, "review", 0.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 8)), max_size=12))
def test_what_counts_is_the_last_word_that_stands(said: Sequence[tuple[str, int, int]]) -> None:
    words: list[Word] = []
    for seq, (by, decision, back) in enumerate(said, 1):
        open = [one for one in words if one.undoes is None]
        undoes = open[back].seq if back < len(open) else None
        words.append(word(seq, -1 if undoes else decision, undoes=undoes, by=by))
    gone = {one.undoes for one in words if one.undoes}
    standing = [one for one in words if one.decision >= 0 and one.seq not in gone]
    found = counting(words)
    assert (None if found is None else found[0]) == (standing[-1] if standing else None)
