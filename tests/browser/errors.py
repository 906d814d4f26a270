"""What a browser complains of."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Page

# That a request got no answer is said by the browser whatever the page does about it.
EXPECTED = ("Failed to load resource: net::ERR_INTERNET_DISCONNECTED", "Failed to load resource: net::ERR_CONNECTION_")


def heard_errors(page: Page, complaints: list[str]) -> None:
    """Write errors, warnings and dialogs of this page down."""

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            complaints.append(f"{message.type}: {message.text}")

    def asked(dialog: object) -> None:
        complaints.append(f"a dialog: {dialog}")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(f"an exception: {error}"))
    page.on("dialog", asked)
