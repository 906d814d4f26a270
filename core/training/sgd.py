"""Stochastic gradient descent with momentum, a few lines that read as the formula.

torch's own optimisers import its compiler when they are made, which costs several seconds in every job; an audit of a
small dataset takes no longer than that.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class SGD:
    """g ← ∇ + λp;  v ← μv + g;  p ← p − η(g + μv) (Nesterov) or p − ηv (plain), for all parameters at once."""

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        momentum: float,
        weight_decay: float,
        *,
        nesterov: bool = True,
    ) -> None:
        named = {name: parameter for name, parameter in parameters if parameter.requires_grad}
        self.parameters: list[torch.Tensor] = list(named.values())
        self.velocity = {name: torch.zeros_like(parameter) for name, parameter in named.items()}
        self.momentum, self.weight_decay, self.nesterov = momentum, weight_decay, nesterov

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step at learning rate η; a parameter without a gradient decays as if its gradient were zero."""
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        velocity = list(self.velocity.values())
        descent = torch._foreach_add(gradients, self.parameters, alpha=self.weight_decay)
        torch._foreach_mul_(velocity, self.momentum)
        torch._foreach_add_(velocity, descent)
        if self.nesterov:
            torch._foreach_add_(descent, velocity, alpha=self.momentum)
        torch._foreach_add_(self.parameters, descent if self.nesterov else velocity, alpha=-rate)
