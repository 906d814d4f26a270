"""Exports through the API, with a worker that really does them."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from core.store import jobs
from core.store.sweep import sweep
from core.store.tables import Dataset, Job, Judgement, Review
from core.words import ExportFormat
from tests.api.conftest import Service, check_problem
from tests.api.make import CLASSES, NOBODY, TEST
from tests.api.revising import (
    ALL,
    AUDITED,
    ask,
    dataset_of,
    decided,
    exported,
    hold_out,
    samples_of,
    say,
)
from worker import run

FORMATS: tuple[ExportFormat, ...] = ExportFormat.__args__


def test_an_export_is_a_job_with_a_file_at_its_end(service: Service, work: Callable[[str], Job]) -> None:
    audit = service.finished(service.ready()).id
    kept, relabelled, excluded, unsure = decided(service, audit)
    asked = ask(service, audit)
    assert asked.status_code == 202
    told = asked.json()
    assert asked.headers["location"] == f"/v1/exports/{told['id']}"
    assert (told["status"], told["file"], told["counts"], told["reviews"]) == ("queued", None, None, 4)
    check_problem(service.http.get(f"/v1/exports/{told['id']}/file"), 409, "export-not-finished")
    say(service, audit, {"sample": excluded, "decision": "keep"})  # too late for this export
    assert work(told["id"]).state == "succeeded"
    done = service.http.get(f"/v1/exports/{told['id']}").json()
    assert (done["status"], done["reviews"], done["dataset_version"]) == ("succeeded", 4, 1)
    assert done["counts"] == {
        "samples": AUDITED - 1, "relabelled": 1, "excluded": 1, "unsure_kept": 1, "held_out_untouched": 0,
    }  # fmt: skip
    file = service.http.get(f"/v1/exports/{told['id']}/file")
    assert file.headers["etag"] == f'"{done["file"]["sha256"]}"'
    assert hashlib.sha256(file.content).hexdigest() == done["file"]["sha256"]
    assert (len(file.content), file.headers["content-type"]) == (done["file"]["size"], done["file"]["media_type"])
    assert done["file"]["name"] == "pictures-v1-scores.csv" in file.headers["content-disposition"]
    part = service.http.get(f"/v1/exports/{told['id']}/file", headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, file.content[3:10])
    assert service.http.head(f"/v1/exports/{told['id']}/file").headers["content-length"] == str(len(file.content))
    rows = {int(row["sample"]): row for row in csv.DictReader(io.StringIO(file.text))}
    assert [rows[n]["decision"] for n in (kept, relabelled, excluded, unsure)] == [
        "keep", "relabel", "exclude", "unsure",
    ]  # fmt: skip
    assert rows[relabelled]["label"] == rows[relabelled]["decided_label"] != rows[relabelled]["given_label"]
    assert rows[excluded]["label"] == ""
    assert all(rows[n]["label"] == rows[n]["given_label"] for n in rows if n not in (relabelled, excluded))
    assert rows[kept]["reviewer"] == "ann" and rows[kept]["decided_at"].endswith("Z")
    assert {row["given_label"] for row in rows.values()} == {"'=1+1 <b>", *CLASSES[1:]}


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_the_same_bytes_in_every_attempt(
    service: Service, work: Callable[[str], Job], format: str
) -> None:
    audit = service.finished(service.ready()).id
    decided(service, audit)
    (first, content), (again, twice) = (exported(service, work, audit, format) for _ in range(2))
    assert len(content) > 100
    assert content == twice
    assert first["file"] == again["file"]
    assert first["counts"]["excluded"] == 1


def test_what_is_held_out_changes_only_for_who_says_how_much(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, _ = decided(service, audit)
    hold_out(service, data, relabelled, excluded)
    for wrong in (0, 1, 3):
        problem = check_problem(ask(service, audit, change_held_out=wrong), 409, "count-differs")
        assert problem["count"] == 2
    check_problem(ask(service, audit, change_held_out=2, splits=["train"]), 409, "count-differs")
    assert ask(service, audit, change_held_out=2).json()["change_held_out"] is True
    plan = service.http.post(f"/v1/datasets/{data.id}/versions?dry_run=true", json={})
    assert plan.json() == {
        "version": 2, "reviews": 4,
        "counts": {"samples": ALL, "relabelled": 0, "excluded": 0, "unsure_kept": 1, "held_out_untouched": 2},
    }  # fmt: skip
    check_problem(service.http.post(f"/v1/datasets/{data.id}/versions", json={}), 422, "nothing-to-change")
    both = {"change_held_out": 2}
    plan = service.http.post(f"/v1/datasets/{data.id}/versions?dry_run=true", json=both).json()["counts"]
    assert (plan["samples"], plan["relabelled"], plan["excluded"]) == (ALL - 1, 1, 1)
    check_problem(
        service.http.post(f"/v1/datasets/{data.id}/versions", json={"change_held_out": 1}), 409, "count-differs"
    )


def test_decisions_on_the_test_split_are_not_in_a_cleaned_dataset(service: Service, work: Callable[[str], Job]) -> None:
    audit = service.finished(service.ready()).id
    test = next(row for row in samples_of(service, dataset_of(service, audit)) if row["split"] == "test")
    with service.db.write() as session:  # as if another audit had looked at it
        session.execute(update(Dataset).values(reviews=1))
        said = {"id": str(uuid4()), "sample": test["sample"], "decision": 2, "reviewer": "ann", "source": "list"}
        pk = session.execute(select(Dataset.pk)).scalar_one()
        session.add(Review(dataset_pk=pk, seq=1, at=1.0, **said))
        del said["id"]
        session.add(Judgement(dataset_pk=pk, seq=1, at=1.0, disputed=False, **said))
    told, _ = exported(service, work, audit, "csv")
    assert (told["counts"]["held_out_untouched"], told["counts"]["samples"]) == (1, AUDITED)
    assert ask(service, audit, "csv", change_held_out=1).status_code == 202, "that very number is what to say"
    told, content = exported(service, work, audit, "imagefolder")
    assert told["counts"]["held_out_untouched"] == 1 and told["counts"]["samples"] == ALL
    assert sum(name.startswith("test/") for name in zipfile.ZipFile(io.BytesIO(content)).namelist()) == 3 * TEST
    told, content = exported(service, work, audit, "imagefolder", change_held_out=1, splits=["test"])
    assert told["counts"]["excluded"] == 1
    assert sum(name.startswith("test/") for name in zipfile.ZipFile(io.BytesIO(content)).namelist()) == 3 * TEST - 1


def test_a_key_makes_an_export_once_and_lists_show_it(service: Service) -> None:
    audit, other = service.finished(service.ready()).id, service.finished(service.ready("others")).id
    key = {"Idempotency-Key": "k1"}
    body = {"audit_id": audit, "format": "html"}
    first, again = (service.http.post("/v1/exports", json=body, headers=key) for _ in range(2))
    assert first.json() == again.json() and again.headers["idempotency-replayed"] == "true"
    ids = [first.json()["id"], *(ask(service, audit, "csv").json()["id"] for _ in range(2))]
    ask(service, other)
    listed = service.http.get("/v1/exports", params={"audit_id": audit, "limit": 2}).json()
    assert [row["id"] for row in listed["data"]] == ids[:0:-1]
    rest = service.http.get("/v1/exports", params={"audit_id": audit, "limit": 2, "after": listed["next"]}).json()
    assert ([row["id"] for row in rest["data"]], rest["next"]) == ([ids[0]], None)
    assert len(service.http.get("/v1/exports").json()["data"]) == 4
    check_problem(service.http.get("/v1/exports", params={"audit_id": NOBODY}), 404, "not-found")


def test_what_cannot_be_exported_is_refused(service: Service) -> None:
    data = service.ready()
    check_problem(ask(service, NOBODY), 404, "not-found")
    check_problem(ask(service, service.queued(data).id), 409, "audit-not-finished")
    audit = service.finished(data).id
    for wrong in ({"format": "docx"}, {"splits": []}, {"splits": ["all"]}, {"change_held_out": -1}, {"more": 1}):
        check_problem(
            service.http.post("/v1/exports", json={"audit_id": audit, "format": "csv", **wrong}),
            422,
            "invalid-parameter",
        )
    for rest in ("", "/file"):
        check_problem(service.http.get(f"/v1/exports/{audit}{rest}"), 404, "not-found")


def test_an_export_can_be_cancelled_and_removed_and_nothing_of_it_stays(
    service: Service, work: Callable[[str], Job]
) -> None:
    audit = service.finished(service.ready()).id
    queued = ask(service, audit).json()["id"]
    check_problem(service.http.delete(f"/v1/exports/{queued}"), 409, "export-in-progress")
    assert service.http.post(f"/v1/exports/{queued}/cancel").json()["status"] == "cancelled"
    told = ask(service, audit, "jsonl").json()
    folder = Path(service.settings.blobs.removeprefix("file://")) / "exports" / told["id"]
    with service.db.write() as session:  # an attempt that died while it wrote
        session.execute(update(Job).where(Job.id == told["id"]).values(attempt=1))
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "pictures-v1-scores.jsonl#1").write_bytes(b"half of it")
    assert work(told["id"]).state == "succeeded"
    sweep(service.db, service.blobs, 1e9)
    told = service.http.get(f"/v1/exports/{told['id']}").json()
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / "2" / told["file"]["name"]]
    for id in (queued, told["id"]):
        assert service.http.delete(f"/v1/exports/{id}").status_code == 204
        check_problem(service.http.get(f"/v1/exports/{id}"), 404, "not-found")
    while sweep(service.db, service.blobs, 1e9):
        pass
    assert list(service.blobs.names("exports")) == []


def test_an_export_whose_audit_was_removed_says_so(service: Service, work: Callable[[str], Job]) -> None:
    audit = service.finished(service.ready()).id
    asked = ask(service, audit).json()["id"]
    service.http.delete(f"/v1/audits/{audit}").raise_for_status()
    assert work(asked).state == "failed"
    assert service.http.get(f"/v1/exports/{asked}").json()["problem"]["code"] == "audit-removed"


def test_a_lease_that_was_lost_writes_nothing(service: Service, work: Callable[[str], Job]) -> None:
    audit = service.finished(service.ready()).id
    asked = ask(service, audit).json()["id"]
    with service.db.write() as session:
        claim = jobs.claim(session, asked, "somebody", 60.0)
    assert claim is not None
    assert run.main([asked, "--attempt", "7"]) == run.NOT_OURS
    assert service.http.get(f"/v1/exports/{asked}").json()["status"] == "running"
    assert list(service.blobs.names("exports")) == []
