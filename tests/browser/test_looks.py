"""Every screen can be used by everybody: no violation that axe knows, in light and dark, nothing outside the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Audited, take_picture
from tests.browser.reviewing import LOADED, press, review, tiles_of

PLACES = {
    "datasets": "/datasets",
    "dataset": "/datasets/{dataset}",
    "new-audit": "/datasets/{dataset}/audit",
    "audits": "/audits",
    "report": "/audits/{audit}",
    "review": "/audits/{audit}/review",
    "map": "/audits/{audit}/map",
    "model": "/audits/{audit}/model",
    "exports": "/audits/{audit}/exports",
    "nowhere": "/audits/{audit}/elsewhere",
}
SIZES = {"laptop": {"width": 1366, "height": 768}, "narrow": {"width": 1024, "height": 700}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PLACES)
def test_axe_finds_nothing(person: Callable[..., Page], learned: Audited, name: str, scheme: str) -> None:
    page = person(color_scheme=scheme)
    page.goto(learned.url + PLACES[name].format(dataset=learned.dataset, audit=learned.audit))
    page.wait_for_load_state("networkidle")
    expect(page.get_by_text("Loading", exact=False)).to_have_count(0)
    take_picture(page, f"looks-{name}-{scheme}")
    assert violations(page) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PLACES)
def test_nothing_stands_outside_the_screen(person: Callable[..., Page], learned: Audited, name: str, size: str) -> None:
    page = person(viewport=SIZES[size])
    page.goto(learned.url + PLACES[name].format(dataset=learned.dataset, audit=learned.audit))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("(main => main.scrollWidth <= main.clientWidth + 1)(document.querySelector('main'))")


@pytest.mark.parametrize("opened", ["?", "/", "z"])
def test_axe_finds_nothing_in_what_a_key_opens(person: Callable[..., Page], learned: Audited, opened: str) -> None:
    page = person()
    review(page, learned)
    press(page, opened)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(tiles_of(page).first).to_be_visible()


def test_a_review_can_be_done_by_keyboard_alone(person: Callable[..., Page], audited: Audited) -> None:
    page = person()
    page.goto(f"{audited.url}/audits")
    expect(page.get_by_role("link", name=audited.audit[-6:])).to_be_visible()
    for _ in range(60):
        press(page, "Tab")
        if page.evaluate("document.activeElement.getAttribute('href') ?? ''").endswith(audited.audit):
            break
    press(page, "Enter")
    expect(page.get_by_role("link", name="Review", exact=True)).to_be_visible()
    for _ in range(60):
        press(page, "Tab")
        if page.evaluate("document.activeElement.getAttribute('href') ?? ''").endswith("/review"):
            break
    press(page, "Enter")
    expect(tiles_of(page).first).to_have_attribute("data-sample", LOADED)
    expect(tiles_of(page).first).to_have_attribute("data-focused", "true")
    press(page, "e", "ArrowDown", "Space", "Shift+ArrowRight", "q")
    expect(tiles_of(page).first).to_have_attribute("data-decision", "exclude")
    expect(page.locator(".saved")).to_have_attribute("data-state", "saved")
    assert sorted(said["decision"] for said in audited.said()) == ["exclude", "keep", "keep"]


def test_what_is_not_there_is_told_in_words(person: Callable[..., Page], learned: Audited) -> None:
    page = person(expects=("404",))
    page.goto(f"{learned.url}/datasets/00000000-0000-7000-8000-000000000000")
    expect(page.get_by_text("There is no such dataset")).to_be_visible()
