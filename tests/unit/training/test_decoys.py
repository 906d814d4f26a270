"""Which samples are decoys, what they are taught, and when."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.training.decoys import AT_MOST, FEWEST, USUAL, Decoys


def planted(given: Tensor, classes: int, *, share: float = 0.5, seed: int = 0, p: Tensor | None = None) -> Decoys:
    decoys = Decoys(given, classes, 20, share, seed)
    decoys.plant(torch.full((len(decoys), classes), 1 / classes) if p is None else p)
    return decoys


@given(st.integers(0, 60_000), st.floats(0, 1))
def test_there_are_enough_decoys_and_no_more(samples: int, share: float) -> None:
    count = len(Decoys(torch.zeros(samples, dtype=torch.int64), 2, 20, share, 0))
    assert count == 0 or FEWEST <= count <= min(AT_MOST, share * samples)
    if FEWEST <= int(share * samples) <= USUAL:
        assert count == int(share * samples)


@given(st.integers(2, 12), st.integers(40, 300), st.integers(0, 9))
def test_a_decoy_is_never_taught_its_own_class_and_the_others_are(classes: int, samples: int, seed: int) -> None:
    given_labels = torch.arange(samples) % classes
    decoys = planted(given_labels, classes, seed=seed)
    taught = decoys.taught
    assert ((taught >= 0) & (taught < classes)).all()
    away = torch.zeros(samples, dtype=torch.bool)
    away[decoys.members] = True
    assert torch.equal(taught != given_labels, away)
    assert torch.equal(decoys.members, decoys.members.unique())


def test_half_of_the_classes_are_those_that_the_network_confuses() -> None:
    p = torch.zeros(2000, 5)
    p[:, 0], p[:, 3] = 0.9, 0.1  # class 0 is the given one; the network takes them for 3, if for another
    decoys = planted(torch.zeros(4000, dtype=torch.int64), 5, p=p[: len(Decoys(torch.zeros(4000), 5, 20, 0.5, 0))])
    drawn = torch.bincount(decoys.taught[decoys.members], minlength=5) / len(decoys)
    torch.testing.assert_close(drawn, torch.tensor([0, 0.125, 0.125, 0.625, 0.125]), atol=0.05, rtol=0)


def test_beliefs_that_say_nothing_leave_all_other_classes_alike() -> None:
    p = torch.zeros(600, 3)
    p[:, 1] = 1.0  # as sure of the given class as can be
    decoys = planted(torch.ones(2000, dtype=torch.int64), 3, p=p)
    drawn = torch.bincount(decoys.taught[decoys.members], minlength=3)
    assert drawn[1] == 0
    assert 240 < drawn[0] < 360


def test_decoys_are_taught_from_the_second_epoch_on_and_not_at_the_end() -> None:
    decoys = planted(torch.arange(100) % 3, 3)
    index = torch.arange(100)
    counted = [decoys.weight(index, epoch) for epoch in range(20)]
    taught = [epoch for epoch, weight in enumerate(counted) if weight is None]
    assert taught == list(range(1, 17))
    for weight in (counted[0], counted[19]):
        assert weight is not None
        assert torch.equal((weight == 0).nonzero()[:, 0], decoys.members)
        assert weight.sum() == 100 - len(decoys)


def test_without_decoys_every_sample_counts_in_every_epoch() -> None:
    decoys = Decoys(torch.arange(10) % 2, 2, 20, 0.5, 0)
    assert len(decoys) == 0
    assert [decoys.weight(torch.arange(10), epoch) for epoch in (0, 5, 19)] == [None] * 3


@pytest.mark.parametrize("seed", [0, 5])
def test_the_seed_decides_and_what_was_planted_can_be_taken_up(seed: int) -> None:
    labels = torch.arange(200) % 4
    one, two, other = (planted(labels, 4, seed=number) for number in (seed, seed, seed + 1))
    assert torch.equal(one.taught, two.taught)
    assert not torch.equal(one.members, other.members)
    resumed = Decoys(labels, 4, 20, 0.5, seed)
    assert torch.equal(resumed.taught, labels)
    resumed.load(one.state())
    assert torch.equal(resumed.taught, one.taught)
