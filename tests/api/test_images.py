"""Pictures of samples: made anew by a confined child, and never what was uploaded."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from core.store import datasets
from tests.api.conftest import Library, Service, check_problem


def test_a_picture_is_a_png_of_the_sample_and_not_its_bytes(library: Library) -> None:
    sample = library.http.get(f"/v1/datasets/{library.data.id}/samples/0").json()
    response = library.http.get(sample["image"])
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    shown = Image.open(io.BytesIO(response.content))
    assert shown.size == (sample["width"], sample["height"])
    with library.db.read() as session:
        row = datasets.sample(session, library.data.pk, 0)
    assert row is not None
    original = library.blobs.read(f"datasets/{library.data.id}/shards/{row.shard:05d}.tar", row.offset, row.length)
    assert shown.convert("RGB").getpixel((3, 3)) == Image.open(io.BytesIO(original)).convert("RGB").getpixel((3, 3))
    assert response.content != original


@pytest.mark.parametrize(("size", "shape"), [(0, (40, 24)), (10, (10, 6)), (20, (20, 12)), (2048, (40, 24))])
def test_the_size_is_the_longest_side_and_makes_nothing_larger(
    library_on_sqlite: Library, size: int, shape: tuple[int, int]
) -> None:
    url = f"/v1/datasets/{library_on_sqlite.data.id}/samples/1/image"
    response = library_on_sqlite.http.get(url, params={"size": size})
    assert Image.open(io.BytesIO(response.content)).size == shape


@pytest.mark.parametrize("size", ["-1", "2049", "abc", "1.5", "9" * 5000, ""])
def test_a_size_that_cannot_be_is_refused(library_on_sqlite: Library, size: str) -> None:
    url = f"/v1/datasets/{library_on_sqlite.data.id}/samples/1/image"
    body = check_problem(library_on_sqlite.http.get(url, params={"size": size}), 422, "invalid-parameter")
    assert body["errors"][0]["pointer"] == "/size"


def test_a_picture_is_not_sent_twice(library_on_sqlite: Library) -> None:
    http, url = library_on_sqlite.http, f"/v1/datasets/{library_on_sqlite.data.id}/samples/2/image?size=8"
    first = http.get(url)
    etag = first.headers["etag"]
    for tag in (etag, f"W/{etag}", f'"other", {etag}'):
        again = http.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert http.get(url.replace("=8", "=9"), headers={"If-None-Match": etag}).status_code == 200
    head = http.head(url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert head.headers["content-length"] == first.headers["content-length"]


@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_a_damaged_shard_is_a_problem_that_says_nothing_of_our_store(service: Service, harm: str) -> None:
    data = service.ready()
    key = f"datasets/{data.id}/shards/00000.tar"
    tar = bytearray(service.blobs.get(key))
    service.blobs.delete(key)
    if harm == "flip":
        tar[600] ^= 0xFF
    if harm != "gone":
        service.blobs.put(key, bytes(tar[:600] if harm == "cut" else tar))
    code = "blob-missing" if harm == "gone" else "blob-corrupt"
    body = check_problem(service.http.get(f"/v1/datasets/{data.id}/samples/0/image"), 500, code)
    assert "shards" not in json.dumps(body)
    assert service.http.get(f"/v1/datasets/{data.id}/samples/0").status_code == 200


def pictures_of(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        found.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def test_many_pictures_are_those_that_single_requests_give_in_the_order_asked_for(library: Library) -> None:
    url = f"/v1/datasets/{library.data.id}"
    response = library.http.get(f"{url}/pictures?samples=2,0,2,1&size=20")
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    single = [library.http.get(f"{url}/samples/{n}/image?size=20").content for n in (2, 0, 2, 1)]
    assert pictures_of(response.content) == single and all(single)


def test_a_picture_that_cannot_be_drawn_leaves_the_others(library_on_sqlite: Library) -> None:
    library = library_on_sqlite
    data = library.ready("damaged")
    with library.db.write() as session:
        row = datasets.sample(session, data.pk, 1)
        assert row is not None
        row.sha256 = bytes(32)
    response = library.http.get(f"/v1/datasets/{data.id}/pictures?samples=0,1,2")
    assert [bool(picture) for picture in pictures_of(response.content)] == [True, False, True]
    assert response.headers["cache-control"] == "no-store", "it may be drawn later"


@pytest.mark.parametrize(
    ("query", "code"),
    [("samples=0,99999", "unknown-sample"), ("samples=", "invalid-parameter"), ("samples=1,,2", "invalid-parameter"),
     ("samples=-1", "invalid-parameter"), ("samples=9999999999", "invalid-parameter"),
     ("samples=" + ",".join("1" * 101), "invalid-parameter"),
     ("samples=1&size=0", "invalid-parameter"), ("samples=1&size=513", "invalid-parameter"), ("", "invalid-parameter")],
)  # fmt: skip
def test_pictures_that_cannot_be_asked_for_are_refused(library_on_sqlite: Library, query: str, code: str) -> None:
    check_problem(library_on_sqlite.http.get(f"/v1/datasets/{library_on_sqlite.data.id}/pictures?{query}"), 422, code)
