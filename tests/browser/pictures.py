"""Takes the pictures of the page that the README shows: `python -m tests.browser.pictures`, from the demo's digits."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from labelaudit.demo import plant
from tests.browser.chromium import SCREEN, chromium
from tests.worker.service import Service

TO = Path(__file__).parents[2] / "docs" / "pictures"
PATIENCE_MS = 120_000


def main() -> int:
    """An audit of the digits, a few decisions, and two pictures."""
    with tempfile.TemporaryDirectory(prefix="la-pictures-") as folder:
        service = Service(Path(folder), apart=False)
        service.start()
        try:
            client = service.client
            planted = plant(Path(folder) / "digits.zip")
            dataset = client.wait_for_dataset(client.upload(planted.archive)["id"])
            audit = client.wait_for_audit(client.start_audit(dataset["id"], seed=3)["id"])
            at = f"http://127.0.0.1:{service.port}/audits/{audit['id']}"
            with chromium() as browser:
                screen = {"width": SCREEN["width"], "height": SCREEN["height"]}
                page = browser.new_page(viewport=screen, color_scheme="light")
                page.set_default_timeout(PATIENCE_MS)
                take_report(page, at)
                take_review(page, at)
        finally:
            service.stop()
    return 0


def take_report(page: Page, at: str) -> None:
    """How many labels are wrong, and how sure that is."""
    page.goto(at)
    page.get_by_role("slider").wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=TO / "report.png")


def take_review(page: Page, at: str) -> None:
    """In the middle of judging."""
    page.goto(f"{at}/review?is_issue=true")
    page.locator("#place-0[data-sample]").wait_for()
    for key in ("w", "w", "w", "q", "w", "e", "w", "n", "w"):
        page.keyboard.press(key)
    page.locator(".saved[data-state=saved]").wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # the charts
    page.screenshot(path=TO / "review.png")


if __name__ == "__main__":
    sys.exit(main())
