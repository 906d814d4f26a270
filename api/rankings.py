"""Whole ranked lists in memory, for what looks at all of one: the last few that somebody asked for."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from sqlalchemy.orm import Session

from core.review.ranking import Judged, Ranking
from core.store import rankings
from core.store.audits import Audited

MOST_BYTES = 256 << 20


class Rankings:
    """A list never changes once its audit is done, so it is read once; the ones not asked for longest go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept: OrderedDict[int, Ranking] = OrderedDict()
        self._most_bytes = most_bytes
        self._lock = Lock()

    def of(self, session: Session, audit: Audited) -> Ranking:
        """The list of an audit that is done."""
        with self._lock:
            if (found := self._kept.get(audit.pk)) is not None:
                self._kept.move_to_end(audit.pk)
                return found
        found = rankings.load(session, audit)
        with self._lock:
            self._kept[audit.pk] = found
            while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
        return found

    def judged(self, session: Session, audit: Audited) -> tuple[Ranking, Judged]:
        """The same, and what counts of each of its samples now."""
        ranking = self.of(session, audit)
        return ranking, rankings.judged(session, audit, ranking)
