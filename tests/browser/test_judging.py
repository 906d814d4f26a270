"""Judging: keys, undo, many at once, and that no decision is ever lost."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Audited
from tests.browser.reviewing import decisions, press, review, saved, tiles_of
from tests.worker.service import Service

People = Callable[..., Page]


def test_keys_decide_and_the_next_sample_has_the_turn(person: People, audited: Audited) -> None:
    page = person()
    rows = audited.suspects(limit=6)
    tiles = review(page, audited)
    press(page, "q", "e", "n", "ArrowRight", "w" if rows[4]["suggested_label"] else "q")
    expect(tiles.nth(5)).to_have_attribute("data-focused", "true")
    saved(page)
    judged = {said["sample"]: said for said in audited.said()}
    assert [judged[row["sample"]]["decision"] for row in (rows[0], rows[1], rows[2])] == ["keep", "exclude", "unsure"]
    assert rows[3]["sample"] not in judged
    assert judged[rows[4]["sample"]]["label"] == rows[4]["suggested_label"]
    assert decisions(tiles, 3) == ["keep", "exclude", "unsure"]
    expect(tiles.nth(0).locator("img")).to_have_css("opacity", "0.55")  # what is done steps back
    expect(tiles.nth(3).locator("img")).to_have_css("opacity", "1")


def test_a_digit_is_a_class_by_likelihood_and_letters_find_any(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited)
    first = audited.suspects(limit=1)[0]
    expect(page.get_by_role("button", name=re.compile("^1 "))).to_be_visible()
    press(page, "1")
    press(page, "/")
    page.get_by_role("combobox", name="Find a class").fill("he")
    press(page, "Enter")
    saved(page)
    said = audited.said()
    likeliest = first["top"][0]["label"]
    wanted = ("keep", None) if likeliest == first["given_label"] else ("relabel", likeliest)
    assert (said[0]["decision"], said[0]["label"]) == wanted
    assert said[1]["label"] == "hen" or said[1]["decision"] == "keep"


def test_undo_takes_back_step_by_step_and_a_reload_does_not_forget_the_steps(person: People, audited: Audited) -> None:
    page = person()
    tiles = review(page, audited)
    press(page, "q", "e", "Shift+ArrowRight", "Shift+ArrowRight", "n")
    saved(page)
    assert decisions(tiles, 5) == ["keep", "exclude", "unsure", "unsure", "unsure"]
    press(page, "u")
    expect(tiles.nth(4)).not_to_have_attribute("data-decision", re.compile(".*"))
    saved(page)
    page.reload()
    expect(tiles.nth(1)).to_have_attribute("data-decision", "exclude")
    press(page, "u")
    expect(tiles.nth(1)).not_to_have_attribute("data-decision", re.compile(".*"))
    saved(page)
    assert decisions(tiles, 3) == ["keep", None, None]
    assert sum(said["undoes"] is not None for said in audited.said()) == 4


def test_many_are_decided_only_when_their_number_is_typed_and_all_of_it_can_be_undone(
    person: People, audited: Audited
) -> None:
    page = person()
    review(page, audited, "?is_issue=false")
    page.get_by_role("button", name="Decide many").click()
    page.get_by_label("What to decide").select_option("keep")
    page.get_by_label("How many samples").fill("30")
    box = page.get_by_label("Type 30 to do it")
    decide = page.get_by_role("button", name="Decide 30")
    expect(decide).to_be_disabled()
    box.fill("29")
    expect(decide).to_be_disabled()
    box.fill("30")
    decide.click()
    expect(tiles_of(page).first).to_have_attribute("data-decision", "keep")
    assert len(audited.suspects(decision="keep")) == 30
    press(page, "u")
    expect(page.get_by_text("30 decisions taken back.")).to_be_visible()
    expect(tiles_of(page).first).not_to_have_attribute("data-decision", "keep")
    assert audited.suspects(decision="keep") == []


def test_decisions_without_a_connection_are_kept_over_a_reload_and_sent_when_it_is_back(
    person: People, audited: Audited
) -> None:
    page = person()
    tiles = review(page, audited)
    broken: list[str] = []

    def cut(route: Route) -> None:
        broken.append(route.request.url)
        route.abort("connectionfailed")

    page.route("**/reviews", cut)
    press(page, "q", "e", "q")
    expect(page.get_by_text("3 decisions not sent yet")).to_be_visible()
    assert decisions(tiles, 3) == ["keep", "exclude", "keep"]
    assert audited.said() == [] and broken
    page.reload()
    expect(tiles.nth(2)).to_have_attribute("data-decision", "keep")
    page.unroute("**/reviews", cut)
    saved(page)
    assert [said["decision"] for said in audited.said()] == ["keep", "exclude", "keep"]


def test_an_answer_that_is_lost_writes_nothing_twice(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited)
    lost: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)  # it was done, but nobody heard
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/reviews", lose)
    press(page, "e")
    saved(page)
    assert lost == [200]
    assert [said["decision"] for said in audited.said()] == ["exclude"]


def test_decisions_outlive_a_service_that_is_killed(person: People, audited: Audited, house: Service) -> None:
    page = person()
    review(page, audited)
    press(page, "q")
    saved(page)
    assert house.kill("labelaudit", "serve") == 1
    press(page, "e", "n")
    expect(page.get_by_text("2 decisions not sent yet")).to_be_visible()
    house.start_api()
    saved(page)
    assert [said["decision"] for said in audited.said()] == ["keep", "exclude", "unsure"]


def test_two_people_see_what_the_other_decides_and_where_they_differ(person: People, audited: Audited) -> None:
    pages = {}
    for name in ("ann", "ben"):
        pages[name] = person()
        pages[name].add_init_script(f"localStorage.setItem('labelaudit.reviewer', '{name}')")
        review(pages[name], audited)
    ann, ben = pages["ann"], pages["ben"]
    press(ann, "q", "q")
    expect(tiles_of(ben).nth(1)).to_have_attribute("data-decision", "keep")
    expect(ben.get_by_text("ann: ", exact=False).first).to_be_visible()
    press(ben, "e")
    expect(tiles_of(ann).first).to_have_attribute("data-decision", "exclude")
    expect(tiles_of(ann).first).to_contain_text("⚑")
    expect(ann.get_by_text("1 disputed")).to_be_visible()
    assert {said["reviewer"] for said in audited.said()} == {"ann", "ben"}
