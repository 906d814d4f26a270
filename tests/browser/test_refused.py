"""Decisions that cannot be written: they are told of and kept, and hold up nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations
from tests.browser.conftest import Audited
from tests.browser.reviewing import decisions, press, review, saved
from tests.worker.service import eventually

People = Callable[..., Page]
KEPT = "Object.keys(localStorage).filter(key => key.startsWith('labelaudit.outbox.')).length"
GONE = "01900000-0000-7000-8000-000000000000"


def test_what_is_said_of_an_audit_that_is_gone_holds_up_no_other_and_is_let_go_of_by_a_person(
    person: People, audited: Audited
) -> None:
    page = person(expects=("404",))
    waits = (
        f"localStorage.setItem('labelaudit.outbox.{GONE}', JSON.stringify({{audit: '{GONE}', reviewer: 'ann', "
        f"source: 'list', at: 1, saying: {{id: '{GONE}', sample: 3, decision: 'keep'}}}}))"
    )
    page.goto(f"{audited.url}/datasets")
    page.evaluate(waits)
    tiles = review(page, audited)
    press(page, "q", "e")
    expect(page.get_by_text("1 decision not written")).to_be_visible()
    expect(tiles.nth(1)).to_have_attribute("data-decision", "exclude")
    eventually(lambda: page.evaluate(KEPT) == 1, "all others are written")
    assert [said["decision"] for said in audited.said()] == ["keep", "exclude"]
    page.get_by_role("button", name="See why").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="sample 3")).to_be_visible()
    assert violations(page) == []
    dialog.get_by_role("button", name="Discard 1 decision").click()
    saved(page)
    assert page.evaluate(KEPT) == 0


def test_a_refused_decision_leaves_its_tile_and_its_step_when_it_is_discarded(person: People, audited: Audited) -> None:
    page = person(expects=("422",))

    def refuse(route: Route) -> None:
        if '"exclude"' in (route.request.post_data or ""):
            body = '{"code": "unknown-sample", "detail": "This audit has no such sample.", "retryable": false}'
            route.fulfill(status=422, body=body, content_type="application/problem+json")
        else:
            route.continue_()

    tiles = review(page, audited)
    page.route("**/reviews", refuse)
    press(page, "q", "e", "n")
    expect(page.get_by_text("1 decision not written")).to_be_visible()
    page.get_by_role("button", name="See why").click()
    page.get_by_role("button", name="Discard 1 decision").click()
    expect(tiles.nth(1)).not_to_have_attribute("data-decision", re.compile(".*"))
    assert decisions(tiles, 3) == ["keep", None, "unsure"]
    press(page, "u", "u")
    saved(page)
    assert decisions(tiles, 3) == [None, None, None]


def test_what_a_closed_tab_could_not_send_another_one_sends(person: People, audited: Audited) -> None:
    page = person()
    review(page, audited)
    other = page.context.new_page()
    other.route("**/reviews", lambda route: route.abort("connectionfailed"))
    review(other, audited)
    press(other, "q")
    expect(other.get_by_text("1 decision not sent yet")).to_be_visible()
    assert audited.said() == []
    other.close()
    eventually(lambda: page.evaluate(KEPT) == 0, "the other tab's decision is written")
    assert [said["decision"] for said in audited.said()] == ["keep"]


def test_a_browser_that_stores_nothing_says_so_and_sends_all_the_same(person: People, audited: Audited) -> None:
    page = person()
    denied = "Object.defineProperty(window, '%s', {get() { throw new DOMException('denied', 'SecurityError') }});"
    page.add_init_script(denied % "localStorage" + denied % "sessionStorage")
    tiles = review(page, audited)
    expect(page.get_by_text("nothing kept here")).to_be_visible()
    press(page, "q", "e", "u")
    saved(page)
    assert decisions(tiles, 2) == ["keep", None]
    assert [said["decision"] for said in audited.said()] == ["keep", "exclude", None]
