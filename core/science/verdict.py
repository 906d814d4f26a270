"""From evidence to judgement: the probability that each given label is wrong, the ranking and the totals.

The network's beliefs are first made what they would be had no label been shown (`calibration`), then the noise channel
is learned from them (`channel`), and Bayes' rule gives for every sample the probability of each true class. Where
several people were asked, all they said takes the place of the given label (`votes`). The score is what that leaves for
all classes but the given one; everything else here is counted from those probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.science import channel, votes
from core.science.calibration import as_if_unseen
from core.science.channel import Channel
from core.science.evidence import Evidence
from core.science.findings import (
    Booleans,
    Calibration,
    ClassTable,
    Cut,
    Floats,
    Integers,
    Interval,
    Transitions,
    Verdict,
)
from core.science.opinions import Opinions
from core.science.votes import Votes
from core.words import REASONS, VERDICTS, CutBy, Degenerate

SCORE_VERSION = "channel-6"

FEWEST_SAMPLES = 20  # below it samples are ranked but none is flagged: so few cannot show what is usual
LOWEST_CUT = 0.3  # no label is an issue below this probability
SUGGESTED_FROM = 0.5  # confidence below which no class is suggested
LISTED = 5
TRANSITIONS_AT_MOST = 10_000
LEVEL, STANDARD = 0.95, 1.96
HISTORY = 0.5  # log-odds for a standard deviation of the mean margin
BOTH = 0.8  # what the log-odds of the final answers and of the history count together, for they say partly the same
MODEL_ERROR, CLASS_MODEL_ERROR = 0.07, 0.12  # relative spread of the estimate over runs, beyond what sampling explains
UNSEEN_ERROR, UNTOLD_ERROR = 1.1, 0.3  # what calibration leaves open: the first over √ of the unseen labels
FLOOR_ERROR, CLASS_FLOOR_ERROR = 0.003, 0.01  # and its absolute part
UNTOLD_FLOOR = 0.05  # when no label was unseen, errors may have been learned by heart
ALIEN_BELOW = 0.3  # belief in the likeliest class
AMBIGUOUS_FROM = 0.25  # probability of each of two classes that fit
HIGH_LOSS = 0.95  # quantile within the given class
MIX_UP_RATE = 0.02  # of a pair, above the common rate
LARGEST_SHIFT, HALVINGS = 3.0, 40
TRUSTED, CEILING = 8.0, 16.0  # log-odds up to the first are kept, beyond they bend towards the second


@dataclass(frozen=True)
class Wish:
    """How many labels a user wants flagged; at most one of them."""

    target_precision: float | None = None
    review_budget: int | None = None


def judge(evidence: Evidence, given: Integers, wish: Wish | None = None, said: Votes | None = None) -> Verdict:
    """Judge all audited samples, at least one, at once. `said` is what people said where several were asked."""
    opinions = evidence.opinions
    broken = degenerate(evidence, given)
    believed, found = explained(evidence, given)
    row, place = np.arange(len(given)), opinions.place(given)
    posterior = _with_history(found.posterior(believed, given), place, evidence.aum, given, found)
    posterior = _levelled(posterior, place, found.implied(believed))
    outvoted = np.zeros(len(given), np.bool_)
    if said is not None and not broken:
        posterior, outvoted = votes.weigh(posterior, opinions, given, found, said)
    score = np.full(len(given), 0.5) if broken else scores(log_odds(posterior, place))
    order = np.lexsort((row, -score))
    rank = np.empty(len(given), dtype=np.int64)
    rank[order] = np.arange(1, len(given) + 1)

    cut, is_issue = _cut(score, order, wish or Wish(), flag=not broken and len(given) >= FEWEST_SAMPLES)
    others = posterior.copy()
    others[row, place] = -1
    best = others.argmax(1)
    confidence = others[row, best] / np.maximum(1 - posterior[row, place], 1e-12)
    likely = opinions.classes[row, best]
    sure = confidence >= SUGGESTED_FROM
    beliefs, _ = found.beliefs(believed)
    verdict = _verdicts(is_issue, posterior, beliefs, evidence.aum, place)
    listed = np.argsort(-posterior, axis=1, kind="stable")[:, :LISTED]
    return Verdict(
        score=score,
        rank=rank,
        is_issue=is_issue,
        verdict=verdict,
        reasons=_reasons(evidence, given, likely, verdict, found, outvoted),
        suggested=np.where(sure, likely, -1),
        confidence=np.where(sure, np.minimum(confidence, 1.0), np.nan),
        top=np.take_along_axis(opinions.classes, listed, axis=1),
        top_p=np.take_along_axis(posterior, listed, axis=1),
        noise_rate=_interval(score, len(evidence.decoys), found) if not broken else Interval(0.5, 0.0, 1.0, LEVEL),
        cut=cut,
        expected_precision=float(score[is_issue].mean()) if is_issue.any() else None,
        expected_recall=float(score[is_issue].sum() / score.sum()) if is_issue.any() else None,
        classes=_class_table(score, is_issue, given, opinions.total),
        transitions=_transitions(opinions, posterior, given),
        degenerate=broken,
        calibration=_calibration(evidence, found, believed, score, cut),
    )


def explained(evidence: Evidence, given: Integers) -> tuple[Opinions, Channel]:
    """What the network would believe had no label been shown, and the channel that its given labels went through."""
    believed = as_if_unseen(evidence.opinions, given, evidence.decoys, evidence.aum, evidence.excused)
    return believed, channel.fit(believed, given, evidence.excused)


def degenerate(evidence: Evidence, given: Integers) -> Degenerate | None:
    """Why a run says nothing of the labels, if it does not."""
    opinions, decoys = evidence.opinions, evidence.decoys
    answer = opinions.classes[np.arange(len(given)), opinions.log_p.argmax(1)]
    if len(decoys) and (answer[decoys] == evidence.taught).mean() > 0.5:
        return "memorised"
    asked = decoys if len(decoys) else np.arange(len(given))
    usual = np.bincount(given, minlength=opinions.total).max() / len(given)
    right = (answer[asked] == given[asked]).mean()
    most = np.bincount(answer, minlength=opinions.total).max() / len(given)
    if most >= 0.99 and usual < 0.9:
        return "collapsed"
    chance = max(
        1 / opinions.total,
        float(
            (np.bincount(given, minlength=opinions.total) / len(given))
            @ (np.bincount(answer, minlength=opinions.total) / len(given))
        ),
    )
    return "nothing-learned" if right <= chance + 2 * np.sqrt(chance * (1 - chance) / len(asked)) else None


def _with_history(posterior: Floats, place: Integers, aum: Floats, given: Integers, found: Channel) -> Floats:
    """What the training passes add to the final answers: a label that led all along is righter than one that came late.

    Not for classes that others are usually mixed up with: there the network learns the wrong labels as fast.
    """
    counts = np.maximum(np.bincount(given), 1)
    apart = aum - (np.bincount(given, weights=aum) / counts)[given]
    spread = apart.std()
    if not spread > 0:
        return posterior
    by = (BOTH - 1) * log_odds(posterior, place) - BOTH * HISTORY * apart / spread
    if found.matrix is not None:
        touched: Booleans = np.any(_mixed_up(found), axis=0)
        by = np.where(touched[given], 0.0, by)
    return _tilted(posterior, place, by)


def _levelled(posterior: Floats, place: Integers, rate: float) -> Floats:
    """The same order, with as many wrong labels as the channel makes."""
    odds = log_odds(posterior, place)
    low, high = -LARGEST_SHIFT, LARGEST_SHIFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-odds - middle))).mean() < rate else (low, middle)
    return _tilted(posterior, place, np.full(len(place), low))


def _tilted(posterior: Floats, place: Integers, by: Floats) -> Floats:
    """The posterior when the log-odds of the given label being wrong are higher by so much."""
    row = np.arange(len(place))
    own = posterior[row, place]
    other = np.maximum(1 - own, 1e-300)
    odds = np.log(other) - np.log(np.maximum(own, 1e-300)) + by
    wrong = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    tilted = posterior * (wrong / other)[:, None]
    tilted[row, place] = 1 - wrong
    return np.asarray(tilted)


def _mixed_up(found: Channel) -> Booleans:  # [K, K], true and given
    """Which classes are often labelled as which."""
    assert found.matrix is not None
    usual = found.matrix >= found.rate / (len(found.matrix) - 1) + MIX_UP_RATE
    np.fill_diagonal(usual, False)
    return np.asarray(usual)


def log_odds(posterior: Floats, place: Integers) -> Floats:  # [samples, m], [samples] -> [samples]
    """Of the given label being wrong."""
    row = np.arange(len(place))
    others = posterior.copy()
    others[row, place] = 0
    return np.asarray(np.log(np.maximum(others.sum(1), 1e-300)) - np.log(np.maximum(posterior[row, place], 1e-300)))


def scores(odds: Floats) -> Floats:  # [samples] -> [samples]
    """Probabilities in (0, 1) that are equal where the log-odds are and else differ as they do, at full precision.

    Log-odds beyond what a float64 near 1 can tell apart bend towards a ceiling; where rounding still made two values
    equal, the later one is an ulp less. Positive floats are ordered as their bit patterns are, so that is a running
    minimum over integers.
    """
    falling, where = np.unique(-odds, return_inverse=True)
    size = np.abs(falling)
    over, room = np.maximum(size - TRUSTED, 0), CEILING - TRUSTED
    bent = np.sign(falling) * (np.minimum(size, TRUSTED) + room * over / (over + room))
    p = 1 / (1 + np.exp(bent))
    step = np.arange(len(p), dtype=np.int64)
    return np.asarray((np.minimum.accumulate(p.view(np.int64) + step) - step).view(np.float64)[where])


def _cut(score: Floats, order: Integers, wish: Wish, *, flag: bool) -> tuple[Cut, Booleans]:
    """The flagged samples: those worth most for F1, or as many as the user wished for."""
    falling = score[order]
    size = np.arange(1, len(score) + 1)
    mean = falling.cumsum() / size
    chosen_by: CutBy
    if wish.review_budget is not None:
        count, chosen_by = min(wish.review_budget, len(score)), "review-budget"
    elif wish.target_precision is not None:
        count, chosen_by = int((mean >= wish.target_precision).sum()), "target-precision"
    else:
        f1 = 2 * falling.cumsum() / (size + falling.sum())
        count, chosen_by = min(int(f1.argmax()) + 1, int((falling >= LOWEST_CUT).sum())), "expected-f1"
    count = count if flag else 0
    is_issue = np.zeros(len(score), dtype=np.bool_)
    is_issue[order[:count]] = True
    return Cut(float(falling[count - 1]) if count else 1.0, chosen_by), is_issue


def _interval(score: Floats, unseen: int, found: Channel) -> Interval:
    """The mean score, within what sampling, calibration, the sure samples and the model's own error leave open."""
    mean = float(score.mean())
    told = found.rate * (1 - found.rate) / max(found.sure, 1)
    relative = np.hypot(MODEL_ERROR, UNSEEN_ERROR / np.sqrt(unseen) if unseen else UNTOLD_ERROR)
    sampling = (score * (1 - score)).sum() / len(score) ** 2
    floor = FLOOR_ERROR if unseen else UNTOLD_FLOOR
    spread = float(np.sqrt(sampling + told + (relative * mean) ** 2 + floor**2))
    return Interval(mean, max(0.0, mean - STANDARD * spread), min(1.0, mean + STANDARD * spread), LEVEL)


