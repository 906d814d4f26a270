"""The noise channel: how true classes became given labels, learned from given labels and a network's beliefs alone.

A network that learned from noisy labels predicts noisy labels: where it is sure that an image is a truck, but four in
ten trucks are labelled automobile, it says 0.6 and 0.4 however long it learns. Uncertainty about the image fades as
evidence grows; noise leaves a floor. So given labels g are explained as

    P(g | x) = Σ_k P(k | x) T[k, g],    P(k | x) = softmax(s e^{c_k} log q_k(x) + b_k),

with q what the network says without its floors (`unmixed`), s > 0 how much sharper the truth is than that, and T the
channel. Likelihood alone tells s and T apart only by the fine shape of q, which a network that learned for a short time
does not have. The surest samples do: all of those are recognised, so their disagreement with the given labels is the
noise that meets all classes alike. That common rate is read from them, as far as the plateau of the agreement allows it
(`plateau`): a clean but difficult set has none, and is not called noisy. The floors say how high it is at least.
Everything else is fitted by likelihood.

Off the diagonal T is the common rate, but for pairs of classes that show enough evidence of their own. It is looked for
from two sides: with every wrong class alike, and with each class often labelled as the one it is most taken for. The
second is believed only when it explains the labels better by GAIN nats; real mix-ups gain several times that, and hard
classes alone about half of it. Where none is found, floors are looked for that are less beyond doubt, for a network
that has seen very many mix-ups believes in them so well that likelihood alone prefers to believe it.

Then Bayes' rule gives what an audit is about: P(true class | image, given label).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from core.science.opinions import Booleans, Floats, Integers, Opinions
from core.science.plateau import Plateau, agreement
from core.science.unmixed import PAIR_FLOORS, beside, floors, unmixed

FITTED_AT_MOST = 4_000_000  # sample · class cells; a larger set is represented by evenly spaced samples
USUAL_SET = 10_000  # samples; in a larger set costs and gain grow alike, as what a misfit costs does
GAIN = 100.0
PAIR_COST, PAIR_REACH = 40.0, 2.0  # nats a unit of log-rate at first, and where that levels off
MIX_UP = 0.4  # rate at which the search for pairs starts
PAIR_RATE = 0.1  # of a pair, above the common rate, that is sought with lower floors when none is found
BIAS_COST, SHARPNESS_COST = 20.0, 300.0  # half-precisions of b and c: how far classes may differ
USUAL_SCALE, SCALE_COST = 0.3, 2.0  # prior of log s, in nats
SUREST, FEWEST_SURE, SURE = 0.05, 30, 0.95  # share of the samples that count as sure at least; belief that makes sure
USUAL_RATE, USUAL_COUNT = 0.05, 1.0  # the common rate that is expected, in samples: it matters below a hundred
LOWEST, HIGHEST = 1e-4, 0.95
HALVINGS = 30
ROUNDS = 2  # of fitting all but the common rate, and reading that rate


@dataclass(frozen=True)
class Channel:
    """A fitted channel. Without a matrix all wrong classes are alike, at `rate`."""

    scale: float
    rate: float  # P(g ≠ k | k) of the common part
    sharpness: Floats  # [K] or [1]
    bias: Floats  # [K] or [1]
    matrix: Floats | None  # T [K, K]
    pair_floors: Floats | None  # [K, K] of the network's beliefs
    sure: int  # samples that the common rate was read from
    excused: float  # share of the labels that training took to be drawn from all classes alike

    @property
    def has_pairs(self) -> bool:
        """Whether some class is often labelled as one other."""
        if self.matrix is None:
            return False
        off = self.matrix[~np.eye(len(self.matrix), dtype=np.bool_)]
        return bool((off >= self.rate / (len(self.matrix) - 1) + PAIR_RATE).any())

    def beliefs(self, opinions: Opinions) -> tuple[Floats, Floats]:  # [n, m], [n]
        """P(true class | image) of the listed classes, and of each class that is not."""
        opinions = unmixed(opinions, beside(self.rate, self.excused, opinions.total), self.pair_floors)
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

    def implied(self, opinions: Opinions) -> float:
        """The share of wrong labels that the channel makes of such images, whatever labels they were given."""
        p, _ = self.beliefs(opinions)
        return float(self.rate if self.matrix is None else (p @ (1 - np.diag(self.matrix))).mean())


def fit(opinions: Opinions, given: Integers, excused: float = 0.0) -> Channel:
    """The likeliest channel."""
    most = max(1000, FITTED_AT_MOST // opinions.classes.shape[1])
    if len(given) > most:
        chosen = np.linspace(0, len(given) - 1, most).round().astype(np.int64)
        opinions, given = opinions.take(chosen), given[chosen]
    asked = _Asked(opinions, given, excused, Plateau(opinions, given), agreement(opinions, given))
    (least, pairs), (_, more) = (floors(opinions, stands) for stands in PAIR_FLOORS)
    found = asked.fitted(least, pairs)
    if found.has_pairs or pairs is None or more is None or np.array_equal(more, pairs):
        return found
    return asked.fitted(least, more)


@dataclass(frozen=True)
class _Asked:
    """What a channel is fitted to."""

    opinions: Opinions
    given: Integers
    excused: float
    plateau: Plateau
    agrees: Booleans

    def fitted(self, least: float, pairs: Floats | None) -> Channel:
        """The likeliest channel of a common rate of at least that, when the network keeps those floors of pairs."""
        model = _Model(self.opinions, self.given, pairs, self.excused)
        surest = np.argsort(-self.opinions.log_p.max(1), kind="stable")
        surest = surest[: max(FEWEST_SURE, int(SUREST * len(surest)))]
        sure, right = surest, np.ones(len(surest))
        theta: Floats | None = None
        for _ in range(ROUNDS):
            model.assume(max(least, self.plateau.believable(model.rate_of(theta, sure, right, self.agrees))))
            theta = model.best(theta)
            p, _ = model.channel(theta, len(sure)).beliefs(self.opinions)
            right = p.max(1)
            sure = np.union1d(surest, np.flatnonzero(right >= SURE))
            right = right[sure]
        assert theta is not None
        return model.channel(theta, len(sure))


class _Model:
    """The likelihood, as a function of one flat vector of parameters."""

    def __init__(self, opinions: Opinions, given: Integers, floors: Floats | None, excused: float) -> None:
        self.opinions, self.floors, self.excused = opinions, floors, excused
        self.classes = opinions.total
        self.pairs = opinions.dense
        self.place = torch.from_numpy(opinions.place(given))
        self.given = torch.from_numpy(given)
        self.eye = torch.eye(self.classes, dtype=torch.bool)
        self.size = max(1.0, len(given) / USUAL_SET)
        self.top = opinions.classes[np.arange(len(given)), opinions.log_p.argmax(1)]
        self.assume(USUAL_RATE)

    def assume(self, rate: float) -> None:
        """Take a common rate for granted."""
        self.share = min(max(rate, LOWEST), HIGHEST)
        self.rate = float(np.log(self.share / (1 - self.share)))
        clear = unmixed(self.opinions, beside(self.share, self.excused, self.classes), self.floors)
        self.z = torch.from_numpy(np.ascontiguousarray(clear.log_p))
        self.rest = None if clear.dense else torch.from_numpy(clear.log_rest())

    def best(self, near: Floats | None) -> Floats:
        """The likeliest parameters at this common rate, from both sides or near those that were found before."""
        if near is not None:
            return self.minimum(near)[0]
        best, cost = self.minimum(self.start())
        if self.pairs and self.classes > 2:
            other, its_cost = self.minimum(self.mixed_up())
            if its_cost < cost - GAIN * self.size:
                return other
        return best

    def rate_of(self, theta: Floats | None, sure: Integers, right: Floats, agrees: Booleans) -> float:
        """The common rate at which the sure samples, right with those probabilities, agree as often as they do."""
        seen = (agrees[sure].sum() + (1 - USUAL_RATE) * USUAL_COUNT) / (len(sure) + USUAL_COUNT)
        low, high = LOWEST, HIGHEST
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            kept = self._diagonal(theta, middle)
            expected = (right * (kept if np.ndim(kept) == 0 else kept[self.top[sure]])).mean()
            low, high = (middle, high) if expected > seen else (low, middle)
        return low

    def _diagonal(self, theta: Floats | None, rate: float) -> Floats:  # [K], or one number where all are alike
        if not self.pairs or theta is None:
            return np.asarray(1 - rate)
        _, _, deviation = self._parts(torch.from_numpy(theta))
        return np.asarray(self._log_matrix(torch.tensor(np.log(rate / (1 - rate))), deviation).exp().diagonal().numpy())

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
        x = np.zeros(1 + (2 * self.classes + self.classes**2 if self.pairs else 0))
        x[0] = USUAL_SCALE
        return x

    def mixed_up(self) -> Floats:
        """A start at which each class is often labelled as the class it is most often taken for."""
        k = self.classes
        taken = torch.zeros(k, k, dtype=torch.float64).index_add_(0, self.given, self.z.exp())  # [given, believed]
        share = (taken / taken.sum(1, keepdim=True).clamp_min(1e-12)).T.masked_fill(self.eye, 0.0)
        x = self.start()
        x[0] = 0.5
        deviation = np.zeros((k, k))
        deviation[np.arange(k), share.argmax(1).numpy()] = max(np.log(MIX_UP * (k - 1)) - self.rate, 0.0)
        x[1 + 2 * k :] = deviation.ravel()
        return x

    def cost(self, theta: Tensor) -> Tensor:
        scale, rate = theta[0], torch.tensor(self.rate, dtype=torch.float64)
        cost = SCALE_COST * (scale - USUAL_SCALE) ** 2
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
            seen = torch.log(p * (1 - self.share) + (1 - p) * self.share / (self.classes - 1))
        total: Tensor = cost - seen.sum()
        return total

    def channel(self, found: Floats, sure: int) -> Channel:
        theta = torch.from_numpy(found)
        scale, matrix = float(theta[0].exp()), None
        sharpness = bias = torch.zeros(1, dtype=torch.float64)
        if self.pairs:
            sharpness, bias, deviation = self._parts(theta)
            matrix = self._log_matrix(torch.tensor(self.rate, dtype=torch.float64), deviation).exp().numpy()
        return Channel(scale, self.share, sharpness.numpy(), bias.numpy(), matrix, self.floors, sure, self.excused)

    def _parts(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k = self.classes
        return theta[1 : 1 + k], theta[1 + k : 1 + 2 * k], theta[1 + 2 * k :].reshape(k, k)

    def _log_matrix(self, rate: Tensor, deviation: Tensor) -> Tensor:
        """Rows that sum to 1: the diagonal is the reference, off it e^{rate + d} / (K − 1), at most the diagonal.

        No class is mostly labelled as another, or the classes would have exchanged their names.
        """
        off = -softplus(-(rate - np.log(self.classes - 1) + deviation))
        rows: Tensor = torch.log_softmax(torch.where(self.eye, torch.zeros_like(off), off), 1)
        return rows
