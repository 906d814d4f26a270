"""What a training run hands to the judge."""

from __future__ import annotations

from dataclasses import dataclass

from core.science.opinions import Floats, Integers, Opinions


@dataclass(frozen=True)
class Evidence:
    """What a run knows of every audited sample."""

    opinions: Opinions  # of the final network
    aum: Floats  # [samples] mean margin of the given label over the epochs
    loss: Floats  # [samples] of the last epoch
    decoys: Integers  # samples whose given labels were not shown
    taught: Integers  # the wrong classes that were shown instead
    excused: float = 0.0  # share of the labels that training took to be drawn from all classes alike
