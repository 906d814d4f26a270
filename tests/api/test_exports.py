"""Exports and versions through the API, with a worker that really does them."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from rich.console import Console
from sqlalchemy import func, select, update

from core.errors import Problem
from core.store import jobs
from core.store.sweep import sweep
from core.store.tables import Change, Dataset, Job, Judgement, Review, Sample
from core.words import ExportFormat
from labelaudit import export
from labelaudit.client import Client
from tests.api.conftest import Service, check_problem
from tests.api.make import CLASSES, NOBODY, TEST, TRAIN
from worker import run

FORMATS: tuple[ExportFormat, ...] = ExportFormat.__args__
AUDITED, ALL = 3 * TRAIN, 3 * (TRAIN + TEST)


@pytest.fixture
def work(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Job]]:
    """Does a job as a worker does, and says how it stands then."""
    monkeypatch.setenv("LABELAUDIT_HOME", str(service.settings.home))
    monkeypatch.setenv("LABELAUDIT_DATABASE_URL", service.settings.database)
    before, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)

    def do(job: str) -> Job:
        run.main([job])
        with service.db.read() as session:
            return session.execute(select(Job).where(Job.id == job)).scalar_one()

    yield do
    os.umask(mask)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, before)


def say(service: Service, audit: str, *reviews: dict[str, Any], reviewer: str = "ann") -> list[dict[str, Any]]:
    body = {"reviewer": reviewer, "reviews": [{"id": str(uuid4()), **one} for one in reviews]}
    answer = service.http.post(f"/v1/audits/{audit}/reviews", json=body)
    answer.raise_for_status()
    written: list[dict[str, Any]] = answer.json()["data"]
    return written


def samples_of(service: Service, dataset: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.http.get(f"/v1/datasets/{dataset}/samples", params={"limit": 1000}).json()[
        "data"
    ]
    return rows


def suspects_of(service: Service, audit: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.http.get(f"/v1/audits/{audit}/suspects", params={"limit": 1000}).json()["data"]
    return rows


def ask(service: Service, audit: str, format: str = "csv", **more: Any) -> httpx2.Response:
    return service.http.post("/v1/exports", json={"audit_id": audit, "format": format, **more})


def exported(service: Service, work: Callable[[str], Job], audit: str, format: str, **more: Any) -> tuple[Any, bytes]:
    asked = ask(service, audit, format, **more)
    assert asked.status_code == 202, asked.text
    assert work(asked.json()["id"]).state == "succeeded"
    told = service.http.get(asked.headers["location"]).json()
    return told, service.http.get(f"{asked.headers['location']}/file").content


def decided(service: Service, audit: str) -> tuple[int, int, int, int]:
    """One sample each that is kept, relabelled, taken out, and that somebody is unsure of."""
    kept, relabelled, excluded, unsure = (row["sample"] for row in suspects_of(service, audit)[:4])
    given = {row["sample"]: row["label"] for row in samples_of(service, dataset_of(service, audit))}
    label = next(name for name in CLASSES if name != given[relabelled])
    say(
        service, audit,
        {"sample": kept, "decision": "keep"}, {"sample": relabelled, "decision": "relabel", "label": label},
        {"sample": excluded, "decision": "exclude"}, {"sample": unsure, "decision": "unsure"},
    )  # fmt: skip
    return kept, relabelled, excluded, unsure


def dataset_of(service: Service, audit: str) -> str:
    return str(service.http.get(f"/v1/audits/{audit}").json()["dataset_id"])


def hold_out(service: Service, dataset: Dataset, *samples: int) -> None:
    """Let some of the audited samples be of a split that is held out."""
    with service.db.write() as session:
        where = (Sample.dataset_pk == dataset.pk, Sample.n.in_(samples))
        session.execute(update(Sample).where(*where).values(split="val"))


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


def make_version(service: Service, work: Callable[[str], Job], dataset: str, **body: Any) -> dict[str, Any]:
    asked = service.http.post(f"/v1/datasets/{dataset}/versions", json=body)
    assert asked.status_code == 202, asked.text
    id = asked.json()["id"]
    assert work(service.dataset(id)[1].id).state == "succeeded"
    told: dict[str, Any] = service.http.get(f"/v1/datasets/{id}").json()
    return told


def test_a_version_is_a_dataset_with_the_labels_as_people_decided(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, _ = decided(service, audit)
    before = {row["sample"]: row for row in samples_of(service, data.id)}
    version = make_version(service, work, data.id, name="cleaner")
    assert (version["name"], version["status"], version["version"]) == ("cleaner", "ready", 2)
    assert (version["parent_id"], version["from_audit"], version["from_reviews"]) == (data.id, audit, 4)
    assert version["counts"] == {"seen": ALL, "accepted": ALL - 1, "rejected": 0, "ignored": 1}
    assert sum(version["class_counts"].values()) == ALL - 1
    [out] = service.http.get(f"/v1/datasets/{version['id']}/rejects?outcome=ignored").json()["data"]
    assert (out["member"], out["code"]) == (before[excluded]["path"], "excluded")
    assert "ann" in out["detail"]
    after = samples_of(service, version["id"])
    assert [row["sample"] for row in after] == list(range(ALL - 1))
    assert [row["sha256"] for row in after] == [row["sha256"] for n, row in before.items() if n != excluded]
    changed = [
        row for row in after if row["label"] != next(r for r in before.values() if r["path"] == row["path"])["label"]
    ]
    assert [row["path"] for row in changed] == [before[relabelled]["path"]]
    for row in after[::5]:
        picture = service.http.get(row["image"], params={"size": 8})
        assert picture.status_code == 200
    assert list(service.blobs.names(f"datasets/{version['id']}")) == [f"datasets/{version['id']}/manifest.parquet"]
    original = service.http.get(f"/v1/datasets/{data.id}").json()
    assert (original["version"], original["parent_id"], original["counts"]["accepted"]) == (1, None, ALL)
    assert samples_of(service, data.id) == list(before.values())
    again = service.finished(service.dataset(version["id"])[0])
    assert service.http.get(f"/v1/audits/{again.id}").json()["dataset_id"] == version["id"]


def test_audit_fix_audit_again_is_a_history_with_a_diff(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, unsure = decided(service, audit)
    rows = {row["sample"]: row for row in samples_of(service, data.id)}
    second = make_version(service, work, data.id)
    later = service.finished(service.dataset(second["id"])[0]).id
    theirs = {row["path"]: row for row in samples_of(service, second["id"])}
    back, other = theirs[rows[relabelled]["path"]], theirs[rows[unsure]["path"]]
    say(
        service, later,
        {"sample": back["sample"], "decision": "relabel", "label": rows[relabelled]["label"]},
        {"sample": other["sample"], "decision": "exclude"},
    )  # fmt: skip
    third = make_version(service, work, second["id"])
    assert (third["version"], third["parent_id"]) == (3, second["id"])
    for id in (data.id, second["id"], third["id"]):
        listed = service.http.get(f"/v1/datasets/{id}/versions").json()["data"]
        assert [row["id"] for row in listed] == [data.id, second["id"], third["id"]]

    def diff(one: str, two: str, **query: Any) -> dict[str, Any]:
        answer = service.http.get(f"/v1/datasets/{one}/diff/{two}", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first = diff(data.id, second["id"])
    assert (first["relabelled"], first["excluded"], first["restored"], first["next"]) == (1, 1, 0, None)
    told = {row["sample"]: (row["path"], row["before"], row["after"]) for row in first["data"]}
    assert told == {
        relabelled: (rows[relabelled]["path"], rows[relabelled]["label"], back["label"]),
        excluded: (rows[excluded]["path"], rows[excluded]["label"], None),
    }
    whole = diff(data.id, third["id"])  # what was changed and changed back is no difference
    assert {row["sample"] for row in whole["data"]} == {excluded, unsure}
    assert (whole["relabelled"], whole["excluded"]) == (0, 2)
    reverse = diff(third["id"], data.id)
    assert (reverse["restored"], reverse["excluded"]) == (2, 0)
    assert all(row["sample_before"] is None and row["sample_after"] == row["sample"] for row in reverse["data"])
    step = diff(second["id"], third["id"])
    assert (step["relabelled"], step["excluded"]) == (1, 1)
    now = {row["path"]: row["sample"] for row in samples_of(service, third["id"])}
    for row in step["data"]:
        assert row["sample_before"] == theirs[row["path"]]["sample"]
        assert row["sample_after"] == now.get(row["path"])
    pages = [diff(data.id, third["id"], limit=1)]
    pages.append(diff(data.id, third["id"], limit=1, after=pages[0]["next"]))
    assert [row for page in pages for row in page["data"]] == whole["data"] and pages[1]["next"] is None
    assert all(page["moves"] == whole["moves"] for page in pages)
    stranger = service.ready("strangers")
    check_problem(service.http.get(f"/v1/datasets/{data.id}/diff/{stranger.id}"), 422, "other-data")
    check_problem(service.http.get(f"/v1/datasets/{data.id}/diff/{NOBODY}"), 404, "not-found")

    service.http.delete(f"/v1/datasets/{second['id']}?force=true").raise_for_status()
    for _ in range(3):
        sweep(service.db, service.blobs, 1e9)
    assert diff(data.id, third["id"]) == whole, "though the version between them is gone"


@pytest.mark.parametrize("parent_first", [True, False])
def test_images_stay_until_the_last_version_is_gone(
    service: Service, work: Callable[[str], Job], parent_first: bool
) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    version = make_version(service, work, data.id)
    gone, left = (data.id, version["id"]) if parent_first else (version["id"], data.id)

    def remove(id: str) -> None:
        service.http.delete(f"/v1/datasets/{id}?force=true").raise_for_status()
        for _ in range(3):
            sweep(service.db, service.blobs, 1e9)

    remove(gone)
    for row in samples_of(service, left)[::7]:
        assert service.http.get(row["image"]).status_code == 200
    if not parent_first:
        assert list(service.blobs.names(f"datasets/{version['id']}")) == []
    remove(left)
    assert list(service.blobs.names("datasets")) == []
    with service.db.read() as session:
        assert session.execute(select(func.count()).select_from(Change)).scalar_one() == 0


def test_a_dataset_of_which_a_version_is_being_made_is_in_use(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    asked = service.http.post(f"/v1/datasets/{data.id}/versions", json={}).json()
    check_problem(service.http.get(f"/v1/datasets/{asked['id']}/diff/{data.id}"), 409, "dataset-not-ready")
    check_problem(service.http.post(f"/v1/datasets/{asked['id']}/versions", json={}), 409, "dataset-not-ready")
    check_problem(service.http.delete(f"/v1/datasets/{data.id}"), 409, "dataset-in-use")
    service.http.delete(f"/v1/datasets/{data.id}?force=true").raise_for_status()
    for _ in range(3):
        sweep(service.db, service.blobs, 1e9)
    assert work(service.dataset(asked["id"])[1].id).state == "failed"
    told = service.http.get(f"/v1/datasets/{asked['id']}").json()
    assert (told["status"], told["problem"]["code"]) == ("failed", "parent-removed")


def test_a_version_is_no_twin_of_anything(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    version = make_version(service, work, data.id)
    with service.db.read() as session:
        row = session.execute(select(Dataset).where(Dataset.id == version["id"])).scalar_one()
    assert (row.rules, row.sha256, row.folder) == (None, "", data.id)


def test_a_lease_that_was_lost_writes_nothing(service: Service, work: Callable[[str], Job]) -> None:
    audit = service.finished(service.ready()).id
    asked = ask(service, audit).json()["id"]
    with service.db.write() as session:
        claim = jobs.claim(session, asked, "somebody", 60.0)
    assert claim is not None
    assert run.main([asked, "--attempt", "7"]) == run.NOT_OURS
    assert service.http.get(f"/v1/exports/{asked}").json()["status"] == "running"
    assert list(service.blobs.names("exports")) == []


def beside(act: Callable[[], Any], service: Service, work: Callable[[str], Job]) -> Any:
    """What somebody gets who waits, while we do the work that he makes."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(act)
        while not waiting.done():
            with service.db.read() as session:
                queued = select(Job.id).where(Job.state == "queued", Job.kind.in_(("export", "ingest")))
                for id in session.execute(queued).scalars().all():
                    work(id)
            time.sleep(0.05)
        return waiting.result()


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_client_exports_and_makes_versions(service: Service, work: Callable[[str], Job], tmp_path: Path) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, _ = decided(service, audit)
    with Client(service.url) as client:
        asked = client.export(audit, "jsonl", splits=["train"])
        done = beside(lambda: client.wait_for_export(asked["id"]), service, work)
        assert (done["splits"], done["counts"]["samples"]) == (["train"], AUDITED - 1)
        file = client.download(f"/v1/exports/{done['id']}/file", tmp_path / "scores.jsonl")
        assert len(file.read_text().splitlines()) == AUDITED
        assert client.new_version(data.id, dry_run=True)["counts"]["excluded"] == 1
        made = client.new_version(data.id, "better", audit_id=audit)
        version = beside(lambda: client.wait_for_dataset(made["id"]), service, work)
        assert [one["name"] for one in client.versions(version["id"])] == ["pictures", "better"]
        assert {row["sample"] for row in client.version_diff(data.id, version["id"])["data"]} == {relabelled, excluded}
        with pytest.raises(Problem) as raised:
            client.export(audit, "csv", change_held_out=5)
        assert raised.value.code == "count-differs"


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_commands_write_the_file_and_say_what_was_changed_in_eighty_columns(
    service: Service, work: Callable[[str], Job], tmp_path: Path
) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, _, _ = decided(service, audit)
    hold_out(service, data, relabelled)
    written = io.StringIO()
    console = Console(file=written, width=80, highlight=False)
    out = tmp_path / "made" / "cleaned.zip"
    asked: dict[str, Any] = {"server": service.url}
    paths, counts = beside(lambda: export.run(service.settings, audit, "imagefolder", out, **asked), service, work)
    assert paths == [out] and zipfile.is_zipfile(out)
    assert [file.name for file in out.parent.iterdir()] == ["cleaned.zip"]
    export.show_counts(counts, console)
    plan = export.version(service.settings, data.id, dry_run=True, **asked)
    assert plan["dataset"] is None
    export.show_version(plan, console)
    made = beside(lambda: export.version(service.settings, data.id, change_held_out=1, **asked), service, work)
    export.show_version(made, console)
    told = written.getvalue()
    assert max(map(len, told.splitlines())) <= 80
    assert f"{ALL - 1} samples; 1 label corrected, 1 sample taken out" in told
    assert "Of val and test, 1 that would change stay as they are." in told
    assert "--change-held-out 1" in told.replace("\n", " ")
    assert made["dataset"]["id"] in told and "taken out" in told and "→" in told
    for wrong, code in (((audit, "xls", out), "unknown-format"), (("x", "csv", out), "not-found")):
        with pytest.raises(Problem) as raised:
            export.run(service.settings, *wrong, **asked)
        assert raised.value.code == code
