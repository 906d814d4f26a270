"""What the ways of looking teach: chance shows what the flags miss, blindness whether suggestions sway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.review.feedback import Range, share
from core.review.ranking import NOTHING, RIGHT, WRONG, Judged, Ranking
from core.words import SOURCES

SEEN = tuple(SOURCES.index(source) for source in ("list", "random"))


@dataclass(frozen=True)
class Missed:
    """Of the labels without a flag that were judged by chance, those that are wrong."""

    judged: int
    wrong: int
    share: Range | None


@dataclass(frozen=True)
class Agreed:
    """How many labels with a suggestion were judged, and how often the decision was what is suggested."""

    judged: int
    agreed: int


def missed(ranking: Ranking, judged: Judged) -> Missed:
    """What an honest sample of the unflagged labels says of all of them."""
    by_chance = ~ranking.is_issue & (judged.source == SOURCES.index("random"))
    wrong = int((by_chance & np.isin(judged.decision, WRONG)).sum())
    right = int((by_chance & np.isin(judged.decision, RIGHT)).sum())
    return Missed(right + wrong, wrong, share(wrong, right, np.random.default_rng(0)))


def blind(ranking: Ranking, judged: Judged) -> Agreed:
    """While the suggestion was hidden."""
    return _agreed(ranking, judged, judged.source == SOURCES.index("blind"))


def seen(ranking: Ranking, judged: Judged) -> Agreed:
    """While it was shown. What was decided of many at once was not looked at one by one."""
    return _agreed(ranking, judged, np.isin(judged.source, SEEN))


def _agreed(ranking: Ranking, judged: Judged, where: NDArray[np.bool_]) -> Agreed:
    where = where & (ranking.suggested != NOTHING) & np.isin(judged.decision, RIGHT + WRONG)
    return Agreed(int(where.sum()), int((where & judged.accepted).sum()))
