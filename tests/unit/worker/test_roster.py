"""Workers say that they are there, and what they have."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.settings import Settings
from core.store import workers
from core.store.db import Database
from core.store.tables import Worker
from tests.api.test_datasets import eventually
from worker import roster
from worker.roster import Roster, devices, kinds


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs, as its driver tells of them."""
    for n, model in enumerate(("NVIDIA H200", "NVIDIA L4")):
        (tmp_path / f"0000:0{n}:00.0").mkdir()
        (tmp_path / f"0000:0{n}:00.0" / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 24\nno more\n")
    monkeypatch.setattr(roster, "GPUS", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


CPU = {"kind": "cpu", "name": "cpu"}


def test_a_machine_without_gpus_has_its_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "GPUS", tmp_path)
    assert devices(Settings()) == [CPU]
    assert kinds(Settings()) == ("cpu",)


@pytest.mark.usefixtures("gpus")
def test_gpus_come_first_and_bring_their_names() -> None:
    assert devices(Settings()) == [
        {"kind": "cuda", "name": "NVIDIA H200"},
        {"kind": "cuda", "name": "NVIDIA L4"},
        CPU,
    ]
    assert kinds(Settings()) == ("cuda", "cpu")


@pytest.mark.usefixtures("gpus")
def test_gpus_that_a_worker_may_not_use_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices(Settings(device="cpu")) == [CPU]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices(Settings()) == [CPU]


def test_a_worker_is_shown_while_it_lives(db: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, beat_s=0.05, lease_s=1)
    shown = Roster(settings, db, ["audits"])

    def alive() -> list[str]:
        with db.read() as session:
            return [one.id for one in workers.alive(session, 5.0)]

    assert alive() == []
    shown.start()
    eventually(lambda: alive() == [shown.id])
    shown.close()
    assert alive() == []


def test_who_fell_silent_is_not_alive_and_is_forgotten_in_the_end(db: Database) -> None:
    with db.write() as session:
        workers.show(session, "old", ["audits"], [CPU])
        workers.show(session, "older", ["audits"], [CPU])
        session.execute(update(Worker).where(Worker.id == "old").values(seen_at=Worker.seen_at - 60))
        session.execute(update(Worker).where(Worker.id == "older").values(seen_at=Worker.seen_at - 90_000))
        workers.show(session, "new", ["audits"], [CPU])
    with db.read() as session:
        assert [one.id for one in workers.alive(session, 30.0)] == ["new"]
        assert sorted(session.execute(select(Worker.id)).scalars()) == ["new", "old"]
