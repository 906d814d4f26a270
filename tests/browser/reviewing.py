"""Words for what people do at the review screen."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Audited

LOADED = re.compile("^[0-9]+$")


def review(page: Page, audited: Audited, query: str = "") -> Locator:
    """Open the review of an audit; its tiles."""
    page.goto(f"{audited.url}/audits/{audited.audit}/review{query}")
    tiles = tiles_of(page)
    expect(tiles.first).to_have_attribute("data-sample", LOADED)
    return tiles


def tiles_of(page: Page) -> Locator:
    """The samples in sight."""
    return page.get_by_role("listbox", name="Samples").get_by_role("option")


def press(page: Page, *keys: str) -> None:
    """Keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)


def saved(page: Page) -> None:
    """Wait until all decisions are with the service."""
    expect(page.locator(".saved")).to_have_attribute("data-state", "saved")


def decisions(tiles: Locator, count: int) -> list[str | None]:
    """What the first tiles show as decided."""
    return [tiles.nth(k).get_attribute("data-decision") for k in range(count)]
