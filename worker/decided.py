"""What people had decided of the samples of a dataset when a job was asked for."""

from __future__ import annotations

from collections.abc import Callable

from core.datasets.exports.content import Decided
from core.store import reviews
from core.store.db import Database
from core.words import SOURCES

SAMPLES = 20_000  # of which reviews are in memory at once


def decided(db: Database, dataset_pk: int, samples: int, upto: int, tick: Callable[[], object]) -> Decided:
    """As the reviews up to that number say; the same however often it is asked, for reviews are only ever added."""
    found, places = Decided.nothing(samples), dict[str, int]()
    for first in range(0, samples if upto else 0, SAMPLES):
        with db.read() as session:
            standing = reviews.standing(session, dataset_pk, upto, first, min(samples, first + SAMPLES))
        for n, (word, disputed) in standing.items():
            found.decision[n] = word.decision
            found.label[n] = -1 if word.label is None else word.label
            found.source[n] = SOURCES.index(word.source) if word.source in SOURCES else -1
            found.reviewer[n] = places.setdefault(word.reviewer, len(places))
            found.at[n] = word.at
            found.disputed[n] = disputed
        tick()
    found.reviewers.extend(places)
    return found
