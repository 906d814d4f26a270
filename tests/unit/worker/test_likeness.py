"""From features and curves to what is kept of likeness."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.science import cohorts
from core.settings import Settings
from core.store import likeness as kept
from core.store.blobs import Blobs
from core.words import VERDICTS
from tests.unit.science.test_neighbours import CPU, features
from tests.unit.worker.test_report import table
from worker import likeness


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Settings(home=tmp_path))


def test_neighbours_are_told_by_sample_number_and_by_label() -> None:
    judged = table(4)
    found = likeness.find(features(200), judged, CPU, lambda: None)
    given = dict(zip(judged.sample.tolist(), judged.given.tolist(), strict=True))
    suggested = judged.verdict.suggested
    assert 0 < (suggested >= 0).sum() < 200
    for place, row in enumerate(found.neighbours):
        assert judged.sample[place] not in row["nearest"]["sample"]
        assert {given[n] for n in row["with_given"]["sample"].tolist()} == {judged.given[place]}
        wanted = {int(suggested[place])} if suggested[place] >= 0 else set()
        assert {given[n] for n in row["with_suggested"]["sample"].tolist() if n != kept.NOBODY} == wanted
        nearest_given = [one for one in row["nearest"].tolist() if given[one[0]] == judged.given[place]]
        assert row["with_given"].tolist()[: len(nearest_given)] == nearest_given
    assert (found.about.samples, found.about.exact, found.about.recall) == (200, True, 1.0)


def test_files_are_read_back_row_by_row(blobs: Blobs) -> None:
    judged = table(4)
    rows = features(200)
    found = likeness.find(rows, judged, CPU, lambda: None)
    stored = {name: blobs.put(name, chunks).as_record() for name, chunks in likeness.files(found, rows, judged)}
    assert (np.load(io.BytesIO(blobs.get(kept.EMBEDDINGS))) == rows).all()
    for place in (0, 117, 199):
        told = kept.read(blobs, stored[kept.NEIGHBOURS], 200, place)
        assert told["nearest"] == found.neighbours[place]["nearest"].tolist()
    points = blobs.get(kept.MAP)
    assert np.frombuffer(points, "<u4", 200).tolist() == judged.sample[judged.order].tolist()
    assert np.frombuffer(points, "<u2", 200, 8 * 200).tolist() == found.points[judged.order, 0].tolist()


def test_bands_are_of_clean_and_hard_labels_that_were_taught_and_of_those_planted_wrong(blobs: Blobs) -> None:
    judged = table(4)
    word = np.array([VERDICTS.index("clean")] * 120 + [VERDICTS.index("hard")] * 60 + [VERDICTS.index("wrong")] * 20)
    judged = replace(judged, verdict=replace(judged.verdict, verdict=word.astype(np.int8)))
    decoys = np.arange(0, 40)
    generator = np.random.default_rng(0)
    epochs = [generator.normal(size=(240, 3)).astype(np.float16) for _ in range(3)]
    epochs[0][200:] = np.nan
    keys = [blobs.put(f"curves/{k}", points.tobytes()).key for k, points in enumerate(epochs)]
    keys.append("curves/of an epoch whose blob is gone")
    told = likeness.cohorts_of(blobs, keys, judged, decoys, lambda: None)
    assert told.clean.margin[3] is None
    assert (told.clean.samples, told.hard.samples, told.wrong.samples, told.epochs) == (80, 60, 40, 4)
    assert told.wrong.loss[0] is None
    middle = cohorts.LEVELS.index(0.5)
    for k, points in enumerate(epochs):
        band = told.clean.rival_gap[k]
        assert band is not None and band[middle] == pytest.approx(np.median(points[40:120, 1].astype(float)), abs=1e-4)
    last = told.wrong.margin[2]
    assert last is not None and last[middle] == pytest.approx(np.median(epochs[2][200:, 0].astype(float)), abs=1e-4)


def test_the_room_for_features_is_a_file_that_nobody_has_to_remove(tmp_path: Path) -> None:
    rows = likeness._taken(Settings(home=tmp_path), 1000, 32)
    rows[:] = 1
    assert rows.shape == (1000, 32) and isinstance(rows, np.memmap)
    assert os.listdir(tmp_path) == []
