"""What several people said of an image, in the place of the one label that it led to.

A posterior that knows of the given label alone becomes one that knows of all votes: the likelihood of that label,
T[k, g], gives way to the likelihood of the votes, P(n | k). People are one channel A, learned like this from votes and
beliefs together, in a few rounds of expectation and maximisation. They do not err independently, for what is hard to
see is hard for all of them; so the votes of an image follow Pólya's urn, a multinomial whose shares are drawn anew for
each image,

    P(n | k) ∝ Π_v Γ(κ A[k, v] + n_v) / Γ(κ A[k, v]).

κ says how far they are independent. It is read from how often two votes of one image agree: as often as A says when it
is large, and always when it is 0, where any number of votes counts like one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.science.channel import Channel
from core.science.opinions import Booleans, Floats, Integers, Opinions

ROUNDS = 5
EXPECTED = 10.0  # votes a class that are taken to be as the channel of the given labels is
INDEPENDENT, TOGETHER = 1e4, 0.01  # bounds of κ
CELLS = 1 << 22  # votes · classes at once


@dataclass(frozen=True)
class Votes:
    """Votes of samples that have several; a row for each class that was named."""

    sample: Integers  # [rows]
    label: Integers  # [rows]
    count: Integers  # [rows]


def weigh(
    posterior: Floats, opinions: Opinions, given: Integers, found: Channel, votes: Votes
) -> tuple[Floats, Booleans]:  # [n, m], [n]
    """The posterior when all votes are known, and whose given label they speak against."""
    said = _all(votes, given)
    if said.count.sum() == len(given):  # nobody was asked who had not been heard
        return posterior, np.zeros(len(given), np.bool_)
    likelihood = np.log(np.maximum(_single(opinions, given, found), 1e-300))
    left = np.clip(1 - posterior.sum(1), 0, None)
    wrong = found.rate / (opinions.total - 1)
    known = posterior
    for _ in range(ROUNDS):
        people = _people(known, opinions, found, said)
        listed, other = _told(people, opinions, said)
        odds = np.log(np.maximum(posterior, 1e-300)) - likelihood + listed
        rest = np.where(left > 0, np.log(np.maximum(left, 1e-300)) - np.log(max(wrong, 1e-300)) + other, -np.inf)
        top = np.maximum(odds.max(1), rest)
        mass = np.exp(odds - top[:, None])
        known = mass / (mass.sum(1) + np.exp(rest - top))[:, None]
    row, place = np.arange(len(given)), opinions.place(given)
    differ = np.zeros(len(given), np.bool_)
    differ[said.sample[said.label != given[said.sample]]] = True
    return known, differ & (known[row, place] < posterior[row, place])


@dataclass(frozen=True)
class _People:
    confusion: Floats | None  # A [K, K]; without it all wrong classes are alike
    error: float
    kappa: float
    total: int

    def says(self, classes: Integers, label: Integers) -> Floats:  # [r, m], [r] -> [r, m]
        """How likely a vote for the label is when a class is true."""
        if self.confusion is not None:
            return np.asarray(self.confusion.T[label])
        return np.where(classes == label[:, None], 1 - self.error, self.error / (self.total - 1))


def _all(votes: Votes, given: Integers) -> Votes:
    """In order of the samples; who has one label has one vote."""
    lone = np.setdiff1d(np.arange(len(given)), votes.sample)
    sample = np.concatenate([votes.sample, lone])
    order = np.argsort(sample, kind="stable")
    label = np.concatenate([votes.label, given[lone]])
    count = np.concatenate([votes.count, np.ones(len(lone), dtype=np.int64)])
    return Votes(sample[order], label[order], count[order])


def _single(opinions: Opinions, given: Integers, found: Channel) -> Floats:  # [n, m]
    """T[k, g] of the listed classes."""
    if found.matrix is not None:
        return np.asarray(found.matrix.T[given])
    alike = np.full(opinions.classes.shape, found.rate / (opinions.total - 1))
    alike[np.arange(len(given)), opinions.place(given)] = 1 - found.rate
    return alike


def _people(known: Floats, opinions: Opinions, found: Channel, said: Votes) -> _People:
    """The likeliest channel of the people when the truth is known so far."""
    total, share = opinions.total, np.bincount(said.sample, said.count * (said.count - 1.0), len(known))
    size = np.bincount(said.sample, said.count, len(known))
    pairs = size * (size - 1)
    if found.matrix is not None:
        weight = [said.count * known[said.sample, k] for k in range(total)]
        counts = np.stack([np.bincount(said.label, one, total) for one in weight]) + EXPECTED * found.matrix
        confusion = counts / counts.sum(1, keepdims=True)
        error, agree = found.rate, known @ (confusion**2).sum(1)
    else:
        column = opinions.classes[said.sample] == said.label[:, None]
        right = (said.count * (known[said.sample] * column).sum(1)).sum()
        error = 1 - (right + EXPECTED * (1 - found.rate)) / (said.count.sum() + EXPECTED)
        confusion, agree = None, np.full(len(known), (1 - error) ** 2 + error**2 / (total - 1))
    together, apart = share.sum() / pairs.sum(), (pairs * agree).sum() / pairs.sum()
    kappa = (1 - together) / max(together - apart, 1e-12)
    return _People(confusion, float(error), float(np.clip(kappa, TOGETHER, INDEPENDENT)), total)


def _told(people: _People, opinions: Opinions, said: Votes) -> tuple[Floats, Floats]:  # [n, m], [n]
    """log P(n | k) of the listed classes and of one that nobody named, up to what is the same for all classes."""
    from scipy.special import gammaln  # not needed before the end of a run, as all of scipy

    first = np.searchsorted(said.sample, np.arange(len(opinions.classes)))  # each sample has a row
    listed = np.empty_like(opinions.log_p)
    other = np.empty(len(listed))
    unnamed = people.kappa * people.error / (people.total - 1)
    step = max(1, CELLS // opinions.classes.shape[1])
    for begin in range(0, len(listed), step):
        rows = slice(first[begin], first[begin + step] if begin + step < len(first) else None)
        label, count, sample = said.label[rows], said.count[rows], said.sample[rows]
        urn = people.kappa * people.says(opinions.classes[sample], label)
        starts = first[begin : begin + step] - first[begin]
        listed[begin : begin + step] = np.add.reduceat(gammaln(urn + count[:, None]) - gammaln(urn), starts)
        other[begin : begin + step] = np.add.reduceat(gammaln(unnamed + count) - gammaln(unnamed), starts)
    return listed, other
