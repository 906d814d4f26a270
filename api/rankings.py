"""Whole ranked lists in memory, for what looks at all of one: the last few that somebody asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from core.review.ranking import Judged, Ranking
from core.review.sharpening import Sharpened, sharpened
from core.store import rankings
from core.store.audits import Audited

MOST_BYTES, MOST_SHARPENED_BYTES = 256 << 20, 64 << 20


class Large(Protocol):
    """Something that takes room."""

    @property
    def nbytes(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing", bound=Large)


class Kept(Generic[Key, Thing]):
    """Things that never change, so they are made once; the ones not asked for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: OrderedDict[Key, Thing] = OrderedDict()
        self._most_bytes = most_bytes
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], Thing]) -> Thing:
        """What is kept under a key, or else made now."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
        return made


class Rankings:
    """The lists of audits that are done, as they were ranked and as decisions sharpened them. They are kept under the
    audits' ids: SQLite gives the number of a row that was removed to the next one."""

    def __init__(self) -> None:
        self._lists: Kept[str, Ranking] = Kept(MOST_BYTES)
        self._sharpened: Kept[tuple[str, int], Sharpened] = Kept(MOST_SHARPENED_BYTES)

    def of(self, session: Session, audit: Audited) -> Ranking:
        """The list of an audit that is done."""
        return self._lists.get(audit.id, lambda: rankings.load(session, audit))

    def judged(self, session: Session, audit: Audited) -> tuple[Ranking, Judged]:
        """The same, and what counts of each of its samples now."""
        ranking = self.of(session, audit)
        return ranking, rankings.judged(session, audit, ranking)

    def sharpened(self, session: Session, audit: Audited, seq: int) -> Sharpened:
        """How it looks after the first `seq` reviews."""

        def make() -> Sharpened:
            ranking = self.of(session, audit)
            return sharpened(ranking, rankings.decisions(session, audit, ranking, seq))

        return self._sharpened.get((audit.id, seq), make)
