"""What every caller of the verdict may rely on, whatever the evidence."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.science.verdict import Floats, Verdict, judge, scores

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EVIDENCE = st.one_of(
    st.lists(FINITE, min_size=1, max_size=120),
    st.lists(st.floats(-30, 10), min_size=20, max_size=120),
    st.lists(st.sampled_from([-5.0, 0.0, -0.0, 1.0, 1.0000000000000002, 3.5]), min_size=1, max_size=60),
)


def judged(iam: Floats, classes: int = 3) -> Verdict:
    given_labels = np.arange(len(iam), dtype=np.int64) % classes
    return judge(iam, given_labels, (given_labels + 1) % classes, classes)


@settings(max_examples=60, deadline=None)
@given(EVIDENCE)
@example([1.7e308, -1.7e308, 5e-324, 0.0])
@example([5e-324] * 30 + [1e-323] * 3)
@example([1e300 + i for i in range(25)])
@example([0.1 * i for i in range(30)] + [-1e308])
def test_scores_are_probabilities_that_fall_strictly_with_rank(evidence: list[float]) -> None:
    iam = np.array(evidence)
    verdict = judged(iam)
    assert np.isfinite(verdict.score).all()
    assert ((verdict.score > 0) & (verdict.score < 1)).all()
    assert sorted(verdict.rank.tolist()) == list(range(1, len(iam) + 1))
    order = np.argsort(verdict.rank)
    for before, after in pairwise(order):
        if iam[before] == iam[after]:
            assert verdict.score[before] == verdict.score[after]
            assert before < after
        else:
            assert iam[before] < iam[after]
            assert verdict.score[before] > verdict.score[after]
    assert np.array_equal(verdict.is_issue, verdict.score >= 0.5)
    assert verdict.classes.flagged.sum() == verdict.transitions.count.sum() == verdict.is_issue.sum()


@settings(max_examples=15, deadline=None)
@given(EVIDENCE, st.integers(0, 1000))
def test_the_order_of_the_samples_does_not_matter(evidence: list[float], seed: int) -> None:
    iam = np.array(evidence)
    shuffle = np.random.default_rng(seed).permutation(len(iam))
    assert np.array_equal(scores(iam)[shuffle], scores(iam[shuffle]))


def skewed_clean(samples: int, seed: int) -> Floats:
    """What a clean set looks like: a heap with a tail of hard samples."""
    return 6.0 - np.random.default_rng(seed).gamma(4.0, 0.6, samples)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("samples", [2, 5, 20, 200, 5000])
def test_a_clean_set_is_hardly_flagged(samples: int, seed: int) -> None:
    verdict = judged(skewed_clean(samples, seed))
    assert verdict.is_issue.mean() <= (0.02 if samples > 20 else 0.0)
    assert verdict.noise_rate < 0.03


def test_a_clean_set_of_two_kinds_of_images_is_not_half_flagged() -> None:
    generator = np.random.default_rng(0)
    verdict = judged(np.concatenate([generator.normal(2, 0.3, 500), generator.normal(6, 0.3, 500)]))
    assert not verdict.is_issue.any()


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.08, 0.2, 0.4])
def test_contradicted_labels_are_flagged_and_counted(rate: float) -> None:
    generator = np.random.default_rng(7)
    wrong = round(rate * 2000)
    iam = np.concatenate([generator.normal(-9, 2, wrong), skewed_clean(2000 - wrong, 7)])
    verdict = judged(iam)
    assert verdict.is_issue[:wrong].mean() > 0.95
    assert verdict.is_issue[wrong:].mean() < 0.02
    assert abs(verdict.noise_rate - rate) < 0.02
    assert verdict.expected_precision is not None
    assert verdict.expected_precision > 0.9


@pytest.mark.parametrize("samples", [1, 2, 20, 300])
def test_equal_evidence_accuses_nobody(samples: int) -> None:
    verdict = judged(np.full(samples, -4.0))
    assert len(set(verdict.score.tolist())) == 1
    assert not verdict.is_issue.any()
    assert verdict.rank.tolist() == list(range(1, samples + 1))
    assert verdict.expected_precision is None
    assert verdict.verdict.tolist() == ["clean"] * samples


def test_classes_and_transitions_count_the_flagged() -> None:
    iam = np.concatenate([skewed_clean(300, 1), [-9.0, -9.5, -10.0, -8.7]])
    given_labels = np.array([0] * 150 + [1] * 150 + [0, 0, 1, 0], dtype=np.int64)
    suggested = np.array([1] * 150 + [0] * 150 + [1, 1, 0, 2], dtype=np.int64)
    verdict = judge(iam, given_labels, suggested, 4)
    assert verdict.is_issue[-4:].all()
    assert verdict.is_issue.sum() == 4
    assert verdict.classes.samples.tolist() == [153, 151, 0, 0]
    assert verdict.classes.flagged.tolist() == [3, 1, 0, 0]
    assert verdict.classes.noise_rate[2] == 0.0
    pairs = list(
        zip(
            verdict.transitions.given.tolist(),
            verdict.transitions.suggested.tolist(),
            verdict.transitions.count.tolist(),
            strict=True,
        )
    )
    assert pairs == [(0, 1, 2), (0, 2, 1), (1, 0, 1)]


def test_evidence_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        judged(np.array([1.0, np.nan]))
