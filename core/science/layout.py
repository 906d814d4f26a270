"""A map of samples in the plane: the neighbours of each are drawn together, and everything pushes everything away.

This is t-SNE with equal affinities of the k nearest and a lasting exaggeration, which shows what UMAP shows. The push
of all on all is a convolution: points are spread over a grid and meet there by Fourier transforms. Nothing is drawn by
lot but the anchors of a large set, and all is counted on the processor, so the same features give the same map.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.science.neighbours import NOBODY, Features, Integers, Near, nearest

Points = NDArray[np.uint16]  # [samples, 2]

ANCHORS = 50_000  # samples that are laid out; others go to the anchors that they are like
GUIDES = 4  # anchors by which a sample is placed
SUBSPACE, TURNS = 8, 12  # directions that the first two are looked for in, and how often they are turned
STEPS, EARLY = 300, 80  # moves, and how many of them with the stronger pull
PULL, EARLY_PULL = 4.0, 12.0  # how much more neighbours draw than t-SNE has it
MOMENTUM, EARLY_MOMENTUM = 0.8, 0.5
FEW = 300  # samples whose pairs are all looked at
GRID = 256  # cells a side
COARSER = 1.1  # cells grow by such steps, so that few kernels are needed
HALF_CELL = 1e-4
FAR = 65_535


def laid_out(features: Features, near: Near, device: torch.device, alive: Callable[[], object]) -> Points:
    """Where each sample stands, given its nearest; `alive` is called after every step."""
    samples = len(features)
    if samples <= ANCHORS:
        return _scaled(_settled(_principal(features, alive), near.which, alive).numpy())
    lot = torch.randperm(samples, generator=torch.Generator().manual_seed(0)).numpy()
    anchors, others = np.sort(lot[:ANCHORS]), np.sort(lot[ANCHORS:])
    of_anchors = nearest(features, anchors, anchors, near.which.shape[1], device, alive).which
    links = np.where(of_anchors == NOBODY, NOBODY, np.searchsorted(anchors, of_anchors))
    settled = _settled(_principal(features[anchors], alive), links, alive).numpy()
    guides = nearest(features, others, anchors, GUIDES, device, alive)
    closeness = np.nan_to_num(1 / (guides.distance.astype(np.float64) ** 2 + HALF_CELL))
    closeness[:, 0] = np.maximum(closeness[:, 0], HALF_CELL)  # somebody leads even who is like nobody
    closeness /= closeness.sum(1, keepdims=True)
    place = np.searchsorted(anchors, guides.which).clip(max=ANCHORS - 1)
    points = np.empty((samples, 2))
    points[anchors] = settled
    points[others] = (settled[place] * closeness[:, :, None]).sum(1)
    return _scaled(points)


def _principal(features: Features, alive: Callable[[], object]) -> Tensor:  # [n, d] -> [n, 2]
    """The samples along the two directions in which they differ most, signed so that the farthest is positive."""
    samples, width = features.shape
    blocks = [torch.from_numpy(features[at : at + 8192]) for at in range(0, samples, 8192)]
    generator = torch.Generator().manual_seed(0)
    mean = torch.stack([block.double().sum(0) for block in blocks]).sum(0).float() / samples
    basis = torch.randn(width, min(SUBSPACE, width), generator=generator)
    for _ in range(TURNS):
        turned = torch.zeros_like(basis)
        for block in blocks:
            rows = block.float()
            turned += rows.T @ (rows @ basis - mean @ basis)
        basis = torch.linalg.qr(turned).Q
        alive()
    seen = torch.cat([(block.float() - mean) @ basis for block in blocks])
    along = seen @ torch.linalg.eigh((seen.T @ seen).double()).eigenvectors[:, -2:].flip(1).float()
    farthest = along.gather(0, along.abs().argmax(0, keepdim=True))
    points = torch.zeros(samples, 2)
    points[:, : along.shape[1]] = along * torch.where(farthest < 0, -1.0, 1.0)
    apart = torch.randn(samples, 2, generator=generator) / 100  # whatever is in one place
    return points / points.square().mean().sqrt().clamp_min(1e-6) + apart


def _settled(points: Tensor, which: Integers, alive: Callable[[], object]) -> Tensor:  # [n, 2], [n, k] -> [n, 2]
    """The points after all moves."""
    samples = len(points)
    if samples < 3:
        return points
    one, other = _links(which)
    draws = torch.bincount(one, minlength=samples).clamp_min(1)[:, None].float()
    share = 1 / max(1, len(one))  # of each link in all affinities
    velocity = torch.zeros_like(points)
    kernels: dict[int, Tensor] = {}
    for step in range(STEPS):
        pull, momentum = (EARLY_PULL, EARLY_MOMENTUM) if step < EARLY else (PULL, MOMENTUM)
        way = points[other] - points[one]
        drawn = torch.zeros_like(points).index_add_(0, one, way / (1 + way.square().sum(1, keepdim=True)))
        force = pull * share * drawn + _pushes(points, kernels)
        # Divided by how strongly a point is drawn at most, a move of 1 cannot overshoot.
        velocity = momentum * velocity + (1 - momentum) * 2 * force / (pull * share * draws)
        points = points + velocity
        alive()
    return points


def _links(which: Integers) -> tuple[Tensor, Tensor]:
    """Both directions of who is near to whom, in order."""
    samples = len(which)
    row, column = np.nonzero(which != NOBODY)
    near = which[row, column]
    codes = np.unique(np.concatenate([row * samples + near, near * samples + row]))
    return torch.from_numpy(codes // samples), torch.from_numpy(codes % samples)


def _pushes(points: Tensor, kernels: dict[int, Tensor]) -> Tensor:  # [n, 2] -> [n, 2]
    """What all others do to each: Σ (y_i − y_j) / (1 + d²)², over Σ 1 / (1 + d²) of all pairs."""
    if len(points) <= FEW:
        ways = points[:, None] - points
        near = 1 / (1 + ways.square().sum(2, keepdim=True))
        return (ways * near.square()).sum(1) / (near.sum() - len(points)).clamp_min(1e-6)
    low = points.amin(0)
    size = float((points.amax(0) - low).max()) / (GRID - 3)
    exponent = ceil(log(max(size, HALF_CELL)) / log(COARSER))
    cell = COARSER**exponent
    if exponent not in kernels:
        kernels.clear()
        kernels[exponent] = _kernel(cell)
    place = (points - low) / cell + 1
    corner = place.long()
    part = place - corner
    at = corner[:, 0] * GRID + corner[:, 1]
    cells = torch.stack([at, at + 1, at + GRID, at + GRID + 1])
    (a, b), (c, d) = ((1 - part[:, 0], part[:, 0]), (1 - part[:, 1], part[:, 1]))
    weights = torch.stack([a * c, a * d, b * c, b * d])
    density = torch.zeros(GRID * GRID).index_add_(0, cells.flatten(), weights.flatten()).view(GRID, GRID)
    spread = torch.fft.rfft2(density, s=(2 * GRID, 2 * GRID))
    fields = torch.fft.irfft2(spread * kernels[exponent], s=(2 * GRID, 2 * GRID))[:, :GRID, :GRID].flatten(1)
    felt: Tensor = (fields[:, cells] * weights).sum(1)  # [3, n]
    pairs = max(1e-6, float(felt[0].double().sum()) - len(points))
    return felt[1:].T / pairs


def _kernel(cell: float) -> Tensor:  # [3, 2 GRID, GRID + 1]
    """The transforms of 1 / (1 + d²) and of both parts of way / (1 + d²)², on a grid that is twice as wide."""
    way = torch.fft.fftfreq(2 * GRID, 1 / (2 * GRID)) * cell
    x, y = way[:, None], way[None, :]
    near = 1 / (1 + x**2 + y**2)
    transforms: Tensor = torch.fft.rfft2(torch.stack([near, x * near**2, y * near**2]))
    return transforms


def _scaled(points: NDArray[np.float64]) -> Points:
    """Fitted into a square with the shape kept, in whole numbers."""
    low, high = points.min(0), points.max(0)
    size = max(float((high - low).max()), 1e-9)
    middle = (points - (low + high) / 2) / size + 0.5
    return np.asarray((middle * FAR).round().clip(0, FAR), dtype=np.uint16)
