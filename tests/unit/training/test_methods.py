"""Losses against their textbook forms, and ELR against a reference written sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, one_hot

from core.training.loop import Run
from core.training.methods import EXCUSED, Plain, fce, gce, method, sce
from core.training.methods.elr import Elr
from tests.unit.training.make import CPU, data, finished, plan
from tests.unit.training.test_loop import assert_same


def batch(seed: int, classes: int, size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(size, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (size,), generator=generator)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30), st.floats(0, 10), st.floats(0, 10))
def test_sce_is_cross_entropy_and_its_reverse_with_a_clipped_label(seed: int, classes: int, a: float, b: float) -> None:
    logits, label = batch(seed, classes)
    clipped = one_hot(label, classes).double().clamp(1e-4, 1)
    reverse = -(logits.softmax(1) * clipped.log()).sum(1)
    expected = a * cross_entropy(logits, label, reduction="none") + b * reverse
    torch.testing.assert_close(sce.item_loss(logits, label, a, b), expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_gce_lies_between_cross_entropy_and_absolute_error(seed: int, classes: int) -> None:
    logits, label = batch(seed, classes)
    p = logits.softmax(1).gather(1, label[:, None])[:, 0]
    torch.testing.assert_close(gce.item_loss(logits, label, 1.0), 1 - p)
    torch.testing.assert_close(gce.item_loss(logits, label, 0.7), (1 - p**0.7) / 0.7)
    limit = cross_entropy(logits, label, reduction="none")
    torch.testing.assert_close(gce.item_loss(logits, label, 1e-9), limit, rtol=1e-6, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30), st.floats(0.01, 0.9))
def test_fce_teaches_as_cross_entropy_does_as_far_as_the_label_was_not_drawn(
    seed: int, classes: int, excused: float
) -> None:
    logits, label = batch(seed, classes)
    logits.requires_grad_()
    loss = fce.item_loss(logits, label, excused)
    p = logits.softmax(1).gather(1, label[:, None])[:, 0]
    kept, drawn = (1 - excused) * p, excused / classes
    torch.testing.assert_close(loss, -torch.log(kept + drawn))
    (gradient,) = torch.autograd.grad(loss.sum(), logits, retain_graph=True)
    (plain,) = torch.autograd.grad(cross_entropy(logits, label, reduction="sum"), logits)
    torch.testing.assert_close(gradient, plain * (kept / (kept + drawn)).detach()[:, None])


def test_fce_gives_a_label_up_that_nothing_speaks_for() -> None:
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    loss = fce.item_loss(logits, torch.tensor([1]), 0.3)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.item() == pytest.approx(np.log(3 / 0.3))
    assert torch.isfinite(gradient).all() and gradient.abs().max() < 1e-6


def test_methods_have_the_settings_that_were_published_for_few_and_for_many_classes() -> None:
    few, many = batch(1, 20), batch(1, 21)
    for (logits, label), a, b in ((few, 0.1, 1.0), (many, 6.0, 0.1)):
        found = method("sce", 6, logits.shape[1], CPU)
        assert torch.equal(found.item_loss(logits, label), sce.item_loss(logits, label, a, b))
        assert found.rest(logits, label) is None
    for classes, beta, strength in ((20, 0.7, 3.0), (21, 0.9, 7.0)):
        elr = method("elr", 6, classes, CPU)
        assert isinstance(elr, Elr)
        assert (elr.beta, elr.strength, elr.belief.shape) == (beta, strength, (6, classes))
    assert isinstance(method("cce", 6, 3, CPU), Plain)
    logits, label = few
    assert torch.equal(method("fce", 6, 20, CPU).item_loss(logits, label), fce.item_loss(logits, label, EXCUSED))


@pytest.mark.parametrize(("name", "excused"), [("fce", EXCUSED), ("cce", 0.0), ("gce", 0.0), ("elr", 0.0)])
def test_the_judge_is_told_what_the_loss_excused(name: str, excused: float) -> None:
    run = Run(data(40, test=0), plan(method=name, epochs=2), CPU)
    finished(run)
    assert run.result().evidence().excused == excused


def test_elr_is_the_published_regulariser_step_by_step() -> None:
    classes, samples, beta, strength = 5, 9, 0.7, 3.0
    elr = Elr(samples, classes, beta, strength, CPU)
    belief = np.zeros((samples, classes))
    for step, index in enumerate(([0, 3, 7], [1, 3], [7, 0, 8])):
        logits = batch(step, classes, len(index))[0].float().requires_grad_()
        rest = elr.rest(logits, torch.tensor(index))
        rest.backward()
        expected, gradient = 0.0, np.zeros((len(index), classes))
        for at, sample in enumerate(index):
            f = logits.detach().double().numpy()[at]
            p = np.exp(f - f.max())
            p /= p.sum()
            clipped = p.clip(1e-4, 1 - 1e-4)
            belief[sample] = beta * belief[sample] + (1 - beta) * clipped / clipped.sum()
            inner = belief[sample] @ clipped
            expected += strength * np.log(1 - inner) / len(index)
            to_clipped = -strength / len(index) / (1 - inner) * belief[sample] * (clipped == p)  # t is a constant
            gradient[at] = p * (to_clipped - to_clipped @ p)
        assert rest.item() == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(logits.grad, gradient, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(elr.belief, belief, rtol=1e-5)


def test_elr_pulls_towards_what_was_believed_before() -> None:
    elr = Elr(1, 3, 0.7, 3.0, CPU)
    elr.belief[0] = torch.tensor([0.9, 0.05, 0.05])
    logits = torch.zeros(1, 3, requires_grad=True)
    elr.rest(logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1]


@pytest.mark.parametrize("weigher", ["none", "hmw"])
@pytest.mark.parametrize("name", ["fce", "sce", "gce", "elr"])
def test_a_run_with_any_method_can_be_interrupted_in_the_middle_of_an_epoch(name: str, weigher: str) -> None:
    asked = plan(method=name, weigher=weigher, epochs=2, batch=32)
    made = data(40, test=0)
    whole = Run(made, asked, CPU)
    finished(whole)
    first = Run(made, asked, CPU)
    events = iter(first)
    for _ in range(3):
        next(events)
    resumed = Run(made, asked, CPU, resume=first.checkpoint())
    finished(resumed)
    assert_same(whole.result(), resumed.result())
    for column, tensor in whole.method.state().items():
        assert torch.equal(tensor, resumed.method.state()[column])
        assert tensor.abs().sum() > 0
