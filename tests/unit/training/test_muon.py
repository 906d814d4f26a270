"""Steps of Muon: all directions alike, filters of one norm, the rest by SGD, and the same every time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.training.muon import MOMENTUM, PACE, Muon, orthogonal
from core.training.networks import build
from core.training.sgd import SGD


@pytest.mark.parametrize("shape", [(8, 16, 3, 3), (64, 4, 3, 3), (16, 48, 1, 1), (1, 3, 4, 4)])
def test_an_update_turns_all_directions_about_alike(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    turned = orthogonal(torch.randn(shape))
    assert turned.shape == shape
    spread = torch.linalg.svdvals(turned.reshape(shape[0], -1))
    assert spread.min() > 0.4 and spread.max() < 1.3


def test_an_update_points_where_the_gradient_points() -> None:
    torch.manual_seed(1)
    gradient = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    u, _, v = torch.linalg.svd(gradient.reshape(6, -1), full_matrices=False)
    turned = orthogonal(gradient).reshape(6, -1)
    within = u.T @ turned @ v.T  # of the gradient's own directions: nothing lies between them
    assert torch.allclose(within, within.diag().diag(), atol=1e-6)
    assert (within.diag() > 0.4).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_size_of_a_gradient_does_not_matter(scale: float) -> None:
    torch.manual_seed(2)
    gradient = torch.randn(4, 2, 3, 3)
    torch.testing.assert_close(orthogonal(scale * gradient), orthogonal(gradient), rtol=0.2, atol=1e-2)


def test_no_gradient_is_no_update() -> None:
    assert torch.equal(orthogonal(torch.zeros(4, 2, 3, 3)), torch.zeros(4, 2, 3, 3))


def test_a_step_is_momentum_made_orthogonal_from_filters_of_one_norm() -> None:
    torch.manual_seed(3)
    layer = nn.Conv2d(3, 5, 3, bias=False)
    muon = Muon(
        nn.ModuleDict({"filters": layer, "classifier": nn.Linear(5, 2)}).named_parameters(),
        momentum=0.9,
        weight_decay=0.1,
        nesterov=True,
    )
    velocity = torch.zeros_like(layer.weight)
    for _ in range(3):
        weight, gradient = layer.weight.detach().clone(), torch.randn_like(layer.weight)
        layer.weight.grad = gradient.clone()
        velocity = MOMENTUM * velocity + gradient
        muon.step(0.05)
        expected = weight * 5**0.5 / weight.norm() - PACE * 0.05 * orthogonal(gradient + MOMENTUM * velocity)
        torch.testing.assert_close(layer.weight.detach(), expected)
    torch.testing.assert_close(muon.velocity["filters.weight"], velocity)


def test_what_is_no_filter_bank_goes_on_with_sgd() -> None:
    torch.manual_seed(4)
    ours, theirs = (nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    muon = Muon(ours.named_parameters(), 0.9, 5e-4, nesterov=True)
    sgd = SGD(theirs.named_parameters(), 0.9, 5e-4, nesterov=True)
    assert list(muon.filters) == ["0.weight"]
    assert set(muon.velocity) == set(sgd.velocity)
    for network, optimizer in ((ours, muon), (theirs, sgd)):
        network(torch.ones(1, 2, 3, 3)).square().sum().backward()
        optimizer.step(0.1)
        optimizer.zero_grad()
        assert all(parameter.grad is None for parameter in network.parameters())
    for name, parameter in theirs.named_parameters():
        assert torch.equal(parameter, ours.get_parameter(name)) == (name != "0.weight")


def test_the_same_steps_give_the_same_bits_and_the_stem_stays() -> None:
    def steps() -> dict[str, torch.Tensor]:
        torch.manual_seed(5)
        network = build("fast", 3, 3)
        before = network.stem.weight.clone()
        muon = Muon(network.named_parameters(), 0.9, 5e-4, nesterov=True)
        for _ in range(3):
            muon.zero_grad()
            network(torch.randn(4, 3, 16, 16))[0].square().mean().backward()
            muon.step(0.05)
        assert torch.equal(before, network.stem.weight)
        assert "stem.weight" not in muon.velocity
        return network.state_dict()

    one, two = steps(), steps()
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
