"""The detection bench as a whole, on images that are learned in a moment."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bench import detection
from bench.images import read, subset
from bench.kept import load, save, sources
from bench.runs import Said

CLASSES, EACH, SIDE = 4, 24, 8
ROWS = ("labelaudit", "iam", "our aum", "final loss")


def pictures() -> list[tuple[str, int, bytes]]:
    """Noise with a bright column for each class."""
    dice = np.random.default_rng(0)
    made = []
    for label in range(CLASSES):
        for k in range(EACH):
            pixels = dice.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
            pixels[:, 2 * label] = 250
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            made.append((f"{label}/{k:03d}.png", label, file.getvalue()))
    return made


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "bands.zip", "w") as out:
        for name, _, data in pictures():
            out.writestr(name, data)
    return tmp_path / "bands.zip"


def measured(archive: Path, *more: str) -> dict[str, Any]:
    out, work = archive.with_name("out.json"), archive.with_name("work")
    words = ["--data", str(archive), "--noise", "symx:0.25", "--noise", "none", "--seeds", "2", "--epochs", "2"]
    words += ["--json", str(out), "--work", str(work), "--unrecorded", *more, "--rows", *ROWS]
    assert detection.main(words) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_figures_have_the_promised_shape(archive: Path) -> None:
    found = measured(archive)
    assert list(found) == ["settings"]
    noisy, clean = found["settings"]
    assert all(set(setting) == {"noise", "realised", "seeds", "rows"} for setting in found["settings"])
    assert (noisy["noise"], noisy["realised"], noisy["seeds"]) == ("symx:0.25", 0.25, [10, 11])
    assert [row["name"] for row in noisy["rows"]] == list(ROWS)
    assert all(
        0 <= row["auroc"] <= 1 and 0 <= row["ap"] <= 1 and row["hard_auroc"] is not None for row in noisy["rows"]
    )
    assert all(row["auroc"] is None and row["ap"] is None for row in clean["rows"])
    assert clean["realised"] == 0.0 and clean["rows"][0]["flagged"] is not None


def test_an_interrupted_grid_goes_on_and_says_the_same(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = measured(archive)
    done = capsys.readouterr().err.splitlines()
    next(archive.with_name("work").glob("audit-*")).unlink()
    again = measured(archive)
    redone = capsys.readouterr().err.splitlines()
    assert len(redone) == 1 < len(done)
    for one, other in zip(first["settings"], again["settings"], strict=True):
        assert [row["auroc"] for row in one["rows"]] == [row["auroc"] for row in other["rows"]]


def test_a_parquet_and_a_zip_of_the_same_images_are_the_same(archive: Path) -> None:
    made = pictures()
    table = pa.table(
        {"image": [{"bytes": data, "path": name} for name, _, data in made], "label": [k for _, k, _ in made]}
    )
    pq.write_table(table, archive.with_suffix(".parquet"))
    zipped, parquet = read(archive), read(archive.with_suffix(".parquet"))
    assert zipped.encoded == parquet.encoded
    assert zipped.labels.tolist() == parquet.labels.tolist()
    assert zipped.classes == parquet.classes == ("0", "1", "2", "3")
    assert zipped.facts(10).median_side == SIDE and not zipped.facts(10).grey


def test_the_halves_of_each_class_are_apart_and_complete() -> None:
    labels = np.repeat(np.arange(3), (10, 7, 4))
    first, second = (subset(labels, None, half, seed=0).tolist() for half in ("first", "second"))
    assert first == [0, 1, 2, 3, 4, 10, 11, 12, 17, 18]
    assert sorted(first + second) == list(range(21))


def test_a_subset_has_its_share_of_each_class_and_depends_on_the_seed() -> None:
    labels = np.repeat(np.arange(4), 50)
    chosen = subset(labels, 40, "second", seed=1)
    assert np.bincount(labels[chosen]).tolist() == [10, 10, 10, 10]
    assert (chosen % 50 >= 25).all() and (np.diff(chosen) > 0).all()
    assert (
        chosen.tolist()
        == subset(labels, 40, "second", seed=1).tolist()
        != subset(labels, 40, "second", seed=2).tolist()
    )


def test_a_cell_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    full = Said(
        "a", np.array([0.5, 0.25]), 3.0, True, np.array([True, False]), np.array([1, -1]), 0.5, 0.25, 0.75, 0.9, 0.8
    )
    bare = Said("b", np.array([1.0, 2.0]), 1.0)
    save(tmp_path / "cell.npz", [full, bare])
    again = load(tmp_path / "cell.npz")
    assert again is not None
    assert [repr(said) for said in again] == [repr(full), repr(bare)]
    assert load(tmp_path / "nothing.npz") is None


def test_a_cell_depends_on_what_its_module_imports() -> None:
    assert sources("bench.audited") != sources("bench.baselines") != sources("bench.metrics")


def test_a_row_that_nobody_knows_is_refused(archive: Path) -> None:
    with pytest.raises(SystemExit, match="no such row: oracle"):
        detection.main(["--data", str(archive), "--rows", "oracle"])
