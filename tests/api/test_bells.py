"""A job is submitted whether or not anybody hears the bell."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY

from tests.api.conftest import GUARD_S, Service
from tests.api.make import archive
from tests.servers import Redis
from tests.servers import redis as started_redis
from worker.app import BELL
from worker.bells import Bells


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("labelaudit_bells_total", {"outcome": outcome}) or 0.0


@pytest.fixture(scope="module")
def silenced() -> Iterator[Redis]:
    """A Redis that a test may stop."""
    with started_redis() as server:
        yield server


def submitted(service: Service) -> None:
    data = service.ready()
    for _ in range(3):
        assert service.http.post("/v1/audits", json={"dataset_id": data.id}).status_code == 202
    assert service.http.post("/v1/datasets", content=archive()).status_code == 202
    states = [row["status"] for row in service.http.get("/v1/audits").json()["data"]]
    assert states == ["queued"] * 3


@pytest.mark.fault("F9")
def test_a_redis_that_says_nothing_keeps_nobody_waiting(start: Callable[..., Service], silenced: Redis) -> None:
    service = start(broker_url=silenced.url)
    os.kill(silenced.pid, signal.SIGSTOP)
    try:
        submitted(service)
    finally:
        os.kill(silenced.pid, signal.SIGCONT)


@pytest.mark.fault("F9")
def test_a_redis_that_is_not_there_keeps_nobody_waiting(start: Callable[..., Service]) -> None:
    submitted(start(broker_url="redis://127.0.0.1:1/0"))


def test_a_bell_is_a_message_with_the_id_of_the_job(start: Callable[..., Service], redis_url: str) -> None:
    service = start(broker_url=redis_url)
    audit = service.http.post("/v1/audits", json={"dataset_id": service.ready().id}).json()
    client = redis.Redis.from_url(redis_url)
    popped: Any = client.blpop(["audits"], timeout=int(GUARD_S))
    message = json.loads(popped[1])
    assert message["headers"]["task"] == BELL
    assert message["headers"]["argsrepr"] == f"['{audit['id']}']"
    client.close()


class Jammed:
    """A broker that takes no message before it is let go."""

    def __init__(self) -> None:
        self.let_go, self.entered = threading.Event(), threading.Event()
        self.taken: list[list[str]] = []

    def send_task(self, name: str, arguments: list[str], **_: object) -> None:
        self.entered.set()
        assert self.let_go.wait(GUARD_S)
        self.taken.append(arguments)


def test_bells_that_find_no_room_are_dropped() -> None:
    jammed = Jammed()
    bells = Bells(jammed, depth=3)
    before = count("dropped")
    bells.ring("audit", "0")
    assert jammed.entered.wait(GUARD_S)
    for k in range(1, 10):
        bells.ring("audit", str(k))
    assert count("dropped") - before == 6
    jammed.let_go.set()
    bells.close(GUARD_S)
    assert jammed.taken == [["0"], ["1"], ["2"], ["3"]]


def test_a_broker_that_fails_does_not_end_the_ringing() -> None:
    taken: list[str] = []

    class Failing:
        def send_task(self, name: str, arguments: list[str], **_: object) -> None:
            if arguments == ["bad"]:
                raise ConnectionError("gone")
            taken.extend(arguments)

    bells = Bells(Failing())
    before = count("failed")
    for id in ("bad", "good"):
        bells.ring("audit", id)
    bells.close(GUARD_S)
    assert taken == ["good"] and count("failed") - before == 1
