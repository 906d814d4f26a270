"""From evidence to judgement: the probability that each given label is wrong, the ranking and the totals.

The score is the posterior of a mixture of two Gaussians over IAM, made strictly monotone and kept clear of 0 and 1, so
that less IAM always means a higher score. IAM falls into two groups only when labels are wrong; a clean set is one
skewed heap in which any two-component fit would call the slower half wrong. So two groups are believed only when

- the Bayesian information criterion prefers two components to one,
- they stand apart (Ashman's D ≥ 2, the condition for two visible modes), and
- the lower one lies below zero, where every S = M − U with M < 0 lies: the network itself contradicts those labels.

Otherwise the set counts as one heap with outliers, and a label is suspected when its IAM lies 4.5 robust standard
deviations below the median. Sets with fewer than 20 different values are always judged that way; fewer than 20 samples
are only ranked, because so few cannot show what is usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCORE_VERSION = "iam-mixture-1"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LogOdds = Callable[[Floats], Floats]  # standardised IAM -> log-odds of a wrong label, falling

FIT_AT_MOST = 100_000  # evenly spaced order statistics that stand for a larger set
FEWEST_VALUES = 20  # different values below which no mixture is fitted; samples below which a median shows nothing
APART = 2.0  # Ashman's D
OUTLIER = 4.5  # robust standard deviations below the median, where one heap's log-odds are zero
OUTLIER_SLOPE = 1.5  # log-odds a standard deviation there
TRUSTED, CEILING = 6.0, 12.0  # log-odds up to the first are kept, beyond they bend towards the second
TRANSITIONS_AT_MOST = 10_000


@dataclass(frozen=True)
class ClassTable:
    """One row a class, in class order."""

    samples: Integers  # [classes]
    flagged: Integers  # [classes]
    noise_rate: Floats  # [classes], mean score; 0 for a class without samples


@dataclass(frozen=True)
class Transitions:
    """How often a flagged label `given` should be `suggested`, most frequent first, the rarest cut off."""

    given: Integers  # [pairs]
    suggested: Integers  # [pairs]
    count: Integers  # [pairs]


@dataclass(frozen=True)
class Verdict:
    """What an audit says of every sample and of the whole set."""

    score: Floats  # [samples] in (0, 1), P(given label is wrong)
    rank: Integers  # [samples] from 1, most suspect first, ties by sample number
    is_issue: NDArray[np.bool_]  # [samples], score ≥ ½
    verdict: NDArray[np.str_]  # [samples], "wrong" or "clean"
    noise_rate: float
    expected_precision: float | None  # of the flagged; None when none is flagged
    expected_recall: float | None  # of all wrong labels by the flagged
    classes: ClassTable
    transitions: Transitions


def judge(iam: Floats, given: Integers, suggested: Integers, classes: int) -> Verdict:
    """Judge all audited samples (at least one) at once; IAM must be finite.

    The noise rate is the mean of the scores: on digits with 3, 8, 20 and 40 % planted errors it is as near to the truth
    as the weight of the lower component, and it exists in a set that is one heap too.
    """
    if not np.isfinite(iam).all():
        raise ValueError("IAM must be finite")
    score = scores(iam)
    is_issue = score >= 0.5
    order = np.lexsort((np.arange(len(iam)), iam))
    rank = np.empty(len(iam), dtype=np.int64)
    rank[order] = np.arange(1, len(iam) + 1)
    return Verdict(
        score=score,
        rank=rank,
        is_issue=is_issue,
        verdict=np.where(is_issue, "wrong", "clean"),
        noise_rate=float(score.mean()),
        expected_precision=float(score[is_issue].mean()) if is_issue.any() else None,
        expected_recall=float(score[is_issue].sum() / score.sum()) if is_issue.any() else None,
        classes=_class_table(score, is_issue, given, classes),
        transitions=_transitions(given[is_issue], suggested[is_issue], classes),
    )


def scores(iam: Floats) -> Floats:  # [samples] -> [samples]
    """P(wrong): in (0, 1), equal for equal IAM, else strictly falling with it; independent of the samples' order."""
    values, where = np.unique(iam, return_inverse=True)  # rising
    scale = np.abs(values).max() or 1.0  # no sum of squares overflows below
    x = np.sort(iam) / scale
    centre, spread = x.mean(), x.std() or 1.0
    sample = (x - centre) / spread
    if len(sample) > FIT_AT_MOST:
        sample = sample[np.linspace(0, len(sample) - 1, FIT_AT_MOST).round().astype(np.int64)]
    log_odds = _two_groups(sample, zero=-centre / spread) or _one_heap(sample)
    posterior = 1 / (1 + np.exp(-_tempered(log_odds((values / scale - centre) / spread))))
    return _strictly_falling(posterior)[where]


