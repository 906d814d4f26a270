"""The nearest of every sample by the cosine of their features: exact where that is little work, else through cells.

No table of all pairs ever exists: a block of rows meets candidates, keeps its nearest and is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Features = NDArray[np.float16]  # [samples, d], of length 1
Integers = NDArray[np.int64]

NOBODY = -1
WORK = {"cpu": 10**12, "cuda": 10**15}  # products that an exact search may take: about half a minute
BLOCK = {"cpu": 1 << 24, "cuda": 1 << 26}  # cosines at once
HELD = {"cpu": 1 << 26, "cuda": 1 << 29}  # numbers of candidates that are held at once
CHUNK = 64  # cosines of which the largest is looked at first
PROBED = 16  # cells that a sample is compared with
LEARNED_FROM, ROUNDS = 64, 6  # samples a cell that the centres are learned from, and how often they move
ASKED, SLICE = 200, 1 << 16  # samples that the recall is counted on, and candidates of these at once


@dataclass(frozen=True)
class Near:
    """The nearest of each that was asked for, the nearest first, equals by their numbers; NOBODY where too few are."""

    which: Integers  # [asked, k]
    distance: NDArray[np.float16]  # [asked, k], 1 − cosine; NaN where there is nobody

    def meet(self, place: Integers, which: Integers, distance: NDArray[np.float16]) -> None:
        """Some of those that were asked for meet others, and keep the nearest that they know."""
        which = np.concatenate([self.which[place], which], axis=1)
        distance = np.concatenate([self.distance[place], distance], axis=1)
        order = np.lexsort((which, distance), axis=1)[:, : self.which.shape[1]]
        self.which[place] = np.take_along_axis(which, order, 1)
        self.distance[place] = np.take_along_axis(distance, order, 1)


def is_exact(asked: int, samples: int, width: int, device: torch.device) -> bool:
    """Whether so many are searched for among their candidates one by one.

    The candidates do not count, so that searches within each class together take no more than one among all.
    """
    return asked * samples * width <= WORK[device.type]


def nearest(
    features: Features, asked: Integers, among: Integers, k: int, device: torch.device, alive: Callable[[], object]
) -> Near:
    """The k nearest of each of `asked` among the others of `among`, both rising numbers of rows; `alive` is called
    after every block."""
    near = Near(np.full((len(asked), k), NOBODY), np.full((len(asked), k), np.nan, np.float16))
    searches = (
        [(np.arange(len(asked)), among)]
        if is_exact(len(asked), len(features), features.shape[1], device)
        else _Cells(features, among, device, alive).searches(asked)
    )
    held = max(k, HELD[device.type] // features.shape[1])
    for places, candidates in searches:
        for start in range(0, len(candidates), held):
            some = candidates[start : start + held]
            for place, which, distance in _blocks(features, asked, places, some, k, device):
                near.meet(place, which, distance)
                alive()
    return near


def recall(features: Features, near: Near, device: torch.device, alive: Callable[[], object]) -> float:
    """Which share of the true nearest of all was found, counted on some samples. Whoever is as near counts as well."""
    samples, k = near.which.shape
    asked = np.unique(np.linspace(0, samples - 1, min(samples, ASKED)).astype(np.int64))
    least = np.full((len(asked), k), np.inf)
    for start in range(0, samples, SLICE):
        some = np.arange(start, min(start + SLICE, samples))
        for place, _, distance in _blocks(features, asked, np.arange(len(asked)), some, k, device):
            both = np.concatenate([least[place], np.nan_to_num(distance.astype(np.float64), nan=np.inf)], axis=1)
            least[place] = np.sort(both, axis=1)[:, :k]
            alive()
    total = np.isfinite(least).sum(1)
    farthest = np.where(np.isfinite(least), least, -1.0).max(axis=1, initial=-1.0)
    found = np.minimum((near.distance[asked] <= farthest[:, None]).sum(1), total)
    return float(found.sum() / total.sum()) if total.sum() else 1.0


def _blocks(
    features: Features, asked: Integers, places: Integers, candidates: Integers, k: int, device: torch.device
) -> Iterator[tuple[Integers, Integers, NDArray[np.float16]]]:
    """Places of a block among those asked for, and the nearest of these among the candidates, in no order."""
    if not len(candidates) or not len(places):
        return
    columns = _rows(features, candidates, device)
    step = max(1, min(4096, BLOCK[device.type] // len(candidates)))
    for start in range(0, len(places), step):
        place = places[start : start + step]
        cosine = _rows(features, asked[place], device) @ columns.T
        own = np.searchsorted(candidates, asked[place]).clip(max=len(candidates) - 1)
        here = np.flatnonzero(candidates[own] == asked[place])
        cosine[torch.from_numpy(here), torch.from_numpy(own[here])] = -torch.inf
        value, column = (tensor.cpu().numpy() for tensor in _largest(cosine, min(k, len(candidates))))
        which = np.where(np.isinf(value), NOBODY, candidates[column])
        distance = np.where(np.isinf(value), np.nan, (1 - value).clip(0, 2)).astype(np.float16)
        yield place, which, distance


def _rows(features: Features, index: Integers, device: torch.device) -> Tensor:  # [n] -> [n, d] float32
    return torch.from_numpy(features[index]).to(device).float()


def _largest(cosine: Tensor, k: int) -> tuple[Tensor, Tensor]:  # [b, n] -> [b, k], [b, k]
    """The k largest of each row. They lie in the k chunks with the largest maxima, so few are sorted."""
    rows, columns = cosine.shape
    chunks = columns // CHUNK
    if chunks <= k:
        return cosine.topk(k, dim=1)
    whole = cosine[:, : chunks * CHUNK].view(rows, chunks, CHUNK)
    best = whole.amax(2).topk(k, dim=1).indices
    places = (best[:, :, None] * CHUNK + torch.arange(CHUNK, device=cosine.device)).flatten(1)
    rest = torch.arange(chunks * CHUNK, columns, device=cosine.device).expand(rows, -1)
    places = torch.cat([places, rest], dim=1)
    value, index = cosine.gather(1, places).topk(k, dim=1)
    return value, places.gather(1, index)


class _Cells:
    """Candidates around common centres; a sample meets those of the cells that are nearest to its own.

    A cell that is much larger than the others is cut into pieces, so that no search is larger than PROBED pieces.
    """

    def __init__(self, features: Features, among: Integers, device: torch.device, alive: Callable[[], object]) -> None:
        self._features, self._device, self._alive = features, device, alive
        count = max(1, round(len(among) ** 0.5))
        self._centres = self._learned(among, count)
        home = self._homes(among)
        order = np.argsort(home, kind="stable")
        most = 2 * -(-len(among) // count)
        cells = np.split(among[order], np.cumsum(np.bincount(home, minlength=count))[:-1])
        self._pieces = [[cell[at : at + most] for at in range(0, len(cell), most)] for cell in cells]

    def searches(self, asked: Integers) -> Iterator[tuple[Integers, Integers]]:
        """Places among those asked for, and the candidates that they meet, rising."""
        home = self._homes(asked)
        order = np.argsort(home, kind="stable")
        starts = np.searchsorted(home[order], np.arange(len(self._centres) + 1))
        for cell in np.unique(home).tolist():
            pieces: list[Integers] = []
            cosine = self._centres @ self._centres[cell]
            cosine[cell] = torch.inf
            for other in cosine.argsort(descending=True, stable=True).tolist():
                pieces += self._pieces[other]
                if len(pieces) >= PROBED:
                    break
            candidates = np.sort(np.concatenate(pieces[:PROBED])) if pieces else np.zeros(0, np.int64)
            yield order[starts[cell] : starts[cell + 1]], candidates

    def _learned(self, among: Integers, count: int) -> Tensor:  # [cells, d]
        """Centres of some of the candidates, each moved to the mean of those that it is nearest to."""
        some = among[np.unique(np.linspace(0, len(among) - 1, min(len(among), LEARNED_FROM * count)).astype(np.int64))]
        rows = _rows(self._features, some, self._device)
        generator = torch.Generator().manual_seed(0)
        centres = rows[torch.randperm(len(rows), generator=generator)[:count].to(self._device)]
        for _ in range(ROUNDS):
            home = torch.cat([(part @ centres.T).argmax(1) for part in torch.split(rows, self._step(count))])
            sums = torch.zeros_like(centres).index_add_(0, home, rows)
            length = sums.norm(dim=1, keepdim=True)
            centres = torch.where(length > 0, sums / length.clamp_min(1e-12), centres)
            self._alive()
        return centres

    def _homes(self, index: Integers) -> Integers:
        """The cell of each."""
        homes = [np.zeros(0, np.int64)]
        step = self._step(len(self._centres))
        for start in range(0, len(index), step):
            cosine = _rows(self._features, index[start : start + step], self._device) @ self._centres.T
            homes.append(cosine.argmax(1).cpu().numpy())
            self._alive()
        return np.concatenate(homes)

    def _step(self, columns: int) -> int:
        return max(1, min(1 << 16, BLOCK[self._device.type] // columns))