def _verdicts(is_issue: Booleans, posterior: Floats, beliefs: Floats, aum: Floats, place: Integers) -> NDArray[np.int8]:
    """One word a sample; the later rules overrule the earlier ones."""
    own = posterior[np.arange(len(place)), place]
    two = np.sort(posterior, axis=1)[:, -2:]
    fits_two = (two[:, 0] >= AMBIGUOUS_FROM) & (own >= two[:, 0])
    strange = (beliefs.max(1) < max(ALIEN_BELOW, 2 / beliefs.shape[1])) & (beliefs.shape[1] > 2) & (aum < 0)
    word = np.full(len(place), VERDICTS.index("clean"), dtype=np.int8)
    word[aum < 0] = VERDICTS.index("hard")
    word[is_issue] = VERDICTS.index("wrong")
    word[fits_two] = VERDICTS.index("ambiguous")
    word[strange] = VERDICTS.index("alien")
    return word


def _reasons(
    evidence: Evidence,
    given: Integers,
    likely: Integers,
    verdict: NDArray[np.int8],
    found: Channel,
    outvoted: Booleans,
) -> NDArray[np.int32]:
    """Which evidence spoke against a label, as a bit mask."""
    opinions = evidence.opinions
    spoke: dict[str, Booleans] = {
        "rival-leads": opinions.classes[np.arange(len(given)), opinions.log_p.argmax(1)] != given,
        "high-loss": _highest_of_class(evidence.loss, given),
        "two-labels-fit": verdict == VERDICTS.index("ambiguous"),
        "no-label-fits": verdict == VERDICTS.index("alien"),
        "votes-differ": outvoted,
    }
    if found.matrix is not None:
        spoke["usual-mix-up"] = _mixed_up(found)[likely, given]
    mask = np.zeros(len(given), dtype=np.int32)
    for name, where in spoke.items():
        mask |= where.astype(np.int32) << REASONS.index(name)
    return mask


