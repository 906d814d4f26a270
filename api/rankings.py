"""Whole ranked lists in memory, for what looks at all of one: the last few that somebody asked for."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.kept import Kept
from core.review.ranking import Judged, Ranking
from core.review.sharpening import Sharpened, sharpened
from core.store import rankings
from core.store.audits import Audited
from core.store.rankings import Standing

MOST_BYTES, MOST_JUDGED_BYTES, MOST_SHARPENED_BYTES = 256 << 20, 32 << 20, 64 << 20


class Rankings:
    """The lists of audits that are done, as they were ranked, judged, and sharpened by decisions. They are kept under
    the audits' ids: SQLite gives the number of a row that was removed to the next one."""

    def __init__(self) -> None:
        self._lists: Kept[str, Ranking] = Kept(MOST_BYTES)
        self._judged: Kept[str, Standing] = Kept(MOST_JUDGED_BYTES)
        self._sharpened: Kept[tuple[str, int], Sharpened] = Kept(MOST_SHARPENED_BYTES)

    def of(self, session: Session, audit: Audited) -> Ranking:
        """The list of an audit that is done."""
        return self._lists.get(audit.id, lambda: rankings.load(session, audit))

    def judged(self, session: Session, audit: Audited) -> tuple[Ranking, Judged]:
        """The same, and what counts of each of its samples: after all reviews that `audit` tells of, or later ones."""
        ranking = self.of(session, audit)
        standing = self._judged.renewed(
            audit.id,
            lambda known: known.reviews >= audit.reviews,
            lambda known: rankings.standing(session, audit, ranking, known),
        )
        return ranking, standing.judged

    def sharpened(self, session: Session, audit: Audited, seq: int) -> Sharpened:
        """How it looks after the first `seq` reviews."""

        def make() -> Sharpened:
            ranking = self.of(session, audit)
            return sharpened(ranking, rankings.decisions(session, audit, ranking, seq))

        return self._sharpened.get((audit.id, seq), make)
