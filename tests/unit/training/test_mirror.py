"""Whether mirroring is harmless, as the network's own answers tell."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.training.mirror import FEWEST, decide

CLASSES = 4
LABELS = torch.arange(400) % CLASSES


def answers(share: float, *, only: int | None = None) -> Tensor:
    """Answers that are right for a share of the samples, of one class or of all."""
    right = torch.arange(400) // CLASSES < share * 100
    if only is not None:
        right |= only != LABELS
    return torch.where(right, LABELS, (LABELS + 1) % CLASSES)


@pytest.mark.parametrize(
    ("plain", "mirrored", "verdict"),
    [
        (0.9, 0.9, True),
        (0.9, 0.85, True),
        (0.9, 0.6, False),
        (0.6, 0.6, True),
        (0.4, 0.4, None),  # less than twice what chance would say
        (0.4, 0.0, None),
    ],
)
def test_a_network_that_knows_its_images_says_whether_it_knows_them_mirrored(
    plain: float, mirrored: float, verdict: bool | None
) -> None:
    assert decide(LABELS, answers(plain), answers(mirrored), CLASSES) is verdict


def test_one_class_that_suffers_is_enough() -> None:
    assert decide(LABELS, LABELS, answers(0.45, only=2), CLASSES) is False
    assert decide(LABELS, LABELS, answers(0.9, only=2), CLASSES) is True


def test_a_handful_of_images_does_not_decide() -> None:
    label = torch.cat([torch.zeros(500), torch.ones(FEWEST - 1)]).long()
    mirrored = torch.zeros_like(label)
    assert decide(label, label, mirrored, 2) is True
    many = torch.cat([torch.zeros(500), torch.ones(50)]).long()
    assert decide(many, many, torch.zeros_like(many), 2) is False


def test_with_two_classes_three_quarters_must_be_right_before_the_network_is_asked() -> None:
    label = torch.arange(100) % 2
    wrong = torch.arange(100) < 30
    assert decide(label, torch.where(wrong, 1 - label, label), label, 2) is None
    assert decide(label, torch.where(torch.arange(100) < 20, 1 - label, label), label, 2) is True


@given(st.integers(2, 20), st.integers(1, 300), st.integers(0, 1000))
def test_answers_that_mirroring_does_not_change_never_speak_against_it(classes: int, count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    label, plain = (torch.randint(classes, (count,), generator=generator) for _ in range(2))
    assert decide(label, plain, plain, classes) is not False
    assert decide(label, label, label, classes) is True
