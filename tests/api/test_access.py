"""Who may come in, and what the door gives away."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.routing import iter_route_contexts

from api import page
from api.access import COOKIE, OPEN
from core import logs
from core.settings import Settings
from core.store import audits
from tests.api.conftest import GUARD_S, Library, Service, check_problem, running, settings_for
from tests.api.make import NOBODY, archive

KEY = "a-key-that-stands-nowhere-else-0123456789"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def guarded(new_sqlite: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a key."""
    settings = settings_for(
        tmp_path_factory.mktemp("guarded"), new_sqlite(), api_key=KEY, allowed_hosts="Audit.example"
    )
    with running(settings) as service:
        yield service


def every_route(service: Service) -> list[tuple[str, str]]:
    """Methods and paths of all routes, from the router and from the description, with ids that nothing has."""
    contexts = list(iter_route_contexts(service.app.routes))
    found = {
        (method, str(context.path))
        for context in contexts
        for method in context.methods or ()
        if not page.is_open(str(context.path))
    }
    described = service.http.get("/v1/openapi.json", headers=BEARER).json()["paths"]
    listed = {(method.upper(), path) for path, operations in described.items() for method in operations}
    assert found == listed and len(found) > 25
    return sorted((method, re.sub(r"\{\w+\}", NOBODY, path)) for method, path in found)


def test_what_is_open_without_the_key_is_exactly_this() -> None:
    assert {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/session")} == OPEN


def test_every_other_route_needs_the_key_before_anything_else(guarded: Service) -> None:
    checked = 0
    for method, path in every_route(guarded):
        if (method, path) in OPEN:
            continue
        for headers in ({}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"}, {"X-API-Key": KEY}):
            response = guarded.http.request(method, path, headers=headers)
            assert response.status_code == 401, (method, path)
            assert response.headers["www-authenticate"] == "Bearer"
            if method != "HEAD":
                check_problem(response, 401, "unauthenticated")
        assert guarded.http.request(method, path, headers=BEARER).status_code != 401, (method, path)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"), ("GET", "/nothing"), ("GET", "/assets"), ("GET", "/assets/"), ("DELETE", "/datasets/x"),
        ("GET", "/Datasets"), ("GET", "/datasetsx"), ("GET", "/favicon.svg/x"), ("GET", "/metrics"),
        ("GET", "/v1/nothing"), ("PUT", "/v1/datasets"), ("POST", "/healthz"),
        ("HEAD", "/v1/session"), ("GET", "/healthz/"), ("GET", "/healthz/../v1/datasets"),
        ("GET", "/HEALTHZ"), ("POST", "/v1/session/../datasets"), ("OPTIONS", "/v1/datasets"),
    ],
)  # fmt: skip
def test_what_is_no_route_needs_the_key_too(guarded: Service, method: str, path: str) -> None:
    assert guarded.http.request(method, path).status_code == 401


def test_a_body_is_not_read_before_the_key_was_seen(guarded: Service) -> None:
    json = {"Content-Type": "application/json"}
    check_problem(guarded.http.post("/v1/audits", content=b"{", headers=json), 401, "unauthenticated")
    check_problem(guarded.http.post("/v1/audits?x=1", json={}), 401, "unauthenticated")
    check_problem(guarded.http.post("/v1/datasets", content=archive()), 401, "unauthenticated")
    assert guarded.http.get("/v1/datasets", headers=BEARER).json()["data"] == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_key_opens_as_bearer(guarded: Service, scheme: str) -> None:
    assert guarded.http.get("/v1/datasets", headers={"Authorization": f"{scheme} {KEY}"}).status_code == 200


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer x y", KEY, f"Bearer {KEY[:-1]}", f"Bearer {KEY.upper()}", "Bearer é"]
)
def test_a_wrong_key_is_refused(guarded: Service, shown: str) -> None:
    response = guarded.http.get("/v1/datasets", headers={b"Authorization": shown.encode("latin-1")})
    check_problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token"])
def test_a_key_in_the_address_is_no_key(guarded: Service, name: str) -> None:
    check_problem(guarded.http.get("/v1/datasets", params={name: KEY}), 401, "unauthenticated")


