"""Streaming sums against the formula over the whole history."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.science.ledger import CURVES, Ledger
from core.science.weigher import sample_weights
from core.words import Annealing

SAMPLES, WIDTH = 7, 4


@dataclass
class Epoch:
    logits: Tensor
    features: Tensor
    weights: Tensor
    loss: Tensor
    order: list[Tensor]


def history(epochs: int, classes: int, seed: int) -> tuple[Tensor, list[Epoch]]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return 3 * torch.randn(*shape, generator=generator)

    label = torch.randint(0, classes, (SAMPLES,), generator=generator)
    return label, [
        Epoch(
            normal(SAMPLES, classes),
            normal(SAMPLES, WIDTH),
            normal(classes, WIDTH),
            normal(SAMPLES).abs(),
            list(torch.randperm(SAMPLES, generator=generator).split(3)),
        )
        for _ in range(epochs)
    ]


def observe(ledger: Ledger, number: int, epoch: Epoch, label: Tensor, index: Tensor) -> None:
    ledger.observe(
        number, index, label[index], epoch.logits[index], epoch.features[index], epoch.weights, epoch.loss[index]
    )


def play(ledger: Ledger, label: Tensor, epochs: list[Epoch]) -> None:
    for number, epoch in enumerate(epochs):
        for index in epoch.order:
            observe(ledger, number, epoch, label, index)
        ledger.close_epoch()


def reference(
    label: Tensor, epochs: list[Epoch], alpha: float, beta: float, k: int = 1
) -> dict[str, list[list[float]]]:
    """Every slice of every epoch, [epochs][samples], from the equations alone."""

    def to_runners_up(rivals: list[float]) -> float:  # from the strongest rival to the mean of the next k
        runners_up = rivals[1 : 1 + k]
        return rivals[0] - sum(runners_up) / len(runners_up) if runners_up else 0.0

    table: dict[str, list[list[float]]] = {"M": [], "U": [], "S": [], "S_h": []}
    for epoch in epochs:
        rows: dict[str, list[float]] = {name: [] for name in table}
        for i in range(SAMPLES):
            y, f, z = int(label[i]), epoch.logits[i].tolist(), epoch.features[i].tolist()
            rivals = sorted((v for c, v in enumerate(f) if c != y), reverse=True)
            m, u = f[y] - rivals[0], to_runners_up(rivals)
            d = [
                (1 - sum(a * b for a, b in zip(w, z, strict=True)) / (math.hypot(*w) * math.hypot(*z))) / 2
                for w in epoch.weights.tolist()
            ]
            near = sorted(v for c, v in enumerate(d) if c != y)
            m_h, u_h = d[y] - near[0], to_runners_up(near)
            rows["M"].append(m)
            rows["U"].append(u)
            rows["S"].append(m - u)
            rows["S_h"].append((1 / (1 + math.exp(alpha * m_h)) + math.exp(beta * u_h)) / 2)
        for name, row in rows.items():
            table[name].append(row)
    return table


def annealed(rows: list[list[float]], total: int, annealing: Annealing = "published") -> list[tuple[float, float]]:
    """Σ_j B_j S_j and Σ_j |B_j S_j| with B = softmax(ε_1 … ε_t), or all B_j alike."""
    powers = [math.exp(1 + math.cos(math.pi * j / total)) for j in range(1, len(rows) + 1)]
    powers = powers if annealing == "published" else [1.0] * len(rows)
    b = [power / sum(powers) for power in powers]
    columns = list(zip(*rows, strict=True))
    return [
        (sum(w * s for w, s in zip(b, c, strict=True)), sum(abs(w * s) for w, s in zip(b, c, strict=True)))
        for c in columns
    ]


def assert_equal(streamed: Tensor, expected: list[tuple[float, float]]) -> None:
    for value, (target, size) in zip(streamed.tolist(), expected, strict=True):
        assert abs(value - target) <= 1e-6 * size + 1e-15


@settings(max_examples=15, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(1, 4),
    st.integers(0, 10_000),
    st.sampled_from([100.0, 3.0]),
    st.sampled_from(["published", "none"]),
)
def test_streaming_equals_the_full_history(
    epochs: int, classes: int, k: int, seed: int, scale: float, annealing: Annealing
) -> None:
    label, past = history(epochs, classes, seed)
    ledger = Ledger(SAMPLES, epochs, alpha=scale, beta=scale, k=k, annealing=annealing)
    play(ledger, label, past)
    own, reported = reference(label, past, scale, scale, k), reference(label, past, 100.0, 100.0, k)
    assert_equal(ledger.iam(), annealed(own["S"], epochs, annealing))
    assert_equal(ledger.hm_weight(), annealed(reported["S_h"], epochs, annealing))
    assert_equal(ledger.weight / ledger.mass, annealed(own["S_h"], epochs, annealing))
    for column, name in ((ledger.aum(), "M"), (ledger.tkum(), "U")):
        means = [sum(c) / epochs for c in zip(*own[name], strict=True)]
        assert torch.allclose(column, torch.tensor(means, dtype=torch.float64), rtol=1e-6, atol=1e-9)
    assert torch.equal(ledger.last_loss, past[-1].loss.double())
    assert ledger.count.tolist() == [epochs] * SAMPLES


def test_the_curves_of_an_epoch_are_its_own_slices_in_half_precision() -> None:
    label, past = history(2, 4, 5)
    ledger = Ledger(SAMPLES, 2, alpha=1.0, beta=1.0)
    play(ledger, label, past)
    slices = reference(label, past, 1.0, 1.0)
    curves = ledger.curves()
    assert (curves.dtype, curves.shape) == (torch.float16, (SAMPLES, len(CURVES)))
    assert torch.equal(curves[:, 0], torch.tensor(slices["M"][-1], dtype=torch.float64).half())
    assert torch.equal(curves[:, 1], torch.tensor(slices["U"][-1], dtype=torch.float64).half())
    assert torch.equal(curves[:, 2], past[-1].loss.half())


def test_a_curve_stays_finite_where_half_precision_ends() -> None:
    ledger = Ledger(1, 1, alpha=1.0, beta=1.0)
    logits, features, weights = torch.tensor([[1e6, 0.0]]), torch.ones(1, 2), torch.eye(2)
    ledger.observe(0, torch.tensor([0]), torch.tensor([1]), logits, features, weights, torch.tensor([1e6]))
    ledger.close_epoch()
    assert ledger.curves().tolist() == [[-65504.0, 0.0, 65504.0]]


def test_a_class_of_one_sample_is_booked_like_any_other() -> None:
    label, past = history(2, 5, 6)
    label = torch.tensor([4, *[0] * (SAMPLES - 1)])
    ledger = Ledger(SAMPLES, 2, alpha=100.0, beta=100.0)
    play(ledger, label, past)
    slices = reference(label, past, 100.0, 100.0)
    assert_equal(ledger.iam(), annealed(slices["S"], 2))
    assert_equal(ledger.hm_weight(), annealed(slices["S_h"], 2))


def test_the_weight_in_use_counts_the_open_epoch() -> None:
    label, past = history(3, 4, 1)
    ledger = Ledger(SAMPLES, 5, alpha=2.0, beta=2.0)
    play(ledger, label, past[:2])
    index = past[2].order[0]
    observe(ledger, 2, past[2], label, index)
    expected = annealed(reference(label, past, 2.0, 2.0)["S_h"], 5)
    published = sample_weights(ledger, index, "published")
    assert_equal(published, [expected[i] for i in index.tolist()])
    assert ((published > 0) & (published < 1)).all()
    rescaled = sample_weights(ledger, index, "mean-one")
    assert rescaled.mean().item() == pytest.approx(1.0)
    assert torch.allclose(rescaled / rescaled[0], published / published[0])


def test_a_state_taken_in_the_middle_of_an_epoch_goes_on_with_the_same_bits() -> None:
    label, past = history(3, 4, 2)
    whole = Ledger(SAMPLES, 3, alpha=1.0, beta=1.0)
    play(whole, label, past)

    first = Ledger(SAMPLES, 3, alpha=1.0, beta=1.0)
    play(first, label, past[:1])
    observe(first, 1, past[1], label, past[1].order[0])
    second = Ledger(SAMPLES, 3, alpha=1.0, beta=1.0)
    second.load(first.state())
    for index in past[1].order[1:]:
        observe(second, 1, past[1], label, index)
    second.close_epoch()
    for index in past[2].order:
        observe(second, 2, past[2], label, index)
    second.close_epoch()
    for name, column in whole.state().items():
        assert torch.equal(column, second.state()[name]), name


@pytest.mark.parametrize(
    "batches",
    [[[0, 1, 2], [3, 4, 5]], [[0, 1, 2], [2, 3, 4, 5, 6]], [[0, 1, 2], [3, 4, 5, 5]]],
    ids=["one missing", "one twice", "one twice instead of another"],
)
def test_an_epoch_that_did_not_see_every_sample_once_cannot_be_closed(batches: list[list[int]]) -> None:
    label, past = history(1, 3, 3)
    ledger = Ledger(SAMPLES, 1, alpha=100.0, beta=100.0)
    for batch in batches:
        observe(ledger, 0, past[0], label, torch.tensor(batch))
    with pytest.raises(RuntimeError, match="exactly once"):
        ledger.close_epoch()


def test_only_the_open_epoch_can_be_observed() -> None:
    label, past = history(1, 3, 4)
    with pytest.raises(ValueError, match="epoch 0 is open"):
        observe(Ledger(SAMPLES, 2, alpha=1.0, beta=1.0), 1, past[0], label, torch.tensor([0]))
