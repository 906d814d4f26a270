"""Audits: start, look, list, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api import waiting
from core.errors import Problem
from core.spec import AuditSpec
from core.store import datasets, jobs, workers
from core.store.tables import Dataset, Job, Score
from core.training.plan import resolve
from tests.api.conftest import Library, Service, check_problem
from tests.api.make import CLASSES, NOBODY


def status(service: Service, id: str) -> str:
    found: str = service.http.get(f"/v1/audits/{id}").json()["status"]
    return found


def test_an_audit_of_a_ready_dataset_is_queued(service: Service) -> None:
    data = service.ready()
    spec = {"recipe": "fast", "epochs": 3, "seed": 7, "splits": ["train"]}
    response = service.http.post("/v1/audits", json={"dataset_id": data.id, **spec})
    assert response.status_code == 202
    body = response.json()
    assert response.headers["location"] == f"/v1/audits/{body['id']}"
    assert (body["status"], body["dataset_id"], body["spec"]) == ("queued", data.id, spec)
    assert body["progress"]["phase"] == "queued" and body["progress"]["percent"] == 0.0
    unknown = ("started_at", "finished_at", "plan", "device", "score_version", "files", "problem")
    assert {name: body[name] for name in unknown} == dict.fromkeys(unknown)
    shown = service.http.get(response.headers["location"]).json()
    assert shown["queue"]["position"] == 1
    assert shown | {"queue": None} == body


def test_only_a_ready_dataset_can_be_audited(service: Service) -> None:
    received, job = service.received()
    for state in ("received", "ingesting", "failed"):
        body = check_problem(
            service.http.post("/v1/audits", json={"dataset_id": received.id}), 409, "dataset-not-ready"
        )
        assert state in body["detail"]
        if state == "received":
            claim = service.claimed(job)
        elif state == "ingesting":
            with service.db.write() as session:
                jobs.fail(session, claim, Problem("sandbox-died", "It died."))
    assert service.http.get("/v1/audits").json()["data"] == []


@pytest.mark.parametrize("id", [NOBODY, "", "nothing", "x" * 1000, "a\x00b", NOBODY.upper(), "é"])
def test_an_audit_of_an_unknown_dataset_is_not_found(service: Service, id: str) -> None:
    body = check_problem(service.http.post("/v1/audits", json={"dataset_id": id}), 404, "not-found")
    assert body["detail"] == "There is no such dataset."


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ({"epoch": 3}, "/epoch"),
        ({"epochs": True}, "/epochs"),
        ({"epochs": 3.0}, "/epochs"),
        ({"epochs": "3"}, "/epochs"),
        ({"epochs": 1}, "/epochs"),
        ({"epochs": 10**100}, "/epochs"),
        ({"seed": -1}, "/seed"),
        ({"seed": False}, "/seed"),
        ({"seed": 2**31}, "/seed"),
        ({"recipe": "x\x00"}, "/recipe"),
        ({"recipe": None}, "/recipe"),
        ({"network": 1}, "/network"),
        ({"splits": []}, "/splits"),
        ({"splits": "train"}, "/splits"),
        ({"splits": ["train", "t\x00"]}, "/splits/1"),
        ({"dataset_id": 5}, "/dataset_id"),
        ({"dataset_id": None}, "/dataset_id"),
        ({"dataset_id": ["x"]}, "/dataset_id"),
    ],
)
def test_a_spec_that_is_not_exactly_right_is_refused_with_its_place(
    library_on_sqlite: Library, spec: dict[str, Any], pointer: str
) -> None:
    library = library_on_sqlite
    response = library.http.post("/v1/audits", json={"dataset_id": library.data.id, **spec})
    errors = check_problem(response, 422, "invalid-parameter")["errors"]
    assert [(error["in"], error["pointer"]) for error in errors] == [("body", pointer)]


def test_a_split_that_the_dataset_has_not_is_refused(library: Library) -> None:
    body = {"dataset_id": library.data.id, "splits": ["val"]}
    check_problem(library.http.post("/v1/audits", json=body), 422, "no-samples")
    check_problem(library.http.post("/v1/audits?dry_run=true", json=body), 422, "no-samples")


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"network": "resnet81"}, "unknown-network"),
        ({"network": "frozen:resnet18", "weights": "none"}, "weights-needed"),
        ({"network": "small", "weights": "default"}, "weights-unavailable"),
        ({"weights": "default"}, "network-needed"),
    ],
)
def test_a_network_that_cannot_be_trained_so_is_refused_at_once(
    library_on_sqlite: Library, spec: dict[str, str], code: str
) -> None:
    library = library_on_sqlite
    for route in ("/v1/audits", "/v1/audits?dry_run=true"):
        check_problem(library.http.post(route, json={"dataset_id": library.data.id, **spec}), 422, code)


def test_audits_are_listed_newest_first_of_one_dataset_or_of_all(service: Service) -> None:
    one, other = service.ready("one"), service.ready("other")
    made = [service.queued(one), service.queued(other), service.queued(one), service.queued(one)]
    ids = [job.id for job in reversed(made)]
    assert [row["id"] for row in service.http.get("/v1/audits").json()["data"]] == ids
    of_one = [id for id in ids if id != made[1].id]
    page = service.http.get("/v1/audits", params={"dataset_id": one.id, "limit": 2}).json()
    assert [row["id"] for row in page["data"]] == of_one[:2]
    rest = service.http.get("/v1/audits", params={"dataset_id": one.id, "limit": 2, "after": page["next"]}).json()
    assert ([row["id"] for row in rest["data"]], rest["next"]) == (of_one[2:], None)
    for unknown in (NOBODY, "nothing", "a\x00b", "x" * 500):
        check_problem(service.http.get("/v1/audits", params={"dataset_id": unknown}), 404, "not-found")


@pytest.mark.parametrize("route", ["/v1/audits", "/v1/datasets"])
@pytest.mark.parametrize("after", ["", "5", "a\x00b", "x" * 100, NOBODY.upper(), NOBODY + "\n", "'; drop table"])
def test_a_cursor_that_is_none_of_ours_is_refused(library: Library, route: str, after: str) -> None:
    body = check_problem(library.http.get(route, params={"after": after}), 422, "invalid-parameter")
    assert body["errors"][0]["pointer"] == "/after"


def test_an_audit_changes_its_etag_when_it_changes(service: Service) -> None:
    job, claim = service.running(service.ready())
    url = f"/v1/audits/{job.id}"
    first = service.http.get(url)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for shown in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = service.http.get(url, headers={"If-None-Match": shown})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    with service.db.write() as session:
        jobs.beat(session, claim, 60.0, {"phase": "training", "epoch": 2, "epochs": 5, "percent": 30.0})
    changed = service.http.get(url, headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["progress"]["epoch"]) == (200, 2)
    assert changed.headers["etag"] != etag


def test_a_finished_audit_tells_its_files(library: Library) -> None:
    body = library.http.get(f"/v1/audits/{library.audit.id}").json()
    assert (body["status"], body["device"], body["score_version"]) == ("succeeded", "cpu", "test-1")
    assert set(body["files"]) == {
        "scores.parquet", "scores.csv", "scores.jsonl", "model.safetensors", "config.json", "labels.json", "README.md",
        "embeddings.npy", "neighbours.npy", "map.bin", "cohorts.json",
    }  # fmt: skip
    assert all(set(file) == {"size", "sha256"} for file in body["files"].values())
    assert body["progress"]["eta_s"] == 0.0


def test_a_failed_audit_tells_its_problem(service: Service) -> None:
    job, claim = service.running(service.ready())
    with service.db.write() as session:
        jobs.fail(session, claim, Problem("device-unavailable", "No GPU here."))
    body = service.http.get(f"/v1/audits/{job.id}").json()
    assert (body["status"], body["problem"]["code"], body["problem"]["detail"]) == (
        "failed", "device-unavailable", "No GPU here.",
    )  # fmt: skip


def test_a_queued_audit_is_cancelled_at_once(service: Service) -> None:
    job = service.queued(service.ready())
    response = service.http.post(f"/v1/audits/{job.id}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "cancelled")
    assert service.http.post(f"/v1/audits/{job.id}/cancel").status_code == 202


def test_a_running_audit_is_asked_to_end(service: Service) -> None:
    job, claim = service.running(service.ready())
    body = service.http.post(f"/v1/audits/{job.id}/cancel").json()
    assert (body["status"], body["cancel_requested"]) == ("running", True)
    with service.db.write() as session:
        assert jobs.beat(session, claim, 60.0)
        jobs.stop(session, claim)
    assert status(service, job.id) == "cancelled"


def test_an_audit_that_has_ended_cannot_be_cancelled(service: Service) -> None:
    done = service.finished(service.ready())
    check_problem(service.http.post(f"/v1/audits/{done.id}/cancel"), 409, "already-finished")
    assert status(service, done.id) == "succeeded"


def test_an_audit_pauses_and_goes_on(service: Service) -> None:
    job = service.queued(service.ready())
    url = f"/v1/audits/{job.id}"
    assert service.http.post(f"{url}/pause").json()["status"] == "paused"
    assert service.http.get(url).json()["queue"] is None
    assert service.http.post(f"{url}/pause").status_code == 202
    check_problem(service.http.delete(url), 409, "audit-in-progress")
    resumed = service.http.post(f"{url}/resume")
    assert (resumed.status_code, resumed.json()["status"]) == (202, "queued")
    claim = service.claimed(job)
    body = service.http.post(f"{url}/pause").json()
    assert (body["status"], body["pause_requested"]) == ("running", True)
    with service.db.write() as session:
        jobs.beat(session, claim, 60.0, spent_s=3600.0)
        jobs.release(session, claim)
    body = service.http.get(url).json()
    assert (body["status"], body["pause_requested"], body["spent_s"], body["cost"]) == ("paused", False, 3600.0, None)
    assert service.http.post(f"{url}/cancel").json()["status"] == "cancelled"
    for act in ("pause", "resume"):
        check_problem(service.http.post(f"{url}/{act}"), 409, "already-finished")


def test_who_waits_is_told_the_place_in_the_line_and_when_it_is_due(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "AGE_S", 0.0)
    data = service.ready()
    done = service.finished(data)
    pace = {"network": "fast", "resolution": 16, "seconds": 0.01}
    with service.db.write() as session:
        session.execute(update(Job).where(Job.pk == done.pk).values(result={**(done.result or {}), "pace": pace}))
    first = service.queued(data)
    body = {"dataset_id": data.id, "epochs": 10, "network": "fast"}
    second, urgent, picky = (
        service.http.post("/v1/audits", json={**body, **asked}).json()["id"]
        for asked in ({}, {"priority": 7}, {"device": "cuda"})
    )

    def queue(id: str) -> Any:
        return service.http.get(f"/v1/audits/{id}").json()["queue"]

    assert [queue(id)["position"] for id in (urgent, first.id, second, picky)] == [1, 2, 3, 4]
    assert "No worker shows itself" in queue(second)["why"]
    with service.db.write() as session:
        workers.show(session, "here:1", ["audits"], [{"kind": "cpu", "name": "cpu"}])
    assert queue(urgent)["starts_in_s"] == 0
    assert 0 < queue(first.id)["starts_in_s"] < queue(second)["starts_in_s"]
    assert queue(picky) == {
        "position": 4, "starts_in_s": None, "why": "No worker with the device cuda shows itself at present.",
    }  # fmt: skip
    [worker] = service.http.get("/v1/workers").json()["data"]
    assert (worker["id"], worker["queues"], worker["devices"]) == (
        "here:1",
        ["audits"],
        [{"kind": "cpu", "name": "cpu"}],
    )
    before = queue(second)["starts_in_s"]
    with service.db.write() as session:
        workers.show(session, "there:1", ["audits"], [{"kind": "cpu", "name": "cpu"}])
    assert queue(second)["starts_in_s"] < before


def test_the_line_is_read_once_for_all_who_ask_within_its_age(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "AGE_S", 3600.0)
    reads: list[str] = []

    def in_line(session: Session, kind: str, most: int) -> list[int]:
        reads.append(kind)
        return jobs.in_line(session, kind, most)

    monkeypatch.setattr(waiting, "jobs", SimpleNamespace(in_line=in_line))
    data = service.ready()
    first, second = (f"/v1/audits/{service.queued(data).id}" for _ in range(2))
    tag = service.http.get(first).headers["ETag"]
    for _ in range(5):
        assert service.http.get(first, headers={"If-None-Match": tag}).status_code == 304
        assert service.http.get(second).json()["queue"]["position"] == 2
    assert len(reads) == 1
    third = f"/v1/audits/{service.queued(data).id}"
    assert service.http.get(third).json()["queue"]["position"] == 3  # one that is new is found at once
    assert service.http.post(f"{third}/cancel").status_code == 202
    assert service.http.get(third).json()["queue"] is None
    assert len(reads) == 2


def test_what_an_audit_may_cost_needs_a_price(service: Service, start: Callable[..., Service]) -> None:
    data = service.ready()
    body = {"dataset_id": data.id, "max_cost": 2.5}
    check_problem(service.http.post("/v1/audits", json=body), 422, "no-price")
    assert service.http.post("/v1/audits", json={"dataset_id": data.id, "max_s": 60}).status_code == 202
    priced = start(device_hour_cost=2.0)
    job, claim = priced.running(priced.ready())
    with priced.db.write() as session:
        jobs.beat(session, claim, 60.0, spent_s=1800.0)
    assert priced.http.get(f"/v1/audits/{job.id}").json()["cost"] == 1.0


def test_an_audit_in_progress_is_deleted_only_by_force(service: Service) -> None:
    data = service.ready()
    for job in (service.queued(data), service.running(data)[0]):
        url = f"/v1/audits/{job.id}"
        check_problem(service.http.delete(url), 409, "audit-in-progress")
        assert service.http.get(url).status_code == 200
        assert service.http.delete(url, params={"force": "true"}).status_code == 204
        check_problem(service.http.get(url), 404, "not-found")
        check_problem(service.http.post(f"{url}/cancel"), 404, "not-found")
    assert service.http.get(f"/v1/datasets/{data.id}").status_code == 200


@pytest.mark.parametrize(
    "end", ["suspects", "conflicts", "summary", "samples/0", "scores.csv", "scores.parquet", "model/README.md"]
)
def test_an_unfinished_audit_has_no_results_yet(service: Service, end: str) -> None:
    data = service.ready()
    for job in (service.queued(data), service.running(data)[0]):
        body = check_problem(service.http.get(f"/v1/audits/{job.id}/{end}"), 409, "audit-not-finished")
        assert status(service, job.id) in body["detail"]


def test_an_audit_tells_its_share_of_wrong_labels_unless_its_run_says_nothing(service: Service) -> None:
    data = service.ready()
    queued, done, nothing = service.queued(data), service.finished(data), service.finished(data)
    rate = service.http.get(f"/v1/audits/{done.id}/summary").json()["noise_rate"]
    with service.db.write() as session:
        [result] = session.execute(select(Job.result).where(Job.pk == nothing.pk)).one()
        why = {"code": "collapsed", "detail": "It says the same of all."}
        result = result | {"summary": result["summary"] | {"degenerate": why}}
        session.execute(update(Job).where(Job.pk == nothing.pk).values(result=result))
    told = {one["id"]: one["noise_rate"] for one in service.http.get("/v1/audits").json()["data"]}
    assert told == {queued.id: None, done.id: rate, nothing.id: None}
    assert service.http.get(f"/v1/audits/{done.id}").json()["noise_rate"] == rate


def test_an_audit_is_done_again_by_its_plan(service: Service) -> None:
    data = service.ready()
    done = service.finished(data)
    plan = resolve(AuditSpec(epochs=3), datasets.facts(data), "cpu", 1).model_dump(mode="json")
    with service.db.write() as session:
        session.execute(update(Job).where(Job.pk == done.pk).values(plan=plan, spec={"epochs": 3}, priority=4))
    answer = service.http.post(f"/v1/audits/{done.id}/rerun")
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/v1/audits/{body['id']}"
    assert (body["status"], body["rerun_of"], body["spec"], body["priority"]) == ("queued", done.id, {"epochs": 3}, 4)
    with service.db.write() as session:
        claim = jobs.claim(session, body["id"], "worker", 60.0)
    assert claim is not None and claim.plan == plan


def test_two_audits_of_the_same_data_are_compared(service: Service) -> None:
    data = service.ready()
    one, other = service.finished(data), service.finished(data)
    body = service.http.get(f"/v1/audits/{one.id}/diff/{other.id}").json()
    assert (body["audits"], body["rank_correlation"], body["moved"]) == ([one.id, other.id], 1.0, [])
    assert (body["only"], body["flagged"]) == ([0, 0], [7, 7, 7])
    assert body["overlaps"] == [{"k": 10, "common": 10, "share": 1.0}]
    with service.db.write() as session:
        here = Score.audit_pk == other.pk
        session.execute(update(Score).where(here, Score.rank == 3).values(score=0.9))
    [moved] = service.http.get(f"/v1/audits/{one.id}/diff/{other.id}").json()["moved"]
    assert (moved["ranks"], moved["scores"]) == ([3, 3], [1 / 3, 0.9])
    assert moved["given_label"] in CLASSES and moved["path"]


def test_what_cannot_be_compared_is_refused(service: Service) -> None:
    data, others = service.ready(), service.ready()
    with service.db.write() as session:
        session.execute(update(Dataset).where(Dataset.pk == others.pk).values(content_hash="other"))
    one, other, waiting = service.finished(data), service.finished(others), service.queued(data)
    url = f"/v1/audits/{one.id}/diff"
    check_problem(service.http.get(f"{url}/{other.id}"), 422, "other-data")
    check_problem(service.http.get(f"{url}/{waiting.id}"), 409, "audit-not-finished")
    check_problem(service.http.get(f"/v1/audits/{waiting.id}/diff/{one.id}"), 409, "audit-not-finished")
    for unknown in (NOBODY, "x"):
        check_problem(service.http.get(f"{url}/{unknown}"), 404, "not-found")
