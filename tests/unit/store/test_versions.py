"""How two versions differ, read off what each version changed."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from core.store import versions
from core.store.db import Database, copy_rows
from core.store.tables import Change, Dataset
from tests.unit.store import make

FIRST = 60  # samples of the first version
LABELS = ("stop", "yield", "Ümlaut/中")


def family(db: Database, dice: random.Random, count: int) -> list[tuple[Dataset, dict[int, str]]]:
    """Versions, each made of one of those before, and the label of each sample that it has."""
    with db.write() as session:
        first, _ = make.dataset(session)
    made = [(first, {n: dice.choice(LABELS) for n in range(FIRST)})]
    for _ in range(count):
        parent, labels = dice.choice(made)
        after: dict[int, str | None] = {n: dice.choice((*LABELS, None)) for n in labels if dice.random() < 0.4}
        changed = [(n, label) for n, label in after.items() if label != labels[n]]
        with db.write() as session:
            about = {"reviews": 0, "change_held_out": False, "from_audit": None, "request_id": "test"}
            version, _ = versions.create(session, session.get_one(Dataset, parent.pk), name="later", **about)
            rows = [(version.id, n, first.id, labels[n], label) for n, label in changed]
            copy_rows(session, Change, versions.COLUMNS, rows)
        now = {n: label for n, label in {**labels, **dict(changed)}.items() if label is not None}
        made.append((version, now))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_is_what_a_look_at_all_labels_would_find(
    db: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "BLOCK", 4)
    dice = random.Random(seed)
    made = family(db, dice, 5)
    with db.read() as session:
        for one, before in made:
            assert [versions.origin(session, one, k) for k in range(len(before))] == list(before)
            for other, now in made:
                labels = [(n, before.get(n), now.get(n)) for n in range(FIRST)]
                differing = [row for row in labels if row[1] != row[2]]
                assert list(versions.differences(session, one, other)) == differing
                after = dice.randrange(FIRST)
                rest = list(versions.differences(session, one, other, after))
                assert rest == [row for row in differing if row[0] > after]
                assert sum(versions.moves(session, one, other).counts.values()) == len(differing)
                samples = [n for n, *_ in rest]
                places = {n: k for k, n in enumerate(now)}
                assert versions.places(session, other, samples) == {n: places[n] for n in samples if n in places}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_changes_are_read_in_the_order_in_which_they_lie(db: Database) -> None:
    """Sorting what is left for each block would take longer the more was changed, and that for each block."""
    one, *_, (other, _) = family(db, random.Random(0), 3)
    with make.plans(db) as plans, db.read() as session:
        list(versions.differences(session, one[0], other))
        assert session.execute(select(Change)).first() is not None
    assert len(plans) > 1 and not any("TEMP B-TREE" in plan for plan in plans)
