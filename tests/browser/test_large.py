"""A million samples: the list is there, its end too, and what is decided at its end is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Audited
from tests.browser.reviewing import LOADED, press, review, saved, tiles_of

MILLION = 1_000_000


@pytest.fixture(scope="module")
def million(seeds: Callable[..., Audited]) -> Audited:
    return seeds(MILLION)


def test_a_million_samples_can_be_looked_at_from_end_to_end(person: Callable[..., Page], million: Audited) -> None:
    page = person()
    review(page, million)
    expect(page.get_by_text("1,000,000 in this list", exact=False)).to_be_visible()
    assert tiles_of(page).count() < 200  # what is out of sight is not there
    press(page, "End")
    last = page.locator(f"#place-{MILLION - 1}")
    expect(last).to_have_attribute("data-sample", LOADED)
    expect(last.locator("img")).to_have_js_property("complete", True)
    expect(page.get_by_role("complementary", name="Sample")).to_contain_text("rank 1000000")
    press(page, "e")
    saved(page)
    assert [said["decision"] for said in million.said()] == ["exclude"]
    press(page, "Home")
    expect(page.locator("#place-0")).to_have_attribute("data-focused", "true")


def test_a_filter_leaves_a_part_of_a_million_and_an_address_leads_to_one_of_them(
    person: Callable[..., Page], million: Audited
) -> None:
    page = person()
    sample = million.client.queue(million.audit, given="cat")[60_000]
    wanted = next(iter(million.client.suspects_at(million.audit, [sample])))
    review(page, million, f"?given=cat&sample={wanted['sample']}")
    expect(page.get_by_text("125,000 in this list, at 60,001.")).to_be_visible()
    expect(page.locator("#place-60000")).to_have_attribute("data-focused", "true")
