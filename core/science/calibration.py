"""How sure a network may be: learned from the labels it has not been shown.

The given labels of decoys are unseen in a run, and are as noisy as all others. So they tell two numbers: the
temperature at which the network's probabilities are right for new samples, and the lift, by how much the logit of a
label rises only because it was shown. Where training excuses a share of the labels, a label that is all but certain
rises less: the lift counts (1 − p)^ROOM.
"""

from __future__ import annotations

import numpy as np

from core.science.opinions import Floats, Integers, Opinions, flattened

FEWEST = 20  # unseen labels below which nothing is learned from them
LOG_TEMPERATURES = (-1.0, 1.5)
LARGEST_LIFT = 12.0
ROOM = 0.125  # with 0 noise was mostly overestimated, with ¼ underestimated
HALVINGS = 40


def as_if_unseen(opinions: Opinions, given: Integers, unseen: Integers, excused: float = 0.0) -> Opinions:
    """Beliefs about all samples as if none of their labels had been shown; `unseen` are those that were not.

    A share of the labels is taken to be drawn from all classes alike, as training took it.
    """
    if len(unseen) < FEWEST:
        return opinions
    shown = np.ones(len(given), dtype=np.bool_)
    shown[unseen] = False
    new, old = opinions.take(unseen), opinions.take(np.flatnonzero(shown))
    temperature = _temperature(new, given[unseen], excused)
    calm = flattened(new, given[unseen], 0.0, temperature)
    lift = _lift(old, given[shown], temperature, float(_own(calm, given[unseen], excused).mean()), excused)
    log_p = np.empty_like(opinions.log_p)
    log_p[unseen] = calm.log_p
    log_p[shown] = _lowered(old, given[shown], lift, temperature, excused).log_p
    return Opinions(opinions.classes, log_p, opinions.total)


def as_while_learning(opinions: Opinions, given: Integers, aum: Floats) -> Opinions:
    """Beliefs of a run without unseen labels, which may have learned all it was shown by heart.

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


def _lift(old: Opinions, given: Integers, temperature: float, wanted: float, excused: float) -> float:
    """The lift without which shown labels are as likely, in the mean of logarithms, as labels that were not shown."""
    low, high = 0.0, LARGEST_LIFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = float(_own(_lowered(old, given, middle, temperature, excused), given, excused).mean())
        low, high = (middle, high) if mean > wanted else (low, middle)
    return low


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
