"""What an audit says of every sample and of the whole set: plain data, between the judge and whoever reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.words import CutBy, Degenerate

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """An estimate, and the bounds that hold the truth with probability `level`."""

    estimate: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Cut:
    """From which score on a label is an issue, and what decided it."""

    score: float
    chosen_by: CutBy


@dataclass(frozen=True)
class Calibration:
    """What the decoys say of the scores: how many there were, and how their wrong labels are told from given ones."""

    decoys: int
    found: float | None  # share of the decoys whose wrong label would have been flagged
    auroc: float | None  # decoys' wrong labels against the given labels of all samples


@dataclass(frozen=True)
class ClassTable:
    """One row a class, in class order."""

    samples: Integers  # [classes]
    flagged: Integers  # [classes]
    noise_rate: Floats  # [classes], mean score; 0 for a class without samples
    low: Floats  # [classes]
    high: Floats  # [classes]


@dataclass(frozen=True)
class Transitions:
    """How many samples with the label `given` are expected to be `true` instead, most first, the rarest cut off."""

    given: Integers  # [pairs]
    true: Integers  # [pairs]
    count: Floats  # [pairs]
    right: Floats  # [classes], expected number of samples of the class that are labelled so
    total: Floats  # [classes], expected number of samples of the class, whatever their labels


@dataclass(frozen=True)
class Verdict:
    """The judgement on all audited samples."""

    score: Floats  # [samples] in (0, 1), P(given label is wrong)
    rank: Integers  # [samples] from 1, most suspect first, ties by sample number
    is_issue: Booleans  # [samples]
    verdict: NDArray[np.int8]  # [samples], index into core.words.VERDICTS
    reasons: NDArray[np.int32]  # [samples], bit k is core.words.REASONS[k]
    suggested: Integers  # [samples], −1 where no other class is likelier than all the rest together
    confidence: Floats  # [samples], P(suggested is the true class | the given one is wrong); NaN without a suggestion
    top: Integers  # [samples, ≤ 5], likeliest true classes, falling
    top_p: Floats  # [samples, ≤ 5]
    noise_rate: Interval
    cut: Cut
    expected_precision: float | None  # of the flagged; None when none is flagged
    expected_recall: float | None  # of all wrong labels by the flagged
    classes: ClassTable
    transitions: Transitions
    degenerate: Degenerate | None  # why the run says nothing of the labels; then nothing is flagged
    calibration: Calibration
