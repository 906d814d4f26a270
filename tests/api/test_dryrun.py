"""Dry runs: what an audit would do, how long it would take, and how that is known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from core.errors import Problem
from core.spec import AuditSpec, Pace
from core.store import datasets, jobs
from core.store.tables import Dataset, Job
from core.training.plan import resolve
from tests.api.conftest import Service

Start = Callable[..., Service]
AGES = 60.0  # a guard against deadlock


def dry_run(service: Service, data: Dataset, **spec: Any) -> dict[str, Any]:
    response = service.http.post("/v1/audits", params={"dry_run": "true"}, json={"dataset_id": data.id, **spec})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert set(body) == {"plan", "estimate"}
    assert service.http.get("/v1/audits").json()["data"] == []
    return body


def probes(service: Service) -> list[Job]:
    with service.db.read() as session:
        return list(session.execute(select(Job).where(Job.kind == "probe")).scalars())


def paced(plan: Any, seconds: float, device: str = "cpu") -> dict[str, Any]:
    return Pace(network=plan.network, resolution=plan.resolution, seconds=seconds, device=device).model_dump()


@contextmanager
def a_worker(service: Service, answer: Callable[[jobs.Claim, Dataset], dict[str, Any] | Problem]) -> Iterator[None]:
    """Does the first probe that comes, as the worker's child would."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            with service.db.write() as session:
                claim = jobs.claim_next(session, "probe", "worker", 60.0)
            if claim is None:
                continue
            with service.db.write() as session:
                said = answer(claim, session.get_one(Dataset, claim.dataset_pk))
                if isinstance(said, Problem):
                    jobs.fail(session, claim, said)
                else:
                    jobs.finish(session, claim, said)
            return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(AGES)


def gpu(claim: jobs.Claim, dataset: Dataset) -> dict[str, Any]:
    plan = resolve(AuditSpec(**claim.spec), datasets.facts(dataset), "cuda", 8, bf16=True)
    return {"plan": plan.model_dump(), "pace": paced(plan, 0.01, "cuda")}


def test_a_worker_plans_and_measures_on_its_own_device_and_is_asked_once(start: Start) -> None:
    service = start(probe_s=AGES)
    data = service.ready()
    with a_worker(service, gpu):
        first = dry_run(service, data, epochs=5)
    assert (first["plan"]["epochs"], first["plan"]["precision"]) == (5, "bf16")
    assert first["plan"]["splits"] == ["train"] and first["plan"]["reasons"]
    estimate = first["estimate"]
    assert estimate["basis"] == "measured on this worker"
    assert 36 * 5 * 0.01 < estimate["duration_s"] < 20
    assert estimate["low_s"] < estimate["duration_s"] < estimate["high_s"]
    assert "10 ms" in estimate["why"]
    again = dry_run(service, data, epochs=10)
    assert again["plan"]["network"] == first["plan"]["network"]
    assert again["estimate"]["basis"] == "measured on this worker"
    assert again["estimate"]["duration_s"] > estimate["duration_s"]
    assert len(probes(service)) == 1


def test_without_a_worker_nothing_is_claimed_to_be_known_and_nothing_stays(service: Service) -> None:
    body = dry_run(service, service.ready(), epochs=5)
    assert body["plan"]["epochs"] == 5
    why = body["estimate"].pop("why")
    assert body["estimate"] == {"duration_s": None, "low_s": None, "high_s": None, "basis": None}
    assert why == "No worker was free to measure its pace in time."
    (probe,) = probes(service)
    assert probe.deleted_at is not None and probe.cancel_requested
    with service.db.write() as session:
        assert jobs.claim_next(session, "probe", "worker", 60.0) is None


def test_what_kept_a_worker_from_measuring_is_said(start: Start) -> None:
    service = start(probe_s=AGES)
    data = service.ready()
    with a_worker(service, lambda *_: Problem("device-unavailable", "This worker has no GPU.")):
        body = dry_run(service, data)
    assert body["estimate"]["why"] == "This worker has no GPU."
    assert body["estimate"]["duration_s"] is None


def audited(service: Service, data: Dataset, pace: dict[str, Any]) -> None:
    """An audit that ended."""
    _, claim = service.running(data)
    with service.db.write() as session:
        jobs.finish(session, claim, {"pace": pace})


def test_an_earlier_audit_tells_the_pace_of_its_own_network_and_resolution(service: Service) -> None:
    data = service.ready()
    plan = resolve(AuditSpec(), datasets.facts(data), "cpu", 1)
    audited(service, data, paced(plan, 0.02))
    response = service.http.post("/v1/audits", params={"dry_run": "true"}, json={"dataset_id": data.id})
    estimate = response.json()["estimate"]
    assert estimate["basis"] == "earlier audits"
    assert estimate["duration_s"] > plan.epochs * 36 * 0.02
    assert probes(service) == []


def test_an_audit_of_another_size_only_bounds_a_guess(service: Service) -> None:
    data = service.ready()
    plan = resolve(AuditSpec(), datasets.facts(data), "cpu", 1)
    audited(service, data, paced(plan.model_copy(update={"resolution": 8}), 0.02))
    response = service.http.post("/v1/audits", params={"dry_run": "true"}, json={"dataset_id": data.id})
    estimate = response.json()["estimate"]
    assert estimate["duration_s"] is None and estimate["basis"] is None
    assert 0 < estimate["low_s"] < estimate["high_s"]
    assert "guessed" in estimate["why"]


def test_a_budget_is_divided_by_the_pace(service: Service) -> None:
    data = service.ready()
    plan = resolve(AuditSpec(), datasets.facts(data), "cpu", 1)
    audited(service, data, paced(plan, 0.02))
    asked = {"dataset_id": data.id, "budget_s": 20}
    body = service.http.post("/v1/audits", params={"dry_run": "true"}, json=asked).json()
    assert 4 <= body["plan"]["epochs"] < plan.epochs
    assert body["estimate"]["duration_s"] <= 20


def test_what_cannot_be_audited_is_refused_before_anything_is_measured(service: Service) -> None:
    data = service.ready()
    response = service.http.post(
        "/v1/audits", params={"dry_run": "true"}, json={"dataset_id": data.id, "splits": ["val"]}
    )
    assert response.status_code == 422
    assert probes(service) == []
