"""What an audit would do and how long it would take, said before it is started.

Only a worker knows its device, so a pace that no earlier audit tells is measured by one: a small job that waits in the
queue of the audits. Whoever asked waits for it, but not for long.
"""

from __future__ import annotations

import threading
import time

from api.deps import Parts
from api.schemas import Estimate, Planned
from core.spec import AuditSpec, DatasetFacts, Pace, Plan
from core.store import audits, jobs
from core.store.tables import ENDED, Dataset, Job
from core.training.budget import duration_s
from core.training.plan import resolve

AT_ONCE = 4  # requests that wait for a worker; each holds a thread
LOOK_S = 0.1
MEASURED, EARLIER = (0.75, 1.35), (0.65, 1.6)  # how far off a duration may be, as factors
ELSEWHERE = (0.3, 3.0)  # when another network or resolution was measured
_places = threading.Semaphore(AT_ONCE)


def planned(parts: Parts, dataset: Dataset, facts: DatasetFacts, spec: AuditSpec, request_id: str) -> Planned:
    """The plan and its duration, from earlier audits, else from a measurement, else without one."""
    with parts.db.read() as session:
        known = audits.paces(session)
    for kind, pace in known:
        plan = _resolved(spec, facts, pace)
        if _is_of(pace, plan):
            if kind == "probe":
                return Planned(plan=plan, estimate=_estimate(plan, facts, pace, "measured on this worker"))
            return Planned(plan=plan, estimate=_estimate(plan, facts, pace, "earlier audits"))
    plan, why = resolve(spec, facts, "cpu", parts.settings.threads or 1), "Too many estimates are being made just now."
    if _places.acquire(blocking=False):
        try:
            job = _measured(parts, dataset, spec, request_id)
        finally:
            _places.release()
        if job.state == "succeeded" and job.result is not None:
            plan, pace = Plan(**job.result["plan"]), Pace(**job.result["pace"])
            return Planned(plan=plan, estimate=_estimate(plan, facts, pace, "measured on this worker"))
        why = job.problem["detail"] if job.problem else "No worker was free to measure its pace in time."
    if not known:
        return Planned(plan=plan, estimate=Estimate(duration_s=None, low_s=None, high_s=None, basis=None, why=why))
    pace = known[0][1]
    plan = _resolved(spec, facts, pace)
    seconds = duration_s(plan, facts, pace)
    low, high = (round(factor * seconds, 1) for factor in ELSEWHERE)
    why += f" The range is guessed from an audit with {pace.network} at {pace.resolution} pixels."
    return Planned(plan=plan, estimate=Estimate(duration_s=None, low_s=low, high_s=high, basis=None, why=why))


def _resolved(spec: AuditSpec, facts: DatasetFacts, pace: Pace) -> Plan:
    """The plan on the device that a pace was measured on."""
    return resolve(spec, facts, pace.device, pace.cores, bf16=pace.bf16, pace=pace, processes=pace.processes)


def _is_of(pace: Pace, plan: Plan) -> bool:
    return (pace.network, pace.resolution) == (plan.network, plan.resolution)


def _estimate(plan: Plan, facts: DatasetFacts, pace: Pace, basis: str) -> Estimate:
    seconds = duration_s(plan, facts, pace)
    low, high = EARLIER if basis == "earlier audits" else MEASURED
    why = f"A sample takes {1000 * pace.seconds:.3g} ms in an epoch with {pace.network} at {pace.resolution} pixels."
    return Estimate.model_validate(
        {
            "duration_s": round(seconds, 1),
            "low_s": round(low * seconds, 1),
            "high_s": round(high * seconds, 1),
            "basis": basis,
            "why": why,
        }
    )


def _measured(parts: Parts, dataset: Dataset, spec: AuditSpec, request_id: str) -> Job:
    """A probe as it stands when it ends or when nobody wants to wait any longer; then it is taken back."""
    with parts.db.write() as session:
        job = jobs.submit(session, "probe", dataset.pk, spec.model_dump(exclude_none=True), request_id)
    parts.bells.ring("probe", job.id)
    patience = time.monotonic() + parts.settings.probe_s
    while job.state not in ENDED and time.monotonic() < patience:
        time.sleep(LOOK_S)
        with parts.db.read() as session:
            job = session.get(Job, job.pk) or job
    if job.state != "succeeded":
        with parts.db.write() as session:
            audits.remove(session, job)
    return job
