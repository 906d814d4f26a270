"""Our default audit of arrays, without the service around it: the row `labelaudit`."""

from __future__ import annotations

import os
import time

import torch

from bench.runs import Said, Task, take
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.plan import resolve


def planned(asked: AuditSpec, facts: DatasetFacts, device: torch.device, side: int | None) -> Plan:
    """The plan that such an audit gets on this machine."""
    plan = resolve(asked, facts, device.type, len(os.sched_getaffinity(0)))
    return plan if side is None else plan.model_copy(update={"resolution": side})


def audited(task: Task) -> list[Said]:
    """Learn, judge, say what a user is told."""
    taken = take(task, task.plan)
    began = time.perf_counter()
    result = taken.run.result()
    verdict = judge(result.evidence(), task.data.labels)
    return [
        Said(
            name="labelaudit",
            score=verdict.score,
            seconds=taken.seconds + time.perf_counter() - began,
            probable=True,
            flagged=verdict.is_issue,
            suggested=verdict.suggested,
            noise_rate=verdict.noise_rate.estimate,
            noise_low=verdict.noise_rate.low,
            noise_high=verdict.noise_rate.high,
            accuracy_best=result.test_accuracy_best,
            accuracy_last=result.test_accuracy_last,
        )
    ]
