"""The one real walk, and what kills cannot do to it: on the embedded service and on PostgreSQL with Redis."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet
import pytest

from labelaudit.client import Client
from labelaudit.demo import Planted
from tests.worker.digits import plant_few
from tests.worker.service import Service, eventually

EPOCHS = 24


@dataclass
class Walked:
    """A service on which one audit was done without any disturbance."""

    service: Service
    client: Client
    planted: Planted
    dataset: dict[str, Any]
    audit: dict[str, Any]
    folder: Path

    def begin(self) -> str:
        """The same audit once more, caught in the middle of its training, with a checkpoint behind it."""
        id = str(self.client.start_audit(self.dataset["id"], seed=1, epochs=EPOCHS)["id"])
        eventually(lambda: (self.client.audit(id)["progress"]["epoch"] or 0) >= 5, "five epochs are done")
        assert self.client.audit(id)["status"] == "running"
        return id

    def ends_as_if_nothing_had_happened(self, id: str) -> dict[str, Any]:
        audit = self.client.wait_for_audit(id, timeout_s=180)
        for name in ("scores.parquet", "scores.csv", "scores.jsonl", "model.safetensors"):
            assert audit["files"][name]["sha256"] == self.audit["files"][name]["sha256"], name
        return audit


@pytest.fixture(scope="class")
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("scaled" if request.cls.apart else "embedded")
    home = folder / "home"
    home.mkdir()
    service = Service(home, apart=request.cls.apart)
    if service.apart:
        postgres = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("migrated_postgres")
        redis = request.getfixturevalue("redis_server")
        service.environment = {
            "LABELAUDIT_DATABASE_URL": postgres.create_database(f"{template}_{folder.name}", template),
            "LABELAUDIT_BROKER_URL": redis.url_of(9),
        }
    service.start()
    try:
        client = service.client
        planted = plant_few(folder / "few.zip")
        dataset = client.wait_for_dataset(client.upload(planted.archive, "few")["id"], timeout_s=120)
        audit = client.start_audit(dataset["id"], seed=1, epochs=EPOCHS)
        audit = client.wait_for_audit(audit["id"], timeout_s=180)
        yield Walked(service, client, planted, dataset, audit, folder)
    finally:
        service.stop()


class Lifecycle:
    """What must hold for a service of either kind; `apart`: PostgreSQL, Redis and a worker of its own."""

    apart: ClassVar[bool]

    def test_every_member_of_the_upload_is_accounted_for(self, walked: Walked) -> None:
        assert walked.dataset["counts"] == {"seen": 242, "accepted": 240, "rejected": 1, "ignored": 1}
        rejects = walked.client._json("GET", f"/v1/datasets/{walked.dataset['id']}/rejects")["data"]
        assert [(row["member"], row["code"]) for row in rejects] == [("few/3/broken.png", "image-format")]

    def test_the_ranked_list_puts_the_planted_errors_first(self, walked: Walked) -> None:
        suspects = list(walked.client.suspects(walked.audit["id"]))
        assert [row["rank"] for row in suspects] == list(range(1, 241))
        first = suspects[: len(walked.planted.truth)]
        assert sum(row["path"] in walked.planted.truth for row in first) >= 0.8 * len(first)
        assert all(a["score"] >= b["score"] for a, b in pairwise(suspects))
        assert len({row["score"] for row in suspects}) >= 0.95 * len(suspects), "on any CPU, with hardly a tie"
        right = sum(row["suggested_label"] == walked.planted.truth.get(row["path"]) for row in first)
        assert right >= 0.7 * len(first)

    def test_the_three_score_files_say_the_same(self, walked: Walked) -> None:
        files = {}
        for kind in ("parquet", "csv", "jsonl"):
            path = f"/v1/audits/{walked.audit['id']}/scores.{kind}"
            files[kind] = walked.client.download(path, walked.folder / f"scores.{kind}").read_bytes()
            assert hashlib.sha256(files[kind]).hexdigest() == walked.audit["files"][f"scores.{kind}"]["sha256"]
        exact = pyarrow.parquet.read_table(io.BytesIO(files["parquet"])).to_pylist()
        assert [json.loads(line) for line in files["jsonl"].splitlines()] == exact
        read = list(csv.DictReader(io.StringIO(files["csv"].decode())))
        assert [float(row["score"]) for row in read] == [row["score"] for row in exact]
        assert {row["is_issue"] for row in read} <= {"true", "false"}
        assert {row["split"] for row in read} == {""}
        columns = ["sample", "path", "split", "given_label", "suggested_label", "suggested_confidence", "score"]
        columns += ["is_issue", "verdict", "reasons", "conflict", "top_labels", "top_p", "rank"]
        assert list(exact[0]) == [*columns, "iam", "hm_weight", "aum", "tkum", "loss"]
        assert [row["top_labels"] for row in read] == ["|".join(row["top_labels"]) for row in exact]
        assert [row["reasons"] for row in read] == ["|".join(row["reasons"]) for row in exact]

    def test_the_summary_adds_up(self, walked: Walked) -> None:
        summary = walked.client.summary(walked.audit["id"])
        assert summary["samples"] == 240 == sum(summary["verdicts"].values())
        assert summary["flagged"] >= summary["verdicts"]["wrong"]
        assert summary["noise_rate"]["low"] <= summary["noise_rate"]["estimate"] <= summary["noise_rate"]["high"]
        expected = summary["noise_rate"]["estimate"] * 240
        assert sum(map(sum, summary["transitions"]["counts"])) <= expected + 1
        assert sum(row["samples"] for row in summary["classes"]) == 240
        assert 0 < summary["noise_rate"]["estimate"] < 0.4
        assert summary["model"]["epochs"] == EPOCHS

    def test_progress_and_events_tell_the_whole_story(self, walked: Walked) -> None:
        progress = walked.audit["progress"]
        assert (progress["percent"], progress["epoch"], progress["epochs"]) == (100, EPOCHS, EPOCHS)
        assert progress["loss"] > 0
        assert walked.audit["attempt"] == 1
        events = walked.client._json("GET", f"/v1/audits/{walked.audit['id']}/events?limit=1000")["data"]
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert [event["data"]["epoch"] for event in events if event["type"] == "epoch"] == list(range(1, EPOCHS + 1))
        states = [event["data"]["status"] for event in events if event["type"] == "state"]
        assert states == ["queued", "running", "succeeded"]

    def test_a_sample_is_shown_as_a_picture(self, walked: Walked) -> None:
        row = next(walked.client.suspects(walked.audit["id"], limit=1))
        picture = walked.client.download(f"{row['image']}?size=64", walked.folder / "picture.png").read_bytes()
        assert picture.startswith(b"\x89PNG")

    def test_an_audit_survives_the_death_of_its_training_child(self, walked: Walked) -> None:
        id = walked.begin()
        assert walked.service.kill("worker.run", id) == 1
        audit = walked.ends_as_if_nothing_had_happened(id)
        assert audit["attempt"] == 2
        kinds = [e["type"] for e in walked.client._json("GET", f"/v1/audits/{id}/events?limit=1000")["data"]]
        assert "resumed" in kinds

    def test_an_audit_survives_the_death_of_its_worker(self, walked: Walked) -> None:
        id = walked.begin()
        assert walked.service.kill("worker.main") >= 1
        if walked.service.apart:
            walked.service.start_worker()
        audit = walked.ends_as_if_nothing_had_happened(id)
        assert audit["attempt"] >= 2

    def test_an_audit_survives_the_death_of_the_api(self, walked: Walked) -> None:
        id = walked.begin()
        assert walked.service.kill("labelaudit", "serve") == 1
        walked.service.start_api()
        audit = walked.ends_as_if_nothing_had_happened(id)
        assert audit["attempt"] >= (1 if walked.service.apart else 2)

    def test_a_cancelled_audit_ends_and_its_child_with_it(self, walked: Walked) -> None:
        id = walked.begin()
        walked.client.cancel(id)
        eventually(lambda: walked.client.audit(id)["status"] == "cancelled", "the audit is cancelled")
        eventually(lambda: not walked.service.processes("worker.run", id), "its child is gone")

    def test_a_stopped_service_gives_its_job_back_and_goes_on_later(self, walked: Walked) -> None:
        id = walked.begin()
        assert walked.service.stop() == 0
        assert not walked.service.processes("worker.run", id)
        walked.service.start()
        audit = walked.ends_as_if_nothing_had_happened(id)
        assert audit["attempt"] == 2
        reasons = [
            event["data"].get("reason")
            for event in walked.client._json("GET", f"/v1/audits/{id}/events?limit=1000")["data"]
            if event["type"] == "state"
        ]
        assert "released" in reasons

    def test_a_removed_dataset_leaves_nothing_behind(self, walked: Walked) -> None:
        few = plant_few(walked.folder / "again.zip")
        dataset = walked.client.wait_for_dataset(walked.client.upload(few.archive, "again")["id"], timeout_s=120)
        blobs = walked.service.home / "blobs"
        assert (blobs / "datasets" / dataset["id"] / "manifest.parquet").exists()
        eventually(lambda: not any((blobs / "uploads").glob("*/*")), "the upload's parts are swept")
        walked.client._http.delete(f"/v1/datasets/{dataset['id']}")
        eventually(lambda: not (blobs / "datasets" / dataset["id"]).exists(), "the dataset's files are swept")
