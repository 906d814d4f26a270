"""What an audit will do on this worker: its plan and its pace. The job of kind `probe` finds out and does no more."""

from __future__ import annotations

from core.settings import Settings
from core.spec import AuditSpec, DatasetFacts, Pace, Plan
from core.store import datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset
from core.training.host import is_out_of_memory, settle
from core.training.plan import resolve
from core.training.probe import seconds_per_sample
from worker.device import Machine, machine
from worker.progress import Voice
from worker.training import free_memory, with_less_at_once

MEASURED_AT_MOST = 2  # the second time what the first one made affordable


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Plan, measure, and say both."""
    with db.read() as session:
        dataset = session.get_one(Dataset, voice.claim.dataset_pk)
    spec = AuditSpec(**voice.claim.spec)
    plan, pace = measured(spec, datasets.facts(dataset), machine(settings, spec.device), voice)
    answer = {"plan": plan.model_dump(), "pace": pace.model_dump()}
    voice.write(lambda session: jobs.finish(session, voice.claim, answer))


def planned(spec: AuditSpec, facts: DatasetFacts, here: Machine, voice: Voice) -> Plan:
    """The plan of an audit; the time it may take is divided by the pace of this worker."""
    if spec.budget_s is None:
        return _resolved(spec, facts, here)
    return measured(spec, facts, here, voice)[0]


def measured(spec: AuditSpec, facts: DatasetFacts, here: Machine, voice: Voice) -> tuple[Plan, Pace]:
    """The plan of an audit, and its pace on this worker, in one process however many will train together."""
    plan = _resolved(spec, facts, here)
    for _ in range(MEASURED_AT_MOST):
        pace = Pace(
            network=plan.network,
            resolution=plan.resolution,
            seconds=_seconds(plan, facts, here, voice),
            device=here.device.type,
            cores=here.cores,
            bf16=here.bf16,
        )
        plan = _resolved(spec, facts, here, pace)
        if (plan.network, plan.resolution) == (pace.network, pace.resolution):
            break
    return plan, pace


def _resolved(spec: AuditSpec, facts: DatasetFacts, here: Machine, pace: Pace | None = None) -> Plan:
    return resolve(
        *(spec, facts, here.device.type, here.cores),
        bf16=here.bf16,
        pace=pace,
        processes=here.processes,
        each=here.each,
    )


def _seconds(plan: Plan, facts: DatasetFacts, here: Machine, voice: Voice) -> float:
    """Seconds per sample and epoch, with as much on the device at once as it holds."""
    settle(here.device, plan.threads)
    while True:
        try:
            return seconds_per_sample(plan, facts.classes, here.device, voice.tick)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        free_memory()
        plan = with_less_at_once(plan)
