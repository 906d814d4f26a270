"""The whole way of a new user: an archive goes in, is watched, judged, and comes out clean."""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import take_picture
from tests.browser.reviewing import LOADED, press, saved, tiles_of
from tests.worker.service import Service

DROP = """async ([name, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name));
    const target = document.querySelector("section[aria-label=Upload]");
    for (const type of ["dragenter", "dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


def test_from_an_archive_to_a_clean_dataset(
    person: Callable[..., Page], house: Service, archive: Path, tmp_path: Path
) -> None:
    page = person(accept_downloads=True)
    page.goto(f"http://127.0.0.1:{house.port}/")
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    page.evaluate(DROP, ["whole-way.zip", base64.b64encode(archive.read_bytes()).decode()])
    page.get_by_role("link", name="whole-way").first.click()
    expect(page.get_by_text("ready", exact=False).first).to_be_visible()
    expect(page.get_by_text("few/3/broken.png")).to_be_visible()  # what was left out is told
    take_picture(page, "whole-way-1-dataset")

    page.get_by_role("link", name="New audit").click()
    expect(page.get_by_role("heading", name=re.compile("New audit"))).to_be_visible()
    take_picture(page, "whole-way-2-new-audit")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Progress")).to_be_visible()
    take_picture(page, "whole-way-3-running")
    flagged = page.get_by_role("link", name=re.compile("^Review the [0-9]+ flagged$"))
    flagged.wait_for(timeout=240_000)
    take_picture(page, "whole-way-4-report")
    flagged.click()

    tiles = tiles_of(page)
    expect(tiles.first).to_have_attribute("data-sample", LOADED)
    press(page, *["w", "q", "e", "n"] * 5)
    saved(page)
    press(page, "u")
    saved(page)
    client = house.client
    audit = re.findall("/audits/([^/]+)/review", page.url)[0]
    assert len(list(client.suspects(audit, decided=True))) in (18, 19)  # one has nothing to accept, maybe
    page.get_by_role("button", name="Decide many").click()
    page.get_by_label("How many samples").fill("5")
    page.get_by_label("What to decide").select_option("exclude")
    page.get_by_label("Type 5 to do it").fill("5")
    page.get_by_role("button", name="Decide 5", exact=True).click()
    expect(page.get_by_text(re.compile("decided. U takes it back"))).to_be_visible()
    take_picture(page, "whole-way-5-review")

    page.get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Export as Image folders").click()
    with page.expect_download(timeout=120_000) as downloading:
        page.get_by_role("link", name=re.compile("Download")).first.click()
    clean = tmp_path / "clean.zip"
    downloading.value.save_as(clean)
    take_picture(page, "whole-way-6-exports")
    excluded = len(list(client.suspects(audit, decision="exclude")))
    with zipfile.ZipFile(clean) as found:
        images = [name for name in found.namelist() if name.endswith(".png")]
    assert len(images) == 500 - excluded and excluded >= 5

    page.get_by_role("button", name="Make version 2").click()
    again = page.get_by_role("link", name="Audit it again")
    expect(again).to_be_visible()
    version = str(again.get_attribute("href")).split("/")[2]
    page.goto(f"http://127.0.0.1:{house.port}/datasets/{version}")
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    page.get_by_text("What changed").click()
    expect(page.get_by_text(f"{excluded} excluded", exact=False)).to_be_visible()
    take_picture(page, "whole-way-7-versions")
    assert client.dataset(version)["counts"]["accepted"] == 500 - excluded

    page.goto(f"http://127.0.0.1:{house.port}/audits/{audit}/model")
    with page.expect_download() as downloading:
        page.get_by_role("link", name=re.compile("model.safetensors")).first.click()
    downloading.value.save_as(tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").stat().st_size > 1000
