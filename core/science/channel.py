"""The noise channel: how true classes became given labels, learned from given labels and a network's beliefs alone.

A network that learned from noisy labels predicts noisy labels: where it is sure that an image is a truck, but four in
ten trucks are labelled automobile, it says 0.6 and 0.4 however long it learns. Uncertainty about the image fades as
evidence grows; noise leaves a floor. So given labels g are explained as

    P(g | x) = Σ_k P(k | x) T[k, g],    P(k | x) = softmax(s e^{c_k} log q_k(x) + b_k),

with q what the network says without its own floors (`unmixed`), s > 0 how much sharper the truth is than that, and T
the channel. Where a sharper s alone explains what is seen, T stays the identity, so a clean but difficult set is not
called noisy. All parameters are fitted together by maximum likelihood.

Off the diagonal T is one common rate, but for pairs of classes that show enough evidence of their own. It is looked for
from two sides: with every wrong class alike, and with each class often labelled as the one it is most taken for. The
second is believed only when it explains the labels better by GAIN nats; real mix-ups gain several times that, and hard
classes alone about half of it.

Then Bayes' rule gives what an audit is about: P(true class | image, given label).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from core.science.opinions import Floats, Integers, Opinions
from core.science.unmixed import floors, unmixed

FITTED_AT_MOST = 4_000_000  # sample · class cells; a larger set is represented by evenly spaced samples
USUAL_SET = 10_000  # samples; in a larger set costs and gain grow alike, as what a misfit costs does
GAIN = 100.0
PAIR_COST, PAIR_REACH = 30.0, 2.0  # nats a unit of log-rate at first, and where that levels off
MIX_UP = 0.4  # rate at which the search for pairs starts
BIAS_COST, SHARPNESS_COST = 2.0, 5.0  # half-precisions of b and c: how far classes may differ
USUAL_SCALE, SCALE_COST = 0.3, 2.0  # prior of log s, in nats
USUAL_RATE, RATE_COST = 0.05, 0.05  # prior of the common rate, weak: it matters below a hundred samples


@dataclass(frozen=True)
class Channel:
    """A fitted channel. Without a matrix all wrong classes are alike, at `rate`."""

    scale: float
    rate: float  # P(g ≠ k | k) of the common part
    sharpness: Floats  # [K] or [1]
    bias: Floats  # [K] or [1]
    matrix: Floats | None  # T [K, K]
    floors: Floats  # of the network's beliefs, as `unmixed` found them

    def beliefs(self, opinions: Opinions) -> tuple[Floats, Floats]:  # [n, m], [n]
        """P(true class | image) of the listed classes, and of each class that is not."""
        opinions = unmixed(opinions, self.floors)
        z = self.scale * np.exp(self.sharpness) * opinions.log_p + self.bias
        rest = np.full(len(z), -np.inf) if opinions.dense else self.scale * opinions.log_rest()
        others = opinions.total - z.shape[1]
        top = np.maximum(z.max(1), rest)
        mass = np.exp(z - top[:, None]).sum(1) + others * np.exp(rest - top)
        norm = top + np.log(mass)
        return np.exp(z - norm[:, None]), np.exp(rest - norm)

    def posterior(self, opinions: Opinions, given: Integers) -> Floats:  # [n, m]
        """P(true class | image, given label) of the listed classes (Bayes' rule)."""
        p, rest = self.beliefs(opinions)
        row = np.arange(len(p))
        place = opinions.place(given)
        if self.matrix is not None:
            joint = p * self.matrix.T[given]
            return np.asarray(joint / joint.sum(1, keepdims=True))
        wrong = self.rate / (opinions.total - 1)
        joint = p * wrong
        joint[row, place] = p[row, place] * (1 - self.rate)
        left = (opinions.total - p.shape[1]) * rest * wrong
        return np.asarray(joint / (joint.sum(1) + left)[:, None])


def fit(opinions: Opinions, given: Integers) -> Channel:
    """The likeliest channel."""
    rows = floors(opinions)
    most = max(1000, FITTED_AT_MOST // opinions.classes.shape[1])
    if len(given) > most:
        chosen = np.linspace(0, len(given) - 1, most).round().astype(np.int64)
        opinions, given = opinions.take(chosen), given[chosen]
    model = _Model(unmixed(opinions, rows), given)
    best, cost = model.minimum(model.start())
    if model.pairs and model.classes > 2:
        other, its_cost = model.minimum(model.mixed_up())
        if its_cost < cost - GAIN * model.size:
            best = other
    return model.channel(best, rows)


class _Model:
    """The likelihood, as a function of one flat vector of parameters."""

    def __init__(self, opinions: Opinions, given: Integers) -> None:
        self.classes = opinions.total
        self.pairs = opinions.dense
        self.z = torch.from_numpy(np.ascontiguousarray(opinions.log_p))
        self.rest = None if opinions.dense else torch.from_numpy(opinions.log_rest())
        self.place = torch.from_numpy(opinions.place(given))
        self.given = torch.from_numpy(given)
        self.eye = torch.eye(self.classes, dtype=torch.bool)
        self.size = max(1.0, len(given) / USUAL_SET)

    def minimum(self, start: Floats) -> tuple[Floats, float]:
        """The parameters of the least cost near a start, and that cost."""
        from scipy.optimize import minimize  # half a second to import, and not needed before the end of a run

        def objective(x: Floats) -> tuple[float, Floats]:
            theta = torch.from_numpy(x).requires_grad_()
            cost = self.cost(theta)
            (slope,) = torch.autograd.grad(cost, theta)
            return float(cost.detach()), slope.numpy()

        found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300, "maxfun": 400})
        return found.x, float(found.fun)

    def start(self) -> Floats:
        extra = 2 * self.classes + self.classes**2 if self.pairs else 0
        x = np.zeros(2 + extra)
        x[0], x[1] = USUAL_SCALE, np.log(0.1)
        return x

    def mixed_up(self) -> Floats:
        """A start at which each class is often labelled as the class it is most often taken for."""
        k = self.classes
        taken = torch.zeros(k, k, dtype=torch.float64).index_add_(0, self.given, self.z.exp())  # [given, believed]
        share = (taken / taken.sum(1, keepdim=True).clamp_min(1e-12)).T.masked_fill(self.eye, 0.0)
        x = self.start()
        x[0], x[1] = 0.5, np.log(0.02)
        deviation = np.zeros((k, k))
        deviation[np.arange(k), share.argmax(1).numpy()] = np.log(MIX_UP * (k - 1) / 0.02)
        x[2 + 2 * k :] = deviation.ravel()
        return x

    def cost(self, theta: Tensor) -> Tensor:
        scale, rate = theta[0], theta[1]
        cost = SCALE_COST * (scale - USUAL_SCALE) ** 2 + RATE_COST * (rate - np.log(USUAL_RATE)) ** 2
        if self.pairs:
            sharpness, bias, deviation = self._parts(theta)
            log_p = torch.log_softmax(scale.exp() * sharpness.exp() * self.z + bias, 1)
            seen = torch.logsumexp(log_p + self._log_matrix(rate, deviation).T[self.given], 1)
            size = torch.sqrt(deviation[~self.eye] ** 2 + 0.01) - 0.1  # a smooth |d|
            cost = cost + self.size * PAIR_COST * (size / (1 + size / PAIR_REACH)).sum()
            cost = cost + BIAS_COST * (bias**2).sum() + SHARPNESS_COST * (sharpness**2).sum()
        else:
            assert self.rest is not None
            others = self.classes - self.z.shape[1]
            z = scale.exp() * torch.cat([self.z, self.rest[:, None] + np.log(others) / scale.exp()], 1)
            p = torch.softmax(z, 1).gather(1, self.place[:, None])[:, 0]
            share = self._share(rate)
            seen = torch.log(p * (1 - share) + (1 - p) * share / (self.classes - 1))
        total: Tensor = cost - seen.sum()
        return total

    def channel(self, found: Floats, rows: Floats) -> Channel:
        theta = torch.from_numpy(found)
        scale, share = float(theta[0].exp()), float(self._share(theta[1]))
        if not self.pairs:
            return Channel(scale, share, np.zeros(1), np.zeros(1), None, rows)
        sharpness, bias, deviation = self._parts(theta)
        matrix = self._log_matrix(theta[1], deviation).exp()
        return Channel(scale, share, sharpness.numpy(), bias.numpy(), matrix.numpy(), rows)

    def _parts(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k = self.classes
        return theta[2 : 2 + k], theta[2 + k : 2 + 2 * k], theta[2 + 2 * k :].reshape(k, k)

    def _log_matrix(self, rate: Tensor, deviation: Tensor) -> Tensor:
        """Rows that sum to 1: the diagonal is the reference, off it e^{rate + d} / (K − 1), at most the diagonal.

        No class is mostly labelled as another, or the classes would have exchanged their names.
        """
        off = -softplus(-(rate - np.log(self.classes - 1) + deviation))
        rows: Tensor = torch.log_softmax(torch.where(self.eye, torch.zeros_like(off), off), 1)
        return rows

    @staticmethod
    def _share(rate: Tensor) -> Tensor:
        """The common rate as a probability: e^r / (1 + e^r), as the matrix's rows have it."""
        return torch.sigmoid(rate)
