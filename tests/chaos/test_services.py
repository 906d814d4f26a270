"""Whole services: workers killed or told to end, a Redis that dies, an API that is restarted while clients watch."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
import redis

from core.settings import Settings
from core.store import audits
from core.store.db import Database
from tests.servers import Redis
from tests.servers import redis as running_redis
from tests.unit.store import make
from tests.worker.digits import plant_few
from tests.worker.service import Service, eventually
from worker.app import build
from worker.bells import Bells

pytestmark = pytest.mark.chaos
Note = Callable[[str, object], None]
EPOCHS = 200
LEASE_S = 6


@pytest.fixture
def broker() -> Iterator[Redis]:
    """A Redis that keeps nothing on a disk."""
    with running_redis() as server:
        if not server.is_ours:
            pytest.skip("the Redis that the environment names is not ours to kill")
        yield server


@pytest.fixture
def service(tmp_path: Path, postgres_url: str, broker: Redis) -> Iterator[Service]:
    """The API; a test starts the workers that it wants."""
    home = tmp_path / "home"
    home.mkdir()
    service = Service(home, apart=True)
    service.environment = {
        "LABELAUDIT_DATABASE_URL": postgres_url,
        "LABELAUDIT_BROKER_URL": broker.url,
        "LABELAUDIT_BEAT_S": "0.3",
        "LABELAUDIT_LEASE_S": f"{LEASE_S}",
        "LABELAUDIT_REAPER_S": "0.3",
    }
    service.start_api()
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture
def dataset_id(service: Service, tmp_path: Path) -> str:
    service.start_worker()
    made = service.client.upload(plant_few(tmp_path / "few.zip", samples=120).archive, "few")
    return str(service.client.wait_for_dataset(made["id"], timeout_s=120)["id"])


def begun(service: Service, dataset_id: str) -> str:
    """A long audit, in the middle of its training."""
    id = str(service.client.start_audit(dataset_id, seed=1, epochs=EPOCHS)["id"])
    eventually(lambda: (service.client.audit(id)["progress"]["epoch"] or 0) >= 4, "some epochs are done")
    return id


def attempts(service: Service, id: str) -> list[float]:
    """When which attempt began, by the database's clock."""
    with closing(Database(service.environment["LABELAUDIT_DATABASE_URL"])) as db:
        with db.read() as session:
            found = audits.find(session, id)
            assert found is not None
        told = make.history(db, found[0].pk)
    return [event.at for event in told if event.data.get("status") == "running"]


def ended_once(service: Service, id: str, record_property: Note) -> None:
    audit = service.client.wait_for_audit(id, timeout_s=240)
    told = service.client._json("GET", f"/v1/audits/{id}/events?limit=1000")["data"]
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    endings = [event["data"]["status"] for event in told if event["type"] == "state"].count("succeeded")
    record_property("lost_jobs", int(audit["status"] != "succeeded"))
    record_property("duplicate_results", endings - 1)
    assert (audit["status"], endings) == ("succeeded", 1)


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


@pytest.mark.fault("F2")
def test_another_worker_takes_over_when_one_is_killed_with_all_its_children(
    service: Service, dataset_id: str, record_property: Note
) -> None:
    service.start_worker()
    id = begun(service, dataset_id)
    [child] = service.processes("worker.run", id)
    worker = next(one for one in child.parents() if "worker.main" in one.cmdline() and one.pid != child.ppid())
    began = time.time()
    hit = family(worker)
    for process in hit:
        process.kill()
    assert child in hit
    eventually(lambda: len(attempts(service, id)) == 2, "somebody else has it")
    took = attempts(service, id)[1] - began
    record_property("takeover_s", took)
    assert took <= LEASE_S + 5
    ended_once(service, id, record_property)


