"""What can be told of the images of a dataset without a model: copies, near copies, and pictures that show nothing.

Everything is found from what the manifest keeps of each image, in memory of about a hundred bytes an image, and in a
bounded number of comparisons. Rules that depend on size compare an image with the others of its dataset: eight pixels a
side are tiny among photos, and what all images are among scanned digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pyarrow as pa

from core.datasets import look
from core.words import FindingKind

KINDS: tuple[FindingKind, ...] = get_args(FindingKind)

RADIUS = 4  # bits of 64 in which two hashes may differ; five bands of bits leave one of them untouched
BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))  # first bit, bits
ALIKE = 0.98  # least correlation of two coarse pictures of the same thing
AT_ONCE = 1 << 22  # comparisons in memory
CANDIDATES = 8  # earlier images with nearly the same hash that one is compared with more closely
MOST_COMPARISONS = 20_000_000_000  # about half a minute; so many are needed when a million images look alike

BLANK = 3  # levels of 255 between the darkest and the lightest
TINY, TINIER = 8, 4  # pixels of the shorter side; times smaller than the middle image
LONG, LONGER = 4.0, 2.0  # sides; times longer than the middle image
DULL, DULLER = 1.0, 3.0  # bits a pixel; times fewer than the middle image

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Images of one kind: a row each. Copies have the number of their group, and whether it lies in several splits."""

    kind: FindingKind
    samples: Array  # [m] int64
    groups: Array | None = None  # [m] int64, rising
    across: Array | None = None  # [m] bool

    @property
    def counts(self) -> dict[str, int]:
        """How many images and groups, and how many images are in groups that lie in several splits."""
        groups = 0 if self.groups is None else int(self.groups[-1]) + 1
        return {
            "images": len(self.samples),
            "groups": groups,
            "across_splits": 0 if self.across is None else int(self.across.sum()),
        }


class Looks:
    """Grows by batches of the manifest's schema; then says what was found."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Array]] = {name: [] for name in ("sha256", "look", "label", "split", "size")}
        self._labels: dict[str, int] = {}
        self._splits: dict[str | None, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Accepted rows."""
        hashes = bytes.fromhex("".join(batch["sha256"].to_pylist()))
        self._columns["sha256"].append(np.frombuffer(hashes, "S32"))
        looks = np.frombuffer(b"".join(batch["look"].to_pylist()), np.uint8)
        self._columns["look"].append(looks.reshape(batch.num_rows, look.BYTES))
        for name, known in (("label", self._labels), ("split", self._splits)):
            codes = [known.setdefault(value, len(known)) for value in batch[name].to_pylist()]
            self._columns[name].append(np.array(codes, np.int32))
        size = np.stack([batch["width"].to_numpy(), batch["height"].to_numpy()], axis=1)
        self._columns["size"].append(size.astype(np.int32))

    def found(self) -> tuple[list[Found], bool]:
        """What was found, kind by kind, and whether all near copies were looked for."""
        sha256, looks, labels, splits, sizes = (np.concatenate(parts) for parts in self._columns.values())
        first, copies = _copies(sha256)
        several = _several(copies, labels)
        spread = looks[:, -1]
        shown = np.zeros(len(looks), bool)
        shown[first] = True
        shown &= spread > BLANK
        kept = np.flatnonzero(shown)
        near, complete = near_groups(looks[kept])
        found = [
            _grouped("conflict", np.where(several, copies, -1), splits),
            _grouped("duplicate", np.where(several, -1, copies), splits),
            _grouped("near-duplicate", near, splits, kept),
            *_poor(looks, sizes),
        ]
        return [one for one in found if len(one.samples)], complete


def rows(found: Sequence[Found]) -> Iterator[tuple[str, int | None, int, bool]]:
    """Kind, group, sample and whether the group lies in several splits: the rows of everything that was found."""
    for one in found:
        groups = [None] * len(one.samples) if one.groups is None else one.groups.tolist()
        across = [False] * len(one.samples) if one.across is None else one.across.tolist()
        for group, sample, spans in zip(groups, one.samples.tolist(), across, strict=True):
            yield one.kind, group, sample, spans


def _copies(sha256: Array) -> tuple[Array, Array]:
    """The first sample of each content, and for every sample the number of its group of equals, or −1."""
    _, first, group, count = np.unique(sha256, return_index=True, return_inverse=True, return_counts=True)
    return first, np.where(count[group] > 1, first[group], -1)


