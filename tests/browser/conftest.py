"""People at the page: a real service, a real Chromium, and a look at everything that the browser complains of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.settings import Settings
from core.store.blobs import Blobs
from core.store.db import Database
from labelaudit.client import Client
from tests.browser.chromium import SCREEN, chromium
from tests.browser.errors import heard_errors
from tests.seeded import seed
from tests.worker.digits import plant_few
from tests.worker.service import Service

PICTURES = Path(os.environ.get("LABELAUDIT_TEST_PICTURES", ".pictures"))
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with its workers, as `labelaudit serve` runs it."""
    service = Service(tmp_path_factory.mktemp("house"), apart=False)
    service.start()
    yield service
    service.stop()


@dataclass(frozen=True)
class Audited:
    """An audit that is done, to be reviewed."""

    url: str
    dataset: str
    audit: str
    client: Client = field(repr=False)

    def suspects(self, **wanted: Any) -> list[dict[str, Any]]:
        return list(self.client.suspects(self.audit, **wanted))

    def said(self) -> list[dict[str, Any]]:
        return list(self.client.reviews(self.audit))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of digits, some with a wrong label."""
    return plant_few(tmp_path_factory.mktemp("digits") / "digits.zip", samples=500).archive


@pytest.fixture(scope="session")
def seeds(house: Service) -> Callable[..., Audited]:
    """Makes an audit of so many samples that looks as if it had been done."""

    def make(samples: int, **how: Any) -> Audited:
        settings = Settings(home=house.home)
        db = Database(settings.database)
        try:
            made = seed(db, Blobs(settings), samples, **how)
        finally:
            db.close()
        return Audited(f"http://127.0.0.1:{house.port}", made.dataset, made.audit, house.client)

    return make


@pytest.fixture
def audited(seeds: Callable[..., Audited]) -> Audited:
    """An audit that nobody has reviewed."""
    return seeds(300)


@pytest.fixture(scope="session")
def learned(house: Service, archive: Path) -> Audited:
    """An audit that was done for real, for those tests that leave no decisions behind."""
    client = house.client
    dataset = client.wait_for_dataset(client.upload(archive)["id"])
    audit = client.wait_for_audit(client.start_audit(dataset["id"], epochs=4)["id"])
    return Audited(f"http://127.0.0.1:{house.port}", dataset["id"], audit["id"], client)


@pytest.fixture
def person(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Sits down at a browser of their own. Whatever the browser complains of fails the test, but for `expects`."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def sit_down(expects: tuple[str, ...] = (), **options: Any) -> Page:
        context = browser.new_context(viewport=options.pop("viewport", SCREEN), **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        heard_errors(page, complaints, expects)
        return page

    yield sit_down
    for number, context in enumerate(contexts):
        for page in context.pages:
            take_picture(page, f"{request.node.name}-{number}")
        context.close()
    assert complaints == []


def take_picture(page: Page, name: str) -> None:
    """Keep what a page looks like, for whoever looks at a run later."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name.replace('/', '_')[:100]}.png")
