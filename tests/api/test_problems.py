"""Every error in one form, which tells nothing that it should not tell."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from core.store import audits, datasets
from tests.api.conftest import Library, Service, check_problem, running, settings_for
from tests.api.make import NOBODY


def test_what_is_not_there_is_a_problem(library_on_sqlite: Library) -> None:
    for path in ("/nothing", "/v1", "/v2/datasets", "/v1/datasets/", "/v1/audits/x/y/z", "/v1/../etc/passwd"):
        check_problem(library_on_sqlite.http.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/datasets", {"GET", "POST"}),
        ("DELETE", "/v1/audits", {"GET", "POST"}),
        ("POST", f"/v1/audits/{NOBODY}", {"GET", "DELETE"}),
        ("DELETE", f"/v1/audits/{NOBODY}/scores.csv", {"GET", "HEAD"}),
        ("GET", "/v1/session", {"POST", "DELETE"}),
        ("GET", f"/v1/audits/{NOBODY}/cancel", {"POST"}),
        ("BREW", "/healthz", {"GET"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    library_on_sqlite: Library, method: str, path: str, allowed: set[str]
) -> None:
    response = library_on_sqlite.http.request(method, path)
    check_problem(response, 405, "method-not-allowed")
    assert set(response.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("limit", ["-1", "0", "1001", str(10**30), "9" * 5000, "abc", "1.5", "", "NaN", "\x00"])
@pytest.mark.parametrize(
    "route", ["/v1/datasets", "/v1/audits", "{data}/samples", "{data}/rejects", "{audit}/suspects", "{audit}/conflicts"]
)
def test_a_limit_that_cannot_be_is_refused(library_on_sqlite: Library, route: str, limit: str) -> None:
    library = library_on_sqlite
    path = route.format(data=f"/v1/datasets/{library.data.id}", audit=f"/v1/audits/{library.audit.id}")
    body = check_problem(library.http.get(path, params={"limit": limit}), 422, "invalid-parameter")
    assert [(error["in"], error["pointer"]) for error in body["errors"]] == [("query", "/limit")]


EVERY_GET = (
    "/v1/limits", "/v1/openapi.json", "/v1/datasets", "{data}", "{data}/samples", "{data}/samples/0",
    "{data}/samples/0/image", "{data}/rejects", "/v1/audits", "{audit}", "{audit}/events", "{audit}/suspects",
    "{audit}/conflicts", "{audit}/samples/0", "{audit}/summary", "{audit}/scores.csv", "{audit}/model/README.md",
)  # fmt: skip


@pytest.mark.parametrize("route", EVERY_GET)
def test_unknown_and_repeated_parameters_are_refused_everywhere(library_on_sqlite: Library, route: str) -> None:
    library = library_on_sqlite
    path = route.format(data=f"/v1/datasets/{library.data.id}", audit=f"/v1/audits/{library.audit.id}")
    body = check_problem(library.http.get(path, params={"offset": 5}), 422, "invalid-parameter")
    assert [(error["in"], error["pointer"], error["code"]) for error in body["errors"]] == [
        ("query", "/offset", "extra_forbidden")
    ]
    known = route.endswith(("datasets", "audits", "samples", "rejects", "events", "suspects", "conflicts"))
    body = check_problem(library.http.get(f"{path}?limit=1&limit=1"), 422, "invalid-parameter")
    code = "repeated" if known else "extra_forbidden"
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [("/limit", code)]


def test_writes_refuse_unknown_and_repeated_parameters_too(service: Service) -> None:
    job = service.queued(service.ready())
    for method, path in (
        ("POST", "/v1/datasets?x=1"),
        ("POST", "/v1/datasets?name=a&name=b"),
        ("POST", "/v1/audits?dry-run=true"),
        ("POST", f"/v1/audits/{job.id}/cancel?force=1"),
        ("DELETE", f"/v1/audits/{job.id}?force=true&force=false"),
        ("DELETE", f"/v1/audits/{job.id}?forced=true"),
    ):
        check_problem(service.http.request(method, path, json={"dataset_id": NOBODY}), 422, "invalid-parameter")
    assert service.http.get(f"/v1/audits/{job.id}").json()["status"] == "queued"


def test_what_a_client_sends_is_never_sent_back(service: Service) -> None:
    data = service.ready()
    audit = service.finished(data)
    canary = f"canary-{secrets.token_hex(8)}"
    headers = {
        "X-Canary": canary, "User-Agent": canary, "Idempotency-Key": canary, "Authorization": f"Bearer {canary}",
        "Cookie": f"labelaudit_session={canary}", "If-None-Match": canary, "Range": canary, "Accept": canary,
    }  # fmt: skip
    tries: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/{canary}", {}),
        ("GET", f"/v1/datasets/{canary}", {}),
        ("GET", f"/v1/datasets/{data.id}/samples/{canary}", {}),
        ("GET", f"/v1/audits/{audit.id}/scores.{canary}", {}),
        ("GET", f"/v1/audits/{audit.id}/model/{canary}", {}),
        ("GET", f"/v1/audits?after={canary}", {}),
        ("GET", f"/v1/audits?dataset_id={canary}", {}),
        ("GET", f"/v1/audits?limit={canary}", {}),
        ("GET", f"/v1/audits?{canary}=1", {}),
        ("GET", f"/v1/audits/{audit.id}/suspects?given={canary}", {}),
        ("GET", f"/v1/audits/{audit.id}/suspects?verdict={canary}", {}),
        ("GET", f"/v1/audits/{audit.id}/events?after={canary}", {}),
        (canary.upper(), "/v1/audits", {}),
        ("POST", f"/v1/datasets?name={canary}%00", {"content": canary}),
        ("POST", "/v1/datasets", {"content": f"<html>{canary}</html>"}),
        ("POST", "/v1/audits", {"json": {"dataset_id": canary}}),
        ("POST", "/v1/audits", {"json": {"dataset_id": data.id, "recipe": canary, "epochs": canary}}),
        ("POST", "/v1/audits", {"json": {"dataset_id": data.id, canary: canary}}),
        ("POST", "/v1/audits", {"json": canary}),
        ("POST", "/v1/audits", {"content": f'{{"{canary}', "headers": {"Content-Type": "application/json"}}),
        ("POST", "/v1/audits", {"content": canary, "headers": {"Content-Type": canary}}),
        ("POST", "/v1/session", {"json": {"key": canary}}),
        ("GET", "/v1/datasets", {"headers": {"Host": f"{canary}.example"}}),
        ("GET", "/v1/datasets", {"headers": {"Origin": f"https://{canary}.example"}}),
        ("GET", "/v1/datasets?limit=0", {"headers": {"X-Request-Id": canary + "<b>"}}),
    ]
    for method, path, more in tries:
        response = service.http.request(method, path, **{**more, "headers": headers | more.get("headers", {})})
        assert 400 <= response.status_code < 500, (method, path, response.text)
        check_problem(response, response.status_code, response.json()["code"])
        told = response.text + "".join(f"{name}: {value}" for name, value in response.headers.items())
        assert canary.lower() not in told.lower(), (method, path)


def test_a_misspelt_field_is_named_but_nothing_that_could_be_markup(library_on_sqlite: Library) -> None:
    for name, pointer in (("epohcs", "/epohcs"), ("<script>", "/…"), ("a/b", "/…"), ("x" * 41, "/…"), ("\u202e", "/…")):
        response = library_on_sqlite.http.post("/v1/audits", json={"dataset_id": NOBODY, name: 1})
        assert check_problem(response, 422, "invalid-parameter")["errors"][0]["pointer"] == pointer


def test_very_many_errors_are_cut(library_on_sqlite: Library) -> None:
    response = library_on_sqlite.http.post("/v1/audits", json={f"field{k}": k for k in range(500)})
    body = check_problem(response, 422, "invalid-parameter")
    assert (len(body["errors"]), body["errors_truncated"]) == (100, True)


def test_a_request_id_is_kept_when_it_is_one(library_on_sqlite: Library) -> None:
    for given, kept in (("abc-1.2_3", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("", False)):
        response = library_on_sqlite.http.get("/v1/datasets/x", headers={"X-Request-Id": given})
        assert (check_problem(response, 404, "not-found")["request_id"] == given) is kept


def test_a_bug_is_a_problem_that_says_only_where_to_look(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = start()
    secret = "SELECT secret FROM somewhere"

    def broken(*_: object) -> None:
        raise ValueError(f"{secret} {tmp_path}")

    monkeypatch.setattr(audits, "find", broken)
    monkeypatch.setattr(datasets, "page", broken)
    for path in (f"/v1/audits/{NOBODY}", "/v1/datasets"):
        response = service.http.get(path)
        body = check_problem(response, 500, "internal-error")
        for word in (secret, str(tmp_path), "Traceback", "ValueError", ".py", NOBODY):
            assert word not in response.text
        assert body["retryable"] is False
    assert service.http.get("/healthz").status_code == 200


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_its_database_the_service_says_so_and_stays(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody:hidden-password@127.0.0.1:{closed_port()}/nothing"
    with running(settings_for(tmp_path / "home", url)) as service:
        for method, path in (
            ("GET", "/v1/datasets"),
            ("GET", f"/v1/audits/{NOBODY}"),
            ("GET", f"/v1/audits/{NOBODY}/events"),
            ("POST", "/v1/datasets"),
            ("POST", "/v1/audits"),
            ("GET", "/metrics"),
            ("GET", "/readyz"),
        ):
            sent: dict[str, Any] = {"json": {"dataset_id": NOBODY}} if path == "/v1/audits" else {"content": b"x"}
            response = service.http.request(method, path, **(sent if method == "POST" else {}))
            body = check_problem(response, 503, "database-unavailable")
            assert body["retryable"] is True and int(response.headers["retry-after"]) > 0
            assert "hidden-password" not in response.text and "127.0.0.1" not in response.text
        assert service.http.get("/healthz").json() == {"status": "alive"}


def test_a_database_that_is_not_migrated_is_not_ready(tmp_path: Path) -> None:
    with running(settings_for(tmp_path / "home", f"sqlite:///{tmp_path / 'empty.db'}")) as service:
        check_problem(service.http.get("/readyz"), 503, "database-not-migrated")


def test_without_its_blobs_the_service_says_so(start: Callable[..., Service]) -> None:
    service = start(
        blobs_url="s3://bucket", s3_endpoint=f"http://127.0.0.1:{closed_port()}", s3_access_key_id="canary-id",
        s3_secret_access_key="canary-secret",
    )  # fmt: skip
    response = service.http.get("/readyz")
    check_problem(response, 503, "blobs-unreachable")
    assert "canary" not in response.text
    assert service.http.get("/v1/datasets").status_code == 200


def test_a_ready_service_says_so_and_tells_its_limits_and_figures(library: Library) -> None:
    assert library.http.get("/readyz").json() == {"status": "ready"}
    limits = library.http.get("/v1/limits").json()
    assert {"zip", "tar.zst", "parquet"} <= set(limits["formats"]) and "coco" in limits["layouts"]
    assert limits["max_json_bytes"] == library.settings.max_json_bytes and limits["max_page"] == 1000
    library.http.request("INVENTED", "/healthz")
    figures = library.http.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    assert 'labelaudit_jobs{kind="audit",state="succeeded"} 1.0' in figures.text
    assert "INVENTED" not in figures.text
    assert library.audit.id not in figures.text


def test_every_answer_is_hardened(library_on_sqlite: Library) -> None:
    for path in ("/healthz", "/v1/datasets", "/nothing"):
        headers = library_on_sqlite.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_stored_settings_are_not_shown(library_on_sqlite: Library) -> None:
    shown = json.dumps(library_on_sqlite.http.get("/v1/limits").json())
    settings: Settings = library_on_sqlite.settings
    assert str(settings.home) not in shown and settings.database not in shown
