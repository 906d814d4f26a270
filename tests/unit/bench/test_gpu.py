"""The command for a GPU as a whole, in miniature on the CPU."""

from __future__ import annotations

import io
import json
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st
from PIL import Image

from bench import gpu, metrics, ranking
from bench.gpu_cells import FULL, TINY, Training, cells, keep, plan_of
from bench.gpu_data import given
from bench.gpu_page import page
from bench.gpu_speed import best_together
from bench.gpu_training import Job, here, share_done, together, train, work_on

CLASSES, SIDE = 10, 8
FOREVER = time.time() + 3600
CPU = torch.device("cpu")


def write(file: Path, samples: int, seed: int) -> Path:
    """A part as Hugging Face writes it; each class has a bright column of its own."""
    dice = np.random.default_rng(seed)
    labels = [k % CLASSES for k in range(samples)]
    rows = []
    for label in labels:
        pixels = dice.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[:, label % SIDE, label // SIDE] = 250
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        rows.append({"bytes": png.getvalue(), "path": "x.png"})
    pq.write_table(pa.table({"image": rows, "label": labels}), file)
    return file


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two parts of a training set, and a test set."""
    folder = tmp_path_factory.mktemp("parts")
    sizes = {"train1": 40, "train2": 30, "test": 20}
    return [write(folder / f"{name}.parquet", size, seed) for seed, (name, size) in enumerate(sizes.items())]


def words(parts: list[Path], work: Path, *more: str) -> list[str]:
    *train, test = map(str, parts)
    where = ["--out", str(work / "out"), "--work", str(work)]
    return ["--device", "cpu", "--tiny", "--data", *train, "--test", test, *where, *more]


@pytest.fixture(scope="module")
def done(parts: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything has run once."""
    work = tmp_path_factory.mktemp("done")
    assert gpu.main(words(parts, work)) == 0
    return work


def result(work: Path, cell: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((work / "out" / f"{cell}.json").read_text())["result"]
    return found


def said(figures: dict[str, Any]) -> dict[str, Any]:
    """What may not depend on when it was computed."""
    return {name: value for name, value in figures.items() if name not in ("seconds", "images_per_s")}


def job(parts: list[Path], work: Path, name: str, **changes: Any) -> Job:
    *train, test = parts
    cell = next(cell for cell in cells(TINY) if cell.name == name)
    (work / "out").mkdir(parents=True, exist_ok=True)
    data = given(train, [test], TINY, work)
    return replace(Job(cell, TINY, data, "cpu", here(CPU, work), work / "out", FOREVER), **changes)


def test_every_cell_leaves_one_small_file(done: Path) -> None:
    files = sorted((done / "out").iterdir())
    assert [file.stem for file in files] == sorted(cell.name for cell in cells(TINY))
    assert all(file.stat().st_size < 20_000 for file in files)
    assert result(done, "ledger")["ok"] is result(done, "resume")["ok"] is True
    assert result(done, "speed")["images_per_s"] > 0


def test_a_training_says_accuracy_and_how_its_scores_rank(done: Path) -> None:
    figures = result(done, "sym-0.5-hmw-norm-0")
    assert 0 <= figures["accuracy_last"] <= figures["accuracy_best"] <= 1
    assert figures["images"] == {"format": "PNG", "train": 70, "test": 20}
    assert {"IAM", "AUM", "HM weight"} < set(figures["detection"])
    assert all(0 <= ranked["ap"] <= 1 for ranked in figures["detection"].values())
    assert list((done).glob("half-trained-*/*")) == []


def test_what_is_finished_is_not_done_again(done: Path, parts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.stat().st_mtime_ns for file in (done / "out").iterdir()}
    lost = done / "out" / "sym-0.2-cce-1.json"
    was = result(done, lost.stem)
    lost.unlink()
    assert gpu.main(words(parts, done)) == 0
    after = {file: file.stat().st_mtime_ns for file in (done / "out").iterdir()}
    assert {file for file in before if before[file] != after[file]} == {lost}
    assert said(result(done, lost.stem)) == said(was)
    assert "sym-0.2-cce-1: finished" in capsys.readouterr().out


def test_without_time_nothing_is_begun_and_the_plan_is_told(
    parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main(words(parts, tmp_path, "--minutes", "0")) == 0
    assert list((tmp_path / "out").iterdir()) == []
    told = capsys.readouterr().out
    assert all(cell.name in told for cell in cells(TINY))


def test_a_training_whose_time_is_up_goes_on_in_the_next_call(
    done: Path, parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "sym-0.5-hmw-norm-0"
    shutil.copytree(done / "out", tmp_path / "out", ignore=shutil.ignore_patterns(f"{name}.json"))
    stopped = job(parts, tmp_path, name, until=time.time())
    work_on(stopped)
    assert 0 < share_done(stopped.cell, stopped.aside) < 1
    assert not (tmp_path / "out" / f"{name}.json").exists()
    assert gpu.main(words(parts, tmp_path)) == 0
    told = capsys.readouterr().out
    assert "10% trained on this machine" in told and "goes on in epoch 1 of 2" in told
    assert said(result(tmp_path, name)) == said(result(done, name))
    assert share_done(stopped.cell, stopped.aside) == 0.0


def test_another_machine_begins_anew(
    done: Path, parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "sym-0.5-cce-0"
    work_on(job(parts, tmp_path, name, until=time.time()))
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    elsewhere = job(parts, tmp_path, name)
    work_on(elsewhere)
    assert "goes on" not in capsys.readouterr().out
    assert said(result(tmp_path, name)) == said(result(done, name))
    assert len(list(tmp_path.glob(f"half-trained-*/{name}.safetensors"))) == 1  # of the first machine


def test_what_was_put_aside_for_other_labels_begins_anew(
    parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = job(parts, tmp_path, "sym-0.5-cce-0", until=time.time())
    assert train(stopped) is None
    fewer = replace(job(parts[1:], tmp_path, "sym-0.5-cce-0"))
    assert train(fewer) is not None
    assert "begins anew" in capsys.readouterr().out


def test_trainings_side_by_side_say_what_they_say_alone_and_break_off_alone(
    done: Path, parts: list[Path], tmp_path: Path
) -> None:
    names = ("sym-0.5-hmw-norm-0", "sym-0.5-cce-0")
    sound = [job(parts, tmp_path, name) for name in names]
    broken = replace(sound[0], cell=replace(sound[0].cell, training=Training("sym:0.5", "unheard-of", 0)))
    assert together([broken, *sound], 3) == 1
    for name in names:
        assert said(result(tmp_path, name)) == said(result(done, name))


def test_trainings_wait_for_all_parts(tmp_path: Path, parts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    late = tmp_path / "late.parquet"
    assert gpu.main(words([late, *parts], tmp_path)) == 0
    assert f"wait for {late}" in capsys.readouterr().out
    assert {file.stem for file in (tmp_path / "out").iterdir()} == set(gpu.CHECKS)
    with pytest.raises(SystemExit, match="70 images, not 50,000; give all parts"):
        given(parts[:2], parts[2:], FULL, tmp_path)


def test_the_full_training_is_the_papers() -> None:
    plan = plan_of(Training("sym:0.5", "hmw-norm", 1), FULL, 50_000, 32, "cuda", bf16=True)
    assert (plan.network, plan.resolution, plan.epochs, plan.batch) == ("preact-resnet18", 32, 250, 128)
    assert (plan.learning_rate, plan.milestones, plan.momentum, plan.nesterov) == (0.02, (125, 200), 0.9, False)
    assert (plan.warmup_epochs, plan.alpha, plan.beta, plan.weight_scale) == (10, 100.0, 100.0, "published")
    assert (plan.decoy_share, plan.precision, plan.pad, plan.flip, plan.seed) == (0.0, "bf16", 4, True, 1)
    asked = {(noise, variant): plan_of(Training(noise, variant, 0), FULL, 50_000, 32, "cuda", bf16=True)
             for noise in ("sym:0.2", "asym:0.4") for variant in ("cce", "hmw")}  # fmt: skip
    assert {key for key, plan in asked.items() if plan.entropy_penalty} == {("asym:0.4", "hmw")}


def test_the_most_valuable_cells_come_first() -> None:
    names = [cell.name for cell in cells(FULL)]
    assert names[:4] == ["ledger", "resume", "speed", "sym-0.5-hmw-norm-0"]
    noises = [cell.training.noise for cell in cells(FULL) if cell.training]
    assert noises == ["sym:0.5"] * 8 + ["sym:0.2"] * 8 + ["asym:0.4"] * 8


def test_the_page_says_what_has_run_and_what_has_not(done: Path, tmp_path: Path) -> None:
    assert page(tmp_path).startswith("### gpu\n\n0 of 27 cells have run. **Not run yet:**\n\n- `ledger`:")
    for cell in cells(FULL):
        keep(tmp_path, cell, FULL, "cuda", result(done, cell.name))
    whole = page(tmp_path)
    assert "All 27 cells have run." in whole
    assert "| CCE + HMW, normalised logits | 2 of 2 |" in whole and "| 89.8 |" in whole
    assert whole.count("| IAM |") == 12
    (tmp_path / "asym-0.4-cce-1.json").unlink()
    assert "26 of 27 cells have run. **Not run yet:**\n\n- `asym-0.4-cce-1`: asym:0.4, CCE, seed 1\n" in page(tmp_path)


def test_a_miniature_is_no_result(done: Path) -> None:
    assert page(done / "out").startswith("### gpu\n\n0 of 27 cells have run.")
    with pytest.raises(SystemExit):
        gpu.main(["--device", "cpu", "--tiny"])


def test_as_many_trainings_share_as_pay() -> None:
    paces = {"1": 20_000, "2": 33_000, "3": 34_000}
    assert best_together({"images_per_s together": paces}) == 2
    assert best_together({"images_per_s together": {"1": 30_000, "2": 29_000}}) == 1


def test_it_needs_little_beside_torch() -> None:
    unwanted = ("sklearn", "cleanlab", "aum", "fastapi", "sqlalchemy", "celery", "structlog", "rich", "scipy")
    code = f"import sys, bench.gpu; print(*(name for name in {unwanted} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


rankings = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


@for_all(rankings)
def test_rankings_are_judged_as_by_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score, wrong = np.array([s for s, _ in rows], float), np.array([w for _, w in rows])
    assert ranking.auroc(score, wrong) == pytest.approx(metrics.auroc(score, wrong))
    assert ranking.average_precision(score, wrong) == pytest.approx(metrics.average_precision(score, wrong))
