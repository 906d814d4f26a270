"""What counts in a ranked list: brought up to date by what was said since, it is what reading all of it gives."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from uuid import uuid4

import numpy as np
import pytest

from core.review.ranking import NOTHING, Judged
from core.store import audits, rankings, reviewers, reviews
from core.store.audits import Audited
from core.store.db import Database
from core.store.rankings import Standing
from core.words import Decision
from tests.unit.store.make import SAMPLES, plans
from tests.unit.store.test_reviews import add, said


def say_something(db: Database, audit: Audited, dice: random.Random, standing: list[tuple[int, str]]) -> None:
    """A decision, one taken back, many at once, or many taken back at once."""
    act, by = dice.random(), dice.choice("abc")
    if act < 0.4:
        one = said(dice.randrange(SAMPLES), dice.choice(("keep", "exclude", "unsure")))
        add(db, audit, one, reviewer=by)
        standing.append((one.sample, one.id))
    elif act < 0.6:
        add(db, audit, said(dice.randrange(SAMPLES), "relabel", label=dice.randrange(3)), reviewer=by)
    elif act < 0.8 and standing:
        sample, id = standing.pop(dice.randrange(len(standing)))
        add(db, audit, said(sample, None, undoes=id), reviewer=by)
    else:
        bulk = str(uuid4())
        some = sorted(dice.sample(range(SAMPLES), 5))
        rows: list[tuple[int, Decision, int | None]] = [(n, "keep", None) for n in some]
        with db.write() as session:
            open = set(some) - reviews.judgements(session, audit.dataset_pk, some).keys()
            reviews.add_many(session, audit, by, bulk, [row for row in rows if row[0] in open])
        if dice.random() < 0.5:
            with db.write() as session:
                reviews.take_back(session, audit, by, bulk)


def now(db: Database, audit: Audited) -> Audited:
    with db.read() as session:
        found = audits.find_audited(session, audit.id)
    assert found is not None
    return found


def same(one: Judged, other: Judged) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Judged))


@pytest.mark.parametrize("seed", range(3))
def test_what_was_known_and_what_was_said_since_is_all_that_counts(
    db: Database, audit: Audited, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankings, "BLOCK", 7)
    dice, open, known = random.Random(seed), list[tuple[int, str]](), None
    with db.read() as session:
        ranking = rankings.load(session, audit)
    as_of: dict[int, list[int]] = {0: [NOTHING] * SAMPLES}
    for step in range(25):
        say_something(db, audit, dice, open)
        audit = now(db, audit)
        with db.read() as session:
            whole = rankings.standing(session, audit, ranking)
            if step % 3 == 0:
                known = rankings.standing(session, audit, ranking, known)
                assert same(known.judged, whole.judged) and known.reviews == audit.reviews
            counts = reviews.judgements(session, audit.dataset_pk, range(SAMPLES))
        told = [counts[n].decision if n in counts else NOTHING for n in ranking.sample.tolist()]
        assert whole.judged.decision.tolist() == told
        as_of[audit.reviews] = told
    with db.read() as session:
        for seq, stood in as_of.items():
            assert rankings.decisions(session, audit, ranking, seq).tolist() == stood


def test_what_is_said_while_it_is_read_is_not_missed_the_next_time(db: Database, audit: Audited) -> None:
    with db.read() as session:
        ranking = rankings.load(session, audit)
    add(db, audit, said(3))
    add(db, audit, said(5))
    with db.read() as session:  # as if the number had been read between the two
        known = rankings.standing(session, replace(audit, reviews=1), ranking)
    last = said(3, "exclude")
    add(db, audit, last)
    add(db, audit, said(3, None, undoes=last.id))
    with db.read() as session:
        later = rankings.standing(session, now(db, audit), ranking, known)
        assert same(later.judged, rankings.standing(session, now(db, audit), ranking).judged)
    assert isinstance(later, Standing) and later.reviews == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_taken_back_is_found_by_its_number(db: Database, audit: Audited) -> None:
    """Without that, who judged is told by a look at all that was taken back for each review."""
    with plans(db) as found, db.read() as session:
        reviewers.everybody(session, audit.dataset_pk, 10)
        reviews.decisions(session, audit.dataset_pk, 5, 0, 5)
    assert len(found) == 2
    assert all("ix_reviews_dataset_pk_undoes" in plan for plan in found)
