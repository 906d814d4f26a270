"""JSON bodies that are not JSON, or too much of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psutil
import pytest

from tests.api.conftest import Library, check_problem
from tests.api.make import NOBODY

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/v1/audits", "/v1/session"])
@pytest.mark.parametrize(
    "content",
    [
        b'{"epochs": NaN}',
        b'{"epochs": Infinity}',
        b'{"epochs": -Infinity}',
        b'{"epochs": 1e999}',
        b'{"dataset_id": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"dataset_id": "a\\udc00b"}',
        b'{"dataset_id": "a", "dataset_id": "a"}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"dataset_id": "\xff\xfe"}',
        b'\xef\xbb\xbf{"dataset_id": "a"}',
        '{"dataset_id": "a"}'.encode("utf-16"),
        b'{"dataset_id": "a\x00b"}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"dataset_id": "a"',
        b'{"dataset_id": "a"} more',
        b"{'dataset_id': 'a'}",
        b" ",
        b"\x00",
        b"nul",
    ],
    ids=lambda content: repr(content[:24]) if isinstance(content, bytes) else content,
)
def test_what_is_not_exactly_json_is_refused(library_on_sqlite: Library, path: str, content: bytes) -> None:
    check_problem(library_on_sqlite.http.post(path, content=content, headers=JSON), 400, "invalid-json")


@pytest.mark.parametrize("content", [b"null", b"[]", b"5", b'"text"', b"true", b"", b"[" * 500 + b"]" * 500])
def test_json_that_is_no_object_is_refused(library_on_sqlite: Library, content: bytes) -> None:
    response = library_on_sqlite.http.post("/v1/audits", content=content, headers=JSON)
    check_problem(response, 422, "invalid-parameter")


@pytest.mark.parametrize("text", ["a\\u0000b", "\\u0000", f"{NOBODY}\\u0000"])
def test_a_nul_in_a_text_reaches_no_database(library: Library, text: str) -> None:
    content = f'{{"dataset_id": "{text}"}}'.encode()
    check_problem(library.http.post("/v1/audits", content=content, headers=JSON), 404, "not-found")
    for path in ("/v1/datasets?after=%00", "/v1/audits?after=a%00", "/v1/audits?dataset_id=%00", "/v1/datasets/%00"):
        assert library.http.get(path).status_code in (404, 422)
    for path in ("suspects?given=%00", "suspects?suggested=a%00", "suspects?verdict=%00", "samples/%00", "model/%00"):
        assert library.http.get(f"/v1/audits/{library.audit.id}/{path}").status_code in (404, 422)
    check_problem(library.http.post("/v1/datasets?name=a%00b", content=b"PK"), 422, "invalid-parameter")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_json_must_be_called_json(library_on_sqlite: Library, kind: str) -> None:
    content = json.dumps({"dataset_id": NOBODY}).encode()
    response = library_on_sqlite.http.post("/v1/audits", content=content, headers={"Content-Type": kind})
    check_problem(response, 415, "unsupported-media-type")
    named = {"Content-Type": "Application/JSON; charset=utf-8"}
    check_problem(library_on_sqlite.http.post("/v1/audits", content=content, headers=named), 404, "not-found")


def test_a_body_of_100_megabytes_is_refused_without_being_kept(library_on_sqlite: Library) -> None:
    limit = library_on_sqlite.settings.max_json_bytes
    block = b" " * (1 << 20)
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += len(block)
            yield block

    before = psutil.Process().memory_info().rss
    for headers in (JSON | {"Content-Length": str(100 << 20)}, JSON):
        response = library_on_sqlite.http.post("/v1/audits", content=endless(), headers=headers)
        assert str(limit) in check_problem(response, 413, "body-too-large")["detail"]
    assert psutil.Process().memory_info().rss - before < 64 << 20
    assert sent > 0
    check_problem(library_on_sqlite.http.post("/v1/audits", content=b" " * limit, headers=JSON), 400, "invalid-json")
    too_long = library_on_sqlite.http.post("/v1/audits", content=b" " * (limit + 1), headers=JSON)
    check_problem(too_long, 413, "body-too-large")
