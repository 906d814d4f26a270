"""The system's Chromium, driven from Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCREEN = {"width": 1366, "height": 768}
ELSEWHERE = "labels.test"  # this machine, by a name that browsers trust no more than any other over plain HTTP


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, which ends with the block."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert program is not None, "there is no Chromium; scripts/chromium installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]
        )
        try:
            yield browser
        finally:
            browser.close()
