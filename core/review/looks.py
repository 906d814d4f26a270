"""What the ways of looking teach: chance shows what the flags miss, blindness whether suggestions sway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.review.feedback import ENOUGH, Range, share
from core.review.ranking import NOTHING, RIGHT, WRONG, Judged, Ranking
from core.words import SOURCES

LIST, RANDOM, BLIND = (SOURCES.index(source) for source in ("list", "random", "blind"))


@dataclass(frozen=True)
class Missed:
    """Of the labels without a flag that were judged by chance, those that are wrong."""

    judged: int
    wrong: int
    share: Range | None


@dataclass(frozen=True)
class Agreed:
    """How many labels with a suggestion were judged, and how often the decision was what is suggested. The share is
    told only of enough of them."""

    judged: int
    agreed: int
    share: Range | None


def missed(ranking: Ranking, judged: Judged) -> Missed:
    """What an honest sample of the unflagged labels says of all of them."""
    by_chance = ~ranking.is_issue & (judged.source == RANDOM)
    wrong = int((by_chance & np.isin(judged.decision, WRONG)).sum())
    right = int((by_chance & np.isin(judged.decision, RIGHT)).sum())
    return Missed(right + wrong, wrong, share(wrong, right, np.random.default_rng(0)))


def blind(suggested: NDArray[np.int32], judged: Judged) -> Agreed:
    """While the suggestion was hidden."""
    return _agreed(suggested, judged, BLIND)


def seen(suggested: NDArray[np.int32], judged: Judged) -> Agreed:
    """While it was shown. Not what was looked at by chance: it has no flag, so its suggestions are hardly ever right,
    and it may have been looked at blind. What was decided of many at once was not looked at one by one."""
    return _agreed(suggested, judged, LIST)


def sways(seen: Agreed, blind: Agreed) -> bool | None:
    """Whether people agree more often with what they see than chance explains; None before that can be told."""
    return None if seen.share is None or blind.share is None else seen.share.low > blind.share.high


def _agreed(suggested: NDArray[np.int32], judged: Judged, source: int) -> Agreed:
    where = (judged.source == source) & (suggested != NOTHING) & np.isin(judged.decision, RIGHT + WRONG)
    known, agreed = int(where.sum()), int((where & judged.accepted).sum())
    return Agreed(known, agreed, share(agreed, known - agreed, np.random.default_rng(0)) if known >= ENOUGH else None)
