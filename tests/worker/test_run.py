"""The program that does one job, called as a function: every way a job can end."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sqlalchemy import func, select, update

from api.schemas import EpochOut
from core import settings as core_settings
from core.review.ranking import Wanted
from core.settings import Settings
from core.spec import Pace, Plan, Record
from core.store import audits, conflicts, curves, datasets, events, jobs, likeness, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Job, Sample, Score
from core.summary import Cohorts
from core.training.host import has_fast_bf16
from core.training.networks import build
from core.words import reasons_of
from tests.unit.store import make
from tests.worker.digits import plant_few, uploaded
from worker import run
from worker.progress import Voice

FILES = (
    "scores.parquet", "model.safetensors", "embeddings.npy", "neighbours.npy", "map.bin", "cohorts.json",
)  # fmt: skip


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


def _submit(db: Database, dataset_id: str, **spec: Any) -> str:
    with db.write() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        return jobs.submit(session, "audit", found[0].pk, {"epochs": 6, "seed": 1, **spec}).id


def _job(db: Database, id: str) -> Job:
    with db.read() as session:
        return session.execute(select(Job).where(Job.id == id)).scalar_one()


def _kinds(db: Database, id: str) -> list[str]:
    return [event.type for event in make.history(db, _job(db, id).pk)]


def _at_step(monkeypatch: pytest.MonkeyPatch, step: int, then: Callable[[Voice], None]) -> None:
    """Do something in the middle of a training."""
    real, steps = Voice.tick, iter(range(10_000))

    def tick(voice: Voice, **progress: Any) -> None:
        if voice.progress.phase == "training" and next(steps) == step:
            then(voice)
        real(voice, **progress)

    monkeypatch.setattr(Voice, "tick", tick)


def _run_and_stop(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    """Tell a job to stop in the middle of its training."""
    with monkeypatch.context() as patch:
        _at_step(patch, 20, lambda _voice: os.kill(os.getpid(), signal.SIGTERM))
        assert run.main([job]) == 0
    signal.alarm(0)  # the grace that a process has to end, for this one goes on


def test_an_upload_in_parts_becomes_shards_and_rows(db: Database, blobs: Blobs, dataset_id: str) -> None:
    with db.read() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        dataset, job = found
        assert datasets.status(dataset, job) == "ready"
        assert dataset.counts == {"seen": 122, "accepted": 120, "rejected": 1, "ignored": 1}
        rows = datasets.samples(session, dataset.pk, -1, 1000)
    assert [row.n for row in rows] == list(range(120))
    assert len({row.shard for row in rows}) > 1
    for row in rows[::17]:
        image = blobs.read(f"datasets/{dataset_id}/shards/{row.shard:05d}.tar", row.offset, row.length)
        assert image.startswith(b"\x89PNG")


def test_the_same_bytes_are_kept_once(db: Database, blobs: Blobs, dataset_id: str, tmp_path: Path) -> None:
    again, job = uploaded(db, blobs, (tmp_path / "few.zip").read_bytes())
    assert run.main([job]) == 0
    with db.read() as session:
        first, second = (datasets.find(session, id) for id in (dataset_id, again))
        assert first is not None and second is not None
        assert [datasets.status(*found) for found in (first, second)] == ["ready", "ready"]
        a, b = (datasets.samples(session, found[0].pk, -1, 1000) for found in (first, second))
    assert [(row.path, row.offset, row.sha256) for row in a] == [(row.path, row.offset, row.sha256) for row in b]
    assert list(blobs.names(f"datasets/{again}")) == []
    audit = _submit(db, again)
    assert run.main([audit]) == 0
    assert _job(db, audit).state == "succeeded"


def test_what_a_table_says_is_kept_with_the_samples(db: Database, blobs: Blobs) -> None:
    table = "path,label,who\n0.png,cat,X\n1.png,dog,Y\n1.png,cat,Z\n1.png,cat,Z\n"
    members = {"labels.csv": table.encode()}
    for n in range(2):
        picture = io.BytesIO()
        Image.new("L", (9, 9), 60 * n).save(picture, "PNG")
        members[f"{n}.png"] = picture.getvalue()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    dataset_id, ingest = uploaded(db, blobs, archive.getvalue())
    assert run.main([ingest]) == 0
    with db.read() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        assert found[0].layout == "table"
        samples = datasets.samples(session, found[0].pk, -1, 9)
    assert [(one.votes, one.extra) for one in samples] == [
        (None, '{"who": "X"}'),
        ('{"dog": 1, "cat": 2}', '{"who": "Y"}'),
    ]


def test_data_that_cannot_be_used_is_refused_and_not_retried(db: Database, blobs: Blobs, settings: Settings) -> None:
    dataset_id, job = uploaded(db, blobs, b"PK\x03\x04 but no archive at all")
    assert run.main([job]) == 0
    with db.read() as session:
        found = datasets.find(session, dataset_id)
    assert found is not None
    assert datasets.status(*found) == "rejected"
    assert found[0].rejection is not None and found[0].rejection["code"] == "archive-truncated"


def test_an_audit_leaves_scores_a_model_and_its_story(db: Database, blobs: Blobs, dataset_id: str) -> None:
    id = _submit(db, dataset_id)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.state == "succeeded" and job.result is not None and job.plan is not None
    for stored in job.result["files"].values():
        blobs.get(stored["key"], stored["sha256"])
    assert set(FILES) <= job.result["files"].keys()
    features = np.load(io.BytesIO(blobs.get(job.result["files"]["embeddings.npy"]["key"])))
    assert features.shape == (120, job.result["likeness"]["width"])
    assert np.linalg.norm(features.astype(float), axis=1) == pytest.approx(1, abs=2e-3)
    cohorts = Cohorts.model_validate_json(blobs.get(job.result["files"]["cohorts.json"]["key"]))
    assert (cohorts.epochs, len(cohorts.clean.margin), cohorts.wrong.samples) == (6, 6, 0)
    with db.read() as session:
        told = scores.page(session, job, 0, 1, Wanted())[0]
        place = curves.place(session, job.pk, told.sample)
    near = likeness.read(blobs, job.result["files"]["neighbours.npy"], 120, place)
    cosine = features.astype(np.float32) @ features[place].astype(np.float32)
    cosine[place] = -2
    assert near["nearest"][0][1] == pytest.approx(1 - cosine.max(), abs=1e-3)
    assert [len(near[name]) for name in ("nearest", "with_given")] == [12, 8]
    with db.read() as session:
        assert session.execute(select(func.count()).select_from(Score).where(Score.audit_pk == job.pk)).scalar() == 120
        assert [row.rank for row in scores.page(session, job, 0, 1000, Wanted())] == list(range(1, 121))
        assert [epoch.epoch for epoch in audits.epochs(session, job.pk)] == list(range(1, 7))
        told = scores.page(session, job, 0, 1000, Wanted())[-1]
        points = curves.read(blobs, curves.keys(session, job.pk), curves.place(session, job.pk, told.sample))
        assert len(points) == 6
        assert points[-1].loss == pytest.approx(told.loss, rel=1e-3, abs=1e-6)
        assert np.mean([point.margin for point in points]) == pytest.approx(told.aum, rel=1e-2, abs=1e-2)
        ((kind, pace),) = audits.paces(session)
        assert (kind, pace.network, pace.resolution) == ("audit", job.plan["network"], job.plan["resolution"])


def test_the_same_picture_under_two_labels_is_a_conflict(
    db: Database, blobs: Blobs, settings: Settings, tmp_path: Path
) -> None:
    archive = plant_few(tmp_path / "few.zip", samples=120, rate=0.0).archive
    with zipfile.ZipFile(archive, "a") as pictures:
        pictures.writestr("few/7/twin.png", pictures.read("few/1/0001.png"))
        pictures.writestr("few/2/copy.png", pictures.read("few/2/0002.png"))
    dataset_id, ingest = uploaded(db, blobs, archive.read_bytes())
    assert run.main([ingest]) == 0
    id = _submit(db, dataset_id)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.result is not None and job.result["summary"]["conflicts"] == {"groups": 1, "samples": 2}
    with db.read() as session:
        (group,) = conflicts.page(session, job, 0, 10)
        in_conflict = scores.page(session, job, 0, 1000, Wanted(conflict=True))
    assert {row.path for row in group.samples} == {"few/7/twin.png", "few/1/0001.png"}
    assert in_conflict == group.samples
    assert any("conflicting-duplicates" in reasons_of(row.reasons) for row in group.samples)


def _probe(db: Database, dataset_id: str, **spec: Any) -> str:
    with db.write() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        return jobs.submit(session, "probe", found[0].pk, spec).id


def test_a_probe_says_what_an_audit_would_do_here_and_how_fast(db: Database, dataset_id: str) -> None:
    id = _probe(db, dataset_id, epochs=6)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.state == "succeeded" and job.result is not None
    plan, pace = Plan(**job.result["plan"]), Pace(**job.result["pace"])
    precision = "bf16" if has_fast_bf16(torch.device("cpu")) else "float32"
    assert (plan.epochs, plan.resolution, plan.precision) == (6, 8, precision)
    assert (pace.network, pace.resolution, pace.device, pace.cores) == (plan.network, 8, "cpu", 1)
    assert 0 < pace.seconds < 1
    with db.read() as session:
        assert audits.paces(session) == [("probe", pace)]


def test_the_time_that_is_allowed_is_divided_by_a_measured_pace(db: Database, dataset_id: str) -> None:
    id = _probe(db, dataset_id, budget_s=5)
    assert run.main([id]) == 0
    result = _job(db, id).result
    assert result is not None
    assert any("The 5 s allowed are too few" in reason for reason in result["plan"]["reasons"])


def test_a_job_that_is_not_there_to_be_done_is_left_alone(db: Database, dataset_id: str) -> None:
    id = _submit(db, dataset_id)
    with db.write() as session:
        jobs.cancel(session, id)
    assert run.main([id]) == run.NOT_OURS
    assert run.main([id, "--attempt", "7"]) == run.NOT_OURS


def test_a_cancel_ends_the_training(db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = _submit(db, dataset_id)

    def cancel(_voice: Voice) -> None:
        with db.write() as session:
            jobs.cancel(session, id)

    _at_step(monkeypatch, 5, cancel)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert (job.state, job.result) == ("cancelled", None)


def test_a_paused_audit_goes_on_where_it_was_and_ends_with_the_same_bits(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, paused = _submit(db, dataset_id), _submit(db, dataset_id)
    assert run.main([undisturbed]) == 0

    def pause(_voice: Voice) -> None:
        with db.write() as session:
            jobs.pause(session, paused)

    with monkeypatch.context() as patch:
        _at_step(patch, 20, pause)
        assert run.main([paused]) == 0
    job = _job(db, paused)
    assert (job.state, job.strikes) == ("paused", 0)
    assert run.main([paused]) == run.NOT_OURS
    with db.write() as session:
        jobs.resume(session, paused)
    assert run.main([paused]) == 0
    first, second = _job(db, undisturbed).result, _job(db, paused).result
    assert first is not None and second is not None
    assert "resumed" in _kinds(db, paused)
    for name in FILES:
        assert first["files"][name]["sha256"] == second["files"][name]["sha256"]


def test_every_epoch_tells_how_many_labels_seem_wrong_and_the_same_after_a_pause(
    db: Database, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = plant_few(tmp_path / "many.zip", samples=600, rate=0.2).archive
    dataset_id, ingest = uploaded(db, blobs, archive.read_bytes())
    assert run.main([ingest]) == 0
    undisturbed, stopped = (_submit(db, dataset_id, epochs=8) for _ in range(2))
    assert run.main([undisturbed]) == 0
    told = _noise(db, undisturbed)
    assert list(told) == list(range(1, 9)) and told[1] is None
    last = told[8]
    assert last is not None and last["low"] <= last["estimate"] <= last["high"]
    assert last["low"] < 0.2 < last["high"] < 0.5

    with monkeypatch.context() as patch:
        _at_step(patch, 60, lambda _voice: os.kill(os.getpid(), signal.SIGTERM))
        run.main([stopped])
    assert 1 < len(_noise(db, stopped)) < 8
    assert run.main([stopped]) == 0
    assert _noise(db, stopped) == told


def _noise(db: Database, id: str) -> dict[int, dict[str, float] | None]:
    """What each epoch's event said of wrong labels."""
    pk = _job(db, id).pk
    with db.read() as session:
        rows = events.after(session, pk, 0, 200)
    return {row.data["epoch"]: EpochOut(**row.data).model_dump()["noise"] for row in rows if row.type == "epoch"}


