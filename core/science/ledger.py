"""What every sample has earned so far: the one per-sample table of a run, O(N) whatever the number of epochs.

The annealing weights B = softmax(ε_1 … ε_t) share one denominator, so a running numerator per sample and one
scalar Σ e^{ε_j} replace the whole history: IAM = Σ_j B_j S_j = numerator / denominator at any epoch t.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.science.margins import (
    area_slice,
    hyperspherical_slice,
    margin,
    runner_up_gap,
    spherical_distances,
    spherical_margins,
)
from core.words import Annealing

REPORTED_SCALE = 100.0  # α = β of the hm_weight that is reported, whatever the weight in use
CURVES = ("margin", "rival_gap", "loss")  # what is told of every sample after every epoch
LARGEST = 65_504.0  # of a float16


def mass_of(epoch: int, epochs: int, annealing: Annealing) -> float:
    """e^{ε_j} with ε_j = 1 + cos(π j / T), for the epoch counted from 0 (j = epoch + 1); or all alike."""
    return math.exp(1 + math.cos(math.pi * (epoch + 1) / epochs)) if annealing == "published" else 1.0


class Ledger:
    """Float64 accumulators of S, S_h, M and U; each sample is observed exactly once an epoch."""

    def __init__(
        self,
        samples: int,
        epochs: int,
        *,
        alpha: float,
        beta: float,
        k: int = 1,
        annealing: Annealing = "published",
        device: torch.device | None = None,
    ) -> None:
        def column() -> Tensor:
            return torch.zeros(samples, dtype=torch.float64, device=device)

        self.samples, self.epochs, self.k = samples, epochs, k
        self.alpha, self.beta, self.annealing = alpha, beta, annealing
        self.epoch = 0  # epochs closed
        self.seen = 0  # observations in the open epoch
        self.mass = 0.0  # Σ e^{ε_j} over the closed epochs
        self.area = column()  # Σ e^{ε_j} S, α = β = 1
        self.sphere = column()  # Σ e^{ε_j} S_h, α = β = 100
        own = (alpha, beta) != (REPORTED_SCALE, REPORTED_SCALE)
        self.weight = column() if own else self.sphere  # Σ e^{ε_j} S_h at the weight's own α and β
        self.margins = column()  # Σ M
        self.gaps = column()  # Σ U
        self.last_margin, self.last_gap, self.last_loss = column(), column(), column()
        self.count = torch.zeros(samples, dtype=torch.int32, device=device)

    def observe(
        self,
        epoch: int,
        index: Tensor,  # [batch]
        label: Tensor,  # [batch]
        logits: Tensor,  # [batch, classes]
        features: Tensor,  # [batch, d]
        class_weights: Tensor,  # [classes, d]
        loss: Tensor,  # [batch]
    ) -> None:
        """Book one training batch; `index` holds no sample twice, so plain assignment is exact and ordered."""
        if epoch != self.epoch:
            raise ValueError(f"epoch {self.epoch} is open, not {epoch}")
        mass = mass_of(epoch, self.epochs, self.annealing)
        with torch.no_grad():
            logits = logits.double()
            lead, gap = margin(logits, label), runner_up_gap(logits, label, self.k)
            distance = spherical_distances(features.double(), class_weights.double())
            lead_h, gap_h = spherical_margins(distance, label, self.k)
            self.area[index] += mass * area_slice(lead, gap, 1.0, 1.0)
            self.sphere[index] += mass * hyperspherical_slice(lead_h, gap_h, REPORTED_SCALE, REPORTED_SCALE)
            if self.weight is not self.sphere:
                self.weight[index] += mass * hyperspherical_slice(lead_h, gap_h, self.alpha, self.beta)
            self.margins[index] += lead
            self.gaps[index] += gap
            self.last_margin[index], self.last_gap[index], self.last_loss[index] = lead, gap, loss.double()
            self.count[index] += 1
        self.seen += len(index)

    def close_epoch(self) -> None:
        """End the open epoch; every sample must have been seen exactly once in it."""
        if self.seen != self.samples or bool((self.count != self.epoch + 1).any()):
            raise RuntimeError(f"epoch {self.epoch} did not see every sample exactly once")
        self.mass += mass_of(self.epoch, self.epochs, self.annealing)
        self.epoch += 1
        self.seen = 0

    def current_weight(self, index: Tensor) -> Tensor:  # [batch] -> [batch], float64
        """γ = Σ B_j S_h,j of samples that the open epoch has observed already (paper eq. 13)."""
        return self.weight[index] / (self.mass + mass_of(self.epoch, self.epochs, self.annealing))

    def iam(self) -> Tensor:  # [samples]
        """Σ_j B_j (M_j − U_j) over the closed epochs."""
        return self.area / self.mass

    def hm_weight(self) -> Tensor:  # [samples]
        """γ at α = β = 100 over the closed epochs."""
        return self.sphere / self.mass

    def aum(self) -> Tensor:  # [samples]
        """Plain mean of M over the closed epochs."""
        return self.margins / self.epoch

    def tkum(self) -> Tensor:  # [samples]
        """Plain mean of U over the closed epochs."""
        return self.gaps / self.epoch

    def curves(self) -> Tensor:  # [samples, 3] float16 on the CPU, CURVES in order
        """One point of every sample's curves: the epoch that was closed last."""
        point = torch.stack([self.last_margin, self.last_gap, self.last_loss], dim=1)
        return point.clamp(-LARGEST, LARGEST).half().cpu()

    def state(self) -> dict[str, Tensor]:
        """Everything `load` needs, open epoch included."""
        return {
            "position": torch.tensor([self.epoch, self.seen], dtype=torch.int64),
            "mass": torch.tensor(self.mass, dtype=torch.float64),
            **self._columns(),
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue where `state` was taken."""
        self.epoch, self.seen = (int(number) for number in state["position"])
        self.mass = float(state["mass"])
        for name, column in self._columns().items():
            column.copy_(state[name])

    def _columns(self) -> dict[str, Tensor]:
        columns = {
            "area": self.area,
            "sphere": self.sphere,
            "margins": self.margins,
            "gaps": self.gaps,
            "last_margin": self.last_margin,
            "last_gap": self.last_gap,
            "last_loss": self.last_loss,
            "count": self.count,
        }
        return columns if self.weight is self.sphere else columns | {"weight": self.weight}
