"""Every count is the number of rows that the filter with that choice would leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.review.facets import EDGES, facets
from core.review.ranking import NOTHING, Wanted, of
from core.spec import SPLITS
from core.words import DECISIONS, REASONS, VERDICTS
from tests.unit.review.rankings import ranking, so_far

CLASSES = 4
MADE, _ = ranking(400, CLASSES)
DICE = np.random.default_rng(1)
DECIDED = so_far(DICE.integers(NOTHING, len(DECISIONS), 400).astype(np.int8))
DECIDED = replace(DECIDED, disputed=DICE.random(400) < 0.2)
NAMED = DICE.random(400) < 0.5
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
    disputed=yes,
    split=st.none() | st.sampled_from(SPLITS),
    score_from=st.none() | st.sampled_from((0.0, 0.1, 0.5)),
    score_to=st.none() | st.sampled_from((0.3, 0.9, 1.0)),
    named=st.none() | st.just(NAMED),
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
        assert found.disputed[k] == left(replace(wanted, disputed=bool(k)))
    for k, split in enumerate(SPLITS):
        assert found.split[k] == left(replace(wanted, split=split))
    assert sum(found.split) + found.unsplit == left(replace(wanted, split=None))
    for k, count in enumerate(found.score):
        assert count == left(replace(wanted, score_from=EDGES[k], score_to=EDGES[k + 1]))
    assert found.undecided == left(replace(wanted, decision=None, decided=False))
    for one, other, count in found.pairs:
        assert count == left(replace(wanted, given=one, suggested=other))
    assert [count for *_, count in found.pairs] == sorted((count for *_, count in found.pairs), reverse=True)


def test_the_most_frequent_pairs_come_first_and_no_more_than_asked_for() -> None:
    every, some = (facets(MADE, DECIDED, Wanted(), CLASSES, most).pairs for most in (100, 3))
    assert some == every[:3] and len(every) > 3
