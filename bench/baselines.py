"""What others would say: each from an undisturbed run of the network, epochs and batch that our audit uses."""

from __future__ import annotations

import time
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from bench import peers
from bench.runs import Listener, Said, Task, log_probabilities, take
from core.spec import Plan
from core.training.loader import TrainingData

HMW: dict[str, Any] = {
    "weigher": "hmw",
    "weight_scale": "published",
    "annealing": "published",
    "alpha": 100.0,
    "beta": 100.0,
}


def undisturbed(plan: Plan, **changes: Any) -> Plan:
    """The same network, epochs, batch and learning rates, with plain cross-entropy and nothing that is ours."""
    wanted = {"method": "cce", "weigher": "none", "logit_normalisation": False, "decoy_share": 0.0, **changes}
    return Plan(**{**plan.model_dump(), **wanted})


def plain(task: Task) -> list[Said]:
    """One plain run: AUM by us and by its package, mean and final loss, and how late each sample is learned."""
    samples = len(task.data.labels)
    listener = Listener(samples, task.device)
    package = peers.Aum(samples) if peers.has("aum") else None
    taken = take(task, undisturbed(task.plan), listener.hear, *([package.hear] if package else []))
    at_rest = log_probabilities(taken.run, task.data.images)
    scores = {
        "our aum": -taken.run.ledger.aum().cpu().numpy(),
        "mean loss": listener.mean_loss(),
        "final loss": listener.last_loss.cpu().numpy(),
        "final loss (evaluation)": -at_rest[np.arange(samples), task.data.labels],
        "lateness": listener.lateness(),
    }
    if package:
        scores["aum"] = -package.values()
    return [taken.said(name, score) for name, score in scores.items()]


def published(task: Task) -> list[Said]:
    """CCE + HMW as the paper weighs, and its two scores; the weight comes in where our plan has it come in."""
    taken = take(task, undisturbed(task.plan, **HMW))
    ledger = taken.run.ledger
    scores = {"iam": -ledger.iam().cpu().numpy(), "hm weight": -ledger.hm_weight().cpu().numpy()}
    return [taken.said(name, score) for name, score in scores.items()]


def at_equal_compute(task: Task) -> list[Said]:
    """k folds see (k − 1) samples for each that one run sees, so each has 1/(k − 1) of its epochs, rounded up."""
    return _cross_validated(task, ceil(task.plan.epochs / (task.folds - 1)), "equal compute")


def at_equal_epochs(task: Task) -> list[Said]:
    """As many epochs a fold as our one run has: k − 1 times its compute."""
    return _cross_validated(task, task.plan.epochs, "equal epochs")


def _cross_validated(task: Task, epochs: int, how: str) -> list[Said]:
    data, plan = task.data, undisturbed(task.plan, epochs=epochs)
    p = np.zeros((len(data.labels), len(data.classes)))
    seconds = 0.0
    folds = StratifiedKFold(task.folds, shuffle=True, random_state=plan.seed)
    for rest, held in folds.split(np.zeros(len(data.labels)), data.labels):
        part = TrainingData(data.images[rest], data.labels[rest], data.classes)
        taken = take(replace(task, data=part), plan)
        began = time.perf_counter()
        p[held] = np.exp(log_probabilities(taken.run, data.images[held]))
        seconds += taken.seconds + time.perf_counter() - began
    opinion, thinking = peers.cleanlab(data.labels, p)
    strongest = p.argmax(1)
    return [
        Said(
            name=f"cleanlab {score}, {how}",
            score=values,
            seconds=seconds + thinking,
            flagged=opinion.flagged,
            suggested=np.where(strongest == data.labels, -1, strongest),
            noise_rate=opinion.noise_rate,
        )
        for score, values in opinion.scores.items()
    ]
