"""Which samples of a set are whose: dealt out once, by lot, so that no order in the set is anybody's.

A process trains on its own samples only and keeps what they earn; merged, that is what one process would have kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.company import Company

LOT = 0x5A4E


class Share:
    """One process's samples. Alone, all of them, under their own numbers."""

    def __init__(self, company: Company, samples: int, device: torch.device) -> None:
        self.company, self.samples = company, samples
        self.counts = [len(range(rank, samples, company.size)) for rank in range(company.size)]
        if not company.alone:
            self._owner = torch.randperm(samples, generator=torch.Generator().manual_seed(LOT)) % company.size
            self.members = (self._owner == company.rank).nonzero()[:, 0]
            self._row = torch.zeros(samples, dtype=torch.int64, device=device)
            self._row[self.members.to(device)] = torch.arange(len(self), device=device)

    def __len__(self) -> int:
        return self.counts[self.company.rank]

    def of(self, order: Tensor) -> Tensor:  # [samples] -> [ours], on the CPU
        """Those of an order that are ours."""
        return order if self.company.alone else order[self._owner[order] == self.company.rank]

    def local(self, index: Tensor) -> Tensor:  # [batch] -> [batch]
        """The rows of our samples in what we keep of them."""
        return index if self.company.alone else self._row[index]

    def own(self, table: Tensor) -> Tensor:  # [samples, ...] -> [ours, ...]
        """Our rows of a merged table."""
        return table if self.company.alone else table[self.members]

    def whole(self, table: Tensor) -> Tensor:  # [ours, ...] -> [samples, ...]
        """A table with everybody's rows; several together make one on the CPU."""
        if self.company.alone:
            return table
        merged = torch.zeros(self.samples, *table.shape[1:], dtype=table.dtype)
        merged[self.members] = table.detach().cpu()
        return self.company.union(merged)

    def sizes(self, step: int, steps: int) -> list[int]:
        """How many samples each process has in a step of an epoch."""
        return [count * (step + 1) // steps - count * step // steps for count in self.counts]

    def split(self, chosen: Tensor) -> list[int]:  # [samples] bool, on the CPU
        """How many of the chosen samples each process has."""
        if self.company.alone:
            return [int(chosen.sum())]
        counts: list[int] = torch.bincount(self._owner[chosen], minlength=self.company.size).tolist()
        return counts

    def whole_ledger(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state of a ledger of all samples."""
        if self.company.alone:
            return state
        epoch, seen = state["position"]
        position = torch.stack([epoch, self.company.total(seen)])
        columns = {name: self.whole(column) for name, column in state.items() if column.ndim and name != "position"}
        return {"position": position, "mass": state["mass"], **columns}

    def own_ledger(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """What of a whole ledger's state is ours."""
        if self.company.alone:
            return state
        columns = {name: self.own(column) for name, column in state.items() if column.ndim and name != "position"}
        epoch = state["position"][0]
        position = torch.stack([epoch, (columns["count"] > epoch).sum()])
        return {"position": position, "mass": state["mass"], **columns}
