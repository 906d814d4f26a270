"""How often the surest beliefs meet the given label, and where that levels off.

The surer a network is, the more often the given label is what it believes. Where labels are right, that goes on up to
always, however unclear the other images are; where some are wrong for no reason that shows in the image, it levels off
below: the share that is missing is their rate. So agreement is explained by

    P(g = top | x) = (1 − r) s(x) + r / (K − 1) (1 − s(x)),    s(x) = σ(a · logit of the top belief + b),

and every rate r is as likely as the best a and b make it.
"""

from __future__ import annotations

import numpy as np

from core.science.opinions import Booleans, Floats, Integers, Opinions

ASKED = 0.6  # share of the samples, the surest ones: the others say more of a and b than of r
FEWEST, AT_MOST = 50, 60_000
RATES = np.array([0.0, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, *np.arange(0.1, 0.95, 0.05)])
STARTS = ((1.0, 2.0), (3.0, 5.0))  # of a and b
BELIEVED, USUAL = 3.0, 6_000  # nats by which a rate may be less likely than the best one, among so many samples; among
# more, what the curve misses counts more as well


class Plateau:
    """The likelihood of rates on a grid, from the agreement of the surest samples."""

    def __init__(self, opinions: Opinions, given: Integers) -> None:
        top = opinions.log_p.max(1)
        order = np.argsort(-top, kind="stable")[: max(FEWEST, int(ASKED * len(top)))]
        if len(order) > AT_MOST:
            order = order[np.linspace(0, len(order) - 1, AT_MOST).astype(np.int64)]
        agrees = agreement(opinions, given)[order]
        rest = np.log(np.maximum(-np.expm1(top[order]), 1e-9))
        sureness = top[order] - rest
        self.believed = BELIEVED * max(1.0, len(order) / USUAL)
        self.cost = np.array([_cost(rate, sureness - sureness.max(), agrees, opinions.total) for rate in RATES])

    def believable(self, rate: float) -> float:
        """A rate, unless the agreement speaks against it: then the nearest one that it allows."""
        best = float(self.cost.min())
        if np.interp(rate, RATES, self.cost) <= best + self.believed:
            return rate
        allowed = RATES[self.cost <= best + self.believed]
        return float(allowed[np.abs(allowed - rate).argmin()])


def agreement(opinions: Opinions, given: Integers) -> Booleans:  # [samples]
    """Whether the likeliest class is the given one."""
    return np.asarray(opinions.classes[np.arange(len(given)), opinions.log_p.argmax(1)] == given)


def _cost(rate: float, sureness: Floats, agrees: Booleans, classes: int) -> float:
    """The least cost of a rate, in nats."""
    from scipy.optimize import minimize  # half a second to import, and not needed before the end of a run

    def cost(x: Floats) -> tuple[float, Floats]:
        slope = np.exp(min(x[0], 20.0))
        s = 1 / (1 + np.exp(-np.clip(slope * sureness + x[1], -500, 500)))
        reach = 1 - rate - rate / (classes - 1)
        p = np.clip(rate / (classes - 1) + reach * s, 1e-12, 1 - 1e-12)
        down = np.where(agrees, -1 / p, 1 / (1 - p)) * reach * s * (1 - s)
        value = -np.where(agrees, np.log(p), np.log1p(-p)).sum()
        return float(value), np.array([(down * sureness).sum() * slope, down.sum()])

    starts = [np.array([np.log(a), b]) for a, b in STARTS]
    return min(float(minimize(cost, x, jac=True, method="L-BFGS-B").fun) for x in starts)
