"""What decoys show while they are taught wrong labels: a point of each epoch, and how many labels look like them."""

from __future__ import annotations

import torch
from torch import Tensor

from core.science.findings import Interval
from core.science.ledger import LARGEST
from core.science.margins import margin, runner_up_gap
from core.science.sofar import noise_so_far
from core.training.decoys import Decoys
from core.training.share import Share


class Shown:
    """Every sample is watched with the label that it is taught; of decoys that is not the given one."""

    def __init__(self, decoys: Decoys, share: Share, k: int, device: torch.device) -> None:
        self.decoys, self.share, self.k = decoys, share, k
        self.points = torch.zeros(len(share), 3, dtype=torch.float64, device=device)  # as CURVES, of the open epoch
        self.led = torch.zeros(len(share), dtype=torch.float64, device=device)  # Σ M over the epochs that teach decoys

    @torch.no_grad()
    def watch(self, epoch: int, row: Tensor, taught: Tensor, logits: Tensor, loss: Tensor) -> None:
        """Book what a batch shows of the labels that it was taught."""
        if not len(self.decoys):
            return
        logits = logits.double()
        lead, rival_gap = margin(logits, taught), runner_up_gap(logits, taught, self.k)
        self.points[row] = torch.stack([lead, rival_gap, loss.double()], dim=1)
        if self.decoys.are_taught(epoch):
            self.led[row] += lead

    def planted(self, epoch: int) -> Tensor:  # [decoys, 3] float16 on the CPU
        """The decoys' points of an epoch; NaN in one in which their wrong labels were not taught."""
        if not self.decoys.are_taught(epoch):
            return torch.full((len(self.decoys), 3), torch.nan, dtype=torch.float16)
        return self._of_decoys().clamp(-LARGEST, LARGEST).half().cpu()

    def noise(self, epoch: int, classes: int) -> Interval | None:
        """How many labels look as the planted ones do, over the epochs in which those were taught."""
        taught = min(epoch + 1, self.decoys.until) - 1
        if not len(self.decoys) or taught < 1:
            return None
        led = (self.share.whole(self.led) / taught).cpu().numpy()
        return noise_so_far(led, self.decoys.members.cpu().numpy(), classes)

    def state(self) -> dict[str, Tensor]:
        """What `load` needs."""
        if not len(self.decoys):
            return {}
        return {"points": self._of_decoys(), "led": self.share.whole(self.led)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue where `state` was taken."""
        if not len(self.decoys):
            return
        points = torch.zeros(len(state["led"]), 3, dtype=torch.float64)
        points[self.decoys.members.cpu()] = state["points"]
        self.points.copy_(self.share.own(points))
        self.led.copy_(self.share.own(state["led"]))

    def _of_decoys(self) -> Tensor:  # [decoys, 3]
        whole = self.share.whole(self.points)
        return whole[self.decoys.members.to(whole.device)]
