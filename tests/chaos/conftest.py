"""A place in which jobs may die, and the scoreboard of how they came back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import settings as core_settings
from core.settings import Settings
from core.store import datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Event, Job
from tests.unit.store import make
from tests.worker.digits import plant_few, uploaded


@pytest.fixture(scope="session")
def zygote() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)


@dataclass
class Place:
    """A home, a database and blobs; what runs here runs in processes of its own."""

    settings: Settings
    db: Database
    blobs: Blobs
    zygote: subprocess.Popen[str]
    env: dict[str, str]

    def do(self, job: str, *words: str, fail: str = "") -> int:
        """Run something; its exit status, negative for the signal that ended it."""
        asked = {"job": job, "words": words, "env": {**self.env, "LABELAUDIT_FAILPOINTS": fail}}
        assert self.zygote.stdin is not None and self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps(asked) + "\n")
        self.zygote.stdin.flush()
        return int(self.zygote.stdout.readline())

    def audit(self, dataset_id: str, **spec: Any) -> str:
        with self.db.write() as session:
            found = datasets.find(session, dataset_id)
            assert found is not None
            return jobs.submit(session, "audit", found[0].pk, {"epochs": 6, "seed": 1, **spec}).id

    def job(self, id: str) -> Job:
        with self.db.read() as session:
            return session.execute(select(Job).where(Job.id == id)).scalar_one()

    def taken_back(self, id: str) -> str:
        """What the reaper makes of a job whose worker is dead, once its lease is over."""
        with self.db.write() as session:
            if self.job(id).state == "running":
                make.expire(session, self.job(id).pk)
        with self.db.write() as session:
            jobs.reap(session, 9, 60.0)
        return self.job(id).state

    def check(self, id: str) -> None:
        """What holds of every job that came to its end, whatever happened to it."""
        job = self.job(id)
        assert job.state == "succeeded"
        with self.db.read() as session:
            told = list(session.execute(select(Event).where(Event.job_pk == job.pk).order_by(Event.seq)).scalars())
        assert [event.seq for event in told] == list(range(1, job.events + 1))
        assert [event.data["status"] for event in told if event.type == "state"].count("succeeded") == 1
        for file in (job.result or {}).get("files", {}).values():
            self.blobs.get(file["key"], file["sha256"])


@pytest.fixture
def place(
    tmp_path: Path, database_url: str, db: Database, zygote: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    env = {
        "LABELAUDIT_HOME": str(tmp_path / "home"),
        "LABELAUDIT_DATABASE_URL": database_url,
        "LABELAUDIT_THREADS": "1",
        "LABELAUDIT_BEAT_S": "0.05",
        "LABELAUDIT_CHECKPOINT_S": "0.05",
        "LABELAUDIT_SHARD_BYTES": "20000",
        "LABELAUDIT_LOG_LEVEL": "error",
        "LABELAUDIT_WEBHOOKS_ANYWHERE": "true",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    mask = os.umask(0o077)
    os.umask(mask)
    settings = core_settings.load()
    return Place(settings, db, Blobs(settings), zygote, env)


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    return plant_few(tmp_path / "few.zip", samples=120).archive.read_bytes()


@pytest.fixture
def dataset_id(place: Place, archive: bytes) -> str:
    dataset_id, job = uploaded(place.db, place.blobs, archive)
    assert place.do("run", job) == 0
    return dataset_id


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What came back how."""
    scores: dict[str, list[bool]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, _ in getattr(report, "user_properties", []):
                if name in ("failpoint", "resume"):
                    scores.setdefault(name, []).append(outcome == "passed")
    if scores:
        told = (f"{name}s {sum(found)}/{len(found)}" for name, found in sorted(scores.items()))
        terminalreporter.write_line(f"chaos: {', '.join(told)}")
