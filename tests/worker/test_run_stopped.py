"""The program that does one job, called as a function: audits that are stopped, go on, and lose their place."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sqlalchemy import func, select, update

from api.schemas import EpochOut
from core.settings import Settings
from core.store import audits, events, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Job, Score
from core.training.networks import build
from tests.worker.digits import plant_few, uploaded
from tests.worker.inside import FILES, at_step, job_of, kinds_of, run_and_stop, submitted
from worker import run
from worker.progress import Voice


def test_a_cancel_ends_the_training(db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = submitted(db, dataset_id)

    def cancel(_voice: Voice) -> None:
        with db.write() as session:
            jobs.cancel(session, id)

    at_step(monkeypatch, 5, cancel)
    assert run.main([id]) == 0
    job = job_of(db, id)
    assert (job.state, job.result) == ("cancelled", None)


def test_a_paused_audit_goes_on_where_it_was_and_ends_with_the_same_bits(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, paused = submitted(db, dataset_id), submitted(db, dataset_id)
    assert run.main([undisturbed]) == 0

    def pause(_voice: Voice) -> None:
        with db.write() as session:
            jobs.pause(session, paused)

    with monkeypatch.context() as patch:
        at_step(patch, 20, pause)
        assert run.main([paused]) == 0
    job = job_of(db, paused)
    assert (job.state, job.strikes) == ("paused", 0)
    assert run.main([paused]) == run.NOT_OURS
    with db.write() as session:
        jobs.resume(session, paused)
    assert run.main([paused]) == 0
    first, second = job_of(db, undisturbed).result, job_of(db, paused).result
    assert first is not None and second is not None
    assert "resumed" in kinds_of(db, paused)
    for name in FILES:
        assert first["files"][name]["sha256"] == second["files"][name]["sha256"]


def test_every_epoch_tells_how_many_labels_seem_wrong_and_the_same_after_a_pause(
    db: Database, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = plant_few(tmp_path / "many.zip", samples=600, rate=0.2).archive
    dataset_id, ingest = uploaded(db, blobs, archive.read_bytes())
    assert run.main([ingest]) == 0
    undisturbed, stopped = (submitted(db, dataset_id, epochs=8) for _ in range(2))
    assert run.main([undisturbed]) == 0
    told = _noise(db, undisturbed)
    assert list(told) == list(range(1, 9)) and told[1] is None
    last = told[8]
    assert last is not None and last["low"] <= last["estimate"] <= last["high"]
    assert last["low"] < 0.2 < last["high"] < 0.5

    with monkeypatch.context() as patch:
        at_step(patch, 60, lambda _voice: os.kill(os.getpid(), signal.SIGTERM))
        run.main([stopped])
    assert 1 < len(_noise(db, stopped)) < 8
    assert run.main([stopped]) == 0
    assert _noise(db, stopped) == told


def _noise(db: Database, id: str) -> dict[int, dict[str, float] | None]:
    """What each epoch's event said of wrong labels."""
    pk = job_of(db, id).pk
    with db.read() as session:
        rows = events.after(session, pk, 0, 200)
    return {row.data["epoch"]: EpochOut(**row.data).model_dump()["noise"] for row in rows if row.type == "epoch"}


