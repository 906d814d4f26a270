"""How long an audit will take, and what fits into the time it may take; importable without torch."""

from __future__ import annotations

from core.spec import DatasetFacts, Pace, Plan
from core.training.catalogue import check, cost

SETTING_OUT_S = 6.0  # of an audit, before the first step and after the last
SPARED = 0.12  # of a budget, for reading images and for judging
EVALUATION = 1 / 3  # what it costs to look at a sample, against learning from it
FROM_FEATURES = 0.01  # what it costs to learn from what a frozen network saw in an image, against seeing it
FEWEST_EPOCHS = 4


def seconds(pace: Pace, network: str, resolution: int, processes: int = 1) -> float:
    """Seconds a sample and epoch; of a network that was not measured, as many times as long as it multiplies more.

    Fewer processes than were measured take as many times as long, and more of them are not taken to be any faster: how
    much faster they are depends on the devices, and a budget that is promised is better kept.
    """
    fewer = max(1.0, pace.processes / processes)
    return pace.seconds * fewer * cost(network, resolution) / cost(pace.network, pace.resolution)


def visits(plan: Plan, facts: DatasetFacts, epochs: float) -> float:
    """How many times a run of so many epochs learns from a sample; looks count as the part of that which they cost.

    A frozen network looks at every sample once, and that is nearly all it does.
    """
    audited = sum(facts.samples.get(split, 0) for split in plan.splits)
    held_out = facts.samples.get(plan.accuracy_split, 0) if plan.accuracy_split else 0
    if check(plan.network).frozen:
        return (1 + FROM_FEATURES * epochs) * (audited + held_out)
    return epochs * (audited + EVALUATION * held_out) + EVALUATION * audited


def duration_s(plan: Plan, facts: DatasetFacts, pace: Pace) -> float:
    """Seconds from the start of an audit to its end."""
    training_s = visits(plan, facts, plan.epochs) * seconds(pace, plan.network, plan.resolution, plan.processes)
    return SETTING_OUT_S + training_s / (1 - SPARED)


def most_epochs(plan: Plan, facts: DatasetFacts, pace: Pace, budget_s: float) -> int:
    """Epochs of a plan that fit into a budget, perhaps none."""
    a_visit = seconds(pace, plan.network, plan.resolution, plan.processes)
    there_are = (budget_s - SETTING_OUT_S) * (1 - SPARED) / a_visit - visits(plan, facts, 0)
    return max(0, int(there_are / (visits(plan, facts, 1) - visits(plan, facts, 0))))
