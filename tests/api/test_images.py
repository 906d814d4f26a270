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
