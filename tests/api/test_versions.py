"""Versions of a dataset through the API, with a worker that really makes them."""

from __future__ import annotations

import io
import json
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from core.datasets import manifest
from core.datasets.ingest import MANIFEST
from core.datasets.summary import Summary
from core.spec import AuditSpec
from core.store import audits, datasets, events, reviews, versions
from core.store.sweep import sweep
from core.store.tables import Change, Dataset, Job
from core.training.plan import resolve
from tests.api.conftest import Service, check_problem, most_held
from tests.api.make import NOBODY
from tests.api.revising import (
    ALL,
    decided,
    make_version,
    samples_of,
    say,
    suspects_of,
)
from worker import version
from worker.progress import Voice


def test_a_version_is_a_dataset_with_the_labels_as_people_decided(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, _ = decided(service, audit)
    before = {row["sample"]: row for row in samples_of(service, data.id)}
    cleaner = make_version(service, work, data.id, name="cleaner")
    assert (cleaner["name"], cleaner["status"], cleaner["version"]) == ("cleaner", "ready", 2)
    assert (cleaner["parent_id"], cleaner["from_audit"], cleaner["from_reviews"]) == (data.id, audit, 4)
    assert cleaner["counts"] == {"seen": ALL, "accepted": ALL - 1, "rejected": 0, "ignored": 1}
    assert sum(cleaner["class_counts"].values()) == ALL - 1
    [out] = service.http.get(f"/v1/datasets/{cleaner['id']}/rejects?outcome=ignored").json()["data"]
    assert (out["member"], out["code"]) == (before[excluded]["path"], "excluded")
    assert "ann" in out["detail"]
    after = samples_of(service, cleaner["id"])
    assert [row["sample"] for row in after] == list(range(ALL - 1))
    assert [row["sha256"] for row in after] == [row["sha256"] for n, row in before.items() if n != excluded]
    changed = [
        row for row in after if row["label"] != next(r for r in before.values() if r["path"] == row["path"])["label"]
    ]
    assert [row["path"] for row in changed] == [before[relabelled]["path"]]
    for row in after[::5]:
        picture = service.http.get(row["image"], params={"size": 8})
        assert picture.status_code == 200
    assert list(service.blobs.names(f"datasets/{cleaner['id']}")) == [f"datasets/{cleaner['id']}/manifest.parquet"]
    original = service.http.get(f"/v1/datasets/{data.id}").json()
    assert (original["version"], original["parent_id"], original["counts"]["accepted"]) == (1, None, ALL)
    assert samples_of(service, data.id) == list(before.values())
    again = service.finished(service.dataset(cleaner["id"])[0])
    assert service.http.get(f"/v1/audits/{again.id}").json()["dataset_id"] == cleaner["id"]


def test_audit_fix_audit_again_is_a_history_with_a_diff(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    kept, relabelled, excluded, unsure = decided(service, audit)
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

    last = service.finished(service.dataset(third["id"])[0]).id

    def told_before(sample: int) -> list[tuple[int, list[str | None]]]:
        earlier = service.http.get(f"/v1/audits/{last}/samples/{sample}").json()["earlier"]
        return [(one["version"], [review["decision"] for review in one["reviews"]]) for one in earlier]

    assert told_before(now[rows[kept]["path"]]) == [(1, ["keep"])]
    assert told_before(now[rows[relabelled]["path"]]) == [(1, ["relabel"]), (2, ["relabel"])]
    judged = {now[rows[kept]["path"]], now[rows[relabelled]["path"]]}
    assert not any(told_before(row["sample"]) for row in suspects_of(service, last) if row["sample"] not in judged)

    service.http.delete(f"/v1/datasets/{second['id']}?force=true").raise_for_status()
    for _ in range(3):
        sweep(service.db, service.blobs, 1e9)
    assert diff(data.id, third["id"]) == whole, "though the version between them is gone"
    assert told_before(now[rows[relabelled]["path"]]) == [(1, ["relabel"])]


def test_a_version_says_what_to_bear_in_mind(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    audit = service.finished(data).id
    decided(service, audit)

    def warned(dataset: str, **body: Any) -> tuple[dict[str, Any], dict[str, str]]:
        made = make_version(service, work, dataset, **body)
        warnings = {warning["code"]: warning["detail"] for warning in made["warnings"]}
        return made, {code: warnings[code] for code in ("labels-corrected", "held-out-changed") if code in warnings}

    second, told = warned(data.id)
    assert list(told) == ["labels-corrected"] and "corrected once" in told["labels-corrected"]
    plan = resolve(AuditSpec(), datasets.facts(service.dataset(second["id"])[0]), "cpu", 1)
    assert plan.seed == 1 and any("starts from seed 1" in reason for reason in plan.reasons)

    held_out = next(row for row in samples_of(service, data.id) if row["split"] == "test")
    with service.db.write() as session:
        about = audits.find_audited(session, audit)
        assert about is not None
        label = next(k for k, name in enumerate(about.classes) if name != held_out["label"])
        said = reviews.Said(str(uuid4()), held_out["sample"], "relabel", label)
        reviews.add(session, about, "ann", [said], "list")
    held, told = warned(data.id, change_held_out=1)
    assert list(told) == ["labels-corrected", "held-out-changed"]
    decided(service, service.finished(service.dataset(held["id"])[0]).id)
    _, told = warned(held["id"])
    assert list(told) == ["labels-corrected", "held-out-changed"], "it is so in all that is made of it"
    assert "corrected 2 times" in told["labels-corrected"]


@pytest.mark.parametrize("parent_first", [True, False])
def test_images_stay_until_the_last_version_is_gone(
    service: Service, work: Callable[[str], Job], parent_first: bool
) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    made = make_version(service, work, data.id)
    gone, left = (data.id, made["id"]) if parent_first else (made["id"], data.id)

    def remove(id: str) -> None:
        service.http.delete(f"/v1/datasets/{id}?force=true").raise_for_status()
        for _ in range(3):
            sweep(service.db, service.blobs, 1e9)

    remove(gone)
    for row in samples_of(service, left)[::7]:
        assert service.http.get(row["image"]).status_code == 200
    if not parent_first:
        assert list(service.blobs.names(f"datasets/{made['id']}")) == []
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
    made = make_version(service, work, data.id)
    with service.db.read() as session:
        row = session.execute(select(Dataset).where(Dataset.id == made["id"])).scalar_one()
    assert (row.rules, row.sha256, row.folder) == (None, "", data.id)


def test_a_version_never_has_only_some_of_the_decisions(
    service: Service, work: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its dataset is removed after the version had begun to read, and before it has read what people decided."""
    data = service.ready()
    decided(service, service.finished(data).id)
    asked = service.http.post(f"/v1/datasets/{data.id}/versions", json={}).json()
    real = version.decided

    def too_late(*args: Any) -> Any:
        service.http.delete(f"/v1/datasets/{data.id}?force=true").raise_for_status()
        for _ in range(3):
            sweep(service.db, service.blobs, 1e9)
        return real(*args)

    monkeypatch.setattr(version, "decided", too_late)
    job = work(service.dataset(asked["id"])[1].id)
    assert (job.state, (job.problem or {})["code"]) == ("failed", "parent-removed")


def test_a_dataset_is_in_use_as_soon_as_a_version_of_it_was_asked_for(service: Service) -> None:
    """Whoever removes it waits while that is being written down, and sees it."""
    data = service.ready()
    with ThreadPoolExecutor(1) as pool:
        with service.db.write() as session:
            held = versions.hold(session, data.pk)
            assert held is not None
            removing = pool.submit(service.http.delete, f"/v1/datasets/{data.id}")
            wait([removing], 0.5)
            about: dict[str, Any] = {"reviews": 0, "change_held_out": False, "from_audit": None, "request_id": "test"}
            versions.create(session, held, name="late", **about)
        check_problem(removing.result(), 409, "dataset-in-use")


def test_votes_do_not_outlive_the_label_that_they_led_to(service: Service, work: Callable[[str], Job]) -> None:
    data = service.ready()
    kept, relabelled, excluded, _ = decided(service, service.finished(data).id)
    key = f"datasets/{data.id}/{MANIFEST}"
    voted, file = (kept, relabelled, excluded), io.BytesIO()
    writer = manifest.Writer(file)
    for batch in manifest.rows(service.blobs.get(key)):
        for row in batch.to_pylist():
            said = json.dumps({row["label"]: 3}) if row["n"] in voted else None
            writer.add(manifest.Row(**row | {"votes": said}))
    writer.close()
    service.blobs.put(key, file.getvalue())
    made = make_version(service, work, data.id)
    names = {row["sample"]: row["path"] for row in samples_of(service, data.id)}
    with service.db.read() as session:
        rows = datasets.samples(session, service.dataset(made["id"])[0].pk, -1, 1000)
    assert {row.path for row in rows if row.votes} == {names[kept]}


def test_a_version_waits_for_room_on_the_disk(
    service: Service, work: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    asked = service.http.post(f"/v1/datasets/{data.id}/versions", json={}).json()
    full = [Path("/dev/full")]

    def scratch(dir: Path) -> Any:
        return full.pop().open("w+b", buffering=0) if full else tempfile.TemporaryFile(dir=dir)

    monkeypatch.setattr(version, "tempfile", SimpleNamespace(TemporaryFile=scratch))
    job = work(service.dataset(asked["id"])[1].id)
    assert (job.state, job.attempt) == ("succeeded", 1)
    with service.db.read() as session:
        told = {event.type: event.data for event in events.after(session, job.pk, 0, 1000)}
    assert told["waiting"]["code"] == "disk-full" and "went-on" in told


def test_a_version_shows_life_while_near_copies_are_compared(
    service: Service, work: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    asked = service.http.post(f"/v1/datasets/{data.id}/versions", json={}).json()
    sign, packed, tick = threading.Event(), Summary.packed, Voice.tick
    heard: list[bool] = []

    def slow(summary: Summary) -> Any:
        sign.clear()
        heard.append(sign.wait(5))
        return packed(summary)

    def ticking(voice: Voice, **progress: Any) -> None:
        sign.set()
        tick(voice, **progress)

    monkeypatch.setattr(Summary, "packed", slow)
    monkeypatch.setattr(Voice, "tick", ticking)
    assert work(service.dataset(asked["id"])[1].id).state == "succeeded"
    assert heard == [True]


def test_all_pages_of_a_difference_tell_what_was_counted_once(
    service: Service, work: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = service.ready()
    decided(service, service.finished(data).id)
    made = make_version(service, work, data.id)
    counted: list[str] = []
    real = versions.moves
    monkeypatch.setattr(versions, "moves", lambda *args: counted.append("") or real(*args))
    address = f"/v1/datasets/{data.id}/diff/{made['id']}?limit=1"
    with most_held(service) as held:
        first = service.http.get(address).json()
        second = service.http.get(f"{address}&after={first['next']}").json()
    assert max(held) == 1, "a connection for each request, or those who compare wait for each other"
    assert (second["next"], len(counted)) == (None, 1)
    assert first["moves"] == second["moves"] and sum(move["count"] for move in first["moves"]) == 2
