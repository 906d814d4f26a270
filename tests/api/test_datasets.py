"""Uploads, and what becomes visible of datasets."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select

from core.errors import Problem
from core.store import datasets, jobs
from core.store.blobs import Blobs
from core.store.db import copy_rows
from core.store.sweep import sweep
from core.store.tables import Finding, Upload, UploadPart
from core.store.uploads import part_key
from tests.api.conftest import GUARD_S, PART, Library, Service, check_problem
from tests.api.make import CLASSES, NOBODY, TEST, TRAIN, archive, zip_of


def uploads_in(service: Service) -> list[Upload]:
    with service.db.read() as session:
        return list(session.execute(select(Upload).order_by(Upload.pk)).scalars())


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what must come; the bound only keeps a broken service from hanging the tests."""
    deadline = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def nothing_is_left(service: Service) -> None:
    assert all(upload.deleted_at is not None for upload in uploads_in(service))
    assert service.http.get("/v1/datasets").json() == {"data": [], "next": None}
    sweep(service.db, service.blobs, 1e9)
    assert list(service.blobs.names("uploads")) == []
    assert uploads_in(service) == []


def test_an_upload_is_received_and_says_where_the_dataset_is(service: Service) -> None:
    response = service.http.post("/v1/datasets", params={"name": "cats ✓"}, content=archive())
    assert response.status_code == 202
    body = response.json()
    assert response.headers["location"] == f"/v1/datasets/{body['id']}"
    assert body["status"] == "received"
    assert (body["name"], body["format"], body["size"]) == ("cats ✓", "zip", len(archive()))
    assert body["sha256"] == hashlib.sha256(archive()).hexdigest()
    unknown = (
        "layout", "finished_at", "progress", "counts", "class_count", "classes", "class_counts", "splits", "found",
        "warnings", "problem",
    )  # fmt: skip
    assert {name: body[name] for name in unknown} == dict.fromkeys(unknown)
    assert service.http.get(response.headers["location"]).json() == body


def test_an_upload_is_stored_as_parts_that_together_are_its_bytes(service: Service) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(archive()), 1001):
            yield archive()[start : start + 1001]

    body = service.http.post("/v1/datasets", content=pieces()).json()
    (upload,) = uploads_in(service)
    with service.db.read() as session:
        parts = [(p.offset, p.size) for p in session.execute(select(UploadPart).order_by(UploadPart.offset)).scalars()]
    assert len(parts) > 2
    assert [offset for offset, _ in parts] == list(range(0, len(archive()), PART))
    stored = b"".join(service.blobs.get(part_key(upload.id, offset)) for offset, _ in parts)
    assert stored == archive()
    assert [size for _, size in parts[:-1]] == [PART] * (len(parts) - 1)
    assert (upload.size, upload.sha256) == (len(archive()), hashlib.sha256(archive()).hexdigest())
    assert body["sha256"] == upload.sha256


def test_the_format_is_read_from_the_bytes_and_not_from_the_content_type(service: Service) -> None:
    for claimed in ("image/png", "application/zip", "multipart/form-data; boundary=x"):
        response = service.http.post("/v1/datasets", content=archive(), headers={"Content-Type": claimed})
        assert (response.status_code, response.json()["format"]) == (202, "zip")
    response = service.http.post("/v1/datasets", content=b"%PDF-1.7", headers={"Content-Type": "application/zip"})
    check_problem(response, 415, "unsupported-archive")


def test_a_zip_with_a_long_comment_is_recognized_across_small_parts(service: Service) -> None:
    commented = bytearray(archive())
    commented[-2:] = (60_000).to_bytes(2, "little")
    response = service.http.post("/v1/datasets", content=bytes(commented) + b"c" * 60_000)
    assert response.status_code == 202, response.text


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty-upload"),
        (b"Rar!\x1a\x07\x00" + b"x" * 100, 415, "unsupported-archive"),
        (b"<html></html>", 415, "unsupported-archive"),
        (archive()[:-30], 422, "archive-truncated"),
        (archive()[: len(archive()) // 2], 422, "archive-truncated"),
        (zip_of({}), 422, "empty-dataset"),
        (archive() + b"more", 422, "ambiguous-zip"),
    ],
)
def test_an_upload_that_cannot_be_read_is_refused_and_leaves_nothing(
    service: Service, content: bytes, status: int, code: str
) -> None:
    check_problem(service.http.post("/v1/datasets", content=content), status, code)
    nothing_is_left(service)


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_read(start: Callable[..., Service]) -> None:
    service = start(max_upload_bytes=10_000)
    check_problem(service.http.post("/v1/datasets", content=b"x" * 10_001), 413, "upload-too-large")
    assert uploads_in(service) == []


