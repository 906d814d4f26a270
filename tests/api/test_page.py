"""The page is served under `/`, by a policy that lets nothing else in, and the API is whole without it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api import page
from tests.api.conftest import Service, running, settings_for

KEY = "a-key-that-stands-nowhere-else-0123456789"
SCRIPT = "const answer = 42;\n" * 200


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page as the build leaves it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>labelaudit</title>")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-4f2a.js").write_text(SCRIPT)
    (folder / ".built").write_text("what it was built from")
    return folder


@pytest.fixture(scope="module")
def with_page(
    new_sqlite: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, built: Path
) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("with-page")
    with running(settings_for(home, new_sqlite(), page=built, api_key=KEY)) as service:
        yield service


@pytest.mark.parametrize(
    "place", ["/", "/datasets", "/datasets/01a2", "/audits", "/audits/01a2/review?given=a%26b&x=1"]
)
def test_every_place_of_the_page_is_the_page_and_needs_no_key(with_page: Service, place: str) -> None:
    answer = with_page.http.get(place)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and policy["trusted-types"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_last_for_ever_and_are_sent_packed(with_page: Service) -> None:
    packed = with_page.http.get("/assets/index-4f2a.js", headers={"Accept-Encoding": "gzip"})
    plain = with_page.http.get("/assets/index-4f2a.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 10
    assert packed.text == plain.text == SCRIPT
    assert plain.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert "immutable" in plain.headers["cache-control"]
    again = with_page.http.get("/assets/index-4f2a.js", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/assets/nothing.js", "/.built", "/index.html", "/assets/..%2f.built", "/elsewhere"])
def test_nothing_else_of_the_folder_is_served(with_page: Service, path: str) -> None:
    answer = with_page.http.get(path, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 404


def test_an_address_of_the_api_that_is_none_is_not_the_page(with_page: Service) -> None:
    answer = with_page.http.get("/v1/nothing", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 404 and answer.json()["code"] == "not-found"
    assert with_page.http.post("/datasets", headers={"Authorization": f"Bearer {KEY}"}).status_code == 405


def test_without_a_built_page_the_api_says_how_to_get_one(new_sqlite: Callable[[], str], tmp_path: Path) -> None:
    with running(settings_for(tmp_path, new_sqlite(), page=tmp_path / "none")) as service:
        answer = service.http.get("/")
        assert answer.status_code == 404 and "make page" in answer.text
        assert service.http.get("/v1/datasets").status_code == 200


def test_small_files_are_sent_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "x.css").write_text("a { color: red }\n" * 500)
    found = page._read(tmp_path)
    assert found["index.html"].packed is None
    packed = found["assets/x.css"].packed
    assert packed is not None and gzip.decompress(packed) == found["assets/x.css"].content


@pytest.mark.parametrize(
    "path", ["//", "//assets/x", "/v1", "/V1/datasets", "/assets", "assets/x", "", "/healthz", "/x"]
)
def test_what_only_looks_like_the_page_is_not_open(path: str) -> None:
    assert not page.is_open(path)
