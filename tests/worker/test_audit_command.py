"""`labelaudit audit`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that are easy to tell apart, and one image among the others."""
    folder = tmp_path_factory.mktemp("pictures")
    dice = np.random.default_rng(0)
    for n in range(60):
        dark = n % 2
        where = folder / ("dark" if dark != (n == 7) else "light")
        where.mkdir(exist_ok=True)
        pixels = dice.integers(0, 60, (16, 16), dtype=np.uint8) + (0 if dark else 180)
        Image.fromarray(pixels.astype(np.uint8)).save(where / f"{n:02d}.png")
    (folder / "notes.txt").write_text("notes")
    return folder


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
    environment |= {"LABELAUDIT_HOME": str(home), "LABELAUDIT_MIN_FREE_BYTES": "0", "COLUMNS": "80"}
    command = [sys.executable, "-m", "labelaudit", "audit", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_folder_is_audited_without_a_server(folder: Path, tmp_path: Path) -> None:
    done = run(str(folder), "--json", "--top", "3", "--seed", "1", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["dataset"]["format"], found["dataset"]["layout"]) == ("tar", "folders")
    assert found["dataset"]["counts"] == {"seen": 61, "accepted": 60, "rejected": 0, "ignored": 1}
    assert found["audit"]["status"] == "succeeded"
    assert found["suspects"][0]["path"] == "light/07.png"
    assert len(found["suspects"]) == 3
    assert not list((tmp_path / "home").glob("tmp*"))


def test_what_is_shown_fits_a_terminal_of_eighty_columns(folder: Path, tmp_path: Path) -> None:
    done = run(str(folder), "--top", "2", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bars in a pipe
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "60 images in 2 classes" in done.stdout
    assert "light/07.png" in done.stdout


def test_the_exit_code_says_whose_fault_it_is(tmp_path: Path) -> None:
    missing = run(str(tmp_path / "nothing"), home=tmp_path / "home")
    assert (missing.returncode, "There is no file and no folder" in missing.stderr) == (1, True)
    junk = tmp_path / "junk.zip"
    junk.write_bytes(b"no zip at all")
    refused = run(str(junk), home=tmp_path / "home")
    assert (refused.returncode, "not an archive that we know" in refused.stderr) == (1, True)
    away = run(str(junk), "--server", "http://127.0.0.1:9", home=tmp_path / "home")
    assert (away.returncode, "does not answer" in away.stderr) == (2, True)
