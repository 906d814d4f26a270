"""What the world sees of an ingest while it runs, and after it was interrupted."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from core.datasets import ingest as packing
from core.store import datasets
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset
from tests.worker.digits import uploaded
from tests.worker.inside import job_of
from worker import ingest, run
from worker.progress import Voice

BAD = (3, 90, 200)


def _archive() -> bytes:
    """300 images, three of them cut off."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for n in range(300):
            picture = io.BytesIO()
            Image.new("RGB", (9, 9), (n % 256, 7, 9)).save(picture, "PNG")
            archive.writestr(f"{'ab'[n % 2]}/{n:03d}.png", picture.getvalue()[: 30 if n in BAD else None])
        archive.writestr("README", "words")
    return file.getvalue()


def _listed(db: Database, dataset_id: str, outcome: str = "rejected") -> list[int]:
    with db.read() as session:
        pk = session.execute(select(Dataset.pk).where(Dataset.id == dataset_id)).scalar_one()
        return [row.n for row in datasets.left_outs(session, pk, outcome, -1, 1000)]


def _watch(monkeypatch: pytest.MonkeyPatch, look: Any) -> None:
    """Call `look` with the progress after every member."""
    monkeypatch.setattr(packing, "TICK_S", 0.0)
    monkeypatch.setattr(ingest, "EARLY_S", 0.0)
    real = Voice.tick

    def tick(voice: Voice, **progress: Any) -> None:
        real(voice, **progress)
        look(voice.progress.percent)

    monkeypatch.setattr(Voice, "tick", tick)


def test_rejects_are_listed_while_the_ingest_runs(db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset_id, job = uploaded(db, blobs, _archive())
    seen: dict[float, list[int]] = {}
    with monkeypatch.context() as patch:
        _watch(patch, lambda percent: seen.setdefault(percent, _listed(db, dataset_id)))
        assert run.main([job]) == 0
    assert [seen[min(percent for percent in seen if percent > at)] for at in (0, 10, 50, 90)] == [
        [],
        [3],
        [3, 90],
        [*BAD],
    ]
    assert _listed(db, dataset_id) == [*BAD]
    assert _listed(db, dataset_id, "ignored") == [300]


def test_an_ingest_that_was_stopped_lists_nothing_twice(
    db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_id, job = uploaded(db, blobs, _archive())
    began: list[float] = []

    def stop(percent: float) -> None:
        if percent > 50:
            began.append(percent)
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        _watch(patch, stop)
        assert run.main([job]) == 0
    signal.alarm(0)
    assert began and job_of(db, job).state == "queued"
    assert _listed(db, dataset_id) == [3, 90]
    seen: list[list[int]] = []
    with monkeypatch.context() as patch:
        _watch(patch, lambda percent: seen.append(_listed(db, dataset_id)))
        assert run.main([job]) == 0
    assert seen[0] == [3, 90]
    assert seen[-1] == [*BAD] == _listed(db, dataset_id)
    assert job_of(db, job).state == "succeeded"


def test_only_so_many_rejects_are_listed_early(db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset_id, job = uploaded(db, blobs, _archive())
    seen: list[list[int]] = []
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "EARLY_LISTED", 2)
        _watch(patch, lambda percent: seen.append(_listed(db, dataset_id)))
        assert run.main([job]) == 0
    assert seen[-1] == [3, 90]
    assert _listed(db, dataset_id) == [*BAD]


def test_progress_tells_the_pace() -> None:
    pace = ingest.Pace()

    def progress(seen: int) -> dict[str, Any]:
        return pace.progress(packing.Tick(1000, seen, seen, 0, 0, ()))

    assert progress(200) == {"percent": 20.0, "eta_s": None, "images_per_s": None}
    assert pace._began is not None
    pace._began = (pace._began[0] - 10, 200)
    later = progress(400)
    assert later["percent"] == 40.0
    assert later["images_per_s"] == pytest.approx(20, rel=0.1)
    assert later["eta_s"] == pytest.approx(30, rel=0.1)