def _highest_of_class(loss: Floats, given: Integers) -> Booleans:
    """Whose loss is among the highest of its given class."""
    order = np.lexsort((loss, given))
    counts = np.bincount(given)
    first = np.repeat(counts.cumsum() - counts, counts)
    quantile = np.empty(len(given))
    quantile[order] = (np.arange(len(given)) - first + 1) / np.repeat(counts, counts)
    return np.asarray(quantile > HIGH_LOSS)


def _class_table(score: Floats, is_issue: Booleans, given: Integers, classes: int) -> ClassTable:
    samples = np.bincount(given, minlength=classes)
    size = np.maximum(samples, 1)
    mean = np.bincount(given, weights=score, minlength=classes) / size
    sampling = np.bincount(given, weights=score * (1 - score), minlength=classes) / size**2
    spread = STANDARD * np.sqrt(sampling + (CLASS_MODEL_ERROR * mean) ** 2 + CLASS_FLOOR_ERROR**2)
    return ClassTable(
        samples=samples,
        flagged=np.bincount(given[is_issue], minlength=classes),
        noise_rate=mean,
        low=np.clip(mean - spread, 0, 1),
        high=np.where(samples > 0, np.clip(mean + spread, 0, 1), 0.0),
    )


def _transitions(opinions: Opinions, posterior: Floats, given: Integers) -> Transitions:
    """Expected numbers of samples by given and true class."""
    pair, where = np.unique(given[:, None] * opinions.total + opinions.classes, return_inverse=True)
    count: Floats = np.bincount(where.ravel(), posterior.ravel(), len(pair)).astype(np.float64)
    label, true = pair // opinions.total, pair % opinions.total
    right = np.bincount(true, np.where(label == true, count, 0.0), opinions.total).astype(np.float64)
    total = np.bincount(true, count, opinions.total).astype(np.float64)
    moved = np.flatnonzero((label != true) & (count >= 0.5))
    most = moved[np.argsort(-count[moved], kind="stable")[:TRANSITIONS_AT_MOST]]
    return Transitions(given=label[most], true=true[most], count=count[most], right=right, total=total)


def _calibration(evidence: Evidence, found: Channel, believed: Opinions, score: Floats, cut: Cut) -> Calibration:
    """How the decoys' wrong labels would have been judged."""
    if not len(evidence.decoys):
        return Calibration(0, None, None)
    ours = believed.take(evidence.decoys)
    listed = (ours.classes == evidence.taught[:, None]).any(1)
    if not listed.any():
        return Calibration(len(evidence.decoys), None, None)
    ours, taught = ours.take(np.flatnonzero(listed)), evidence.taught[listed]
    theirs = scores(log_odds(found.posterior(ours, taught), ours.place(taught)))
    both = np.concatenate([theirs, score])
    ranks = np.empty(len(both))
    _, where, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[where]
    auroc = (ranks[: len(theirs)].sum() - len(theirs) * (len(theirs) + 1) / 2) / (len(theirs) * len(score))
    return Calibration(len(evidence.decoys), float((theirs >= cut.score).mean()), float(auroc))