def test_a_stop_saves_the_training_and_the_next_attempt_ends_with_the_same_bits(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, stopped = submitted(db, dataset_id), submitted(db, dataset_id)
    assert run.main([undisturbed]) == 0
    run_and_stop(monkeypatch, stopped)
    job = job_of(db, stopped)
    assert (job.state, job.strikes) == ("queued", 0)
    assert job.checkpoints
    assert run.main([stopped]) == 0
    first, second = job_of(db, undisturbed).result, job_of(db, stopped).result
    assert first is not None and second is not None
    assert "resumed" in kinds_of(db, stopped)
    for name in ("scores.parquet", "scores.csv", "model.safetensors"):
        assert first["files"][name]["sha256"] == second["files"][name]["sha256"]


def _weigh(settings: Settings, **changes: torch.Tensor) -> Path:
    """A file of weights for the network of these audits, where the worker looks for it."""
    settings.weights.mkdir(parents=True)
    state = build("small", 7, 1).state_dict()  # of a model for more classes
    save_file({**state, **changes}, settings.weights / "mine.safetensors")
    return settings.weights / "mine.safetensors"


def test_an_audit_starts_from_a_file_of_weights_and_goes_on_without_it(
    db: Database, blobs: Blobs, settings: Settings, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _weigh(settings)
    whole, stopped = (submitted(db, dataset_id, network="small", weights=file.name, epochs=3) for _ in range(2))
    assert run.main([whole]) == 0
    run_and_stop(monkeypatch, stopped)
    file.unlink()
    assert run.main([stopped]) == 0
    assert "resumed" in kinds_of(db, stopped)
    first, second = job_of(db, whole).result, job_of(db, stopped).result
    assert first is not None and second is not None
    for name in ("scores.csv", "model.safetensors"):
        assert first["files"][name]["sha256"] == second["files"][name]["sha256"]
    assert "`mine.safetensors` weights" in blobs.get(first["files"]["README.md"]["key"]).decode()


def test_weights_that_are_not_there_or_do_not_fit_end_the_audit_in_their_own_words(
    db: Database, settings: Settings, dataset_id: str
) -> None:
    file = _weigh(settings, **{"stem.weight": torch.zeros(2, 2)})
    for name, code in (("other.pth", "weights-unavailable"), (file.name, "weights-mismatch")):
        id = submitted(db, dataset_id, network="small", weights=name)
        assert run.main([id]) == 0
        job = job_of(db, id)
        assert job.state == "failed" and job.problem is not None
        assert job.problem["code"] == code
        assert name in job.problem["detail"]


def test_a_frozen_network_looks_once_and_may_be_told_to_end_while_it_looks(
    db: Database, settings: Settings, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = "frozen:shufflenet_v2_x0_5"
    settings.weights.mkdir(parents=True)
    save_file(build(network, 7, 1).state_dict(), settings.weights / "mine.safetensors")
    asked = {"network": network, "weights": "mine.safetensors", "epochs": 2}
    looking, whole = (submitted(db, dataset_id, **asked) for _ in range(2))

    def cancel(voice: Voice) -> None:
        assert voice.progress.percent is not None and voice.progress.percent < 5 + 0.9 * 92
        with db.write() as session:
            jobs.cancel(session, looking)

    with monkeypatch.context() as patch:
        at_step(patch, 1, cancel)
        assert run.main([looking]) == 0
    with db.read() as session:
        assert (job_of(db, looking).state, audits.epochs(session, job_of(db, looking).pk)) == ("cancelled", [])
    assert run.main([whole]) == 0
    job = job_of(db, whole)
    assert job.state == "succeeded" and job.result is not None and job.plan is not None
    assert (job.result["pace"]["network"], job.plan["flip"], job.plan["pad"]) == (network, False, 0)


def test_a_damaged_checkpoint_is_passed_over(
    db: Database, blobs: Blobs, settings: Settings, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, stopped = submitted(db, dataset_id), submitted(db, dataset_id)
    assert run.main([undisturbed]) == 0
    run_and_stop(monkeypatch, stopped)
    for saved in job_of(db, stopped).checkpoints or []:
        file = Path(settings.blobs) / saved["key"]
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
    assert run.main([stopped]) == 0
    assert "checkpoint-unusable" in kinds_of(db, stopped)
    first, second = job_of(db, undisturbed).result, job_of(db, stopped).result
    assert first is not None and second is not None
    assert first["files"]["scores.csv"]["sha256"] == second["files"]["scores.csv"]["sha256"]


def test_a_zombie_publishes_nothing(db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = submitted(db, dataset_id)

    def lose_the_lease(_voice: Voice) -> None:
        with db.write() as session:
            session.execute(update(Job).where(Job.id == id).values(attempt=Job.attempt + 1))

    at_step(monkeypatch, 5, lose_the_lease)
    assert run.main([id]) == run.NOT_OURS
    job = job_of(db, id)
    assert (job.state, job.result) == ("running", None)
    with db.read() as session:
        assert session.execute(select(func.count()).select_from(Score).where(Score.audit_pk == job.pk)).scalar() == 0
