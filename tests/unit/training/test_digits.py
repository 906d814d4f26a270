"""The promise of the product, on real images: planted wrong labels come out first."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from core.science.noise import symmetric
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts
from core.training.loader import TrainingData
from core.training.loop import Run
from core.training.plan import resolve
from tests.unit.training.make import CPU, finished


def test_planted_wrong_labels_of_digits_are_found_first() -> None:
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    noise = symmetric(digits.target.astype(np.int64), 10, 0.08, seed=0)
    facts = DatasetFacts(samples={"": len(images)}, classes=10, median_side=8, grey=True)
    plan = resolve(AuditSpec(epochs=14), facts, "cpu", 2)
    run = Run(TrainingData(images, noise.labels, tuple("0123456789")), plan, CPU)
    finished(run)
    result = run.result()
    verdict = judge(result.evidence(), noise.labels)
    first = verdict.rank <= noise.flipped.sum()
    assert noise.flipped[first].mean() >= 0.9
    assert verdict.noise_rate.low < noise.rate < verdict.noise_rate.high
    assert noise.flipped[verdict.is_issue].mean() >= 0.9
    suggested = verdict.suggested[noise.flipped]
    assert (suggested == digits.target[noise.flipped])[suggested >= 0].mean() > 0.9
    assert not run.mirrored, "a mirrored digit is another sign"


def test_nothing_is_flagged_where_nothing_is_wrong() -> None:
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    facts = DatasetFacts(samples={"": len(images)}, classes=10, median_side=8, grey=True)
    plan = resolve(AuditSpec(epochs=6), facts, "cpu", 2)
    run = Run(TrainingData(images, digits.target.astype(np.int64), tuple("0123456789")), plan, CPU)
    finished(run)
    verdict = judge(run.result().evidence(), digits.target.astype(np.int64))
    assert verdict.is_issue.mean() <= 0.01
    assert verdict.noise_rate.estimate <= 0.01
