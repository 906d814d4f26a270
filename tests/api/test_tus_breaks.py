"""Uploads that go on where they stopped: every byte once, whoever asks at once, whatever breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from api import intake
from core.store.blobs import Blobs
from core.store.db import now
from core.store.sweep import sweep
from tests.api.conftest import GUARD_S, PART, Service, check_problem
from tests.api.make import archive
from tests.api.sending import (
    DATA,
    TYPE,
    VERSION,
    change,
    checksum,
    create,
    eventually,
    head,
    objects,
    offset,
    patch,
    row,
    stored,
    use,
    wire,
)


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


def test_bytes_that_do_not_have_their_digest_are_discarded(service: Service) -> None:
    url, at = create(service), 0
    for algorithm in ("sha256", "sha1", "md5"):
        piece = DATA[at : at + PART + 200]
        wrong = patch(service, url, at, piece[:-1] + b"?", **{"Upload-Checksum": checksum(algorithm, piece)})
        assert wrong.status_code == 460
        assert (wrong.json()["code"], wrong.json()["title"]) == ("digest-mismatch", "Checksum Mismatch")
        assert offset(service, url) == at
        right = patch(service, url, at, piece, **{"Upload-Checksum": checksum(algorithm, piece)})
        assert right.status_code == 204
        at += len(piece)
    assert len(objects(service)) == 6
    for malformed in ("crc32 AAAA", "sha1", "sha1 AAAA", "sha1 " + "*" * 28, "", checksum("sha1", b"")[:-1]):
        assert patch(service, url, at, b"x", **{"Upload-Checksum": malformed}).status_code == 400
    assert patch(service, url, at, DATA[at:]).status_code == 204
    assert stored(service, url) == DATA


def test_with_a_checksum_a_lost_connection_leaves_nothing(service: Service) -> None:
    url = create(service)
    with wire(service, url, 0, len(DATA), DATA[: 3 * PART], **{"Upload-Checksum": checksum("sha256", DATA)}):
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
