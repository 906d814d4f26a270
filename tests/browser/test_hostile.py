"""Names in a dataset are a stranger's: whatever they hold, they are text, and nothing of them is run or fetched."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Audited
from tests.browser.reviewing import LOADED, press, saved, tiles_of
from tests.worker.service import Service

RUNS = "window.ran=(window.ran||0)+1"
CLASSES = (
    f"<img src=x onerror={RUNS}>",
    f'"><script>{RUNS}<%2fscript>',
    f"javascript:{RUNS}",
    "{{constructor.constructor('alert(1)')()}}${7*7}",
    "__proto__",
    "constructor",
    "true",
    "\u202eevil\u202c ".strip() + "\u2066x\u2069",
    '=HYPERLINK("http:x")',
    "é" * 100,
)
EACH = 12
BESIDE = "[document.scrollingElement, document.querySelector('main')].map((one) => one.scrollWidth - one.clientWidth)"


@pytest.fixture(scope="module")
def hostile(house: Service, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """An audit of a dataset whose names are made to do harm."""
    archive = tmp_path_factory.mktemp("hostile") / "hostile.zip"
    dice = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as out:
        for k, label in enumerate(CLASSES):
            for n in range(EACH):
                pixels = dice.integers(0, 60, (16, 16, 3), dtype=np.uint8) + np.uint8(15 * k)
                image = io.BytesIO()
                Image.fromarray(pixels).save(image, "PNG")
                out.writestr(f"x/{label}/{n} <svg onload={RUNS}> ' \" &lt;.png", image.getvalue() + b"<script>trailing")
    client = house.client
    dataset = client.upload(archive, name=f"<b onmouseover={RUNS}>name</b>")
    dataset = client.wait_for_dataset(dataset["id"])
    assert dataset["counts"]["accepted"] == len(CLASSES) * EACH
    audit = client.wait_for_audit(client.start_audit(dataset["id"], epochs=2)["id"])
    return Audited(f"http://127.0.0.1:{house.port}", dataset["id"], audit["id"], client)


PLACES = [
    "/datasets", "/datasets/{dataset}", "/datasets/{dataset}/audit", "/audits", "/audits/{audit}",
    "/audits/{audit}/review", "/audits/{audit}/map", "/audits/{audit}/model", "/audits/{audit}/exports",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_screen_runs_or_fetches_what_a_name_says(person: Callable[..., Page], hostile: Audited, place: str) -> None:
    page = person()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(hostile.url + place.format(dataset=hostile.dataset, audit=hostile.audit))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran ?? 0") == 0
    assert all(url.startswith((hostile.url, "data:", "blob:")) for url in fetched)
    assert page.locator("main script, main svg[onload], main b[onmouseover], main [onerror]").count() == 0


@pytest.mark.parametrize("width", [1366, 700])
def test_a_long_name_scrolls_no_screen_sideways(
    person: Callable[..., Page], seeds: Callable[..., Audited], width: int
) -> None:
    made = seeds(40, name="x" * 200)
    page = person(("Failed to load resource",), viewport={"width": width, "height": 768})
    refused: set[str] = set()
    page.on("response", lambda answer: refused.add(answer.url.partition("/v1")[2]) if answer.status >= 400 else None)
    for place in PLACES:
        page.goto(made.url + place.format(dataset=made.dataset, audit=made.audit))
        expect(page.get_by_text("x" * 200).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate(BESIDE) == [0, 0], place
    lacking = {f"/audits/{made.audit}/{name}" for name in ("map", "model/README.md")}  # of an audit that is made up
    assert refused <= lacking


def test_hostile_names_are_read_judged_and_chosen_as_text(person: Callable[..., Page], hostile: Audited) -> None:
    page = person()
    page.goto(f"{hostile.url}/audits/{hostile.audit}/review")
    tiles = tiles_of(page)
    expect(tiles.first).to_have_attribute("data-sample", LOADED)
    filters = page.get_by_role("complementary", name="Filters")
    for label in CLASSES[:3]:
        expect(filters.get_by_text(label).first).to_be_visible()
    press(page, "/")
    page.get_by_role("combobox", name="Find a class").fill("onerror")
    press(page, "Enter")
    saved(page)
    said = hostile.said()[-1]
    assert (said["decision"], said["label"]) in {("relabel", CLASSES[0]), ("keep", None)}
    filters.get_by_role("button", name="true").first.click()
    expect(page.get_by_text(f"{EACH} in this list", exact=False)).to_be_visible()
    assert page.evaluate("window.ran ?? 0") == 0


def test_thumbnails_are_drawn_anew_so_nothing_that_hid_in_a_file_reaches_the_browser(
    person: Callable[..., Page], hostile: Audited
) -> None:
    page = person()
    answer = page.request.get(f"{hostile.url}/v1/datasets/{hostile.dataset}/samples/0/image?size=96")
    assert answer.headers["content-type"] == "image/png"
    assert b"script" not in answer.body() and answer.body().startswith(b"\x89PNG")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_policy_would_stop_a_script_that_got_in_all_the_same(browser: Browser, hostile: Audited) -> None:
    page = browser.new_page()
    page.goto(f"{hostile.url}/datasets")
    blocked = page.evaluate(
        """() => new Promise((answer) => {
            document.addEventListener("securitypolicyviolation", (event) => answer(event.violatedDirective));
            const script = document.createElement("script");
            try { script.text = "window.ran = 1"; document.body.append(script); } catch { answer("trusted-types"); }
        })"""
    )
    assert blocked in ("trusted-types", "require-trusted-types-for", "script-src-elem")
    assert page.evaluate("window.ran ?? 0") == 0
    page.close()
