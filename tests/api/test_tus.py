"""Uploads that go on where they stopped: every byte once, whoever asks, whatever breaks."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from api import intake
from core.store.blobs import Blobs
from core.store.db import now
from core.store.sweep import sweep
from core.store.tables import Upload
from core.store.uploads import UploadReader
from tests.api.conftest import GUARD_S, PART, Service, check_problem
from tests.api.make import NOBODY, archive

VERSION = {"Tus-Resumable": "1.0.0"}
TYPE = "application/offset+octet-stream"
DATA = bytes(k * k % 251 for k in range(5 * PART + 100))


def create(service: Service, length: int = len(DATA), **more: str) -> str:
    response = service.http.post("/v1/uploads", headers={**VERSION, "Upload-Length": str(length), **more})
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def head(service: Service, url: str) -> httpx2.Response:
    return service.http.head(url, headers=VERSION)


def offset(service: Service, url: str) -> int:
    return int(head(service, url).headers["upload-offset"])


def patch(service: Service, url: str, at: int, content: Any, **more: str) -> httpx2.Response:
    headers = {**VERSION, "Upload-Offset": str(at), "Content-Type": TYPE, **more}
    return service.http.patch(url, content=content, headers=headers)


def use(service: Service, url: str, **more: Any) -> httpx2.Response:
    return service.http.post("/v1/datasets", json={"upload_id": url.rpartition("/")[2], **more})


def stored(service: Service, url: str) -> bytes:
    """What a worker would read."""
    upload = row(service, url)
    with service.db.read() as session:
        reader = UploadReader(session, service.blobs, upload.pk)
    return reader.read(0, reader.size)


def row(service: Service, url: str) -> Upload:
    from sqlalchemy import select

    with service.db.read() as session:
        return session.execute(select(Upload).where(Upload.id == url.rpartition("/")[2])).scalar_one()


def change(service: Service, url: str, **values: Any) -> None:
    with service.db.write() as session:
        session.execute(update(Upload).where(Upload.id == url.rpartition("/")[2]).values(**values))


def eventually(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + GUARD_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def wire(service: Service, url: str, at: int, length: int, content: bytes, **more: str) -> socket.socket:
    """A PATCH that says it has `length` bytes, and sends some."""
    host, port = service.url.removeprefix("http://").split(":")
    headers = {**VERSION, "Host": host, "Content-Type": TYPE, "Upload-Offset": str(at), "Content-Length": str(length)}
    line = socket.create_connection((host, int(port)), timeout=GUARD_S)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | more).items())
    line.sendall(f"PATCH {url} HTTP/1.1\r\n{lines}\r\n".encode() + content)
    return line


def objects(service: Service) -> list[str]:
    return list(service.blobs.names("uploads"))


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
        "/v1/uploads", headers={**headers, "Upload-Checksum": _checksum("sha1", b"?")}, content=DATA
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


def test_a_retry_while_the_first_request_hangs_waits_for_it_and_then_replaces_it(service: Service) -> None:
    url = create(service)
    hanging = wire(service, url, 0, len(DATA), DATA[: 2 * PART + 50])
    eventually(lambda: offset(service, url) == 2 * PART)
    locked = patch(service, url, 2 * PART, DATA[2 * PART :])
    check_problem(locked, 423, "upload-locked")
    assert int(locked.headers["retry-after"]) > 0

    def taken_over() -> bool:
        change(service, url, written_at=now() - 11)  # as if the line had been silent for so long
        return patch(service, url, 2 * PART, DATA[2 * PART : 4 * PART]).status_code == 204

    eventually(taken_over)
    hanging.sendall(b"?" * (len(DATA) - 2 * PART - 50))  # the line was not dead after all, and has other bytes now
    assert b" 423 " in hanging.recv(1000)
    hanging.close()
    assert offset(service, url) == 4 * PART
    assert patch(service, url, 4 * PART, DATA[4 * PART :]).status_code == 204
    assert stored(service, url) == DATA
    assert len(objects(service)) == 6  # what the first one wrote in vain is gone


def test_of_many_requests_at_one_offset_one_is_stored(service: Service) -> None:
    url = create(service, 3 * PART)
    clients = [bytes([k]) * (3 * PART) for k in range(8)]

    def send(content: bytes) -> int:
        with httpx2.Client(base_url=service.url, timeout=GUARD_S) as http:
            headers = {**VERSION, "Upload-Offset": "0", "Content-Type": TYPE}
            return http.patch(url, content=content, headers=headers).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(send, clients))
    assert sorted(set(answers)) in ([204, 409], [204, 423], [204, 409, 423])
    assert answers.count(204) == 1
    assert stored(service, url) == clients[answers.index(204)]


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


def _checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def test_bytes_that_do_not_have_their_digest_are_discarded(service: Service) -> None:
    url, at = create(service), 0
    for algorithm in ("sha256", "sha1", "md5"):
        piece = DATA[at : at + PART + 200]
        wrong = patch(service, url, at, piece[:-1] + b"?", **{"Upload-Checksum": _checksum(algorithm, piece)})
        assert wrong.status_code == 460
        assert (wrong.json()["code"], wrong.json()["title"]) == ("digest-mismatch", "Checksum Mismatch")
        assert offset(service, url) == at
        right = patch(service, url, at, piece, **{"Upload-Checksum": _checksum(algorithm, piece)})
        assert right.status_code == 204
        at += len(piece)
    assert len(objects(service)) == 6
    for malformed in ("crc32 AAAA", "sha1", "sha1 AAAA", "sha1 " + "*" * 28, "", _checksum("sha1", b"")[:-1]):
        assert patch(service, url, at, b"x", **{"Upload-Checksum": malformed}).status_code == 400
    assert patch(service, url, at, DATA[at:]).status_code == 204
    assert stored(service, url) == DATA


def test_with_a_checksum_a_lost_connection_leaves_nothing(service: Service) -> None:
    url = create(service)
    with wire(service, url, 0, len(DATA), DATA[: 3 * PART], **{"Upload-Checksum": _checksum("sha256", DATA)}):
        eventually(lambda: len(objects(service)) > 1)
    eventually(lambda: row(service, url).written_at is None)
    assert (offset(service, url), objects(service)) == (0, [])
    assert patch(service, url, 0, DATA).status_code == 204


def test_what_came_before_a_connection_was_lost_is_kept(service: Service) -> None:
    url, at = create(service), 0
    for more in (1, PART, 2 * PART + 77):
        with wire(service, url, at, len(DATA) - at, DATA[at : at + more]):
            eventually(lambda: row(service, url).written_at is not None)
            for _ in range(3):
                head(service, url)  # when this is answered, what was sent before has been read
        at += more
        eventually(lambda: row(service, url).written_at is None)
        assert offset(service, url) == at
    assert patch(service, url, at, DATA[at:]).status_code == 204
    assert stored(service, url) == DATA


def test_what_came_of_a_body_that_became_too_slow_is_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE_S", 0.3)
    url = create(service)
    with wire(service, url, 0, len(DATA), DATA[: PART + 10]) as line:
        answer = b""
        while more := line.recv(1000):
            answer += more
    assert answer.startswith(b"HTTP/1.1 408") and b"upload-too-slow" in answer
    assert offset(service, url) == PART + 10
    with wire(service, url, PART + 10, len(DATA), b""):
        pass
    check_problem(service.http.post("/v1/datasets", content=_slowly()), 408, "upload-too-slow")


def _slowly() -> Iterator[bytes]:
    yield archive()[:1000]
    time.sleep(0.6)
    yield archive()[1000:]


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


def test_an_upload_expires_when_it_said_it_would(service: Service) -> None:
    url = create(service)
    expires = parsedate_to_datetime(head(service, url).headers["upload-expires"]).timestamp()
    assert abs(expires - row(service, url).touched_at - service.settings.upload_expiry_s) < 2
    patch(service, url, 0, DATA[:100])
    change(service, url, touched_at=now() - service.settings.upload_expiry_s - 1)
    for swept in (False, True):
        if swept:
            sweep(service.db, service.blobs, service.settings.upload_expiry_s)
            assert objects(service) == []
        assert head(service, url).status_code == 410
        check_problem(patch(service, url, 100, DATA[100:]), 410, "upload-expired")
        check_problem(service.http.delete(url, headers=VERSION), 410, "upload-expired")
        check_problem(use(service, url), 410, "upload-expired")


def test_an_upload_is_removed_on_request(service: Service) -> None:
    url = create(service)
    patch(service, url, 0, DATA[:100])
    response = service.http.delete(url, headers=VERSION)
    assert (response.status_code, response.content) == (204, b"")
    assert head(service, url).status_code == 410
    sweep(service.db, service.blobs, 1e9)
    assert objects(service) == []


def test_an_upload_that_is_removed_while_it_is_written_leaves_nothing(service: Service) -> None:
    url = create(service)
    with wire(service, url, 0, len(DATA), DATA[: 2 * PART]) as line:
        eventually(lambda: offset(service, url) == 2 * PART)
        assert service.http.delete(url, headers=VERSION).status_code == 204
        sweep(service.db, service.blobs, 1e9)
        assert objects(service)  # its writer does not know yet
        line.sendall(DATA[2 * PART :])
        assert b" 410 " in line.recv(1000)
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


def test_a_disk_that_fills_up_costs_nothing_that_was_stored(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start(min_free_bytes=1000)
    url = create(service)
    with monkeypatch.context() as full:
        free = iter([PART * 9, PART * 9])
        full.setattr(Blobs, "free_bytes", lambda self: next(free, 0))
        check_problem(patch(service, url, 0, DATA), 507, "insufficient-storage")
        check_problem(
            service.http.post("/v1/uploads", headers=VERSION | {"Upload-Length": "5"}), 507, "insufficient-storage"
        )
    assert offset(service, url) == 2 * PART
    assert patch(service, url, 2 * PART, DATA[2 * PART :]).status_code == 204
    assert stored(service, url) == DATA


def test_a_disk_that_breaks_costs_nothing_that_was_stored(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start()
    url, write = create(service), Blobs.write

    def third_breaks(self: Blobs, key: str, data: Any) -> None:
        if f"{2 * PART:016d}" in key:
            raise OSError("no")
        write(self, key, data)

    with monkeypatch.context() as broken:
        broken.setattr(Blobs, "write", third_breaks)
        assert patch(service, url, 0, DATA).status_code == 500
    assert offset(service, url) == 2 * PART
    assert len(objects(service)) == 2
    assert patch(service, url, 2 * PART, DATA[2 * PART :]).status_code == 204
    assert stored(service, url) == DATA


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
