"""Webhooks: everything that happens arrives, signed, at least once, and nowhere that it must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core import fetch
from core.errors import Problem
from core.store import events, hooks, jobs
from core.store.db import now
from core.store.tables import Delivery
from tests.api.conftest import Service, check_problem
from tests.api.make import NOBODY
from tests.api.test_datasets import eventually
from tests.tls import PUBLIC, web
from worker.postman import Postman


@dataclass
class Receiver:
    """A server that keeps what it is sent, and answers with these statuses, the last of them for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.statuses.pop(0) if len(made.statuses) > 1 else made.statuses[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook?x=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def service(start: Callable[..., Service]) -> Service:
    return start(webhooks_anywhere=True)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test delivers itself is delivered."""
    monkeypatch.setattr(Postman, "start", lambda _self: None)
    monkeypatch.setattr(Postman, "close", lambda _self: None)


def made(service: Service, url: str, **more: Any) -> dict[str, Any]:
    answer = service.http.post("/v1/webhooks", json={"url": url, **more})
    assert answer.status_code == 202
    body: dict[str, Any] = answer.json()
    return body


def log(service: Service, hook: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.http.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["data"]
    return rows


def test_every_change_of_state_arrives_signed(service: Service, receiver: Receiver) -> None:
    hook = made(service, receiver.url)
    job, claim = service.running(service.ready())
    with service.db.write() as session:
        events.emit(session, job.pk, "epoch", {"epoch": 1})
        jobs.fail(session, claim, Problem("device-unavailable", "No GPU here."))
    eventually(lambda: len(receiver.got) >= 6)
    for headers, body in receiver.got:
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
    audits = [body for body in receiver.bodies if body["type"] == "audit.state"]
    assert {body["data"]["status"]: body["event"] for body in audits} == {"queued": 1, "running": 2, "failed": 4}
    assert {(body["audit_id"], body["dataset_id"]) for body in audits} == {(job.id, audits[0]["dataset_id"])}
    assert {body["type"] for body in receiver.bodies} == {"audit.state", "dataset.state"}
    eventually(lambda: {row["state"] for row in log(service, hook)} == {"delivered"})
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(receiver.got)


@pytest.mark.usefixtures("still")
def test_who_asks_for_epochs_gets_epochs_alone(service: Service, receiver: Receiver) -> None:
    hook = made(service, receiver.url, types=["epoch"])
    job, _ = service.running(service.ready())
    with service.db.write() as session:
        events.emit(session, job.pk, "epoch", {"epoch": 1})
    postman = Postman(service.settings, service.db)
    assert postman.deliver() and not postman.deliver()
    assert [body["data"] for body in receiver.bodies] == [{"epoch": 1}]
    assert [row["type"] for row in log(service, hook)] == ["epoch"]


@pytest.mark.usefixtures("still")
@pytest.mark.fault("F32")
def test_what_is_not_answered_well_is_sent_again_later_and_given_up_in_the_end(
    service: Service, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    hook = made(service, receiver.url)
    service.queued(service.ready())
    postman = Postman(service.settings, service.db)
    for attempt in range(1, len(hooks.PAUSES_S) + 2):
        while postman.deliver():
            pass
        row = log(service, hook)[0]
        assert (row["attempts"], row["status"]) == (attempt, 500)
        with service.db.write() as session:
            assert not hooks.are_due(session)
            session.execute(update(Delivery).values(next_at=now() - 1))
    assert {row["state"] for row in log(service, hook)} == {"given-up"}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(log(service, hook))
    receiver.statuses = [200]
    last = log(service, hook)[0]
    again = service.http.post(f"/v1/webhooks/{hook['id']}/deliveries/{last['id']}/redeliver")
    assert again.status_code == 204
    assert postman.deliver() and not postman.deliver()
    assert (log(service, hook)[0]["state"], log(service, hook)[0]["attempts"]) == ("delivered", 1)


@pytest.mark.usefixtures("still")
def test_who_dies_while_sending_is_replaced_and_a_late_word_of_his_does_not_count(service: Service) -> None:
    hook = made(service, "http://127.0.0.1:9/")
    service.queued(service.ready())
    with service.db.write() as session:
        dead = hooks.take(session)
        assert dead is not None
        taken = session.execute(select(Delivery).where(Delivery.pk == dead.pk)).scalar_one()
        assert taken.next_at > dead.at + 30
        session.execute(update(Delivery).where(Delivery.pk == dead.pk).values(next_at=0.0))
    with service.db.write() as session:
        again = hooks.take(session)
        assert again is not None and (again.id, again.attempt) == (dead.id, 2)
        hooks.arrived(session, dead, 200)
    assert {row["state"] for row in log(service, hook)} == {"waiting"}


@pytest.mark.fault("F32")
def test_a_dead_address_says_why(service: Service) -> None:
    hook = made(service, "http://127.0.0.1:9/")
    service.queued(service.ready())
    eventually(lambda: all(row["error"] for row in log(service, hook)))
    assert "no connection to its server" in log(service, hook)[0]["error"]


@pytest.mark.usefixtures("still")
def test_a_removed_webhook_is_told_nothing_more(service: Service, receiver: Receiver) -> None:
    hook = made(service, receiver.url)
    data = service.ready()
    assert service.http.delete(f"/v1/webhooks/{hook['id']}").status_code == 204
    service.queued(data)
    assert not Postman(service.settings, service.db).deliver()
    assert service.http.get("/v1/webhooks").json()["data"] == []
    for url in (f"/v1/webhooks/{hook['id']}", f"/v1/webhooks/{NOBODY}", "/v1/webhooks/x/deliveries"):
        check_problem(service.http.get(url), 404, "not-found")


def test_a_secret_is_told_once(service: Service, receiver: Receiver) -> None:
    hook = made(service, receiver.url)
    assert hook["secret"].startswith("whsec_") and hook["types"] == ["state"]
    assert service.http.get(f"/v1/webhooks/{hook['id']}").json() == {**hook, "secret": None}
    assert service.http.get("/v1/webhooks").json()["data"] == [{**hook, "secret": None}]


@pytest.mark.parametrize(
    "url", ["http://data.example.org/", "https://127.0.0.1/", "https://localhost/", "https://data.example.org:8443/"]
)
def test_only_an_administrator_lets_webhooks_into_private_networks(start: Callable[..., Service], url: str) -> None:
    guarded = start()
    check_problem(guarded.http.post("/v1/webhooks", json={"url": url}), 422, "url-not-allowed")
    assert guarded.http.get("/v1/webhooks").json()["data"] == []


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://a b/", "http://u:p@x/", "http://x:port/", "hello"])
def test_what_is_no_address_is_refused_even_then(service: Service, url: str) -> None:
    check_problem(service.http.post("/v1/webhooks", json={"url": url}), 422, "url-not-allowed")


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(("address", "sent"), [(PUBLIC, 1), ("10.0.0.7", 0)])
def test_names_that_lead_into_a_private_network_are_not_followed(
    start: Callable[..., Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, sent: int
) -> None:
    guarded = start()
    with web(tmp_path / "web") as internet:
        internet.names = {"data.example.org": [[address]]}
        monkeypatch.setattr(fetch, "INTERNET", internet.network())
        hook = made(guarded, "https://data.example.org/hook")
        guarded.queued(guarded.ready())
        postman = Postman(guarded.settings, guarded.db)
        while postman.deliver():
            pass
        assert len(internet.connected) == sent * len(log(guarded, hook))
        assert {bool(row["error"]) for row in log(guarded, hook)} == {not sent}
