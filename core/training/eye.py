"""The network at rest looks at images: in fixed batches, for a sample's last bits depend on the size of its batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import zip_longest

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from core.science.opinions import KEPT, Opinions
from core.spec import Plan
from core.training.company import Company
from core.training.events import Look
from core.training.host import autocast
from core.training.loader import Loader
from core.training.networks import Network

BATCH = 512  # images of 64 pixels


class Eye:
    """Those in company take turns at the batches, and tell each other what they saw."""

    def __init__(self, network: Network, plan: Plan, device: torch.device, company: Company) -> None:
        self.network, self.precision, self.device, self.company = network, plan.precision, device, company
        self.batch = batch_of(plan)

    def accuracy(self, loader: Loader, mirrored: bool) -> Generator[Look, None, float]:
        """Share of right answers on a split."""
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for look, batch in self._looks(loader, mirrored):
            if batch is not None:
                _, y, p, _ = batch
                correct += (p.argmax(1) == y).sum()
            yield look
        return int(self.company.total(correct)) / len(loader.labels)

    def opinions(
        self, loader: Loader, mirrored: bool, total: int, features: NDArray[np.float16]
    ) -> Generator[Look, None, Opinions]:
        """What it says of every sample with `total` classes; the first in company fills in the features."""
        kept, samples = min(total, KEPT), len(loader.labels)
        which = torch.zeros(samples, kept, dtype=torch.int64)
        log_p = torch.zeros(samples, kept)
        told = 0
        for look, batch in self._looks(loader, mirrored):
            block = slice(told, told := samples * look.step // look.steps)  # of this round of turns
            seen = torch.zeros(block.stop - block.start, features.shape[1], dtype=torch.float16)
            if batch is not None:
                index, y, p, read = batch
                seen[index.cpu() - block.start] = normalize(read.nan_to_num(), dim=1).half().cpu()
                if total <= KEPT:
                    classes = torch.arange(total).expand(len(y), -1)
                else:
                    rivals = p.scatter(1, y[:, None], -1.0).topk(KEPT - 1, dim=1).indices
                    classes = torch.cat([y[:, None], rivals], 1)
                rows = index.cpu()
                which[rows] = classes.cpu()
                log_p[rows] = p.gather(1, classes.to(p.device)).clamp_min(1e-12).log().float().cpu()
            seen = self.company.union(seen)
            if not self.company.rank:
                features[block] = seen.numpy()
            yield look
        which, log_p = self.company.union(which), self.company.union(log_p)
        return Opinions(which.numpy(), log_p.double().numpy(), total)

    @torch.no_grad()
    def see(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [n, channels, h, w] -> [n, classes], [n, d]
        """Probabilities, and the features that they are read from."""
        self.network.eval()
        parts = []
        for part in torch.split(x, self.batch):
            with autocast(self.device, self.precision):
                logits, features = self.network(part)
            parts.append((logits.double().softmax(1), features.float()))
        p, features = zip(*parts, strict=True)
        return torch.cat(p), torch.cat(features)

    def see_all(self, loader: Loader, mirrored: bool) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Index, label, probabilities [b, classes] and features [b, d] of the batches that are our turn.

        Where mirroring is harmless, the mirrored image is asked too.
        """
        for index, x, y in loader.in_order(self.batch, self.company):
            p, features = self.see(x)
            if mirrored:
                other_p, other_features = self.see(x.flip(3))
                p, features = (p + other_p) / 2, features + other_features
            yield index, y, p, features

    def _looks(
        self, loader: Loader, mirrored: bool
    ) -> Iterator[tuple[Look, tuple[Tensor, Tensor, Tensor, Tensor] | None]]:
        """What is told after each round of turns, and our batch of it, if it has one for us."""
        steps, size = loader.steps(self.batch), self.company.size
        for turn, batch in zip_longest(range(0, steps, size), self.see_all(loader, mirrored)):
            yield Look(min(turn + size, steps), steps), batch


def batch_of(plan: Plan) -> int:
    """Images of a look: fewer when they are large, and when a whole batch did not fit."""
    usual = max(16, BATCH * 64**2 // max(64, plan.resolution) ** 2)
    return min(usual, plan.micro_batch or usual)
