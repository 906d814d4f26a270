"""Which sources an administrator's settings allow."""

from __future__ import annotations

import pytest

from core import sources
from core.errors import Problem
from core.settings import Settings, load
from core.sources import Address, Objects, Place

ALLOWED = "/data/cat, /mnt/pictures/,s3://open/sets,s3://all"


@pytest.fixture
def allowing(settings: Settings) -> Settings:
    return load(import_from=ALLOWED, import_https=True)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("/data/cat", Place("/data/cat", ())),
        ("/data/cat/", Place("/data/cat", ())),
        ("/data/cat/a b/ü.zip", Place("/data/cat", ("a b", "ü.zip"))),
        ("/mnt/pictures/x", Place("/mnt/pictures", ("x",))),
        ("s3://open/sets", Objects("open", "sets")),
        ("s3://open/sets/a/b.tar", Objects("open", "sets/a/b.tar")),
        ("s3://all", Objects("all", "")),
        ("s3://all/x/", Objects("all", "x")),
        ("https://data.example.org/x.zip", Address("https://data.example.org/x.zip")),
    ],
)
def test_what_lies_in_an_allowed_place_is_a_source(allowing: Settings, text: str, source: sources.Source) -> None:
    assert sources.read(text, allowing) == source


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/data",
        "/data/cats",
        "/data/cat/../dog",
        "/data/cat/./x",
        "/data/cat//x",
        "/data//cat/x",
        "/data/cat/x\x00",
        "/data/cat/x\n",
        "/etc/passwd",
        "//data/cat",
        "s3://",
        "s3://open",
        "s3://open/set",
        "s3://open/sets2/x",
        "s3://open/sets/../x",
        "s3://open/sets//x",
        "s3://other/x",
        "s3:///x",
        "/all/x",
        "s3://data/cat",
    ],
)
def test_what_lies_elsewhere_is_refused(allowing: Settings, text: str) -> None:
    with pytest.raises(Problem) as caught:
        sources.read(text, allowing)
    assert caught.value.code == "import-not-allowed"


@pytest.mark.parametrize(
    "text", ["data/cat", "http://data.example.org/", "file:///data/cat", "gopher://x/", "S3://all/x", "~/x", "", "x"]
)
def test_what_is_no_source_is_refused(allowing: Settings, text: str) -> None:
    with pytest.raises(Problem) as caught:
        sources.read(text, allowing)
    assert caught.value.code == "url-not-allowed"


@pytest.mark.parametrize(
    ("text", "code", "setting"),
    [
        ("/data/cat", "import-not-allowed", "LABELAUDIT_IMPORT_FROM"),
        ("s3://all/x", "import-not-allowed", "LABELAUDIT_IMPORT_FROM"),
        ("https://data.example.org/x.zip", "url-not-allowed", "LABELAUDIT_IMPORT_HTTPS"),
    ],
)
def test_nothing_is_allowed_until_a_setting_says_so(settings: Settings, text: str, code: str, setting: str) -> None:
    with pytest.raises(Problem) as caught:
        sources.read(text, settings)
    assert caught.value.code == code
    assert setting in caught.value.detail


@pytest.mark.parametrize("place", ["data", "/", "/data/../x", "/data//x", "s3://", "s3:///x", "https://x", "./x", "~"])
def test_a_place_that_cannot_be_meant_is_refused_as_a_setting(place: str) -> None:
    with pytest.raises(Problem, match="LABELAUDIT_IMPORT_FROM"):
        load(import_from=place)
