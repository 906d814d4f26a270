"""A place in which jobs may die."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from core import settings as core_settings
from core.settings import Settings
from core.store import curves, datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.sweep import sweep
from core.store.tables import ENDED, Event, Job, Score
from tests.unit.store import make
from tests.worker.digits import plant_few, uploaded
from tests.worker.service import eventually


class Zygote:
    """The process that runs are forked from."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **asked: Any) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@dataclass(frozen=True)
class Going:
    """A process that runs beside the test."""

    pid: int
    zygote: Zygote

    def wait(self) -> int:
        """Its exit status, negative for the signal that ended it."""
        return self.zygote.ask(wait=self.pid)

    def stopped(self) -> None:
        """Return when a SIGSTOP of its own has stopped it."""
        process = psutil.Process(self.pid)
        eventually(lambda: process.status() == psutil.STATUS_STOPPED, "the process stopped itself")

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    zygote = Zygote(tmp_path_factory.mktemp("zygote") / "log")
    yield zygote
    zygote.close()


@dataclass
class Place:
    """A home, a database and blobs; what runs here runs in processes of its own."""

    settings: Settings
    db: Database
    blobs: Blobs
    zygote: Zygote
    env: dict[str, str]
    log: Path
    submitted: list[str] = field(default_factory=list)

    def start(self, job: str, *words: str, fail: str = "", **env: str) -> Going:
        """Run something beside the test."""
        around = {**self.env, **env, "LABELAUDIT_FAILPOINTS": fail}
        return Going(self.zygote.ask(job=job, words=words, env=around, log=str(self.log)), self.zygote)

    def do(self, job: str, *words: str, fail: str = "", **env: str) -> int:
        """Run something to its end; its exit status."""
        return self.start(job, *words, fail=fail, **env).wait()

    def said(self) -> str:
        """The log of all that ran."""
        return self.log.read_text(errors="replace")

    def audit(self, dataset_id: str, **spec: Any) -> str:
        with self.db.write() as session:
            found = datasets.find(session, dataset_id)
            assert found is not None
            id = jobs.submit(session, "audit", found[0].pk, {"epochs": 6, "seed": 1, **spec}).id
        self.submitted.append(id)
        return id

    def job(self, id: str) -> Job:
        with self.db.read() as session:
            return session.execute(select(Job).where(Job.id == id)).scalar_one()

    def taken_back(self, id: str, wait: bool = False) -> str:
        """What the reaper makes of a job whose worker is dead, as soon as its lease is over, or over it as we say."""
        with self.db.write() as session:
            if not wait and self.job(id).state == "running":
                make.expire(session, self.job(id).pk)
        with self.db.write() as session:
            jobs.reap(session, 9, 60.0)
        return self.job(id).state

    def history(self, id: str) -> list[Event]:
        return make.history(self.db, self.job(id).pk)

    def kinds(self, id: str) -> list[str]:
        return [event.type for event in self.history(id)]

    def check(self, id: str) -> None:
        """What holds of every job that came to its end, whatever happened to it."""
        job, told = self.job(id), self.history(id)
        assert job.state == "succeeded"
        assert [event.seq for event in told] == list(range(1, job.events + 1))
        assert self.endings(id) == ["succeeded"]
        for file in (job.result or {}).get("files", {}).values():
            self.blobs.get(file["key"], file["sha256"])

    def endings(self, id: str) -> list[str]:
        """The ends that were told of a job: one, and no more."""
        states = [event.data["status"] for event in self.history(id) if event.type == "state"]
        return [state for state in states if state in ENDED]

    def outcome(self, id: str) -> dict[str, str]:
        """Hashes of what an audit leaves: its files but for the model's card, which names it, and its rows."""
        job = self.job(id)
        files = {name: file["sha256"] for name, file in (job.result or {})["files"].items() if name != "README.md"}
        with self.db.read() as session:
            rows = session.execute(select(Score).where(Score.audit_pk == job.pk).order_by(Score.rank)).scalars()
            told = [(row.rank, row.sample, row.score, row.iam, row.hm_weight, row.verdict, row.top) for row in rows]
            keys = curves.keys(session, job.pk)
        files["rows"] = hashlib.sha256(repr(told).encode()).hexdigest()
        files["curves"] = hashlib.sha256(b"".join(self.blobs.get(key) for key in keys)).hexdigest()
        return files

    def undisturbed(self, dataset_id: str, **spec: Any) -> dict[str, str]:
        """What the same audit comes to when nothing happens."""
        id = self.audit(dataset_id, **spec)
        assert self.do("run", id) == 0
        return self.outcome(id)

    def nothing_left(self, id: str) -> None:
        """After the sweep only that is there which something points to."""
        while sweep(self.db, self.blobs, 1e9):
            pass
        job = self.job(id)
        with self.db.read() as session:
            kept = {file["key"] for file in (job.result or {})["files"].values()} | set(curves.keys(session, job.pk))
        assert set(self.blobs.names(f"audits/{id}")) == kept


Places = Callable[..., AbstractContextManager["Place"]]


@pytest.fixture
def place(database_url: str, db: Database, places: Places) -> Iterator[Place]:
    with places(database_url, db) as place:
        yield place


@pytest.fixture
def places(
    tmp_path: Path,
    zygote: Zygote,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> Places:
    """Makes a place of a database and of more settings."""

    @contextmanager
    def made(database_url: str, db: Database, **more: str) -> Iterator[Place]:
        """A place, and afterwards the count of what was lost in it or came twice."""
        env = {
            "LABELAUDIT_HOME": str(tmp_path / "home"),
            "LABELAUDIT_DATABASE_URL": database_url,
            "LABELAUDIT_THREADS": "1",
            "LABELAUDIT_BEAT_S": "0.05",
            "LABELAUDIT_CHECKPOINT_S": "0.05",
            "LABELAUDIT_SHARD_BYTES": "20000",
            "LABELAUDIT_LOG_LEVEL": "warning",
            "LABELAUDIT_WEBHOOKS_ANYWHERE": "true",
            **more,
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        settings = core_settings.load()
        place = Place(settings, db, Blobs(settings), zygote, env, tmp_path / "log")
        yield place
        endings = [place.endings(id) for id in place.submitted]
        record_property("lost_jobs", sum(not ended for ended in endings))
        record_property("duplicate_results", sum(len(ended) > 1 for ended in endings))
        assert all(len(ended) == 1 for ended in endings), endings

    return made


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    return plant_few(tmp_path / "few.zip", samples=120).archive.read_bytes()


@pytest.fixture
def dataset_id(place: Place, archive: bytes) -> str:
    dataset_id, job = uploaded(place.db, place.blobs, archive)
    assert place.do("run", job) == 0
    return dataset_id
