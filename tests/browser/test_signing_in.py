"""A service with a key shows its data to whoever has the key, and the page asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.worker.service import Service

KEY = "a-key-that-stands-nowhere-else-0123456789"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An API that wants a key; no worker is needed to sign in."""
    service = Service(tmp_path_factory.mktemp("locked"), apart=True, environment={"LABELAUDIT_API_KEY": KEY})
    service.start_api()
    yield service
    service.stop()


def test_the_key_is_asked_for_once_and_no_script_can_read_what_is_kept_of_it(
    person: Callable[..., Page], locked: Service
) -> None:
    page = person(expects=("401",))
    page.goto(f"http://127.0.0.1:{locked.port}/datasets")
    page.get_by_label("Key", exact=True).fill(f"{KEY}x")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("That is not this service's key.")).to_be_visible()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and KEY not in cookie["value"]
    assert KEY not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
