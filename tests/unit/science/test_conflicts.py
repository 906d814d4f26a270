"""The same content under different labels: found whatever the model says, and never passed over in silence."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.science import conflicts
from core.science.findings import Verdict
from core.science.verdict import judge
from core.words import REASONS
from tests.unit.science import make

CAT, DOG, COW = 0, 1, 2


@pytest.fixture(scope="module")
def some() -> Verdict:
    world = make.world(40, make.channel(3, 0.2))
    return judge(make.evidence(world), world.given)


def saying(verdict: Verdict, p: list[list[float]]) -> Verdict:
    """The verdict of that many samples, ranked as they stand, with these probabilities of the classes."""
    top = np.argsort(-np.array(p), axis=1, kind="stable")
    samples = len(p)
    return replace(
        verdict,
        rank=np.arange(1, samples + 1),
        reasons=verdict.reasons[:samples],
        top=top,
        top_p=np.take_along_axis(np.array(p), top, axis=1),
        degenerate=None,
    )


SAMPLE = st.tuples(st.integers(0, 5), st.integers(0, 2), st.permutations(range(1, 4)))


@settings(max_examples=200, deadline=None)
@given(samples=st.lists(SAMPLE, min_size=1, max_size=40), dice=st.randoms())
def test_groups_are_all_samples_of_a_content_that_has_two_labels(
    some: Verdict, samples: list[tuple[int, int, list[int]]], dice: Random
) -> None:
    content, labels = np.array([s[0] for s in samples]), np.array([s[1] for s in samples])
    rank = np.array(dice.sample(range(1, len(samples) + 1), len(samples)))
    verdict = replace(saying(some, [[k / 10 for k in s[2]] for s in samples]), rank=rank)
    found = conflicts.find(content, labels, verdict)
    for one in range(len(samples)):
        alike = content == content[one]
        apart = len(set(labels[alike].tolist())) > 1
        assert (found.group[one] > 0) == apart
        if apart:
            assert np.array_equal(found.group == found.group[one], alike)
            assert (found.doubted(labels) & alike).any()
            assert found.sizes[found.group[one] - 1] == alike.sum()
    groups = len(found.favoured)
    assert sorted(set(found.group[found.group > 0].tolist())) == list(range(1, groups + 1))
    best = [rank[found.group == number].min() for number in range(1, groups + 1)]
    assert best == sorted(best)


def test_the_label_that_is_likelier_over_all_samples_is_favoured(some: Verdict) -> None:
    verdict = saying(some, [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.0, 0.0, 1.0]])
    labels = np.array([CAT, DOG, COW])
    found = conflicts.find(np.array([7, 7, 5]), labels, verdict)
    assert found.group.tolist() == [1, 1, 0]
    assert found.favoured.tolist() == [CAT]
    assert found.doubted(labels).tolist() == [False, True, False]


def test_a_class_that_no_sample_has_can_be_favoured_and_then_all_are_doubted(some: Verdict) -> None:
    verdict = saying(some, [[0.2, 0.0, 0.8], [0.0, 0.3, 0.7]])
    found = conflicts.find(np.array([0, 0]), np.array([CAT, DOG]), verdict)
    assert found.favoured.tolist() == [COW]
    assert found.doubted(np.array([CAT, DOG])).all()


@pytest.mark.parametrize("p", [[[1.0, 0.0], [0.0, 1.0]], [[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]]])
def test_where_no_label_is_likelier_than_all_others_all_are_doubted(some: Verdict, p: list[list[float]]) -> None:
    found = conflicts.find(np.array([0, 0]), np.array([CAT, DOG]), saying(some, p))
    assert found.favoured.tolist() == [-1]
    assert found.doubted(np.array([CAT, DOG])).all()


def test_a_run_that_says_nothing_favours_nothing(some: Verdict) -> None:
    verdict = replace(saying(some, [[0.9, 0.1], [0.9, 0.1]]), degenerate="memorised")
    assert conflicts.find(np.array([0, 0]), np.array([CAT, DOG]), verdict).favoured.tolist() == [-1]


def test_copies_that_agree_are_no_conflict(some: Verdict) -> None:
    labels = np.array([CAT, CAT, DOG])
    found = conflicts.find(np.array([0, 0, 1]), labels, saying(some, [[0.5, 0.5]] * 3))
    assert (found.group.tolist(), found.favoured.tolist(), found.sizes.tolist()) == ([0, 0, 0], [], [])
    assert not found.doubted(labels).any()


def test_a_conflict_is_one_more_reason_and_nothing_else(some: Verdict) -> None:
    verdict = saying(some, [[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    labels = np.array([CAT, DOG, DOG])
    noted = conflicts.noted(verdict, conflicts.find(np.array([4, 4, 2]), labels, verdict), labels)
    bit = 1 << REASONS.index("conflicting-duplicates")
    assert (noted.reasons & bit).tolist() == [0, bit, 0]
    assert replace(noted, reasons=verdict.reasons) == verdict