def _several(groups: Array, codes: Array) -> Array:
    """For each sample whether its group has more than one of the codes."""
    least = np.full(len(groups) + 1, np.iinfo(np.int32).max, np.int32)
    most = np.full(len(groups) + 1, -1, np.int32)
    np.minimum.at(least, groups, codes)
    np.maximum.at(most, groups, codes)
    several: Array = least[groups] != most[groups]
    return several & (groups >= 0)


def _grouped(kind: FindingKind, groups: Array, splits: Array, samples: Array | None = None) -> Found:
    """The members of groups (−1 for none), group by group, numbered from 0 in the order of their first samples."""
    samples = np.arange(len(groups)) if samples is None else samples
    across = _several(groups, splits[samples])
    member = np.flatnonzero(groups >= 0)
    order = member[np.lexsort((member, groups[member]))]
    _, number = np.unique(groups[order], return_inverse=True)
    return Found(kind, samples[order], number, across[order])


def near_groups(looks: Array, most: int = MOST_COMPARISONS) -> tuple[Array, bool]:
    """For each look the first member of its group of looks alike, or −1; and whether all pairs were looked at."""
    hashes = looks[:, :8].copy().view(">u8").ravel().astype(np.uint64)
    coarse = looks[:, 8:-2].astype(np.float32)
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-6)
    leader = np.arange(len(hashes))
    for run in _runs(hashes):
        most -= len(run) ** 2 // 2
        if most < 0:
            break
        for later, earlier in _pairs(run, hashes, coarse):
            _join(leader, later, earlier)
    while not np.array_equal(leader, shorter := leader[leader]):
        leader = shorter
    sizes = np.bincount(leader, minlength=len(leader))
    return np.where(sizes[leader] > 1, leader, -1), most >= 0


def _runs(hashes: Array) -> Iterator[Array]:
    """Indices of hashes that agree in one band, rising, for every band: the small ones first."""
    runs = []
    for first, bits in BANDS:
        keys = (hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)
        order = np.argsort(keys, kind="stable")
        cuts = np.flatnonzero(np.diff(keys[order])) + 1
        runs += [run for run in np.split(order, cuts) if len(run) > 1]
    yield from sorted(runs, key=len)


def _pairs(run: Array, hashes: Array, coarse: Array) -> Iterator[tuple[Array, Array]]:
    """Pairs (later, earlier) that look alike, at most a few for each later, of indices in rising order."""
    step = max(1, AT_ONCE // len(run))
    for begin in range(0, len(run), step):
        rows = run[begin : begin + step]
        before = run[: begin + len(rows)]
        close = np.bitwise_count(hashes[rows][:, None] ^ hashes[before][None, :]) <= RADIUS
        later, earlier = np.nonzero(np.tril(close, begin - 1))
        some = np.arange(len(later)) - np.searchsorted(later, later) < CANDIDATES
        i, j = rows[later[some]], before[earlier[some]]
        alike = np.einsum("ij,ij->i", coarse[i], coarse[j]) >= ALIKE
        yield i[alike], j[alike]


def _join(leader: Array, later: Array, earlier: Array) -> None:
    """Put pairs into one group each; a group is led by its first member."""
    apart = leader[later] != leader[earlier]
    for i, j in zip(later[apart].tolist(), earlier[apart].tolist(), strict=True):
        a, b = _root(leader, i), _root(leader, j)
        leader[max(a, b)] = min(a, b)


def _root(leader: Array, i: int) -> int:
    while leader[i] != i:
        leader[i] = leader[leader[i]]
        i = int(leader[i])
    return i


def _poor(looks: Array, sizes: Array) -> list[Found]:
    """Images that show nothing, or little, or in an odd shape."""
    entropy, spread = looks[:, -2] / look.BITS, looks[:, -1]
    shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
    aspect = longer / shorter
    blank = spread <= BLANK
    kinds: dict[FindingKind, Array] = {
        "blank": blank,
        "tiny": (shorter * TINIER <= np.median(shorter)) | ((shorter < TINY) & (shorter < np.median(shorter))),
        "odd-aspect": (aspect >= LONG) & (aspect >= LONGER * np.median(aspect)),
        "low-information": ~blank & (entropy < DULL) & (entropy * DULLER < np.median(entropy)),
    }
    return [Found(kind, np.flatnonzero(there)) for kind, there in kinds.items()]
