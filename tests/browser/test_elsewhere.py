"""Judging from another machine, over plain HTTP, where browsers let a page do less."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from core.settings import Settings
from core.store.blobs import Blobs
from core.store.db import Database
from tests.browser.chromium import ELSEWHERE
from tests.browser.conftest import Audited
from tests.browser.reviewing import decisions, press, review, saved, tiles_of
from tests.seeded import seed
from tests.worker.service import Service


@pytest.fixture(scope="module")
def afar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """An audit of a service that answers to another name, without workers."""
    environment = {"LABELAUDIT_ALLOWED_HOSTS": ELSEWHERE}
    service = Service(tmp_path_factory.mktemp("afar"), apart=True, environment=environment)
    service.start_api()
    settings = Settings(home=service.home)
    db = Database(settings.database)
    made = seed(db, Blobs(settings), 200)
    db.close()
    yield Audited(f"http://{ELSEWHERE}:{service.port}", made.dataset, made.audit, service.client)
    service.stop()


def test_one_decides_undoes_and_decides_many_over_plain_http(person: Callable[..., Page], afar: Audited) -> None:
    page = person(expects=("Cross-Origin-Opener-Policy",))  # which counts over HTTPS only
    tiles = review(page, afar)
    assert page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    press(page, "q", "e", "u")
    saved(page)
    assert decisions(tiles, 2) == ["keep", None]
    page.get_by_role("button", name="Decide many").click()
    page.get_by_label("What to decide").select_option("keep")
    page.get_by_label("How many samples").fill("10")
    page.get_by_label("Type 10 to do it").fill("10")
    page.get_by_role("button", name="Decide 10").click()
    expect(tiles_of(page).nth(1)).to_have_attribute("data-decision", "keep")
    assert len(afar.suspects(decision="keep")) == 11