def _two_groups(sample: Floats, zero: float) -> LogOdds | None:  # sorted, standardised IAM; where IAM = 0 lies
    """The log-odds of a believable mixture, or None; between the means the mixture's own, beyond along the tangents."""
    if len(np.unique(sample)) < FEWEST_VALUES:
        return None
    from sklearn.mixture import GaussianMixture  # takes seconds to import, and is not needed before the end of a run

    column = sample[:, None]
    one = GaussianMixture(1, random_state=0).fit(column)
    two = GaussianMixture(2, random_state=0, max_iter=500).fit(column)
    low, high = np.argsort(two.means_[:, 0], kind="stable")
    mean, variance = two.means_[:, 0], two.covariances_[:, 0, 0]
    gap = mean[high] - mean[low]
    apart = gap >= APART * np.sqrt((variance[low] + variance[high]) / 2)
    if two.bic(column) >= one.bic(column) or not apart or mean[low] >= zero:
        return None
    constant = np.log(two.weights_[low] / two.weights_[high]) - np.log(variance[low] / variance[high]) / 2

    def log_odds(z: Floats) -> Floats:
        inside = np.clip(z, mean[low], mean[high])
        own = (
            constant
            - (inside - mean[low]) ** 2 / (2 * variance[low])
            + (inside - mean[high]) ** 2 / (2 * variance[high])
        )
        below, above = np.minimum(z - mean[low], 0), np.maximum(z - mean[high], 0)
        return np.asarray(own - below * gap / variance[high] - above * gap / variance[low])

    return log_odds


def _one_heap(sample: Floats) -> LogOdds:
    """Log-odds that fall along a line: zero at an outlier's distance below the median, far less inside the heap."""
    median = np.median(sample)
    robust = 1.4826 * np.median(np.abs(sample - median)) if len(sample) >= FEWEST_VALUES else 0.0
    deviation = robust or sample.std() or 1.0
    return lambda z: np.asarray(-OUTLIER_SLOPE * ((z - median) / deviation + OUTLIER))


def _tempered(log_odds: Floats) -> Floats:
    """Rising and bounded, so that a float64 posterior neither saturates nor claims what a Gaussian cannot know."""
    size = np.abs(log_odds)
    over, room = np.maximum(size - TRUSTED, 0), CEILING - TRUSTED
    return np.asarray(np.sign(log_odds) * (np.minimum(size, TRUSTED) + room * over / (over + room)))


def _strictly_falling(posterior: Floats) -> Floats:
    """The nearest falling sequence that never repeats: where rounding made two values equal, the later is one ulp less.

    Positive floats are ordered as their bit patterns are, so this is a running minimum over integers.
    """
    step = np.arange(len(posterior), dtype=np.int64)
    return (np.minimum.accumulate(posterior.view(np.int64) + step) - step).view(np.float64)


def _class_table(score: Floats, is_issue: NDArray[np.bool_], given: Integers, classes: int) -> ClassTable:
    samples = np.bincount(given, minlength=classes)
    return ClassTable(
        samples=samples,
        flagged=np.bincount(given[is_issue], minlength=classes),
        noise_rate=np.bincount(given, weights=score, minlength=classes) / np.maximum(samples, 1),
    )


def _transitions(given: Integers, suggested: Integers, classes: int) -> Transitions:
    pair, count = np.unique(given * classes + suggested, return_counts=True)
    most = np.argsort(-count, kind="stable")[:TRANSITIONS_AT_MOST]
    return Transitions(given=pair[most] // classes, suggested=pair[most] % classes, count=count[most])
