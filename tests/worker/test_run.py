"""The program that does one job, called as a function: audits from their beginning to their end."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import func, select

from core.review.ranking import Wanted
from core.settings import Settings
from core.spec import Pace, Plan, Record
from core.store import audits, conflicts, curves, datasets, jobs, likeness, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Job, Sample, Score
from core.summary import Cohorts
from core.training.host import has_fast_bf16
from core.words import reasons_of
from tests.worker.digits import plant_few, uploaded
from tests.worker.inside import FILES, at_step, job_of, submitted
from worker import run
from worker.progress import Voice


def test_an_audit_leaves_scores_a_model_and_its_story(db: Database, blobs: Blobs, dataset_id: str) -> None:
    id = submitted(db, dataset_id)
    assert run.main([id]) == 0
    job = job_of(db, id)
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
    id = submitted(db, dataset_id)
    assert run.main([id]) == 0
    job = job_of(db, id)
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
    job = job_of(db, id)
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
    result = job_of(db, id).result
    assert result is not None
    assert any("The 5 s allowed are too few" in reason for reason in result["plan"]["reasons"])


def test_a_job_that_is_not_there_to_be_done_is_left_alone(db: Database, dataset_id: str) -> None:
    id = submitted(db, dataset_id)
    with db.write() as session:
        jobs.cancel(session, id)
    assert run.main([id]) == run.NOT_OURS
    assert run.main([id, "--attempt", "7"]) == run.NOT_OURS


def test_the_ranking_so_far_is_shown_while_an_audit_is_at_work_and_gone_when_it_ends(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = submitted(db, dataset_id, epochs=3)
    seen: list[dict[str, Any]] = []

    def look(_voice: Voice) -> None:
        seen.append(job_of(db, id).provisional or {})

    at_step(monkeypatch, 25, look)
    assert run.main([id]) == 0
    job = job_of(db, id)
    assert job.provisional is None and job.result is not None
    [so_far] = seen
    margins = [margin for _, margin in so_far["standing"]]
    assert so_far["epoch"] >= 1
    assert margins == sorted(margins) and len(margins) == job.result["summary"]["samples"]
    assert len({n for n, _ in so_far["standing"]}) == len(margins)


def test_a_rerun_comes_to_the_same_bits_and_both_say_what_determined_them(db: Database, dataset_id: str) -> None:
    first = submitted(db, dataset_id, epochs=3)
    assert run.main([first]) == 0
    with db.write() as session:
        before = session.execute(select(Job).where(Job.id == first)).scalar_one()
        again = jobs.submit(session, "audit", before.dataset_pk, {}, rerun_of=before).id
    assert run.main([again]) == 0
    one, other = job_of(db, first), job_of(db, again)
    assert one.result is not None and other.result is not None
    assert one.plan == other.plan
    assert one.result["record"] == other.result["record"]
    for name in FILES:
        assert one.result["files"][name]["sha256"] == other.result["files"][name]["sha256"]
    made = Record(**one.result["record"])
    assert (made.device_kind, made.attempts, made.libraries["torch"]) == ("cpu", 1, torch.__version__)
    assert len(made.code) == 64 and made.data["content_hash"]


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
    id = submitted(db, dataset_id)
    assert run.main([id]) == 0
    job = job_of(db, id)
    assert job.state == "failed" and job.problem is not None
    assert job.problem["code"] == "blob-corrupt"
    assert "Sample 3 " in job.problem["detail"]


def test_a_gpu_that_is_not_there_is_said_in_one_sentence(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    id = submitted(db, dataset_id)
    assert run.main([id]) == 0
    job = job_of(db, id)
    assert job.problem is not None and job.problem["code"] == "device-unavailable"
