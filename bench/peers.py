"""Other tools, called as their users call them; imported where they are used, for only `make bench` installs them."""

from __future__ import annotations

import csv
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def has(package: str) -> bool:
    """Whether it is installed."""
    return find_spec(package) is not None


def need(package: str) -> None:
    """Say how to get it when it is not there."""
    if not has(package):
        raise SystemExit(
            f"{package} is not installed: run `make bench`, or install requirements/bench.txt; "
            "--rows leaves the rows out that need it."
        )


class Aum:
    """The package `aum`, fed with the logits of the training passes."""

    def __init__(self, samples: int) -> None:
        from aum import AUMCalculator

        self.samples = samples
        self._folder = tempfile.TemporaryDirectory()
        self._calculator = AUMCalculator(self._folder.name)

    def hear(self, index: Tensor, label: Tensor, logits: Tensor) -> None:  # [batch], [batch], [batch, classes]
        self._calculator.update(logits.cpu(), label.cpu(), index.tolist())

    def values(self) -> Floats:  # [samples]
        """The file that it leaves behind, by sample."""
        self._calculator.finalize()
        aum = np.full(self.samples, np.nan)
        with (Path(self._folder.name) / "aum_values.csv").open() as file:
            for row in csv.DictReader(file):
                aum[int(row["sample_id"])] = float(row["aum"])
        self._folder.cleanup()
        return aum


@dataclass(frozen=True)
class Opinion:
    """What cleanlab makes of cross-validated probabilities."""

    scores: dict[str, Floats]  # [samples] each, high = suspected
    flagged: NDArray[np.bool_]  # [samples]
    noise_rate: float


def cleanlab(given: Integers, p: Floats) -> tuple[Opinion, float]:  # [samples], [samples, classes]
    """Its two rankings, its default cut (prune_by_noise_rate), its estimate of how many labels are wrong; seconds."""
    from cleanlab.count import num_label_issues
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    began = time.perf_counter()  # an import is not an opinion
    methods = {"self-confidence": "self_confidence", "normalised margin": "normalized_margin"}
    opinion = Opinion(
        scores={name: 1 - get_label_quality_scores(given, p, method=method) for name, method in methods.items()},
        flagged=find_label_issues(given, p, filter_by="prune_by_noise_rate", n_jobs=1),
        noise_rate=num_label_issues(given, p) / len(given),
    )
    return opinion, time.perf_counter() - began
