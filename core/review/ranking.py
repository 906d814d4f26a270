"""A ranked list as arrays, the best suspect first, and what people said of it so far."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.spec import SPLITS, Split
from core.words import DECISIONS, REASONS, VERDICTS, Decision, Reason, VerdictWord

NOTHING = -1  # said of a sample; suggested for it
RIGHT, WRONG = (DECISIONS.index("keep"),), (DECISIONS.index("relabel"), DECISIONS.index("exclude"))


@dataclass(frozen=True)
class Ranking:
    """One row a rank. It never changes once an audit is done."""

    sample: NDArray[np.int32]
    given: NDArray[np.int32]
    suggested: NDArray[np.int32]  # NOTHING where no class is
    verdict: NDArray[np.int8]
    is_issue: NDArray[np.bool_]
    reasons: NDArray[np.int32]
    conflict: NDArray[np.bool_]
    split: NDArray[np.int8]  # NOTHING where it has none
    score: NDArray[np.float64]
    confidence: NDArray[np.float64]  # nan where nothing is suggested

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Where each sample stands, from 0; NOTHING for those that were not audited."""
        place = np.full(int(self.sample.max(initial=-1)) + 1, NOTHING, np.int32)
        place[self.sample] = np.arange(len(self), dtype=np.int32)
        return place

    def placed(self, samples: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
        """Which of the samples were audited, and where these stand."""
        known = samples < len(self.place)
        known[known] = self.place[samples[known]] != NOTHING
        return known, self.place[samples[known]]

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        columns: int = sum(getattr(self, field.name).nbytes for field in fields(self))
        return columns + self.place.nbytes


@dataclass(frozen=True)
class Judged:
    """What counts of each rank; NOTHING where nobody said anything."""

    decision: NDArray[np.int8]
    source: NDArray[np.int8]
    accepted: NDArray[np.bool_]  # it was given its suggested label
    disputed: NDArray[np.bool_]


def nothing_judged(samples: int) -> Judged:
    """So many, and nobody said anything of them."""
    said = np.full((2, samples), NOTHING, np.int8)
    return Judged(said[0], said[1], np.zeros(samples, bool), np.zeros(samples, bool))


@dataclass(frozen=True)
class Wanted:
    """Which samples: labels are class numbers, None means any. `decided` False: those of which nobody said anything.

    `contains` is text in their paths, which are not in memory: `named` says which ranks have it.
    """

    given: int | None = None
    suggested: int | None = None
    verdict: VerdictWord | None = None
    reason: Reason | None = None
    is_issue: bool | None = None
    conflict: bool | None = None
    decision: Decision | None = None
    decided: bool | None = None
    disputed: bool | None = None
    split: Split | None = None
    score_from: float | None = None
    score_to: float | None = None
    contains: str | None = None
    named: NDArray[np.bool_] | None = None

    def masks(self, ranking: Ranking, judged: Judged) -> dict[str, NDArray[np.bool_]]:
        """For each thing that is asked for, which ranks have it."""
        found: dict[str, NDArray[np.bool_]] = {}
        for name in ("given", "suggested", "is_issue", "conflict"):
            if (value := getattr(self, name)) is not None:
                found[name] = getattr(ranking, name) == value
        if self.verdict is not None:
            found["verdict"] = ranking.verdict == VERDICTS.index(self.verdict)
        if self.reason is not None:
            found["reason"] = (ranking.reasons >> REASONS.index(self.reason) & 1).astype(bool)
        if self.decision is not None:
            found["decision"] = judged.decision == DECISIONS.index(self.decision)
        if self.decided is not None:
            found["decided"] = (judged.decision != NOTHING) == self.decided
        if self.disputed is not None:
            found["disputed"] = judged.disputed == self.disputed
        if self.split is not None:
            found["split"] = ranking.split == SPLITS.index(self.split)
        if (between := self._between(ranking)) is not None:
            found["score"] = between
        if self.named is not None:
            found["contains"] = self.named
        return found

    @property
    def below(self) -> float | None:
        """What scores are below; all scores are when it would be 1, which is a score too."""
        return None if self.score_to is None or self.score_to >= 1 else self.score_to

    def _between(self, ranking: Ranking) -> NDArray[np.bool_] | None:
        if self.score_from is None and self.score_to is None:
            return None
        between = ranking.score >= (self.score_from or 0.0)
        return between if self.below is None else between & (ranking.score < self.below)


def of(ranking: Ranking, judged: Judged, wanted: Wanted) -> NDArray[np.bool_]:
    """Which ranks are wanted."""
    return both(ranking, list(wanted.masks(ranking, judged).values()))


def both(ranking: Ranking, masks: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The ranks in all of the masks."""
    return np.logical_and.reduce(masks) if masks else np.ones(len(ranking), bool)
