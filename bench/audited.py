"""Our default audit of arrays, without the service around it: the row `labelaudit`."""

from __future__ import annotations

import os
import time

import torch

from bench.runs import Said, Task, take
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts, Pace, Plan
from core.training.host import has_fast_bf16, settle
from core.training.plan import resolve
from core.training.probe import seconds_per_sample

CLASSES = 10  # of the noise that the pace is measured on


def planned(asked: AuditSpec, facts: DatasetFacts, device: torch.device, side: int | None) -> Plan:
    """The plan that such an audit gets on this machine; the time it may take is divided by a measured pace."""
    cores, bf16 = len(os.sched_getaffinity(0)), has_fast_bf16(device)
    plan = resolve(asked, facts, device.type, cores, bf16=bf16)
    if asked.budget_s is not None:
        key = plan.model_dump_json(include={"network", "resolution", "channels", "batch", "threads"})
        pace = _pace(key, plan, device)
        plan = resolve(asked, facts, device.type, cores, bf16=bf16, pace=pace)
    return plan if side is None else plan.model_copy(update={"resolution": side})


_paces: dict[str, Pace] = {}  # so that all seeds and rows of a grid have one plan


def _pace(key: str, plan: Plan, device: torch.device) -> Pace:
    if key not in _paces:
        settle(device, plan.threads)
        _paces[key] = Pace(
            network=plan.network,
            resolution=plan.resolution,
            seconds=seconds_per_sample(plan, CLASSES, device, lambda: None),
            device=device.type,
            cores=len(os.sched_getaffinity(0)),
        )
    return _paces[key]


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
