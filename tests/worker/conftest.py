"""What a job that is done inside the test's own process finds: settings, a store, a dataset."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings as core_settings
from core.settings import Settings
from core.store.blobs import Blobs
from core.store.db import Database
from tests.worker.digits import plant_few, uploaded
from worker import run


@pytest.fixture
def settings(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "DATABASE_URL": database_url,
        "THREADS": "1",
        "BEAT_S": "0.05",
        "CHECKPOINT_S": "0.2",
        "PART_BYTES": "7000",
        "SHARD_BYTES": "20000",
    }.items():
        monkeypatch.setenv(f"LABELAUDIT_{name}", value)
    before, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)
    yield core_settings.load()
    os.umask(mask)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return Blobs(settings)


@pytest.fixture
def dataset_id(db: Database, blobs: Blobs, tmp_path: Path) -> str:
    dataset_id, job = uploaded(db, blobs, plant_few(tmp_path / "few.zip", samples=120).archive.read_bytes())
    assert run.main([job]) == 0
    return dataset_id
