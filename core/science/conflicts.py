"""Samples with the same content and different labels: one of their labels is wrong, whatever a model says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.science.findings import Booleans, Integers, Verdict
from core.words import REASONS


@dataclass(frozen=True)
class Conflicts:
    """The groups of such samples, numbered from 1; the group with the most suspect sample comes first."""

    group: Integers  # [samples], 0 for a sample that is in none
    favoured: Integers  # [groups], the class that the evidence speaks for; −1 where it is undecided

    @property
    def sizes(self) -> Integers:
        """[groups], samples in each."""
        return np.bincount(self.group, minlength=len(self.favoured) + 1)[1:]

    def doubted(self, given: Integers) -> Booleans:  # [samples] -> [samples]
        """Who is in a group and does not have the label that it favours."""
        favoured = np.concatenate([[-1], self.favoured])
        return np.asarray((self.group > 0) & (favoured[self.group] != given))


def find(content: Integers, given: Integers, verdict: Verdict) -> Conflicts:  # [samples], [samples]
    """The conflicts among samples; those of the same content have the same number there."""
    order = np.argsort(verdict.rank)
    group = np.empty_like(given)
    group[order] = _groups(content[order], given[order])
    return Conflicts(group, _favoured(group, verdict))


def noted(verdict: Verdict, conflicts: Conflicts, given: Integers) -> Verdict:
    """The verdict, with a reason for whom a conflict speaks against."""
    mask = conflicts.doubted(given).astype(np.int32) << REASONS.index("conflicting-duplicates")
    return replace(verdict, reasons=verdict.reasons | mask)


def _groups(content: Integers, given: Integers) -> Integers:  # [samples], [samples] -> [samples]
    """Which group each sample is in, in order of appearance from 1; 0 where all of the same content agree."""
    _, first, which = np.unique(content, return_index=True, return_inverse=True)
    agrees = np.ones(len(first), dtype=np.bool_)
    agrees[which[given != given[first][which]]] = False
    apart = np.flatnonzero(~agrees)
    number = np.zeros(len(first), dtype=np.int64)
    number[apart[np.argsort(first[apart])]] = np.arange(1, len(apart) + 1)
    return number[which]


def _favoured(group: Integers, verdict: Verdict) -> Integers:
    """The class that is likelier over all samples of a group than all others together, where there is one."""
    sizes = np.bincount(group)[1:]
    favoured = np.full(len(sizes), -1)
    if verdict.degenerate:
        return favoured
    members, classes = np.flatnonzero(group), int(verdict.top.max()) + 1
    pair, where = np.unique(group[members, None] * classes + verdict.top[members], return_inverse=True)
    p = np.bincount(where.ravel(), weights=verdict.top_p[members].ravel(), minlength=len(pair))
    owner, label = pair // classes - 1, pair % classes
    sure = p > sizes[owner] / 2
    favoured[owner[sure]] = label[sure]
    return favoured