def test_the_ranking_so_far_is_shown_while_an_audit_is_at_work_and_gone_when_it_ends(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = _submit(db, dataset_id, epochs=3)
    seen: list[dict[str, Any]] = []

    def look(_voice: Voice) -> None:
        seen.append(_job(db, id).provisional or {})

    _at_step(monkeypatch, 25, look)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.provisional is None and job.result is not None
    [so_far] = seen
    margins = [margin for _, margin in so_far["standing"]]
    assert so_far["epoch"] >= 1
    assert margins == sorted(margins) and len(margins) == job.result["summary"]["samples"]
    assert len({n for n, _ in so_far["standing"]}) == len(margins)


def test_a_rerun_comes_to_the_same_bits_and_both_say_what_determined_them(db: Database, dataset_id: str) -> None:
    first = _submit(db, dataset_id, epochs=3)
    assert run.main([first]) == 0
    with db.write() as session:
        before = session.execute(select(Job).where(Job.id == first)).scalar_one()
        again = jobs.submit(session, "audit", before.dataset_pk, {}, rerun_of=before).id
    assert run.main([again]) == 0
    one, other = _job(db, first), _job(db, again)
    assert one.result is not None and other.result is not None
    assert one.plan == other.plan
    assert one.result["record"] == other.result["record"]
    for name in FILES:
        assert one.result["files"][name]["sha256"] == other.result["files"][name]["sha256"]
    made = Record(**one.result["record"])
    assert (made.device_kind, made.attempts, made.libraries["torch"]) == ("cpu", 1, torch.__version__)
    assert len(made.code) == 64 and made.data["content_hash"]


def test_a_stop_saves_the_training_and_the_next_attempt_ends_with_the_same_bits(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, stopped = _submit(db, dataset_id), _submit(db, dataset_id)
    assert run.main([undisturbed]) == 0
    _run_and_stop(monkeypatch, stopped)
    job = _job(db, stopped)
    assert (job.state, job.strikes) == ("queued", 0)
    assert job.checkpoints
    assert run.main([stopped]) == 0
    first, second = _job(db, undisturbed).result, _job(db, stopped).result
    assert first is not None and second is not None
    assert "resumed" in _kinds(db, stopped)
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
    whole, stopped = (_submit(db, dataset_id, network="small", weights=file.name, epochs=3) for _ in range(2))
    assert run.main([whole]) == 0
    _run_and_stop(monkeypatch, stopped)
    file.unlink()
    assert run.main([stopped]) == 0
    assert "resumed" in _kinds(db, stopped)
    first, second = _job(db, whole).result, _job(db, stopped).result
    assert first is not None and second is not None
    for name in ("scores.csv", "model.safetensors"):
        assert first["files"][name]["sha256"] == second["files"][name]["sha256"]
    assert "`mine.safetensors` weights" in blobs.get(first["files"]["README.md"]["key"]).decode()


def test_weights_that_are_not_there_or_do_not_fit_end_the_audit_in_their_own_words(
    db: Database, settings: Settings, dataset_id: str
) -> None:
    file = _weigh(settings, **{"stem.weight": torch.zeros(2, 2)})
    for name, code in (("other.pth", "weights-unavailable"), (file.name, "weights-mismatch")):
        id = _submit(db, dataset_id, network="small", weights=name)
        assert run.main([id]) == 0
        job = _job(db, id)
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
    looking, whole = (_submit(db, dataset_id, **asked) for _ in range(2))

    def cancel(voice: Voice) -> None:
        assert voice.progress.percent is not None and voice.progress.percent < 5 + 0.9 * 92
        with db.write() as session:
            jobs.cancel(session, looking)

    with monkeypatch.context() as patch:
        _at_step(patch, 1, cancel)
        assert run.main([looking]) == 0
    with db.read() as session:
        assert (_job(db, looking).state, audits.epochs(session, _job(db, looking).pk)) == ("cancelled", [])
    assert run.main([whole]) == 0
    job = _job(db, whole)
    assert job.state == "succeeded" and job.result is not None and job.plan is not None
    assert (job.result["pace"]["network"], job.plan["flip"], job.plan["pad"]) == (network, False, 0)


def test_a_damaged_checkpoint_is_passed_over(
    db: Database, blobs: Blobs, settings: Settings, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, stopped = _submit(db, dataset_id), _submit(db, dataset_id)
    assert run.main([undisturbed]) == 0
    _run_and_stop(monkeypatch, stopped)
    for saved in _job(db, stopped).checkpoints or []:
        file = Path(settings.blobs) / saved["key"]
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
    assert run.main([stopped]) == 0
    assert "checkpoint-unusable" in _kinds(db, stopped)
    first, second = _job(db, undisturbed).result, _job(db, stopped).result
    assert first is not None and second is not None
    assert first["files"]["scores.csv"]["sha256"] == second["files"]["scores.csv"]["sha256"]


def test_a_zombie_publishes_nothing(db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = _submit(db, dataset_id)

    def lose_the_lease(_voice: Voice) -> None:
        with db.write() as session:
            session.execute(update(Job).where(Job.id == id).values(attempt=Job.attempt + 1))

    _at_step(monkeypatch, 5, lose_the_lease)
    assert run.main([id]) == run.NOT_OURS
    job = _job(db, id)
    assert (job.state, job.result) == ("running", None)
    with db.read() as session:
        assert session.execute(select(func.count()).select_from(Score).where(Score.audit_pk == job.pk)).scalar() == 0


@pytest.mark.fault("F26")
def test_a_sample_whose_bytes_changed_fails_the_audit_by_name(
    db: Database, settings: Settings, dataset_id: str
) -> None:
    shard = Path(settings.blobs) / "datasets" / dataset_id / "shards" / "00000.tar"
    with db.read() as session:
        sample = session.execute(select(Sample).where(Sample.n == 3)).scalar_one()
    damaged = bytearray(shard.read_bytes())
    damaged[sample.offset + sample.length - 30] ^= 1
    shard.write_bytes(damaged)
    id = _submit(db, dataset_id)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.state == "failed" and job.problem is not None
    assert job.problem["code"] == "blob-corrupt"
    assert "Sample 3 " in job.problem["detail"]


def test_a_gpu_that_is_not_there_is_said_in_one_sentence(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    id = _submit(db, dataset_id)
    assert run.main([id]) == 0
    job = _job(db, id)
    assert job.problem is not None and job.problem["code"] == "device-unavailable"
