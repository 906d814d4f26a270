"""How samples came to be looked at, and what that teaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.review import looks
from core.review.feedback import ENOUGH
from core.review.ranking import NOTHING
from core.words import Source
from tests.unit.review.rankings import judged, number, ranking, so_far


def test_what_chance_shows_of_the_unflagged_is_counted_and_nothing_else() -> None:
    made, wrong = ranking(4000)
    dice = np.random.default_rng(3)
    looked = ~made.is_issue & (dice.random(4000) < 0.1)
    said = so_far(judged(wrong, looked | made.is_issue), "random")
    found = looks.missed(made, said)
    assert (found.judged, found.wrong) == (looked.sum(), (looked & wrong).sum())
    assert found.share is not None
    assert found.share.low < wrong[~made.is_issue].mean() < found.share.high
    assert looks.missed(made, replace(said, source=np.zeros(4000, np.int8))) == looks.Missed(0, 0, None)


@pytest.mark.parametrize("source", ["list", "random", "blind", "bulk"])
def test_agreement_is_told_apart_by_whether_the_suggestion_was_seen(source: Source) -> None:
    made, wrong = ranking(1000)
    said = so_far(judged(wrong, np.ones(1000, bool)), source)
    said.decision[:100] = number("unsure")
    said = replace(said, accepted=wrong & (made.suggested != NOTHING) & (np.arange(1000) >= 100))
    shown = made.suggested[100:] != NOTHING
    judged_so, agreed = int(shown.sum()), int((shown & wrong[100:]).sum())
    for told, where in ((looks.blind, "blind"), (looks.seen, "list")):
        found = told(made.suggested, said)
        if source != where:
            assert found == looks.Agreed(0, 0, None)
            continue
        assert (found.judged, found.agreed) == (judged_so, agreed)
        assert found.share is not None and found.share.low < agreed / judged_so < found.share.high


def test_a_share_of_a_few_is_not_told() -> None:
    made, wrong = ranking(1000)
    with_suggestion = np.flatnonzero(made.suggested != NOTHING)
    for count in (ENOUGH - 1, ENOUGH):
        looked = np.zeros(1000, bool)
        looked[with_suggestion[:count]] = True
        found = looks.blind(made.suggested, so_far(judged(wrong, looked), "blind"))
        assert found.judged == count and (found.share is not None) == (count >= ENOUGH)
