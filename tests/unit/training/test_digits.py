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
    plan = resolve(AuditSpec(epochs=8), facts, "cpu", 2)
    run = Run(TrainingData(images, noise.labels, tuple("0123456789")), plan, CPU)
    finished(run)
    result = run.result()
    verdict = judge(result.ledger.iam().numpy(), noise.labels, result.answers.suggested, 10)
    first = verdict.rank <= noise.flipped.sum()
    assert noise.flipped[first].mean() >= 0.95
    assert abs(verdict.noise_rate - noise.rate) < 0.03
    suggestions = result.answers.suggested[noise.flipped] == digits.target[noise.flipped]
    assert suggestions.mean() > 0.9
