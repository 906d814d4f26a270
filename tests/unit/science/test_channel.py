"""The channel is found again from labels that went through it."""

from __future__ import annotations

import numpy as np
import pytest

from core.science import channel
from core.science.opinions import Opinions
from core.science.plateau import Plateau
from core.science.unmixed import PAIR_FLOORS, beside, floors
from tests.unit.science import make

SAMPLES = 6000


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_a_common_rate_is_found(rate: float) -> None:
    world = make.world(SAMPLES, make.channel(10, rate))
    found = channel.fit(world.opinions, world.given)
    wrong = 1 - found.posterior(world.opinions, world.given)[np.arange(SAMPLES), world.given]
    assert wrong.mean() == pytest.approx(world.wrong.mean(), rel=0.15)
    assert found.matrix is not None
    assert np.allclose(found.matrix.sum(1), 1)


@pytest.mark.parametrize(("sureness", "at_most"), [(2.5, 0.02), (1.5, 0.08)])  # two thirds and half are recognised
def test_clean_labels_of_unclear_images_are_not_called_noisy(sureness: float, at_most: float) -> None:
    world = make.world(SAMPLES, make.channel(10), sureness=sureness)
    found = channel.fit(world.opinions, world.given)
    wrong = 1 - found.posterior(world.opinions, world.given)[np.arange(SAMPLES), world.given]
    assert world.wrong.sum() == 0
    assert wrong.mean() < at_most


def test_a_floor_that_stands_out_less_counts_only_where_it_is_asked_for() -> None:
    matrix = make.channel(10, pairs={3: 5, 5: 3}, pair_rate=0.22)
    opinions = make.world(SAMPLES, matrix).opinions
    doubtless, lower = (floors(opinions, stands)[1] for stands in PAIR_FLOORS)
    assert doubtless is not None and lower is not None
    assert not doubtless.any()
    assert np.argwhere(lower).tolist() == [[3, 5], [5, 3]]


def test_beliefs_without_floors_hold_no_noise() -> None:
    assert floors(make.world(SAMPLES, make.channel(10)).opinions)[0] < 0.005


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_a_floor_of_all_classes_alike_is_a_rate(rate: float) -> None:
    found, pairs = floors(make.world(SAMPLES, make.channel(10, rate)).opinions)
    assert found == pytest.approx(rate, rel=0.1)
    assert pairs is not None
    assert not pairs.any()


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_a_common_rate_is_found_when_training_excused_some_labels(rate: float) -> None:
    world = make.world(SAMPLES, make.channel(10, rate), excused=0.3)
    found = channel.fit(world.opinions, world.given, 0.3)
    wrong = 1 - found.posterior(world.opinions, world.given)[np.arange(SAMPLES), world.given]
    assert wrong.mean() == pytest.approx(world.wrong.mean(), rel=0.2, abs=0.035)


def test_beliefs_hold_what_a_rate_exceeds_the_excused_share_by() -> None:
    assert beside(0.2, 0.0, 10) == pytest.approx(0.2)
    assert beside(0.2, 0.3, 10) == 0.0
    for rate in (0.3, 0.5, 0.8):
        whole, excused = make.channel(10, rate), make.channel(10, 0.3 * 0.9)  # a draw from all classes may hit its own
        assert np.allclose(excused @ make.channel(10, beside(rate, 0.3, 10)), whole)


def test_only_agreement_that_levels_off_below_one_allows_noise() -> None:
    clean, noisy = make.world(SAMPLES, make.channel(10)), make.world(SAMPLES, make.channel(10, 0.3))
    assert Plateau(noisy.opinions, noisy.given).believable(0.3) == 0.3
    assert Plateau(noisy.opinions, noisy.given).believable(0.6) < 0.4
    assert Plateau(clean.opinions, clean.given).believable(0.3) < 0.05


def test_classes_that_are_labelled_as_one_other_are_found() -> None:
    pairs = {0: 1, 4: 7}
    world = make.world(SAMPLES, make.channel(10, 0.0, pairs, 0.4))
    found = channel.fit(world.opinions, world.given)
    assert found.matrix is not None
    for one, other in pairs.items():
        assert found.matrix[one, other] == pytest.approx(0.4, abs=0.1)
    untouched = [k for k in range(10) if k not in pairs]
    assert (np.diag(found.matrix)[untouched] > 0.95).all()


def test_the_posterior_is_a_distribution_over_the_true_class() -> None:
    world = make.world(500, make.channel(5, 0.2))
    posterior = channel.fit(world.opinions, world.given).posterior(world.opinions, world.given)
    assert np.allclose(posterior.sum(1), 1)
    assert (posterior >= 0).all()


def test_two_classes_are_enough() -> None:
    world = make.world(3000, make.channel(2, 0.15))
    found = channel.fit(world.opinions, world.given)
    wrong = 1 - found.posterior(world.opinions, world.given)[np.arange(3000), world.given]
    assert wrong.mean() == pytest.approx(world.wrong.mean(), abs=0.06)


def test_with_many_classes_the_strongest_and_the_given_one_are_enough() -> None:
    world = make.world(4000, make.channel(100, 0.2), sureness=6.0)
    log_p = world.opinions.log_p
    others = np.where(np.arange(100) == world.given[:, None], -np.inf, log_p)
    rivals = np.argsort(-others, axis=1)[:, :15]
    classes = np.concatenate([world.given[:, None], rivals], axis=1)
    listed = Opinions(classes, np.take_along_axis(log_p, classes, axis=1), 100)
    found = channel.fit(listed, world.given)
    assert found.matrix is None
    posterior = found.posterior(listed, world.given)
    assert (posterior.sum(1) <= 1 + 1e-9).all()
    assert (1 - posterior[:, 0]).mean() == pytest.approx(world.wrong.mean(), rel=0.25)


def test_the_same_labels_give_the_same_bits() -> None:
    world = make.world(800, make.channel(4, 0.2))
    first, second = (channel.fit(world.opinions, world.given) for _ in range(2))
    assert first.matrix is not None and second.matrix is not None
    assert np.array_equal(first.matrix, second.matrix)
    assert first.scale == second.scale
