from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.augment import Draws


def window(
    sample: torch.Tensor, side: tuple[int, int], *, seed: int, epoch: int, pad: int, flip: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    return Draws.of(sample, seed=seed, epoch=epoch, pad=pad, flip=flip).window(slice(None), side)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, 2000), st.integers(0, 1000))
def test_a_sample_looks_the_same_in_whatever_batch_it_comes(seed: int, epoch: int, salt: int) -> None:
    samples = torch.randperm(200, generator=torch.Generator().manual_seed(salt))
    rows, columns = window(samples, (8, 6), seed=seed, epoch=epoch, pad=2, flip=True)
    for start in (0, 63):
        part = samples[start : start + 5]
        rows_alone, columns_alone = window(part, (8, 6), seed=seed, epoch=epoch, pad=2, flip=True)
        assert torch.equal(rows_alone, rows[start : start + 5])
        assert torch.equal(columns_alone, columns[start : start + 5])


def test_a_part_of_an_epochs_draws_is_what_its_samples_alone_would_have_drawn() -> None:
    samples = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    whole = Draws.of(samples, seed=4, epoch=2, pad=3, flip=True)
    for part in (slice(0, 7), slice(7, 50)):
        alone = window(samples[part], (8, 8), seed=4, epoch=2, pad=3, flip=True)
        assert all(torch.equal(a, b) for a, b in zip(whole.window(part, (8, 8)), alone, strict=True))


def test_shifts_and_mirrors_are_spread_evenly_and_independently() -> None:
    rows, columns = window(torch.arange(20_000), (9, 9), seed=3, epoch=1, pad=2, flip=True)
    shift = rows[:, 4] - 4
    mirrored = columns[:, 3] > columns[:, 5]
    assert set(shift.tolist()) == {-2, -1, 0, 1, 2}
    for value in range(-2, 3):
        assert abs((shift == value).float().mean().item() - 0.2) < 0.015
        assert abs(mirrored[shift == value].float().mean().item() - 0.5) < 0.03


def test_epochs_and_seeds_draw_anew() -> None:
    samples = torch.arange(500)
    first, _ = window(samples, (8, 8), seed=0, epoch=0, pad=2, flip=False)
    for seed, epoch in ((0, 1), (1, 0)):
        other, _ = window(samples, (8, 8), seed=seed, epoch=epoch, pad=2, flip=False)
        same = (first == other).all(1).float().mean().item()
        assert 0.1 < same < 0.3


def test_without_pad_and_flip_nothing_moves() -> None:
    rows, columns = window(torch.arange(3), (4, 5), seed=0, epoch=0, pad=0, flip=False)
    assert rows.tolist() == [[0, 1, 2, 3]] * 3
    assert columns.tolist() == [[0, 1, 2, 3, 4]] * 3
