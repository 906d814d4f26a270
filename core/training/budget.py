"""How long an audit will take, and what fits into the time it may take; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.spec import DatasetFacts, Plan
from core.training.recipes import traits

SETTING_OUT_S = 6.0  # of an audit, before the first step and after the last
SPARED = 0.1  # of a budget, for reading images and for judging
EVALUATION = 1 / 3  # what it costs to look at a sample, against learning from it
FEWEST_EPOCHS = 4


@dataclass(frozen=True)
class Pace:
    """How long one sample takes in one epoch, measured with one network at one resolution."""

    network: str
    resolution: int
    seconds: float

    def of(self, network: str, resolution: int) -> float:
        """Seconds a sample and epoch; of another network, as many times as long as it multiplies more."""
        there, here = mmac(network, resolution), mmac(self.network, self.resolution)
        return self.seconds * there / here


def mmac(network: str, resolution: int) -> float:
    """Millions of multiplications that an image takes; a network of convolutions does more on more pixels."""
    found = traits(network)
    return found.mmac * (resolution / found.side) ** 2


def visits(plan: Plan, facts: DatasetFacts, epochs: float) -> float:
    """How many times a run of so many epochs learns from a sample; looks count as the part of that which they cost."""
    audited = sum(facts.samples.get(split, 0) for split in plan.splits)
    held_out = facts.samples.get(plan.accuracy_split, 0) if plan.accuracy_split else 0
    return epochs * (audited + EVALUATION * held_out) + EVALUATION * audited


def duration_s(plan: Plan, facts: DatasetFacts, pace: Pace) -> float:
    """Seconds from the start of an audit to its end."""
    return SETTING_OUT_S + visits(plan, facts, plan.epochs) * pace.of(plan.network, plan.resolution) / (1 - SPARED)


def most_epochs(plan: Plan, facts: DatasetFacts, pace: Pace, budget_s: float) -> int:
    """Epochs of a plan that fit into a budget, perhaps none."""
    a_visit = pace.of(plan.network, plan.resolution)
    there_are = (budget_s - SETTING_OUT_S) * (1 - SPARED) / a_visit - visits(plan, facts, 0)
    return max(0, int(there_are / (visits(plan, facts, 1) - visits(plan, facts, 0))))
