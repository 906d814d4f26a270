"""The Python client against the real service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.errors import Problem
from core.store import jobs
from labelaudit import client as ours
from labelaudit.client import Client
from tests.api.conftest import Library, Service
from tests.api.make import NOBODY, TRAIN, archive


def test_an_archive_is_uploaded_under_its_own_name(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "my pictures.zip"
    file.write_bytes(archive())
    with Client(service.url) as client:
        dataset = client.upload(file)
        assert (dataset["name"], dataset["size"]) == ("my pictures", len(archive()))
        assert client.dataset(dataset["id"]) == dataset


def test_suspects_are_read_to_the_end_or_to_a_limit(library: Library) -> None:
    with Client(library.url) as client:
        ranks = [row["rank"] for row in client.suspects(library.audit.id)]
        assert ranks == list(range(1, 3 * TRAIN + 1))
        assert [row["rank"] for row in client.suspects(library.audit.id, limit=5)] == ranks[:5]
        assert [row["rank"] for row in client.suspects(library.audit.id, is_issue=True)] == list(range(1, 8))
        assert list(client.suspects(library.audit.id, limit=0)) == []


def test_queues_are_lists_of_ranks_and_rows_come_by_them(fresh: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "MOST_RANKS", 5)
    with Client(fresh.url) as client:
        ranks = client.queue(fresh.audit.id, order="random", is_issue=False)
        assert sorted(ranks) == list(range(8, 3 * TRAIN + 1)) != ranks
        rows = list(client.suspects_at(fresh.audit.id, ranks))
        assert [row["rank"] for row in rows] == ranks and rows[0]["sharpened"] is None
        client.review(fresh.audit.id, [{"sample": row["sample"], "decision": "exclude"} for row in rows[:3]])
        order = client.queue(fresh.audit.id, order="sharpened", as_of=3)
        sharpened = [row["sharpened"] for row in client.suspects_at(fresh.audit.id, order, as_of=3)]
        assert sharpened == sorted(sharpened, reverse=True)
        assert client.cuts(fresh.audit.id)["current"]["flagged"] == 7


def test_reviews_are_written_in_as_many_pieces_as_it_takes_and_read_to_the_end(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "MOST_REVIEWS", 4)
    audit = service.finished(service.ready())
    with Client(service.url) as client:
        samples = [row["sample"] for row in client.suspects(audit.id, limit=10)]
        written = client.review(audit.id, [{"sample": n, "decision": "keep"} for n in samples], reviewer="ann")
        assert [row["sample"] for row in written] == samples
        undone = client.review(audit.id, [{"sample": samples[0], "undoes": written[0]["id"]}])
        assert list(client.reviews(audit.id)) == written + undone
        assert list(client.reviews(audit.id, after=9)) == [written[9], *undone]
        assert client.review_summary(audit.id)["decisions"]["keep"] == 9


def test_many_are_decided_once_their_number_is_told_and_taken_back(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = service.finished(service.ready())
    real, lost = Client._json, iter([True])

    def answer(client: Client, method: str, path: str, **request: Any) -> Any:
        found = real(client, method, path, **request)
        if path.endswith("/bulk") and found["done"] and next(lost, False):
            raise Problem("unreachable", "The answer was lost.")
        return found

    with Client(service.url) as client:
        told = client.review_many(audit.id, "exclude", 5, is_issue=True)
        assert (told["count"], told["done"]) == (5, False) and told["expected_wrong"]["estimate"] >= 0
        assert client.review_summary(audit.id)["decisions"]["exclude"] == 0
        with pytest.raises(Problem) as raised:
            client.review_many(audit.id, "exclude", 5, count=4, is_issue=True)
        assert raised.value.code == "count-differs"
        with monkeypatch.context() as patch:
            patch.setattr(Client, "_json", answer)
            patch.setattr(ours, "AGAIN_S", (0.0, 0.0))
            done = client.review_many(audit.id, "exclude", 5, count=5, reviewer="ann", is_issue=True)
        assert (done["count"], done["done"]) == (5, True)
        people = client.reviewers(audit.id)["data"]
        assert [(one["reviewer"], one["samples"]) for one in people] == [("ann", 5)]
        assert client.take_back_many(audit.id, done["id"], "ann") == 5
        assert client.review_summary(audit.id)["decisions"]["exclude"] == 0


def test_a_file_is_downloaded_whole(library_on_sqlite: Library, tmp_path: Path) -> None:
    with Client(library_on_sqlite.url) as client:
        saved = client.download(f"/v1/audits/{library_on_sqlite.audit.id}/scores.csv", tmp_path / "scores.csv")
        assert saved.read_bytes() == library_on_sqlite.blobs.get(f"audits/{library_on_sqlite.audit.id}/1/scores.csv")
        with pytest.raises(Problem) as raised:
            client.download(f"/v1/audits/{NOBODY}/scores.csv", tmp_path / "nothing.csv")
        assert raised.value.code == "not-found"
        assert not (tmp_path / "nothing.csv").exists()


def test_problems_of_the_service_are_problems_here(start: Callable[..., Service], tmp_path: Path) -> None:
    service = start(max_upload_bytes=100)
    file = tmp_path / "large.zip"
    file.write_bytes(archive())
    with Client(service.url) as client:
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: client.dataset(NOBODY), "not-found"),
            (lambda: client.start_audit(NOBODY), "not-found"),
            (lambda: client.upload(file), "upload-too-large"),
        ]
        for call, code in calls:
            with pytest.raises(Problem) as raised:
                call()
            assert raised.value.code == code


def test_the_client_shows_its_key(start: Callable[..., Service]) -> None:
    key = "0123456789abcdef0123456789abcdef"
    service = start(api_key=key)
    with Client(service.url) as stranger, pytest.raises(Problem) as raised:
        stranger.start_audit(NOBODY)
    assert raised.value.code == "unauthenticated"
    with Client(service.url, key) as client, pytest.raises(Problem) as raised:
        client.start_audit(NOBODY)
    assert raised.value.code == "not-found"


def test_waiting_ends_with_the_work_or_with_its_problem(service: Service) -> None:
    data = service.ready()
    done, (failing, claim) = service.finished(data), service.running(data)
    with service.db.write() as session:
        jobs.fail(session, claim, Problem("device-unavailable", "No GPU here."))
    cancelled = service.queued(data)
    with Client(service.url) as client:
        assert client.wait_for_dataset(data.id)["status"] == "ready"
        assert client.wait_for_audit(done.id)["status"] == "succeeded"
        client.cancel(cancelled.id)
        for id, code in ((failing.id, "device-unavailable"), (cancelled.id, "cancelled")):
            with pytest.raises(Problem) as raised:
                client.wait_for_audit(id)
            assert raised.value.code == code
        with pytest.raises(Problem) as raised:
            client.wait_for_audit(service.queued(data).id, timeout_s=0)
        assert raised.value.code == "timeout"


def test_an_audit_whose_answer_was_lost_is_started_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.client.AGAIN_S", (0.01, 0.01))
    data = service.ready()
    with Client(service.url) as client:
        real, lost = client._http.request, [2]

        def request(*words: Any, **more: Any) -> Any:
            answer = real(*words, **more)
            if lost[0]:
                lost[0] -= 1
                raise httpx2.ReadError("the line broke")
            return answer

        monkeypatch.setattr(client._http, "request", request)
        started = client.start_audit(data.id)
        assert [audit["id"] for audit in service.http.get("/v1/audits").json()["data"]] == [started["id"]]
        assert client.pause(started["id"])["status"] == "paused"
        assert client.resume(started["id"])["status"] == "queued"
        done = [service.finished(data).id for _ in range(2)]
        assert client.rerun(done[0])["rerun_of"] == done[0]
        assert client.diff(*done)["rank_correlation"] == 1.0
        lost[0] = 9
        with pytest.raises(Problem, match="does not answer"):
            client.start_audit(data.id)


def test_whoever_waits_rides_out_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.client.time.sleep", lambda _s: None)
    away = Problem("unreachable", "The service does not answer.", ours=True)
    busy = Problem("overloaded", "The service has more to do than it can do soon.", retryable=True, ours=True)
    said: list[Any] = [{"status": "running"}, away, busy, {"status": "running"}, away, {"status": "succeeded"}]

    def audit(_client: Client, _id: str) -> Any:
        one = said.pop(0)
        if isinstance(one, Problem):
            raise one
        return one

    monkeypatch.setattr(Client, "audit", audit)
    with Client("http://127.0.0.1:1") as client:
        seen: list[str] = []
        assert client.wait_for_audit("a", lambda found: seen.append(found["status"])) == {"status": "succeeded"}
        assert (seen, said) == (["running", "running", "succeeded"], [])
        said = [away]
        with pytest.raises(Problem) as raised:
            client.wait_for_audit("a")
    assert raised.value.code == "unreachable"
