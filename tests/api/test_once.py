"""A request with a key is done once, however often and by however many it is sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, update

from core.store.db import now
from core.store.once import KEPT_S
from core.store.sweep import sweep
from core.store.tables import Answered, Dataset, Job
from tests.api.conftest import Service, check_problem
from tests.api.make import archive

ONCE = {"Idempotency-Key": "once"}


def count(service: Service, table: type[Any], *where: Any) -> int:
    with service.db.read() as session:
        return session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def same(first: httpx2.Response, again: httpx2.Response) -> None:
    assert (again.status_code, again.content) == (first.status_code, first.content) == (202, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


def test_an_audit_is_started_once_and_answered_twice_the_same(service: Service) -> None:
    body = {"dataset_id": service.ready().id, "epochs": 3}
    first, again = (service.http.post("/v1/audits", json=body, headers=ONCE) for _ in range(2))
    same(first, again)
    service.http.post(f"/v1/audits/{first.json()['id']}/cancel")
    same(first, service.http.post("/v1/audits", json=body, headers=ONCE))  # as it was answered, not as it is now
    assert count(service, Job, Job.kind == "audit") == 1


def test_a_key_that_comes_with_something_else_is_refused(service: Service) -> None:
    data = service.ready().id
    service.http.post("/v1/audits", json={"dataset_id": data, "epochs": 3}, headers=ONCE)
    again = service.http.post("/v1/audits", json={"dataset_id": data, "epochs": 4}, headers=ONCE)
    check_problem(again, 422, "idempotency-key-reused")
    assert count(service, Job, Job.kind == "audit") == 1


def test_a_refused_request_does_not_use_its_key_up(service: Service) -> None:
    received, _ = service.received()
    refused = service.http.post("/v1/audits", json={"dataset_id": received.id}, headers=ONCE)
    check_problem(refused, 409, "dataset-not-ready")
    done = service.http.post("/v1/audits", json={"dataset_id": service.ready().id}, headers=ONCE)
    assert done.status_code == 202
    assert count(service, Answered) == 1


def test_keys_belong_to_their_routes_and_without_one_everything_is_done(service: Service) -> None:
    body = {"dataset_id": service.ready().id}
    audit = service.http.post("/v1/audits", json=body, headers=ONCE).json()["id"]
    reruns = [service.http.post(f"/v1/audits/{audit}/rerun", headers=ONCE).json()["id"] for _ in range(2)]
    assert len({audit, *reruns}) == 2
    plain = {service.http.post("/v1/audits", json=body).json()["id"] for _ in range(2)}
    assert count(service, Job, Job.kind == "audit") == 2 + len(plain) == 4


def test_of_many_at_once_one_is_done_and_all_are_answered_the_same(service: Service) -> None:
    body = {"dataset_id": service.ready().id}
    with ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(service.http.post, "/v1/audits", json=body, headers=ONCE) for _ in range(32)]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False] + 31 * [True]
    assert count(service, Job, Job.kind == "audit") == 1


def test_a_file_that_is_sent_twice_becomes_one_dataset(service: Service) -> None:
    first, again = (service.http.post("/v1/datasets?name=x", content=archive(), headers=ONCE) for _ in range(2))
    same(first, again)
    check_problem(
        service.http.post("/v1/datasets?name=y", content=archive(), headers=ONCE), 422, "idempotency-key-reused"
    )
    assert count(service, Dataset) == 1
    sweep(service.db, service.blobs, 1e9)
    used = service.http.get(f"/v1/datasets/{first.json()['id']}/upload")
    assert used.content == archive()
    assert len({key.split("/")[1] for key in service.blobs.names("uploads")}) == 1


def test_an_upload_that_is_used_twice_becomes_one_dataset(service: Service) -> None:
    tus = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(archive())),
        "Content-Type": "application/offset+octet-stream",
    }
    made = service.http.post("/v1/uploads", content=archive(), headers=tus)
    body = {"upload_id": made.headers["location"].rpartition("/")[2]}
    first, again = (service.http.post("/v1/datasets", json=body, headers=ONCE) for _ in range(2))
    same(first, again)
    check_problem(service.http.post("/v1/datasets", json=body), 409, "upload-used")


def test_an_import_is_ordered_once(start: Callable[..., Service]) -> None:
    service = start(import_https=True)
    body = {"source": "https://data.example.org/x.zip"}
    first, again = (service.http.post("/v1/datasets", json=body, headers=ONCE) for _ in range(2))
    same(first, again)
    assert count(service, Dataset) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel"])
def test_a_key_that_is_none_is_refused(service: Service, key: str) -> None:
    body = {"dataset_id": service.ready().id}
    answer = service.http.post("/v1/audits", json=body, headers={"Idempotency-Key": key.encode("latin-1")})
    check_problem(answer, 400, "invalid-request")


def test_a_key_is_forgotten_when_nobody_will_send_it_again(service: Service) -> None:
    body = {"dataset_id": service.ready().id}
    service.http.post("/v1/audits", json=body, headers=ONCE)
    sweep(service.db, service.blobs, 1e9)
    assert count(service, Answered) == 1
    with service.db.write() as session:
        session.execute(update(Answered).values(at=now() - KEPT_S - 1))
    sweep(service.db, service.blobs, 1e9)
    assert count(service, Answered) == 0
