"""Orders to import: what is taken, what is refused at once, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.store.tables import Job, Upload
from tests.api.conftest import Service, check_problem

WEB = "https://data.example.org/photos.zip"
ON = {"import_from": ("/srv/open", "s3://open/sets"), "import_https": True}


@pytest.fixture
def open_service(start: Callable[..., Service]) -> Service:
    return start(**ON)


def nothing_was_taken(service: Service) -> bool:
    with service.db.read() as session:
        rows = session.execute(select(Job)).all() + session.execute(select(Upload)).all()
    return rows == [] and service.http.get("/v1/datasets").json()["data"] == []


@pytest.mark.parametrize("source", ["/srv/open/photos", "s3://open/sets/a", WEB])
def test_an_order_is_taken_like_an_upload_and_what_is_not_known_yet_is_null(open_service: Service, source: str) -> None:
    order = {"source": source, "name": "photos", "layout": "folders"}
    response = open_service.http.post("/v1/datasets", json=order)
    assert response.status_code == 202
    body = response.json()
    assert response.headers["location"] == f"/v1/datasets/{body['id']}"
    assert (body["name"], body["status"]) == ("photos", "received")
    assert [body[field] for field in ("format", "layout", "size", "sha256", "counts")] == [None] * 5
    assert open_service.http.get(response.headers["location"]).json() == body
    with open_service.db.read() as session:
        job = session.execute(select(Job)).scalar_one()
    assert (job.kind, job.spec) == ("ingest", {"source": source, "layout": "folders"})


def test_an_order_needs_a_source_only(open_service: Service) -> None:
    response = open_service.http.post("/v1/datasets", json={"source": "/srv/open"})
    assert (response.status_code, response.json()["name"]) == (202, "untitled")


@pytest.mark.parametrize(
    ("source", "status", "code", "setting"),
    [
        ("/srv/open/photos", 403, "import-not-allowed", "LABELAUDIT_IMPORT_FROM"),
        ("s3://open/sets", 403, "import-not-allowed", "LABELAUDIT_IMPORT_FROM"),
        (WEB, 422, "url-not-allowed", "LABELAUDIT_IMPORT_HTTPS"),
    ],
)
@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_nothing_is_imported_unless_an_administrator_says_so(
    service: Service, source: str, status: int, code: str, setting: str
) -> None:
    problem = check_problem(service.http.post("/v1/datasets", json={"source": source}), status, code)
    assert setting in problem["detail"]
    assert nothing_was_taken(service)


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("/srv/opened", 403, "import-not-allowed"),
        ("/srv/open/../../etc/passwd", 403, "import-not-allowed"),
        ("/srv/open/a\0b", 403, "import-not-allowed"),
        ("s3://open/set", 403, "import-not-allowed"),
        ("file:///srv/open", 422, "url-not-allowed"),
        ("http://data.example.org/photos.zip", 422, "url-not-allowed"),
        ("https://user:hunter2@data.example.org/photos.zip", 422, "url-not-allowed"),
        ("https://10.0.0.7/photos.zip", 422, "url-not-allowed"),
        ("https://[::1]/photos.zip", 422, "url-not-allowed"),
        ("https://localhost/photos.zip", 422, "url-not-allowed"),
    ],
)
def test_what_can_be_seen_to_be_no_place_for_us_is_refused_at_once(
    open_service: Service, source: str, status: int, code: str
) -> None:
    problem = check_problem(open_service.http.post("/v1/datasets", json={"source": source}), status, code)
    assert "hunter2" not in str(problem)
    assert nothing_was_taken(open_service)


def test_whether_a_path_is_there_is_not_told(start: Callable[..., Service], tmp_path: Path) -> None:
    service = start(import_from=(str(tmp_path / "open"),))
    (tmp_path / "open" / "there").mkdir(parents=True)
    answers = [
        service.http.post("/v1/datasets", json={"source": f"{tmp_path}/open/{name}"}).json()
        for name in ("there", "gone")
    ]
    same = [{k: v for k, v in body.items() if k not in ("id", "created_at")} for body in answers]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"source": None},
        {"source": 5},
        {"source": ""},
        {"source": "/srv/open/" + "x" * 2000},
        {"source": "/srv/open", "name": ""},
        {"source": "/srv/open", "name": "a\nb"},
        {"source": "/srv/open", "layout": "pictures"},
        {"source": "/srv/open", "format": "zip"},
        {"source": "/srv/open", "splits": []},
        [],
        "text",
    ],
)
def test_an_order_that_is_none_is_refused(open_service: Service, body: Any) -> None:
    check_problem(open_service.http.post("/v1/datasets", json=body), 422, "invalid-parameter")
    assert nothing_was_taken(open_service)


def test_an_order_is_read_as_strictly_as_any_json(open_service: Service) -> None:
    for content in (b"{", b'{"source": "/srv/open", "source": "/srv/open"}', b"\xff", b"PK\x03\x04"):
        headers = {"Content-Type": "application/json"}
        response = open_service.http.post("/v1/datasets", content=content, headers=headers)
        check_problem(response, 400, "invalid-json")
    response = open_service.http.post("/v1/datasets", json={"source": "/srv/open", "name": "x" * (2 << 20)})
    check_problem(response, 413, "body-too-large")


def test_the_name_of_an_order_stands_in_its_body(open_service: Service) -> None:
    response = open_service.http.post("/v1/datasets?name=photos", json={"source": "/srv/open"})
    check_problem(response, 422, "invalid-parameter")
