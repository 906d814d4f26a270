"""Every count is the number of rows that the filter with that choice would leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.review.facets import facets
from core.review.ranking import NOTHING, Wanted, of
from core.words import DECISIONS, REASONS, VERDICTS
from tests.unit.review.rankings import ranking

CLASSES = 4
MADE, _ = ranking(400, CLASSES)
DECIDED = np.random.default_rng(1).integers(NOTHING, len(DECISIONS), 400).astype(np.int8)
number = st.none() | st.integers(0, CLASSES - 1)
yes = st.none() | st.booleans()
wishes = st.builds(
    Wanted,
    given=number,
    suggested=number,
    verdict=st.none() | st.sampled_from(VERDICTS),
    reason=st.none() | st.sampled_from(REASONS),
    is_issue=yes,
    conflict=yes,
    decision=st.none() | st.sampled_from(DECISIONS),
    decided=yes,
)


def left(wanted: Wanted) -> int:
    return int(of(MADE, DECIDED, wanted).sum())


@settings(max_examples=60)
@given(wishes)
def test_a_count_is_what_the_choice_would_leave(wanted: Wanted) -> None:
    found = facets(MADE, DECIDED, wanted, CLASSES, 100)
    assert found.total == left(wanted)
    for k in range(CLASSES):
        assert found.given[k] == left(replace(wanted, given=k))
        assert found.suggested[k] == left(replace(wanted, suggested=k))
    assert found.unsuggested + found.suggested.sum() == left(replace(wanted, suggested=None))
    for words, name in ((VERDICTS, "verdict"), (REASONS, "reason"), (DECISIONS, "decision")):
        free = {"decided": None} if name == "decision" else {}
        for k, word in enumerate(words):
            assert getattr(found, name)[k] == left(replace(wanted, **{name: word}, **free))
    for k in (0, 1):
        assert found.is_issue[k] == left(replace(wanted, is_issue=bool(k)))
        assert found.conflict[k] == left(replace(wanted, conflict=bool(k)))
    assert found.undecided == left(replace(wanted, decision=None, decided=False))
    for one, other, count in found.pairs:
        assert count == left(replace(wanted, given=one, suggested=other))
    assert [count for *_, count in found.pairs] == sorted((count for *_, count in found.pairs), reverse=True)


def test_the_most_frequent_pairs_come_first_and_no_more_than_asked_for() -> None:
    every, some = (facets(MADE, DECIDED, Wanted(), CLASSES, most).pairs for most in (100, 3))
    assert some == every[:3] and len(every) > 3
