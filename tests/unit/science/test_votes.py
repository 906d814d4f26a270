"""Several people said what they see: all of it counts, as far as they judged for themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.science.findings import Verdict
from core.science.opinions import Integers, Opinions
from core.science.verdict import judge
from core.science.votes import Votes
from core.words import REASONS
from tests.unit.science import make
from tests.unit.science.make import World, evidence

CLASSES, PEOPLE, RATE = 8, 3, 0.25


@dataclass(frozen=True)
class Asked:
    """A world whose given labels are what most people said, and what each of them said."""

    world: World
    votes: Votes

    def brier(self, score: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return float(((score - self.world.wrong) ** 2).mean())


def asked(samples: int = 4000, *, together: float = 0.0, share: float = 1.0, seed: int = 0) -> Asked:
    """People see the truth or, as often as `RATE`, another class; with that probability all repeat the first."""
    dice = np.random.default_rng(seed)
    clear = make.world(samples, make.channel(CLASSES), seed=seed)
    told = (clear.true[:, None] + dice.integers(1, CLASSES, (samples, PEOPLE))) % CLASSES
    said = np.where(dice.random((samples, PEOPLE)) < RATE, told, clear.true[:, None])
    said = np.where(dice.random((samples, 1)) < together, said[:, :1], said)
    counts = np.stack([np.bincount(row, minlength=CLASSES) for row in said])
    several = dice.random(samples) < share
    given = np.where(several, counts.argmax(1), said[:, 0])
    matrix = np.zeros((CLASSES, CLASSES))
    np.add.at(matrix, (clear.true, given), 1.0)
    p = np.exp(clear.opinions.log_p) @ (matrix / matrix.sum(1, keepdims=True))
    sample, label = np.nonzero(counts * several[:, None])
    return Asked(World(make.dense(np.log(p)), clear.true, given), Votes(sample, label, counts[sample, label]))


@pytest.fixture(scope="module")
def known() -> Asked:
    return asked()


@pytest.fixture(scope="module")
def without(known: Asked) -> Verdict:
    """What is said of it when nobody tells who said what."""
    return judge(evidence(known.world), known.world.given)


@pytest.fixture(scope="module")
def verdict(known: Asked) -> Verdict:
    return judge(evidence(known.world), known.world.given, said=known.votes)


def test_votes_tell_more_than_the_label_that_they_led_to(known: Asked, without: Verdict, verdict: Verdict) -> None:
    assert known.brier(verdict.score) < 0.75 * known.brier(without.score)
    for part in np.array_split(np.argsort(verdict.score), 8):
        assert verdict.score[part].mean() == pytest.approx(known.world.wrong[part].mean(), abs=0.08)
    assert verdict.noise_rate.low < known.world.wrong.mean() < verdict.noise_rate.high


def test_they_tell_more_of_those_that_several_people_saw() -> None:
    known = asked(share=0.4)
    without = judge(evidence(known.world), known.world.given)
    verdict = judge(evidence(known.world), known.world.given, said=known.votes)
    assert known.brier(verdict.score) < 0.95 * known.brier(without.score)
    assert verdict.noise_rate.low < known.world.wrong.mean() < verdict.noise_rate.high


def test_who_repeats_others_says_nothing_new() -> None:
    known = asked(together=1.0)
    without = judge(evidence(known.world), known.world.given)
    verdict = judge(evidence(known.world), known.world.given, said=known.votes)
    assert np.abs(verdict.score - without.score).mean() < 0.02
    assert known.brier(verdict.score) < 1.1 * known.brier(without.score)


def test_a_label_that_people_doubt_is_more_suspect_and_says_why(known: Asked, verdict: Verdict) -> None:
    given = known.world.given
    agreed = np.bincount(known.votes.sample, known.votes.count * (known.votes.label == given[known.votes.sample]))
    assert verdict.score[agreed == 1].mean() > 2 * verdict.score[agreed == 2].mean()
    assert verdict.score[agreed == 2].mean() > 4 * verdict.score[agreed == 3].mean()
    differ = (verdict.reasons >> REASONS.index("votes-differ") & 1).astype(bool)
    assert differ[agreed == 1].mean() > 0.5 and not differ[agreed == 3].any()


def test_of_many_classes_only_the_likeliest_are_listed(known: Asked) -> None:
    dense, given = known.world.opinions, known.world.given
    forced = dense.log_p + 100 * (np.arange(CLASSES) == given[:, None])
    listed: Integers = np.sort(np.argsort(-forced, axis=1)[:, :4], axis=1)
    few = Opinions(listed, np.take_along_axis(dense.log_p, listed, axis=1), CLASSES)
    said = replace(evidence(known.world), opinions=few)
    verdict, without = judge(said, given, said=known.votes), judge(said, given)
    assert known.brier(verdict.score) < 0.85 * known.brier(without.score)


def test_no_votes_change_nothing(known: Asked, without: Verdict) -> None:
    nobody = Votes(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    verdict = judge(evidence(known.world), known.world.given, said=nobody)
    np.testing.assert_array_equal(verdict.score, without.score)
