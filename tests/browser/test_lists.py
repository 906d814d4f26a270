"""Lists while one judges: what they hold, where one is in them, and what is left of that on the way back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Audited
from tests.browser.reviewing import LOADED, decisions, press, review, saved, tiles_of

People = Callable[..., Page]
ANY = re.compile(".*")


def samples(page: Page, count: int) -> list[int]:
    """The first samples of the list."""
    tiles = tiles_of(page)
    expect(tiles.nth(count - 1)).to_have_attribute("data-sample", LOADED)
    return [int(tiles.nth(k).get_attribute("data-sample") or "") for k in range(count)]


def open_report(page: Page) -> None:
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.get_by_role("heading", name="Where the review stands")).to_be_visible()


def test_decisions_are_there_after_a_look_at_another_screen(person: People, audited: Audited) -> None:
    page = person()
    tiles = review(page, audited)
    press(page, "q", "e", "n")
    saved(page)
    open_report(page)
    page.get_by_role("link", name="Review", exact=True).click()
    expect(tiles.first).to_have_attribute("data-sample", LOADED)
    assert decisions(tiles, 3) == ["keep", "exclude", "unsure"]


def test_whoever_leaves_right_after_a_decision_is_not_brought_back(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited)

    def slowly(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route("**/assets/*.js", slowly)
    press(page, "q")
    open_report(page)
    expect(page).to_have_url(f"{audited.url}/audits/{audited.audit}")


def test_what_was_judged_is_not_offered_again_as_not_judged(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited, "?decided=false")
    first = samples(page, 6)
    press(page, "q", "e", "n")
    saved(page)
    open_report(page)
    page.get_by_role("link", name=re.compile("with the next")).click()
    expect(tiles_of(page).first).to_have_attribute("data-sample", str(first[3]))
    filters = page.get_by_role("complementary", name="Filters")
    press(page, "q")
    saved(page)
    filters.get_by_role("button", name="Clear filters").click()
    expect(tiles_of(page).first).to_have_attribute("data-sample", str(first[0]))
    filters.get_by_role("button", name="not judged yet").click()
    expect(tiles_of(page).first).to_have_attribute("data-sample", str(first[4]))


def test_many_are_decided_of_the_random_sample_that_is_looked_at(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited)
    page.get_by_label("Order").select_option("random")
    expect(page).to_have_url(re.compile("is_issue=false&decided=false&order=random"))
    unflagged = len(audited.suspects(is_issue=False))
    expect(page.get_by_text(f"{unflagged} in this list", exact=False)).to_be_visible()
    expect(page.get_by_role("complementary", name="Filters").locator("strong")).to_have_text(str(unflagged))
    first = samples(page, 5)
    page.get_by_role("button", name="Decide many").click()
    page.get_by_label("What to decide").select_option("keep")
    page.get_by_label("How many samples").fill("5")
    page.get_by_label("Type 5 to do it").fill("5")
    page.get_by_role("button", name="Decide 5").click()
    expect(page.get_by_text("5 samples decided.", exact=False)).to_be_visible()
    assert {said["sample"] for said in audited.said()} == set(first)


def test_a_list_made_anew_keeps_the_sample_in_front_of_one_and_no_selection(person: People, audited: Audited) -> None:
    page = person()
    tiles = review(page, audited, "?decided=false")
    first = samples(page, 8)
    press(page, "q", "e", "q", "Shift+ArrowRight")
    saved(page)
    expect(page.get_by_text("2 samples selected.", exact=False)).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(tiles.first).to_have_attribute("data-sample", str(first[3]))
    focused = page.locator(".tile[data-focused]")
    expect(focused).to_have_attribute("data-sample", str(first[4]))
    expect(page.locator(".tile[aria-selected=true]")).to_have_count(0)
    press(page, "ArrowLeft", "e", "ArrowLeft")  # what was judged last is in front
    saved(page)
    page.get_by_role("button", name="Refresh").click()
    expect(tiles.first).to_have_attribute("data-sample", str(first[4]))
    expect(focused).to_have_attribute("data-sample", str(first[4]))


def test_back_leads_to_the_list_and_the_sample_where_one_was(person: People, audited: Audited) -> None:
    page = person()
    tiles = review(page, audited)
    [*_, there] = samples(page, 6)
    press(page, *["ArrowRight"] * 5)
    expect(page).to_have_url(re.compile(f"sample={there}$"))
    press(page, "Space", "Shift+ArrowLeft", "ArrowRight")
    filters = page.get_by_role("complementary", name="Filters")
    filters.get_by_role("button", name="ant").first.click()
    expect(tiles.first).to_have_attribute("data-focused", "true")
    press(page, "ArrowRight")
    expect(page).to_have_url(re.compile("given=ant&sample="))
    page.go_back()
    focused = page.locator(".tile[data-focused]")
    expect(focused).to_have_attribute("data-sample", str(there))
    expect(page.locator(".tile[aria-selected=true]")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"sample={there}$"))


def test_keys_live_on_where_what_a_key_opens_cannot_be_shown(person: People, audited: Audited) -> None:
    page = person(expects=("Failed to load resource", "ERR_"))
    page.route(f"**/v1/datasets/{audited.dataset}", lambda route: route.abort("connectionfailed"))
    page.goto(f"{audited.url}/audits/{audited.audit}/review?contains=no-path-has-this")
    expect(page.get_by_text("No sample fits these filters")).to_be_visible()
    press(page, "z", "/")
    page.get_by_role("button", name="Clear filters").click()
    expect(tiles_of(page).first).to_have_attribute("data-sample", LOADED)
    expect(page.get_by_role("dialog")).to_have_count(0)
    press(page, "/", "e")
    expect(tiles_of(page).first).to_have_attribute("data-decision", "exclude")


def test_where_one_is_in_the_list_is_told_whatever_others_do(person: People, audited: Audited) -> None:
    ann, ben = person(), person()
    ben.add_init_script("localStorage.setItem('labelaudit.reviewer', 'ben')")
    review(ann, audited)
    review(ben, audited)
    press(ben, "e")
    expect(ann.get_by_text("ben: one decision.")).to_be_visible()
    expect(ann.get_by_text("300 in this list, at 1.")).to_be_visible()
    expect(ann.get_by_text("ben: one decision.")).to_have_count(0)
