"""The learning rate over a run, as a function of the share that is done; importable without torch."""

from __future__ import annotations

from core.spec import Plan

RISE = 0.1  # share of a one-cycle run until its peak
START = 0.1  # of the peak, where it begins
DROP = 0.1  # what a milestone multiplies the rate by


def rate(plan: Plan, epochs_done: float) -> float:
    """The learning rate of the step that is taken after `epochs_done` epochs."""
    if plan.schedule == "steps":
        return stepped(plan.learning_rate, plan.milestones, epochs_done)
    return one_cycle(plan.learning_rate, epochs_done / plan.epochs)


def one_cycle(peak: float, done: float) -> float:
    """A line up to the peak, then a line down to zero."""
    if done < RISE:
        return peak * (START + (1 - START) * done / RISE)
    return peak * (1 - done) / (1 - RISE)


def stepped(peak: float, milestones: tuple[int, ...], epochs_done: float) -> float:
    """The peak, a tenth of it from the first milestone on, a hundredth from the second on, …"""
    return float(peak * DROP ** sum(epochs_done >= milestone for milestone in milestones))
