"""Who judged a dataset's samples, and how far those agree who judged the same ones.

What somebody says of a sample is the last of their reviews of it that was not taken back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from core.store import reviews
from core.store.tables import Review
from core.words import DECISIONS, UNSURE, Decision


@dataclass
class Reviewer:
    """Of how many samples somebody says what, and when they last did."""

    name: str
    decisions: dict[Decision, int] = field(default_factory=lambda: dict.fromkeys(DECISIONS, 0))
    last_at: float = 0.0

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(self.decisions.values())


@dataclass(frozen=True)
class Together:
    """How many samples two people judged both, without being unsure, and of how many they say the same."""

    one: str
    other: str
    samples: int
    agreed: int


def everybody(session: Session, dataset_pk: int, most: int) -> list[Reviewer]:
    """Who judged, those who did most first."""
    words = _words(dataset_pk)
    query = select(words.c.reviewer, words.c.decision, func.count(), func.max(words.c.at))
    found: dict[str, Reviewer] = {}
    for name, decision, count, at in session.execute(query.group_by(words.c.reviewer, words.c.decision)):
        one = found.setdefault(name, Reviewer(name))
        one.decisions[DECISIONS[decision]] = count
        one.last_at = max(one.last_at, at)
    return sorted(found.values(), key=lambda one: (-one.samples, one.name))[:most]


def together(session: Session, dataset_pk: int, most: int) -> list[Together]:
    """Every two that judged the same samples, those with most of them first."""
    several = (
        select(Review.sample)
        .where(Review.dataset_pk == dataset_pk, Review.undoes.is_(None))
        .group_by(Review.sample)
        .having(func.count(distinct(Review.reviewer)) > 1)
    )
    counts: Counter[tuple[str, str]] = Counter()
    same: Counter[tuple[str, str]] = Counter()
    for words in reviews.words(session, dataset_pk, session.execute(several).scalars().all()):
        last = {word.reviewer: (word.decision, word.label) for word in reviews.live(words)}
        for pair in combinations(sorted(name for name, (decision, _) in last.items() if decision != UNSURE), 2):
            counts[pair] += 1
            same[pair] += last[pair[0]] == last[pair[1]]
    first = sorted(counts, key=lambda pair: (-counts[pair], pair))[:most]
    return [Together(*pair, counts[pair], same[pair]) for pair in first]


def _words(dataset_pk: int) -> Any:
    """The last word of each reviewer on each sample."""
    last = (
        select(func.max(Review.seq))
        .where(Review.dataset_pk == dataset_pk, Review.undoes.is_(None), reviews.stands())
        .group_by(Review.reviewer, Review.sample)
    )
    columns = (Review.reviewer, Review.sample, Review.decision, Review.label, Review.at)
    return select(*columns).where(Review.dataset_pk == dataset_pk, Review.seq.in_(last)).subquery()
