"""How long the training of the demo's audit takes, and how well each score finds its planted wrong labels.

    python -m bench.training [--seeds 3] [--rate 0.08]

scikit-learn's digits, with symmetric noise, trained by the plan that an audit would get on this machine's CPU. Found is
the share of the planted wrong labels among as many top-ranked samples; its chance level is the rate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from bench.record import record, show
from core.science.noise import symmetric
from core.spec import AuditSpec, DatasetFacts
from core.training.loader import TrainingData
from core.training.loop import Run
from core.training.plan import resolve


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.08)
    args = parser.parse_args(argv)
    runs = [measure(seed, args.rate) for seed in range(args.seeds)]
    result = {
        "seconds": round(statistics.median(run["seconds"] for run in runs), 1),
        "found_at_planted": {
            name: round(statistics.mean(run["found"][name] for run in runs), 4) for name in runs[0]["found"]
        },
        "runs": runs,
    }
    rows = [(run["seed"], run["seconds"], run["epochs"], *run["found"].values()) for run in runs]
    show(f"digits, {args.rate:.0%} planted", ("seed", "seconds", "epochs", *runs[0]["found"]), rows)
    record("training", vars(args), result)
    return 0


def measure(seed: int, rate: float) -> dict[str, Any]:
    """One run; the seed is the noise's and the training's."""
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    noise = symmetric(digits.target.astype(np.int64), 10, rate, seed=seed)
    facts = DatasetFacts(samples={"": len(images)}, classes=10, median_side=8, grey=True)
    plan = resolve(AuditSpec(seed=seed), facts, "cpu", len(os.sched_getaffinity(0)))
    torch.set_num_threads(plan.threads)
    run = Run(TrainingData(images, noise.labels, tuple("0123456789")), plan, torch.device("cpu"))
    began = time.perf_counter()
    for _ in run:
        pass
    seconds = time.perf_counter() - began
    ledger = run.result().ledger
    suspicion = {"iam": -ledger.iam(), "aum": -ledger.aum(), "loss": ledger.last_loss}
    planted = int(noise.flipped.sum())
    found = {
        name: round(float(noise.flipped[np.argsort(-column.numpy(), kind="stable")[:planted]].mean()), 4)
        for name, column in suspicion.items()
    }
    return {"seed": seed, "seconds": round(seconds, 1), "epochs": plan.epochs, "planted": planted, "found": found}


if __name__ == "__main__":
    sys.exit(main())