def test_an_upload_that_turns_out_too_large_is_refused_and_leaves_nothing(start: Callable[..., Service]) -> None:
    service = start(max_upload_bytes=10_000)
    pieces = (b"x" * 1000 for _ in range(11))
    check_problem(service.http.post("/v1/datasets", content=pieces), 413, "upload-too-large")
    assert len(uploads_in(service)) == 1
    nothing_is_left(service)


def test_a_client_that_goes_away_leaves_nothing(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(
            f"POST /v1/datasets HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n".encode() + archive()
        )
        eventually(lambda: len(list(service.blobs.names("uploads"))) > 1)
    eventually(lambda: all(upload.deleted_at is not None for upload in uploads_in(service)))
    nothing_is_left(service)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_full_disk_is_said_before_anything_is_written(start: Callable[..., Service], streamed: bool) -> None:
    service = start(min_free_bytes=1 << 60)
    content: Any = iter([archive()]) if streamed else archive()
    body = check_problem(service.http.post("/v1/datasets", content=content), 507, "insufficient-storage")
    assert body["retryable"] is True
    assert uploads_in(service) == []


def test_a_disk_that_fills_up_during_an_upload_ends_it_and_leaves_nothing(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start(min_free_bytes=1000)
    free = iter([PART * 4, PART * 3, PART * 2])
    monkeypatch.setattr(Blobs, "free_bytes", lambda self: next(free, 0))
    check_problem(service.http.post("/v1/datasets", content=iter([archive()])), 507, "insufficient-storage")
    assert len(uploads_in(service)) == 1
    nothing_is_left(service)


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x00b", "a\nb", "\x7f"])
def test_a_name_that_could_do_harm_is_refused(service: Service, name: str) -> None:
    response = service.http.post("/v1/datasets", params={"name": name}, content=archive())
    assert check_problem(response, 422, "invalid-parameter")["errors"][0]["pointer"] == "/name"
    assert uploads_in(service) == []


def test_datasets_are_listed_newest_first_page_by_page(service: Service) -> None:
    made = [service.received(f"number {k}")[0].id for k in range(5)]
    assert service.http.get("/v1/datasets").json()["next"] is None
    seen, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        page = service.http.get("/v1/datasets", params=params).json()
        seen += [row["id"] for row in page["data"]]
        assert page["next"] in (None, seen[-1])
        if (after := page["next"]) is None:
            break
    assert seen == made[::-1]


def test_a_ready_dataset_tells_its_counts_and_classes(library: Library) -> None:
    body = library.http.get(f"/v1/datasets/{library.data.id}").json()
    accepted = 3 * (TRAIN + TEST)
    assert body["status"] == "ready"
    counts = body["counts"]
    assert counts["accepted"] == accepted and counts["rejected"] == 1
    assert counts["seen"] == counts["accepted"] + counts["rejected"] + counts["ignored"]
    assert body["classes"] == sorted(CLASSES) and body["class_count"] == 3
    assert (body["format"], body["layout"]) == ("zip", "folders")
    assert body["splits"] == {"train": 3 * TRAIN, "test": 3 * TEST}
    assert body["warnings"] == [{"code": "example", "detail": "A warning."}]
    assert body["problem"] is None
    (listed,) = library.http.get("/v1/datasets").json()["data"]
    assert listed == body | {"classes": None, "class_counts": None}


@pytest.mark.parametrize("outcome", ["rejected", "ignored"])
def test_what_was_left_out_is_listed_by_outcome(library: Library, outcome: str) -> None:
    url = f"/v1/datasets/{library.data.id}/rejects"
    counts = library.http.get(f"/v1/datasets/{library.data.id}").json()["counts"]
    seen, after = [], -1
    while after is not None:
        page = library.http.get(url, params={"outcome": outcome, "limit": 1, "after": after}).json()
        seen += page["data"]
        after = page["next"]
    assert len(seen) == counts[outcome] > 0
    assert {row["outcome"] for row in seen} == {outcome}
    assert all(row["member"] and row["code"] and row["detail"] for row in seen)
    if outcome == "rejected":
        assert seen == library.http.get(url).json()["data"]


@examples(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.lists(st.integers(1, 60), min_size=1))
def test_pages_of_samples_walk_every_sample_once(library: Library, limits: list[int]) -> None:
    seen: list[dict[str, Any]] = []
    after = -1
    for k in range(1000):
        params = {"after": after, "limit": limits[k % len(limits)]}
        page = library.http.get(f"/v1/datasets/{library.data.id}/samples", params=params).json()
        seen += page["data"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [row["sample"] for row in seen] == list(range(3 * (TRAIN + TEST)))
    one = library.http.get(f"/v1/datasets/{library.data.id}/samples/{seen[3]['sample']}")
    assert one.json() == seen[3]
    assert set(seen[0]) == {
        "sample", "path", "split", "label", "width", "height", "format", "bytes", "sha256", "image",
        "votes", "extra",
    }  # fmt: skip
    assert seen[0]["path"].startswith("pictures/")


def test_a_failed_and_a_rejected_dataset_say_why(service: Service) -> None:
    failed, job = service.received()
    claim = service.claimed(job)
    assert service.http.get(f"/v1/datasets/{failed.id}").json()["status"] == "ingesting"
    with service.db.write() as session:
        jobs.fail(session, claim, Problem("sandbox-died", "The reader ended.", retryable=True))
    body = service.http.get(f"/v1/datasets/{failed.id}").json()
    assert (body["status"], body["problem"]["code"], body["problem"]["retryable"]) == ("failed", "sandbox-died", True)
    assert body["problem"]["request_id"] == "test"

    rejected, job = service.received()
    claim = service.claimed(job)
    counts = {"seen": 2, "accepted": 0, "rejected": 2, "ignored": 0}
    with service.db.write() as session:
        datasets.reject(session, rejected.pk, Problem("too-many-rejects", "All of it.", counts=counts), ())
        jobs.finish(session, claim, {})
    body = service.http.get(f"/v1/datasets/{rejected.id}").json()
    assert (body["status"], body["problem"]["code"], body["problem"]["status"]) == ("rejected", "too-many-rejects", 422)
    assert body["counts"] == counts


def test_a_dataset_in_use_is_deleted_only_by_force(service: Service) -> None:
    data = service.ready()
    queued, (running, _) = service.queued(data), service.running(data)
    url = f"/v1/datasets/{data.id}"
    body = check_problem(service.http.delete(url), 409, "dataset-in-use")
    assert body["jobs"] == [queued.id, running.id]
    assert service.http.get(url).status_code == 200
    response = service.http.delete(url, params={"force": True})
    assert (response.status_code, response.content) == (204, b"")
    assert service.http.get(f"/v1/audits/{queued.id}").status_code == 404
    with service.db.read() as session:
        assert jobs.state(session, running.pk) is None


def test_a_deleted_dataset_is_gone_with_everything_below_it(service: Service) -> None:
    data = service.ready()
    audit = service.finished(data)
    assert service.http.delete(f"/v1/datasets/{data.id}").status_code == 204
    gone = [f"/v1/datasets/{data.id}{rest}" for rest in ("", "/samples", "/samples/0", "/samples/0/image", "/rejects")]
    gone += [f"/v1/audits/{audit.id}{rest}" for rest in ("", "/suspects", "/summary", "/scores.csv", "/events")]
    for url in gone:
        check_problem(service.http.get(url), 404, "not-found")
    check_problem(service.http.delete(f"/v1/datasets/{data.id}"), 404, "not-found")
    check_problem(service.http.post("/v1/audits", json={"dataset_id": data.id}), 404, "not-found")
    assert service.http.get("/v1/datasets").json()["data"] == []
    sweep(service.db, service.blobs, 1e9)
    sweep(service.db, service.blobs, 1e9)
    assert list(service.blobs.names("datasets")) + list(service.blobs.names("audits")) == []


ROUTES = ("", "/samples", "/samples/0", "/samples/0/image", "/rejects")
BAD_IDS = ("nothing", "0", NOBODY.upper(), "%00", "%2e%2e", "a%2Fb", "x" * 300, "00000000-0000-0000-0000-00000000000")


@pytest.mark.parametrize("route", ROUTES)
def test_unknown_malformed_and_deleted_ids_cannot_be_told_apart(service: Service, route: str) -> None:
    deleted = service.received()[0]
    service.http.delete(f"/v1/datasets/{deleted.id}?force=true")
    told = set()
    for id in (NOBODY, deleted.id, *(id for id in BAD_IDS if "%2" not in id)):
        response = service.http.get(f"/v1/datasets/{id}{route}")
        body = check_problem(response, 404, "not-found")
        told.add(response.text.replace(body["request_id"], ""))
    assert len(told) == 1
    for id in BAD_IDS:
        assert service.http.get(f"/v1/datasets/{id}{route}").status_code == 404


@pytest.mark.parametrize("n", ["48", "-1", "abc", "1.5", str(2**31), str(2**63), "9" * 5000, "%00", "0x1"])
def test_a_sample_that_is_not_there_is_not_found(library: Library, n: str) -> None:
    for route in (f"/v1/datasets/{library.data.id}/samples/{n}", f"/v1/datasets/{library.data.id}/samples/{n}/image"):
        check_problem(library.http.get(route), 404, "not-found")


def test_what_was_found_in_the_images_is_listed_by_kind(service: Service) -> None:
    data = service.ready()
    shown = service.http.get(f"/v1/datasets/{data.id}").json()
    count = len(CLASSES) * (TRAIN + TEST)
    assert shown["found"] == {"blank": {"images": count, "groups": 0, "across_splits": 0}}  # each is of one colour
    assert shown["class_counts"] == dict.fromkeys(CLASSES, TRAIN + TEST)

    address, seen, after = f"/v1/datasets/{data.id}/findings", [], -1
    while after is not None:
        page = service.http.get(address, params={"kind": "blank", "limit": 20, "after": after}).json()
        seen += page["data"]
        after = page["next"]
    assert [row["sample"] for row in seen] == list(range(count))
    sample = service.http.get(f"/v1/datasets/{data.id}/samples/20").json()
    expected = {name: sample[name] for name in ("sample", "path", "label", "split", "image")}
    assert seen[20] == expected | {"kind": "blank", "group": None, "across_splits": False}

    assert service.http.get(address, params={"kind": "conflict"}).json() == {"data": [], "next": None}
    check_problem(service.http.get(address, params={"kind": "ugly"}), 422, "invalid-parameter")


def test_copies_across_splits_are_told_from_the_others(service: Service) -> None:
    data = service.ready()
    rows = [
        *[("duplicate", 0, 1, False), ("duplicate", 0, 2, False)],
        *[("duplicate", 1, 3, True), ("duplicate", 1, 40, True)],
        *[("near-duplicate", 0, 5, True), ("near-duplicate", 0, 41, True)],
    ]
    with service.db.write() as session:
        copy_rows(session, Finding, datasets.FINDING_COLUMNS, [(data.pk, 100 + n, *row) for n, row in enumerate(rows)])

    def found(**asked: str | int) -> tuple[list[int], int | None]:
        page = service.http.get(f"/v1/datasets/{data.id}/findings", params=asked).json()
        assert all(row["across_splits"] == (asked["across_splits"] == "true") for row in page["data"])
        return [row["sample"] for row in page["data"]], page["next"]

    assert found(kind="duplicate", across_splits="true") == ([3, 40], None)
    assert found(kind="duplicate", across_splits="false") == ([1, 2], None)
    samples, after = found(across_splits="true", limit=3)
    assert (samples, after) == ([3, 40, 5], 104)
    assert found(across_splits="true", limit=3, after=104) == ([41], None)


def test_the_file_that_was_uploaded_is_there_while_it_is_kept(service: Service) -> None:
    data = archive()
    id = service.http.post("/v1/datasets", content=data).json()["id"]
    held = service.http.get(f"/v1/datasets/{id}/upload")
    assert (held.status_code, held.content) == (200, data)
    assert held.headers["content-disposition"] == f'attachment; filename="{id}.zip"'
    part = service.http.get(f"/v1/datasets/{id}/upload", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    with service.db.write() as session:
        found = datasets.find(session, id)
        assert found is not None
        claim = jobs.claim(session, found[1].id, "worker", 60.0)
        assert claim is not None
        jobs.finish(session, claim, {})
    sweep(service.db, service.blobs, 1e9, upload_kept_s=3600)
    assert service.http.get(f"/v1/datasets/{id}/upload").content == data
    assert service.http.head(f"/v1/datasets/{id}/upload").headers["content-length"] == str(len(data))
    sweep(service.db, service.blobs, 1e9)
    gone = service.http.get(f"/v1/datasets/{id}/upload")
    assert (gone.status_code, gone.json()["code"]) == (410, "upload-not-kept")
    assert list(service.blobs.names("uploads")) == []
    assert service.http.get(f"/v1/datasets/{id}").json()["status"] == "ready"
