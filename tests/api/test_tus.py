"""Uploads that go on where they stopped: what the protocol asks of the service, and what becomes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from core.store.db import now
from core.store.sweep import sweep
from core.store.tables import Upload
from tests.api.conftest import PART, Service, check_problem
from tests.api.make import NOBODY, archive
from tests.api.sending import (
    DATA,
    TYPE,
    VERSION,
    change,
    checksum,
    create,
    head,
    objects,
    offset,
    patch,
    row,
    stored,
    use,
)


def test_an_upload_in_pieces_becomes_the_dataset_that_one_request_makes(service: Service) -> None:
    content = archive()
    url = create(service, len(content), **{"Upload-Metadata": "filename cGljdHVyZXM=, empty,again"})
    assert url.startswith("/v1/uploads/")
    cuts = [0, 1, PART + 17, PART + 17, 2 * PART + 100, len(content)]
    for start, end in pairwise(cuts):
        response = patch(service, url, start, content[start:end])
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["upload-offset"] == str(end) == str(offset(service, url))
        assert response.headers["tus-resumable"] == "1.0.0"
    assert stored(service, url) == content
    told = head(service, url).headers
    assert (told["upload-length"], told["cache-control"]) == (str(len(content)), "no-store")
    assert told["upload-metadata"] == "filename cGljdHVyZXM=, empty,again"
    made = use(service, url, name="cats ✓", layout="folders")
    assert made.status_code == 202, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/datasets/{body['id']}"
    assert (body["name"], body["format"], body["size"]) == ("cats ✓", "zip", len(content))
    at_once = service.http.post("/v1/datasets", content=content).json()
    assert body["sha256"] == at_once["sha256"] == hashlib.sha256(content).hexdigest()
    job = service.dataset(body["id"])[1]
    assert (job.kind, job.spec) == ("ingest", {"layout": "folders"})


def test_the_hash_is_the_same_when_the_service_has_forgotten_all_or_some_of_it(service: Service) -> None:
    content = archive()
    digests = service.app.state.parts.digests
    for forgotten in (0, PART):
        url = create(service, len(content))
        id = url.rpartition("/")[2]
        patch(service, url, 0, content[:PART])
        kept = digests.at(id, PART)
        digests.forget(id)
        patch(service, url, PART, content[PART:])
        assert row(service, url).sha256 is None
        if forgotten:
            digests.keep(id, PART, kept)
        assert use(service, url).json()["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_first_bytes_may_come_with_the_creation(service: Service) -> None:
    headers = {**VERSION, "Upload-Length": str(len(DATA)), "Content-Type": TYPE}
    response = service.http.post("/v1/uploads", headers=headers, content=DATA[: PART + 5])
    assert (response.status_code, response.headers["upload-offset"]) == (201, str(PART + 5))
    url = response.headers["location"]
    assert patch(service, url, PART + 5, DATA[PART + 5 :]).status_code == 204
    assert stored(service, url) == DATA
    too_much = service.http.post("/v1/uploads", headers={**headers, "Upload-Length": "3"}, content=b"1234")
    check_problem(too_much, 422, "upload-length-exceeded")
    wrong = service.http.post(
        "/v1/uploads", headers={**headers, "Upload-Checksum": checksum("sha1", b"?")}, content=DATA
    )
    assert wrong.status_code == 460
    sweep(service.db, service.blobs, 1e9)
    assert {key.split("/")[1] for key in objects(service)} == {url.rpartition("/")[2]}


def test_what_the_service_can_do_is_said_without_a_version(service: Service) -> None:
    for path in ("/v1/uploads", f"/v1/uploads/{NOBODY}"):
        response = service.http.options(path)
        assert response.status_code == 204
        assert response.headers["tus-version"] == "1.0.0"
        assert response.headers["tus-max-size"] == str(service.settings.max_upload_bytes)
        told = set(response.headers["tus-extension"].split(","))
        assert told == {"creation", "creation-with-upload", "checksum", "expiration", "termination"}
        assert {"sha256", "sha1"} <= set(response.headers["tus-checksum-algorithm"].split(","))


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.0, 0.2.2", ""])
def test_another_version_is_refused_before_anything_else(service: Service, version: str | None) -> None:
    headers = {} if version is None else {"Tus-Resumable": version}
    for method, path in (("POST", ""), ("HEAD", f"/{NOBODY}"), ("PATCH", f"/{NOBODY}"), ("DELETE", f"/{NOBODY}")):
        response = service.http.request(method, f"/v1/uploads{path}", headers=headers)
        assert response.status_code == 412
        assert (response.headers["tus-version"], response.headers["tus-resumable"]) == ("1.0.0", "1.0.0")


def test_a_wrong_offset_is_refused_with_the_right_one(service: Service) -> None:
    url = create(service)
    assert patch(service, url, 0, DATA[:1000]).status_code == 204
    for wrong in (0, 999, 1001, len(DATA), 10**18 - 1):
        response = patch(service, url, wrong, b"x")
        check_problem(response, 409, "upload-offset-mismatch")
        assert (response.headers["upload-offset"], response.headers["tus-resumable"]) == ("1000", "1.0.0")
    for wrong in ("", "-1", "+5", "1_0", "0x1", "1e3", "9" * 19, "٣"):
        sent = [(k.encode(), v.encode()) for k, v in {**VERSION, "Content-Type": TYPE, "Upload-Offset": wrong}.items()]
        check_problem(service.http.patch(url, content=b"x", headers=sent), 422, "invalid-parameter")
    assert offset(service, url) == 1000


def test_bytes_past_the_length_are_refused(service: Service) -> None:
    url = create(service)
    patch(service, url, 0, DATA[:1000])
    check_problem(patch(service, url, 1000, DATA), 422, "upload-length-exceeded")
    assert offset(service, url) == 1000

    def endless() -> Iterator[bytes]:
        for start in range(1000, len(DATA) + 2000, 500):
            yield DATA[start : start + 500] or b"x" * 500

    check_problem(patch(service, url, 1000, endless()), 422, "upload-length-exceeded")
    reached = offset(service, url)
    assert 1000 <= reached <= len(DATA)
    if reached < len(DATA):
        assert patch(service, url, reached, DATA[reached:]).status_code == 204
    assert stored(service, url) == DATA


def test_a_whole_upload_takes_nothing_more(service: Service) -> None:
    url = create(service)
    patch(service, url, 0, DATA)
    for at in (0, len(DATA)):
        response = patch(service, url, at, b"")
        check_problem(response, 409, "upload-complete")
        assert response.headers["upload-offset"] == str(len(DATA))
    empty = create(service, 0)
    assert offset(service, empty) == 0
    check_problem(use(service, empty), 422, "empty-upload")


def test_an_upload_is_removed_on_request(service: Service) -> None:
    url = create(service)
    patch(service, url, 0, DATA[:100])
    response = service.http.delete(url, headers=VERSION)
    assert (response.status_code, response.content) == (204, b"")
    assert head(service, url).status_code == 410
    sweep(service.db, service.blobs, 1e9)
    assert objects(service) == []


@pytest.mark.parametrize("id", [NOBODY, "nothing", "0", NOBODY.upper(), "%00", "x" * 300])
def test_an_upload_that_is_not_there_is_not_found(service: Service, id: str) -> None:
    assert head(service, f"/v1/uploads/{id}").status_code == 404
    check_problem(patch(service, f"/v1/uploads/{id}", 0, b"x"), 404, "not-found")
    check_problem(service.http.delete(f"/v1/uploads/{id}", headers=VERSION), 404, "not-found")
    check_problem(use(service, id), 404, "not-found")


def test_an_upload_in_one_request_is_nobody_elses(service: Service) -> None:
    service.http.post("/v1/datasets", content=archive())
    with service.db.read() as session:
        id = session.query(Upload).one().id
    assert head(service, f"/v1/uploads/{id}").status_code == 404
    check_problem(use(service, id), 404, "not-found")


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({}, b"", 400, "upload-length-required"),
        ({"Upload-Defer-Length": "1"}, b"", 400, "upload-length-required"),
        ({"Upload-Length": "-1"}, b"", 422, "invalid-parameter"),
        ({"Upload-Length": "1.5"}, b"", 422, "invalid-parameter"),
        ({"Upload-Length": str(2 << 40)}, b"", 413, "upload-too-large"),
        ({"Upload-Length": "5", "Content-Type": "text/plain"}, b"12345", 415, "unsupported-media-type"),
        ({"Upload-Length": "5"}, b"12345", 415, "unsupported-media-type"),
        ({"Upload-Length": "5", "Upload-Metadata": "a b c"}, b"", 400, "invalid-request"),
        ({"Upload-Length": "5", "Upload-Metadata": "a,a"}, b"", 400, "invalid-request"),
        ({"Upload-Length": "5", "Upload-Metadata": ","}, b"", 400, "invalid-request"),
    ],
)
def test_a_creation_that_cannot_be_is_refused(
    service: Service, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    response = service.http.post("/v1/uploads", headers=VERSION | headers, content=content)
    check_problem(response, status, code)
    assert response.headers["tus-resumable"] == "1.0.0"


def test_bytes_must_be_called_what_they_are(service: Service) -> None:
    url = create(service)
    for kind in ("application/octet-stream", "application/json", ""):
        check_problem(patch(service, url, 0, b"x", **{"Content-Type": kind}), 415, "unsupported-media-type")


def test_an_upload_becomes_one_dataset(service: Service) -> None:
    content = archive()
    url = create(service, len(content))
    patch(service, url, 0, content[:PART])
    body = check_problem(use(service, url), 409, "upload-incomplete")
    assert body["offset"] == PART
    patch(service, url, PART, content[PART:])
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: use(service, url), range(6)))
    made = [answer.json() for answer in answers if answer.status_code == 202]
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 202:
            assert check_problem(answer, 409, "upload-used")["dataset_id"] == made[0]["id"]
    check_problem(service.http.delete(url, headers=VERSION), 409, "upload-used")
    check_problem(patch(service, url, len(content), b""), 409, "upload-complete")
    assert "upload-expires" not in head(service, url).headers
    assert len(service.http.get("/v1/datasets").json()["data"]) == 1
    service.http.delete(f"/v1/datasets/{made[0]['id']}", params={"force": True})
    sweep(service.db, service.blobs, 1e9)
    assert objects(service) == []
    check_problem(use(service, url), 409, "upload-used")
    assert head(service, url).status_code == 410
    change(service, url, deleted_at=now() - 90_000)
    sweep(service.db, service.blobs, 1e9)
    assert head(service, url).status_code == 404


def test_an_upload_that_is_no_archive_becomes_no_dataset(service: Service) -> None:
    url = create(service)
    patch(service, url, 0, DATA)
    check_problem(use(service, url), 415, "unsupported-archive")
    assert service.http.get("/v1/datasets").json()["data"] == []
    assert service.http.delete(url, headers=VERSION).status_code == 204


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "invalid-parameter"),
        (b"[]", 422, "invalid-parameter"),
        (b"{}", 422, "invalid-parameter"),
        (b'{"upload_id": 5}', 422, "invalid-parameter"),
        (b'{"upload_id": "a", "more": 1}', 422, "invalid-parameter"),
        (b'{"upload_id": "a", "name": "a\\u0000b"}', 422, "invalid-parameter"),
        (b'{"upload_id": "a", "layout": "spiral"}', 422, "invalid-parameter"),
        (b'{"upload_id": "a", "upload_id": "a"}', 400, "invalid-json"),
        (b'{"upload_id": NaN}', 400, "invalid-json"),
        (b'{"upload_id": "\\u0000"}', 404, "not-found"),
        (b"PK", 400, "invalid-json"),
        (b" " * ((1 << 20) + 1), 413, "body-too-large"),
    ],
)
def test_json_for_a_dataset_is_read_as_strictly_as_elsewhere(
    service: Service, content: bytes, status: int, code: str
) -> None:
    json = {"Content-Type": "application/json"}
    check_problem(service.http.post("/v1/datasets", content=content, headers=json), status, code)
    by_query = service.http.post("/v1/datasets?name=n", json={"upload_id": NOBODY})
    check_problem(by_query, 422, "invalid-parameter")
