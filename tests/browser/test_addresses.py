"""From one thing to another of its kind by address, as Back and Forward go."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Audited


def test_a_question_about_one_dataset_is_not_put_to_another(
    person: Callable[..., Page], seeds: Callable[..., Audited]
) -> None:
    one, other = seeds(20), seeds(20)
    page = person()
    page.goto(f"{one.url}/datasets/{one.dataset}")
    delete = page.get_by_role("button", name="Delete", exact=True)
    expect(delete).to_be_visible()
    page.evaluate("(path) => history.pushState(null, '', path)", f"/datasets/{other.dataset}")
    expect(page.get_by_role("link", name="New audit")).to_have_attribute("href", f"/datasets/{other.dataset}/audit")
    delete.click()
    question = page.get_by_role("dialog", name="Delete this dataset?")
    expect(question).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="New audit")).to_have_attribute("href", f"/datasets/{one.dataset}/audit")
    expect(question).to_have_count(0)
