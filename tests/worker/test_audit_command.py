"""`labelaudit audit`, as it is typed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.spec import MODEL_FILES

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


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


def run(*words: str, home: Path, command: str = "audit") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
    environment |= {"LABELAUDIT_HOME": str(home), "LABELAUDIT_MIN_FREE_BYTES": "0", "COLUMNS": "80"}
    program = [sys.executable, "-m", "labelaudit", command, *words]
    return subprocess.run(program, env=environment, capture_output=True, text=True)


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
    assert not list((tmp_path / "home").glob("*-wal")), "a copy of the database's file is a copy of the database"

    audit, out = found["audit"]["id"], tmp_path / "out"
    for format in ("csv", "model"):
        exported = run(audit, format, str(out / format), home=tmp_path / "home", command="export")
        assert exported.returncode == 0, exported.stderr
    first = (out / "csv").read_text().splitlines()[1]
    assert "light/07.png" in first
    assert {file.name for file in (out / "model").iterdir()} == set(MODEL_FILES)
    for file in (out / "model").iterdir():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == found["audit"]["files"][file.name]["sha256"]
    told = " ".join(run(home=tmp_path / "home", command="doctor").stdout.split())
    assert re.search(r"use uploads 0 B, datasets [0-9.]+ kB, audits [0-9.]+ .B, exports [0-9.]+ .?B, cache", told), told


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


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("x", "csv", "out"), 1, "is not the id of an audit"),
        ((NOBODY, "xls", "out"), 1, "The formats are csv, jsonl, parquet, cleanlab"),
        ((NOBODY, "csv", "out", "--server", "http://127.0.0.1:9"), 2, "does not answer"),
    ],
)
def test_an_export_that_cannot_be_says_why(words: tuple[str, ...], status: int, told: str, tmp_path: Path) -> None:
    done = run(*words, home=tmp_path / "home", command="export")
    assert (done.returncode, told in " ".join(done.stderr.split())) == (status, True), done.stderr
