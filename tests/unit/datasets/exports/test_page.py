"""The report that can be mailed: whole in one file, safe to open, nothing in it that runs."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any

from pytest import MonkeyPatch

from core.datasets.exports import page
from core.datasets.exports.content import Content
from core.words import KEEP, RELABEL, SOURCES, Source
from tests.unit.datasets.exports.make import CLASSES, DECIDED, content, picture, rows, whole

VOID = {"meta", "img", "br", "rect", "line"}


class Reading(HTMLParser):
    """Sees that every element is closed, and keeps what was there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(**asked: Any) -> Reading:
    reading = Reading()
    reading.feed(whole(page.write(content(**asked))).decode())
    assert reading.open == []
    return reading


def test_nothing_in_it_runs_or_is_fetched() -> None:
    found = read()
    tags = {tag for tag, _ in found.seen}
    assert not tags & {"script", "iframe", "object", "embed", "link", "a", "form", "base", "i"}
    [policy] = [said["content"] for tag, said in found.seen if said.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None and policy.startswith("default-src 'none'") and "script" not in policy
    for _, said in found.seen:
        assert not [name for name in said if name.startswith("on") or name == "href"]
        assert (said.get("src") or "data:image/png").startswith("data:image/png")
    assert "url(" not in whole(page.write(content())).decode()


def test_it_shows_the_most_suspicious_with_given_and_suggested_label_and_what_was_decided() -> None:
    found = read()
    text = " ".join(" ".join(found.text).split())
    for name in CLASSES:
        assert name[:20].replace("\u202e", "\\u202e") in text
    assert "10.0%" in text and "5.0% to 15.0% at 95%" in text
    assert "<i>signs</i>" in text
    assert text.count("→") == sum(n % 2 == 0 or n in DECIDED for n in range(len(rows()))) + 1
    assert "take out" in text and "unsure" in text and '<b onload="x">' in text


def test_its_thumbnails_are_those_of_the_renderer() -> None:
    text = whole(page.write(content())).decode()
    there = {base64.b64decode(data) for data in re.findall(r'base64,([^"]+)"', text)}
    assert there == {picture(n, "PNG") for n in range(len(rows())) if n % 2 == 0}
    assert text.count("cannot be shown") == sum(n % 2 for n in DECIDED), "JPEG, which this renderer refuses"


def test_only_the_chosen_splits_are_in_it() -> None:
    assert (
        f"The {len(content(splits=('val',)).audited)} most suspicious"
        in whole(page.write(content(splits=("val",)))).decode()
    )
    assert 0 < len(content(splits=("val",)).audited) < len(content().audited)


def looked(count: int, source: Source, accepted: int, said: Content) -> None:
    """So many more decisions of one kind, some of them as suggested, on samples that were not decided on."""
    suggested = said.ranked.suggested
    free = [n for n in said.audited.tolist() if said.decided.decision[n] < 0 and suggested[n] >= 0][:count]
    assert len(free) == count
    said.decided.decision[free] = KEEP
    said.decided.source[free] = SOURCES.index(source)
    said.decided.decision[free[:accepted]] = RELABEL
    said.decided.label[free[:accepted]] = suggested[free[:accepted]]


def test_it_tells_whether_suggestions_sway_where_enough_was_judged_in_either_way(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("core.review.looks.ENOUGH", 4)
    said = content()
    looked(4, "list", 4, said)
    assert "as suggested" not in whole(page.write(said)).decode(), "nothing was judged blind"
    looked(4, "blind", 0, said)
    text = " ".join(whole(page.write(said)).decode().split())
    assert "on 100% of 4 (" in text and "and on 0% of 4 (0% to" in text
    assert "What is suggested sways who judges." in text
