"""What happened to an audit, as pages and as a stream."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from api import events
from api.schemas import EpochOut
from core.store import jobs
from tests.api.conftest import GUARD_S, Library, Service, check_problem

STREAM = {"Accept": "text/event-stream"}


@contextlib.contextmanager
def stream(service: Service, id: str, **headers: str) -> Iterator[Iterator[str]]:
    """The lines of an audit's stream."""
    with service.http.stream("GET", f"/v1/audits/{id}/events", headers=STREAM | headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        yield response.iter_lines()


def next_event(lines: Iterator[str]) -> dict[str, Any] | None:
    """The next event of a stream; None at its end."""
    found: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            found[name] = json.loads(value) if name == "data" else value
        if not line and "id" in found:
            return found
    return None


def coming(lines: Iterator[str]) -> dict[str, Any]:
    """The next event of a stream that has not ended."""
    found = next_event(lines)
    assert found is not None
    return found


def all_events(lines: Iterator[str]) -> list[dict[str, Any]]:
    return list(iter(lambda: next_event(lines), None))


def finish(service: Service, claim: jobs.Claim) -> None:
    with service.db.write() as session:
        jobs.finish(session, claim, {})


def test_events_are_listed_in_order(library: Library) -> None:
    page = library.http.get(f"/v1/audits/{library.audit.id}/events").json()
    assert page["next"] is None
    assert [(event["id"], event["type"], event["data"]["status"]) for event in page["data"]] == [
        (1, "state", "queued"), (2, "state", "running"), (3, "state", "succeeded"),
    ]  # fmt: skip
    assert library.http.get(f"/v1/audits/{library.audit.id}/events?after=2").json()["data"] == page["data"][2:]
    assert library.http.get(f"/v1/audits/{library.audit.id}/events?after=3").json()["data"] == []


def test_what_an_epoch_tells_is_listed_as_it_was_written_and_described(service: Service) -> None:
    job, _ = service.running(service.ready())
    figures = {"train_loss": 0.5, "train_accuracy": 0.9, "test_accuracy": None, "mean_weight": 1.0, "seconds": 2.0}
    written = [
        {"epoch": 1, "epochs": 2, **figures, "noise": None},
        {"epoch": 2, "epochs": 2, **figures, "noise": {"estimate": 0.08, "low": 0.05, "high": 0.12}},
    ]
    for data in written:
        service.event(job, "epoch", **data)
        assert EpochOut(**data).model_dump() == data
    page = service.http.get(f"/v1/audits/{job.id}/events").json()["data"]
    assert [event["data"] for event in page if event["type"] == "epoch"] == written
    described = service.http.get("/v1/openapi.json").json()["components"]["schemas"]["EventOut"]["properties"]["data"]
    assert {"$ref": "#/components/schemas/EpochOut"} in described["anyOf"]


@examples(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.lists(st.integers(1, 5), min_size=1))
def test_pages_of_events_hold_every_event_once(library: Library, limits: list[int]) -> None:
    seen, after, k = [], 0, 0
    while after is not None:
        params = {"after": after, "limit": limits[k % len(limits)]}
        page = library.http.get(f"/v1/audits/{library.audit.id}/events", params=params).json()
        seen += [event["id"] for event in page["data"]]
        after, k = page["next"], k + 1
    assert seen == [1, 2, 3]


def test_a_stream_of_a_finished_audit_tells_everything_and_ends(library: Library) -> None:
    with stream(library, library.audit.id) as lines:
        told = all_events(lines)
    assert [(event["id"], event["event"], event["data"]["status"]) for event in told] == [
        ("1", "state", "queued"), ("2", "state", "running"), ("3", "state", "succeeded"),
    ]  # fmt: skip
    assert all(event["data"]["at"].endswith("Z") for event in told)


def test_a_stream_tells_what_happens_and_ends_with_the_audit(service: Service) -> None:
    job, claim = service.running(service.ready())
    with stream(service, job.id) as lines:
        assert [coming(lines)["id"] for _ in range(2)] == ["1", "2"]
        service.event(job, "epoch", epoch=1)
        assert coming(lines)["data"]["epoch"] == 1
        service.event(job, "epoch", epoch=2)
        finish(service, claim)
        assert [(e["id"], e["event"]) for e in all_events(lines)] == [("4", "epoch"), ("5", "state")]


def test_a_stream_goes_on_after_the_last_event_that_was_seen(service: Service) -> None:
    job, claim = service.running(service.ready())
    seen: list[int] = []
    number = 0
    for _ in range(4):
        with stream(service, job.id, **({"Last-Event-ID": str(seen[-1])} if seen else {})) as lines:
            number += 1
            service.event(job, "epoch", epoch=number)
            while not seen or seen[-1] < 2 + number:
                event = next_event(lines)
                assert event is not None
                seen.append(int(event["id"]))
        # Nobody listens now.
        number += 1
        service.event(job, "epoch", epoch=number)
    finish(service, claim)
    with stream(service, job.id, **{"Last-Event-ID": str(seen[-1])}) as lines:
        seen += [int(event["id"]) for event in all_events(lines)]
    assert seen == list(range(1, 2 + number + 2))


def test_a_stream_longer_than_a_batch_loses_and_repeats_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 7)
    job, claim = service.running(service.ready())
    total = 60

    def work() -> None:
        for k in range(total):
            service.event(job, "epoch", epoch=k)
        finish(service, claim)

    worker = threading.Thread(target=work)
    with stream(service, job.id) as lines:
        worker.start()
        told = [int(event["id"]) for event in all_events(lines)]
    worker.join(GUARD_S)
    assert told == list(range(1, total + 4))


@pytest.mark.parametrize("last", [str(2**31), str(2**63), "9" * 20])
def test_a_last_event_that_cannot_be_ends_like_one_that_was_the_last(library: Library, last: str) -> None:
    with stream(library, library.audit.id, **{"Last-Event-ID": last}) as lines:
        assert all_events(lines) == []


@pytest.mark.parametrize("last", ["", "abc", "-1", "1.5", "0x1"])
def test_a_last_event_that_is_no_number_begins_at_the_beginning(library: Library, last: str) -> None:
    with stream(library, library.audit.id, **{"Last-Event-ID": last}) as lines:
        assert [event["id"] for event in all_events(lines)] == ["1", "2", "3"]


def test_a_silent_stream_shows_that_it_lives(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)
    job, _ = service.running(service.ready())
    with stream(service, job.id) as lines:
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        assert next(lines) == ""


def test_a_stream_ends_when_the_audit_is_deleted(service: Service) -> None:
    job, _ = service.running(service.ready())
    with stream(service, job.id) as lines:
        assert [coming(lines)["id"] for _ in range(2)] == ["1", "2"]
        with httpx2.Client(base_url=service.url) as other:
            assert other.delete(f"/v1/audits/{job.id}?force=true").status_code == 204
        all_events(lines)
    check_problem(service.http.get(f"/v1/audits/{job.id}/events", headers=STREAM), 404, "not-found")
