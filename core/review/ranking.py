"""A ranked list as arrays, the best suspect first, and what people said of it so far."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    score: NDArray[np.float64]
    confidence: NDArray[np.float64]  # nan where nothing is suggested

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    def placed(self, samples: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.int8]:
        """Values that belong to samples, in rank order; NOTHING where there is none."""
        place = np.full(int(self.sample.max(initial=-1)) + 1, NOTHING, np.int8)
        known = samples < len(place)
        place[samples[known]] = values[known]
        return place[self.sample]


@dataclass(frozen=True)
class Wanted:
    """Which samples: labels are class numbers, None means any. `decided` False: those of which nobody said anything."""

    given: int | None = None
    suggested: int | None = None
    verdict: VerdictWord | None = None
    reason: Reason | None = None
    is_issue: bool | None = None
    conflict: bool | None = None
    decision: Decision | None = None
    decided: bool | None = None

    def masks(self, ranking: Ranking, decisions: NDArray[np.int8]) -> dict[str, NDArray[np.bool_]]:
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
            found["decision"] = decisions == DECISIONS.index(self.decision)
        if self.decided is not None:
            found["decided"] = (decisions != NOTHING) == self.decided
        return found


def of(ranking: Ranking, decisions: NDArray[np.int8], wanted: Wanted) -> NDArray[np.bool_]:
    """Which ranks are wanted."""
    return both(ranking, list(wanted.masks(ranking, decisions).values()))


def both(ranking: Ranking, masks: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The ranks in all of the masks."""
    return np.logical_and.reduce(masks) if masks else np.ones(len(ranking), bool)
