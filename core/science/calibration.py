"""How sure a network may be: learned from the labels it has not been shown.

The given labels of decoys are unseen in a run, and are as noisy as all others. So they tell two numbers: the
temperature at which the network's probabilities are right for new samples, and the lift, by how much the logit of a
label rises only because it was shown. Where training excuses a share of the labels, a label that is all but certain
rises less: the lift counts (1 − p)^ROOM. And there the lift is read from labels as far as they are likely to be right:
how many of the unseen ones happen to be wrong is luck, and a few hundred do not even it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.science.opinions import Floats, Integers, Opinions, flattened

FEWEST = 20  # unseen labels below which neither number is learned from them
LOG_TEMPERATURES = (-1.0, 1.5)
LARGEST_LIFT = 12.0
ROOM = 0.125  # with 0 noise was mostly overestimated, with ¼ underestimated
HALVINGS = 40
ROUNDS = 4  # of reading the lift and what it leaves of each label's chance to be right
TINY = 1e-300
BY_HEART = (
    3.0  # lift from which a run has learned by heart; short runs stay below 1.1, 2,000 photos in 20 epochs reach 9
)


@dataclass(frozen=True)
class Shown:
    """What being shown did to the labels of a run."""

    temperature: float
    lift: float


def as_if_unseen(opinions: Opinions, given: Integers, unseen: Integers, aum: Floats, excused: float = 0.0) -> Opinions:
    """Beliefs about all samples as if none of their labels had been shown; `unseen` are those that were not.

    A share of the labels is taken to be drawn from all classes alike, as training took it. What a run ends with that
    has learned by heart says little, so there no label leads by more than it did in the mean of the run; nor where too
    few labels were unseen to know.
    """
    if len(unseen) < FEWEST:
        return as_while_learning(opinions, given, aum)
    found = shown(opinions, given, unseen, excused)
    if found.lift > BY_HEART:
        opinions = as_while_learning(opinions, given, aum)
        found = shown(opinions, given, unseen, excused)
    old = np.setdiff1d(np.arange(len(given)), unseen)
    log_p = np.empty_like(opinions.log_p)
    log_p[unseen] = flattened(opinions.take(unseen), given[unseen], 0.0, found.temperature).log_p
    log_p[old] = _lowered(opinions.take(old), given[old], found.lift, found.temperature, excused).log_p
    return Opinions(opinions.classes, log_p, opinions.total)


def shown(opinions: Opinions, given: Integers, unseen: Integers, excused: float) -> Shown:
    """The temperature of labels that were not shown, and the lift of those that were."""
    known = np.setdiff1d(np.arange(len(given)), unseen)
    new, old = opinions.take(unseen), opinions.take(known)
    temperature = _temperature(new, given[unseen], excused)
    calm = flattened(new, given[unseen], 0.0, temperature)
    kept = _kept(calm, given[unseen], excused)
    wanted = float(_own(calm, given[unseen], 0.0) @ kept / kept.sum())
    lift = 0.0
    for _ in range(ROUNDS):
        kept = _kept(_lowered(old, given[known], lift, temperature, excused), given[known], excused)
        lift = _lift(old, given[known], temperature, kept / kept.sum(), wanted, excused)
    return Shown(temperature, lift)


def as_while_learning(opinions: Opinions, given: Integers, aum: Floats) -> Opinions:
    """Beliefs of a run that learned by heart, or may have.

    How far a label leads its strongest rival then says less than how far it led in the mean of the run, so it leads by
    no more than that.
    """
    if not aum.std() > 0:
        return opinions
    row, place = np.arange(len(given)), opinions.place(given)
    own = opinions.log_p[row, place]
    others = opinions.log_p.copy()
    others[row, place] = -np.inf
    too_far = np.maximum(own - others.max(1) - aum, 0.0)
    return flattened(opinions, given, too_far, 1.0)


def _temperature(new: Opinions, given: Integers, excused: float) -> float:
    """The likeliest temperature of labels that were not shown."""
    from scipy.optimize import minimize_scalar  # half a second to import, and not needed before the end of a run

    def cost(log_temperature: float) -> float:
        return -float(_own(flattened(new, given, 0.0, float(np.exp(log_temperature))), given, excused).mean())

    return float(np.exp(minimize_scalar(cost, bounds=LOG_TEMPERATURES, method="bounded").x))


def _lift(old: Opinions, given: Integers, temperature: float, counts: Floats, wanted: float, excused: float) -> float:
    """The lift without which the mean log-probability of shown labels, each counting so much, is the wanted one."""
    low, high = 0.0, LARGEST_LIFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = float(_own(_lowered(old, given, middle, temperature, excused), given, 0.0) @ counts)
        low, high = (middle, high) if mean > wanted else (low, middle)
    return low


def _kept(opinions: Opinions, given: Integers, excused: float) -> Floats:  # [samples]
    """The chance of each label that it was not drawn from all classes alike."""
    p = (1 - excused) * np.exp(_own(opinions, given, 0.0))
    return np.maximum(p, TINY) / np.maximum(p + excused / opinions.total, TINY)


def _lowered(old: Opinions, given: Integers, lift: float, temperature: float, excused: float) -> Opinions:
    """Beliefs without the lift."""
    if not excused:
        return flattened(old, given, lift, temperature)
    calm = flattened(old, given, 0.0, temperature)
    room = np.maximum(-np.expm1(_own(calm, given, 0.0)), 0.0) ** ROOM
    return flattened(old, given, lift * room, temperature)


def _own(opinions: Opinions, given: Integers, excused: float) -> Floats:  # [samples]
    """Log-probability of the given label, when so many are drawn."""
    log_p = opinions.log_p[np.arange(len(given)), opinions.place(given)]
    return np.asarray(np.log((1 - excused) * np.exp(log_p) + excused / opinions.total) if excused else log_p)
