"""How fast the page is for whoever reviews: decisions and scrolling, in a real Chromium against the real service.

    python -m bench.page [--samples 50000] [--decisions 200] [--stops 60]

Browser, service and database share the machine. What is timed is what a person sees: from a key until the decision is
drawn, until the service has answered that it is stored, and from the end of a scroll until all tiles in sight have
their text, and their pictures.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from bench.loads.stage import Found, Target
from bench.record import record
from bench.service import service
from bench.wire import percentile
from core.settings import Settings
from core.store import migrate
from core.store.blobs import Blobs
from core.store.db import Database
from tests.browser.chromium import SCREEN, chromium
from tests.seeded import seed

DRAWN_MS, STORED_MS, TEXT_MS, PICTURE_MS = 50.0, 200.0, 100.0, 300.0
PATIENCE_MS = 120_000

# From a key to the frame in which its decision can be seen.
DECIDE = """async (place) => {
    const tile = document.getElementById(`place-${place}`);
    const began = performance.now();
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "q", bubbles: true, cancelable: true }));
    while (tile.dataset.decision !== "keep") await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""

# Through a part of the list in frames, as a hand does, and then until what is in sight is there.
SCROLL = """async ([to, frames]) => {
    const grid = document.querySelector("[role=listbox]");
    const from = grid.scrollTop, way = to * (grid.scrollHeight - grid.clientHeight) - from;
    for (let k = 1; k <= frames; k++) {
        grid.scrollTop = from + (way * k) / frames;
        await new Promise(requestAnimationFrame);
    }
    const began = performance.now();
    const box = grid.getBoundingClientRect();
    const inSight = () => [...grid.querySelectorAll("[role=option]")].filter((tile) => {
        const { top, bottom } = tile.getBoundingClientRect();
        return bottom > box.top && top < box.bottom;
    });
    const until = async (ready) => {
        while (true) {
            const tiles = inSight();
            if (tiles.length > 0 && tiles.every(ready)) return performance.now() - began;
            await new Promise(requestAnimationFrame);
        }
    };
    const text = await until((tile) => tile.dataset.sample !== undefined);
    const picture = await until((tile) => {
        const image = tile.querySelector("img");
        return image?.complete && image.naturalWidth > 0;
    });
    return [text, picture, inSight().length];
}"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--stops", type=int, default=60, help="places of the list that are scrolled to")
    args = parser.parse_args(argv)
    found = measure(args.samples, args.decisions, args.stops)
    found.tell(f"the page, {args.samples:,} samples")
    record("page", vars(args), found.as_record())
    return 0


def measure(samples: int, decisions: int, stops: int) -> Found:
    """Seed, serve, open, judge and scroll."""
    with tempfile.TemporaryDirectory(prefix="la-page-") as folder:
        home = Path(folder)
        settings = Settings(home=home)
        db = Database(settings.database)
        migrate.upgrade(db)
        made = seed(db, Blobs(settings), samples)
        db.close()
        with service(home) as server, chromium() as browser:
            page = browser.new_page(viewport={"width": SCREEN["width"], "height": SCREEN["height"]})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"http://127.0.0.1:{server.port}/audits/{made.audit}/review")
            page.locator("#place-0[data-sample]").wait_for()
            drawn, stored = judge(page, decisions)
            text, pictures, tiles = scroll(page, stops)
    figures: dict[str, Any] = {"samples": samples, "tiles_in_sight": tiles}
    for name, took in {"drawn": drawn, "stored": stored, "text": text, "pictures": pictures}.items():
        figures[name] = {
            "n": len(took),
            **{f"p{p}_ms": round(percentile([t / 1e3 for t in took], p / 100), 1) for p in (50, 95, 99)},
        }
    return Found(figures, [
        Target("p95 until a decision is drawn, ms", figures["drawn"]["p95_ms"], DRAWN_MS),
        Target("p95 until a decision is stored, ms", figures["stored"]["p95_ms"], STORED_MS),
        Target("p95 after a scroll until all tiles have their text, ms", figures["text"]["p95_ms"], TEXT_MS),
        Target("p95 after a scroll until all tiles have their picture, ms", figures["pictures"]["p95_ms"], PICTURE_MS),
    ])  # fmt: skip


def judge(page: Page, decisions: int) -> tuple[list[float], list[float]]:
    """Milliseconds from a key to what is seen, and of the request that stores it."""
    stored: list[float] = []

    def over(request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/reviews"):
            stored.append(request.timing["responseEnd"])

    page.on("requestfinished", over)
    drawn = []
    for place in range(decisions):
        drawn.append(float(page.evaluate(DECIDE, place)))
        page.wait_for_timeout(150)  # a person looks before the next one
    page.locator(".saved[data-state=saved]").wait_for(state="attached")
    return drawn, stored


def scroll(page: Page, stops: int) -> tuple[list[float], list[float], int]:
    """Milliseconds until text and pictures are there, at places all over the list."""
    text, pictures, tiles = [], [], []
    for stop in range(stops):
        to = ((stop * 0.618033988749895) + 0.31) % 1.0
        after = page.evaluate(SCROLL, [to, 30])
        text.append(after[0])
        pictures.append(after[1])
        tiles.append(after[2])
        page.wait_for_timeout(300)
    return text, pictures, int(statistics.median(tiles))


if __name__ == "__main__":
    sys.exit(main())
