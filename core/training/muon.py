"""Muon: momentum whose every step turns all directions of a filter bank alike.

A convolution's gradient is dominated by a few directions, so plain descent learns the others late. Muon replaces the
momentum by the nearest matrix with equal singular values, found by a few Newton–Schulz steps, which on small images
reaches the accuracy of SGD in about half the passes. Filters are kept at a fixed norm, because only their direction
matters before a batch normalisation; everything that is not a filter bank goes on with SGD.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from core.training.sgd import SGD

MOMENTUM = 0.6
PACE = 1.0  # the filters' step, in units of the learning rate of the other parameters
ROUNDS = 3  # of Newton–Schulz: enough that all singular values lie near 1
QUINTIC = (3.4445, -4.7750, 2.0315)  # a·x + b·x³ + c·x⁵ drives every singular value in (0, 1] towards 1


class Muon:
    """Orthogonalised momentum for trainable filter banks [out, in, h, w], Nesterov SGD for the rest."""

    def __init__(
        self, parameters: Iterable[tuple[str, nn.Parameter]], momentum: float, weight_decay: float, nesterov: bool
    ) -> None:
        named = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
        self.filters = {name: parameter for name, parameter in named if parameter.ndim == 4}
        self.rest = SGD(((n, p) for n, p in named if n not in self.filters), momentum, weight_decay, nesterov=nesterov)
        self.own = {name: torch.zeros_like(parameter) for name, parameter in self.filters.items()}

    @property
    def velocity(self) -> dict[str, Tensor]:
        """The momenta of all parameters by name: what a checkpoint keeps."""
        return {**self.own, **self.rest.velocity}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.rest.zero_grad()
        for parameter in self.filters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step at learning rate η."""
        self.rest.step(rate)
        for name, parameter in self.filters.items():
            if parameter.grad is None:
                continue
            velocity = self.own[name].mul_(MOMENTUM).add_(parameter.grad)
            parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
            parameter.add_(orthogonal(parameter.grad + MOMENTUM * velocity), alpha=-PACE * rate)


def orthogonal(gradient: Tensor) -> Tensor:  # [out, in, h, w] -> the same shape
    """About U Vᵀ of the gradient's singular value decomposition U Σ Vᵀ, read as a matrix [out, in·h·w]."""
    a, b, c = QUINTIC
    x = gradient.reshape(len(gradient), -1)
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    turned: Tensor = x.T if tall else x
    return turned.reshape(gradient.shape)