@pytest.mark.fault("F21")
def test_a_worker_that_is_told_to_end_saves_gives_back_and_ends_and_another_goes_on_at_once(
    service: Service, dataset_id: str, record_property: Note
) -> None:
    id = begun(service, dataset_id)
    [first] = service.workers
    service.start_worker()
    eventually(lambda: len(service.client._json("GET", "/v1/workers")["data"]) == 2, "both are there")
    began = time.monotonic()
    at = service.client.audit(id)["progress"]["percent"]
    first.send_signal(signal.SIGTERM)
    first.wait(60)
    took = time.monotonic() - began
    record_property("deploy_s", took)
    assert took < 30
    eventually(lambda: len(attempts(service, id)) == 2, "the other has it")
    assert service.client.audit(id)["progress"]["percent"] >= at - 1, "no more than a step was lost"
    ended_once(service, id, record_property)
    told = service.client._json("GET", f"/v1/audits/{id}/events?limit=1000")["data"]
    assert "released" in [event["data"].get("reason") for event in told]


@pytest.mark.fault("F8", "F9", "F15")
def test_jobs_whose_bells_were_lost_are_done_and_those_that_ring_often_are_done_once(
    service: Service, dataset_id: str, broker: Redis, record_property: Note
) -> None:
    worker = service.workers.pop()
    worker.terminate()
    worker.wait(60)
    ids = [str(service.client.start_audit(dataset_id, seed=1, epochs=2)["id"]) for _ in range(3)]
    broker.kill()
    ids += [str(service.client.start_audit(dataset_id, seed=1, epochs=2)["id"]) for _ in range(2)]
    assert [service.client.audit(id)["status"] for id in ids] == ["queued"] * 5
    broker.start()
    broker.wait()
    with closing(redis.Redis.from_url(broker.url)) as client:
        assert client.llen("audits") == 0, "the queue was lost"
    began = time.monotonic()
    service.start_worker()
    bells = Bells(build(Settings(home=service.home, broker_url=broker.url)))
    for _ in range(100):
        bells.ring("audit", ids[0])
    eventually(lambda: attempts(service, ids[0]), "the first is begun")
    record_property("bell_again_s", time.monotonic() - began)
    for id in ids:
        ended_once(service, id, record_property)
        assert len(attempts(service, id)) == 1
    bells.close()


class Watcher(threading.Thread):
    """A client that follows an audit, and comes back to where it was whenever it is thrown out."""

    def __init__(self, service: Service, id: str) -> None:
        super().__init__(daemon=True)
        self._url, self.seen, self.breaks = f"http://127.0.0.1:{service.port}/v1/audits/{id}/events", [], 0
        self.over = False
        self.start()

    def run(self) -> None:
        with httpx2.Client(timeout=30) as http:
            while not self.over:
                headers = {"Accept": "text/event-stream"}
                if self.seen:
                    headers["Last-Event-ID"] = str(self.seen[-1])
                try:
                    with http.stream("GET", self._url, headers=headers) as answer:
                        for line in answer.iter_lines():
                            if line.startswith("id: "):
                                self.seen.append(int(line[4:]))
                            self.over |= '"status": "succeeded"' in line
                except httpx2.TransportError:
                    self.breaks += 1
                    time.sleep(0.5)


@pytest.mark.fault("F30")
def test_watchers_miss_nothing_and_hear_nothing_twice_when_the_api_is_killed(
    service: Service, dataset_id: str, record_property: Note
) -> None:
    id = str(service.client.start_audit(dataset_id, seed=1, epochs=EPOCHS)["id"])
    watchers = [Watcher(service, id) for _ in range(20)]
    eventually(lambda: min(len(watcher.seen) for watcher in watchers) > 3, "all of them watch")
    for _ in range(4):
        assert service.api is not None
        os.kill(service.api.pid, signal.SIGKILL)
        service.api.wait()
        service.start_api()
        here = max(len(watcher.seen) for watcher in watchers)
        eventually(lambda here=here: _on(watchers, here), "all of them are back")
    ended_once(service, id, record_property)
    told = service.client._json("GET", f"/v1/audits/{id}/events?limit=1000")["data"]
    for watcher in watchers:
        watcher.join(30)
        assert watcher.seen == [event["id"] for event in told]
        assert watcher.breaks >= 4


def _on(watchers: list[Any], here: int) -> bool:
    return all(watcher.over or len(watcher.seen) > here for watcher in watchers)