def test_a_session_is_a_cookie_that_is_not_the_key(guarded: Service) -> None:
    response = guarded.http.post("/v1/session", json={"key": KEY})
    assert (response.status_code, response.content) == (204, b"")
    attributes = {part.strip().lower() for part in response.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    ticket = response.cookies[COOKIE]
    assert KEY not in ticket and len(ticket) >= 32
    guarded.http.cookies.clear()
    with httpx2.Client(base_url=guarded.url, cookies={COOKIE: ticket}) as page:
        assert page.get("/v1/datasets").status_code == 200
        ended = page.delete("/v1/session")
        assert ended.status_code == 204 and "max-age=0" in ended.headers["set-cookie"].lower()
    for wrong in (KEY, ticket[:-1], ticket + "0", ""):
        check_problem(guarded.http.get("/v1/datasets", headers={"Cookie": f"{COOKIE}={wrong}"}), 401, "unauthenticated")


def test_a_session_needs_the_key(guarded: Service) -> None:
    for wrong in ("", "x", KEY[:-1], KEY + " "):
        response = guarded.http.post("/v1/session", json={"key": wrong})
        check_problem(response, 401, "unauthenticated")
        assert "set-cookie" not in response.headers


def test_a_session_of_another_key_is_no_session(guarded: Service, tmp_path: Path, sqlite_url: str) -> None:
    ticket = guarded.http.post("/v1/session", json={"key": KEY}).cookies[COOKIE]
    guarded.http.cookies.clear()
    with running(settings_for(tmp_path, sqlite_url, api_key=KEY[::-1])) as other:
        response = other.http.get("/v1/datasets", headers={"Cookie": f"{COOKIE}={ticket}"})
        check_problem(response, 401, "unauthenticated")


def test_without_a_key_there_are_no_sessions(library_on_sqlite: Library) -> None:
    check_problem(library_on_sqlite.http.post("/v1/session", json={"key": ""}), 401, "unauthenticated")
    assert library_on_sqlite.http.get("/v1/datasets").status_code == 200


HOSTS = {
    "localhost": 200, "LOCALHOST:80": 200, "127.0.0.1": 200, "127.0.0.1:8484": 200, "[::1]": 200, "[::1]:9": 200,
    "audit.example": 200, "Audit.Example:443": 200,
    "": 400, "evil.example": 400, "127.0.0.1.evil.example": 400, "localhost.evil.example": 400, "127.0.0.2": 400,
    "evil@localhost": 400, "localhost@evil": 400, "localhost/../x?y": 400, "localhost?x": 400, "localhost#": 400,
    "localhost:80:80": 400, "localhost:": 400, "localhost:x": 400, "[::1": 400, "::1": 400, "[::2]": 400,
    "local host": 400,
}  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_only_the_hosts_that_are_ours_are_answered(guarded: Service, host: str) -> None:
    response = guarded.http.get("/healthz", headers={"Host": host})
    if HOSTS[host] == 200:
        assert response.status_code == 200
    else:
        check_problem(response, 400, "invalid-host")
    forwarded = {"X-Forwarded-Host": "localhost", "Forwarded": "host=localhost", "Host": "evil.example"}
    check_problem(guarded.http.get("/healthz", headers=forwarded), 400, "invalid-host")


ORIGINS = {
    "http://127.0.0.1:8484": 200, "https://127.0.0.1:8484": 200, "HTTP://127.0.0.1:8484": 200,
    "null": 403, "": 403, "http://evil.example": 403, "http://127.0.0.1": 403, "http://127.0.0.1:9999": 403,
    "http://localhost:8484": 403, "http://127.0.0.1:8484.evil.example": 403, "http://x@127.0.0.1:8484": 403,
    "http://[": 403, "http://[::1]]:8484": 403, "127.0.0.1:8484": 403, "file://": 403, "http://127.0.0.1:abc": 403,
}  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_only_pages_of_the_same_origin_are_answered(guarded: Service, origin: str) -> None:
    headers = {"Host": "127.0.0.1:8484", "Origin": origin}
    for method, path in (("GET", "/v1/datasets"), ("POST", "/v1/session")):
        response = guarded.http.request(method, path, headers=BEARER | headers)
        if ORIGINS[origin] == 403:
            check_problem(response, 403, "foreign-origin")
        else:
            assert response.status_code in (200, 422)
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_bug_is_logged_without_the_key(
    guarded: Service, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def broken(session: object, id: str) -> None:
        raise ValueError("a bug on purpose")

    monkeypatch.setattr(audits, "find", broken)
    stream = io.StringIO()
    logs.set_up(Settings(home=guarded.settings.home, log_format=form, log_level="debug"), stream)
    try:
        response = guarded.http.get(f"/v1/audits/{NOBODY}", headers=BEARER)
        told = stream.getvalue()
    finally:
        logs.set_up(Settings(home=guarded.settings.home, log_format="json"), log)
    body = check_problem(response, 500, "internal-error")
    assert "a bug on purpose" in told and "Traceback" in told and body["request_id"] in told
    assert KEY not in told


def labelaudit(home: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "labelaudit", *arguments],
        env=inherited | {"LABELAUDIT_HOME": str(home)} | {f"LABELAUDIT_{k}": v for k, v in environment.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    ("host", "environment", "setting"),
    [
        ("0.0.0.0", {}, "LABELAUDIT_API_KEY"),
        ("::", {"API_KEY": ""}, "LABELAUDIT_API_KEY"),
        ("0.0.0.0", {"API_KEY": "too-short-canary"}, "LABELAUDIT_API_KEY"),
    ],
)
def test_a_service_that_others_could_reach_refuses_to_start_without_a_key(
    tmp_path: Path, host: str, environment: dict[str, str], setting: str
) -> None:
    process = labelaudit(tmp_path / "home", "serve", "--host", host, "--port", "0", **environment)
    said, _ = process.communicate(timeout=GUARD_S)
    assert process.returncode == 78
    assert len(said.splitlines()) == 1 and setting in said
    assert "canary" not in said
    assert not (tmp_path / "home").exists()


def test_the_key_stands_nowhere_in_what_a_service_writes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ("serve", "--host", "127.0.0.1", "--port", "0", "--no-workers")
    process = labelaudit(home, *arguments, API_KEY=KEY, LOG_LEVEL="debug", LOG_FORMAT="json")
    assert process.stdout is not None
    said = []
    url = None
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                url = found[0]
                break
        assert url, "".join(said)
        with httpx2.Client(base_url=url, timeout=GUARD_S) as http:
            ticket = http.post("/v1/session", json={"key": KEY}).cookies[COOKIE]
            assert http.get("/v1/datasets").status_code == 200
            assert http.get("/v1/datasets", headers=BEARER, params={"key": KEY}).status_code == 422
            assert http.post("/v1/datasets", headers=BEARER, content=archive()).status_code == 202
            assert http.post("/v1/session", json={"key": KEY + "x"}).status_code == 401
            figures = http.get("/metrics", headers=BEARER).text
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=GUARD_S)
    finally:
        process.kill()
    assert process.returncode == 0
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (KEY, ticket):
        assert secret not in "".join(said) + rest + figures
        assert secret.encode() not in written
