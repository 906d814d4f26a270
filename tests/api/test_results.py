"""What an audit found: pages of suspects, evidence, and files."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core.errors import Problem
from core.spec import MODEL_FILES
from core.store import jobs
from core.store.tables import Job
from core.summary import Summary
from core.words import REASONS, VERDICTS
from tests.api import make
from tests.api.conftest import Library, Service, check_problem
from tests.api.make import CLASSES, GROUPS, TRAIN

AUDITED = 3 * TRAIN
EMPTY = {"data": [], "next": None, "provisional": False, "epoch": None}
ORDER = (
    "rank", "sample", "path", "split", "given_label", "suggested_label", "suggested_confidence", "score",
    "is_issue", "verdict", "reasons", "top", "conflict", "iam", "hm_weight", "aum", "tkum", "loss", "image",
    "sharpened", "judgement",
)  # fmt: skip


def suspects(library: Library, **params: Any) -> httpx2.Response:
    return library.http.get(f"/v1/audits/{library.audit.id}/suspects", params=params)


def everything(library: Library) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = suspects(library, limit=1000).json()["data"]
    return rows


def test_suspects_are_all_audited_samples_in_rank_order(library: Library) -> None:
    rows = everything(library)
    assert [row["rank"] for row in rows] == list(range(1, AUDITED + 1))
    assert len({row["sample"] for row in rows}) == AUDITED
    assert set(rows[0]) == set(ORDER)
    assert [row["score"] for row in rows] == [1.0 / rank for rank in range(1, AUDITED + 1)]
    assert {row["given_label"] for row in rows} == set(CLASSES)
    for row, exact in zip(rows, map(json.loads, file(library, "scores.jsonl").text.splitlines()), strict=True):
        likely = zip(exact.pop("top_labels"), exact.pop("top_p"), strict=True)
        assert row.pop("top") == [{"label": label, "p": p} for label, p in likely]
        assert row.pop("image").endswith(f"/samples/{exact['sample']}/image")
        assert row.pop("judgement") is None and row.pop("sharpened") is None
        assert row == exact


@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limits=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    wanted=st.fixed_dictionaries(
        {},
        optional={
            "given": st.sampled_from(CLASSES),
            "suggested": st.sampled_from(CLASSES),
            "verdict": st.sampled_from(VERDICTS),
            "is_issue": st.booleans(),
            "conflict": st.booleans(),
            "reason": st.sampled_from(REASONS),
        },
    ),
)
def test_any_pages_of_any_filter_walk_every_row_once_in_rank_order(
    library: Library, limits: list[int], wanted: dict[str, Any]
) -> None:
    def fits(row: dict[str, Any]) -> bool:
        facts = row | {"given": row["given_label"], "suggested": row["suggested_label"]}
        facts |= {"conflict": row["conflict"] is not None}
        return all(
            value in row["reasons"] if name == "reason" else facts[name] == value for name, value in wanted.items()
        )

    expected = [row for row in everything(library) if fits(row)]
    seen: list[dict[str, Any]] = []
    after, k = None, 0
    while True:
        position: dict[str, Any] = {} if after is None else {"after": after}
        page = suspects(library, limit=limits[k % len(limits)], **position, **wanted).json()
        seen += page["data"]
        if page["next"] is None:
            break
        assert page["next"] == seen[-1]["rank"]
        after, k = page["next"], k + 1
    assert seen == expected


def conflicts(library: Library, **params: Any) -> httpx2.Response:
    return library.http.get(f"/v1/audits/{library.audit.id}/conflicts", params=params)


def test_conflicts_are_groups_of_suspects_with_the_label_that_they_favour(library: Library) -> None:
    page = conflicts(library).json()
    assert page["next"] is None
    told = [(group["conflict"], group["favoured_label"], group["size"]) for group in page["data"]]
    assert told == [(k, None if label < 0 else CLASSES[label], size) for k, label, size in GROUPS]
    for group in page["data"]:
        assert group["samples"] == [row for row in everything(library) if row["conflict"] == group["conflict"]]
        assert len(group["samples"]) == group["size"]


def test_conflicts_come_in_pages(library: Library) -> None:
    both = conflicts(library).json()["data"]
    first = conflicts(library, limit=1).json()
    assert first == {"data": both[:1], "next": 1}
    assert conflicts(library, limit=1, after=1).json() == {"data": both[1:], "next": None}
    assert conflicts(library, after=2).json() == {"data": [], "next": None}


@pytest.mark.parametrize("after", [AUDITED, AUDITED + 1, 2**31 - 1])
def test_beyond_the_last_rank_there_is_an_empty_page(library: Library, after: int) -> None:
    assert suspects(library, after=after).json() == EMPTY


@pytest.mark.parametrize("name", ["given", "suggested"])
@pytest.mark.parametrize("label", ["kocka", "", "%", "a\x00b", "' OR 1=1 --"])
def test_a_label_that_is_no_class_is_refused(library: Library, name: str, label: str) -> None:
    check_problem(suspects(library, **{name: label}), 422, "unknown-label")


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "Wrong"},
        {"verdict": ""},
        {"reason": "high loss"},
        {"reason": "0"},
        {"conflict": "1.5"},
        {"is_issue": "maybe"},
        {"given": "x" * 300},
        {"sort": "score"},
    ],
)
def test_a_filter_that_cannot_be_is_refused(library_on_sqlite: Library, wrong: dict[str, str]) -> None:
    errors = check_problem(suspects(library_on_sqlite, **wrong), 422, "invalid-parameter")["errors"]
    assert [error["pointer"] for error in errors] == [f"/{name}" for name in wrong]


def test_a_sample_tells_all_that_is_known_about_it(library: Library) -> None:
    row = everything(library)[4]
    told = library.http.get(f"/v1/audits/{library.audit.id}/samples/{row['sample']}").json()
    curves = told.pop("curves")
    assert told.pop("reviews") == told.pop("earlier") == []
    assert told == row
    place = sorted(row["sample"] for row in everything(library)).index(row["sample"])
    expected = [make.point_of(epoch, place) for epoch in range(1, make.EPOCHS + 1)]
    assert list(zip(curves["margin"], curves["rival_gap"], curves["loss"], strict=True)) == expected
    held_out = next(n for n in range(100) if n not in {row["sample"] for row in everything(library)})
    for n in (held_out, 10_000, "abc", -1, 2**40):
        check_problem(library.http.get(f"/v1/audits/{library.audit.id}/samples/{n}"), 404, "not-found")


def test_the_summary_is_what_the_worker_stored(library: Library) -> None:
    body = library.http.get(f"/v1/audits/{library.audit.id}/summary").json()
    with library.db.read() as session:
        result = session.get_one(Job, library.audit.pk).result
    assert result is not None and body == result["summary"]
    assert (body["samples"], body["flagged"]) == (AUDITED, 7)
    assert body["transitions"]["probabilities"] == [[0.75, 0.25], None]
    assert body["conflicts"] == {"groups": 2, "samples": 5}


def test_the_summary_is_described_field_by_field(library_on_sqlite: Library) -> None:
    api = library_on_sqlite.http.get("/v1/openapi.json").json()
    answer = api["paths"]["/v1/audits/{audit_id}/summary"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/Summary"}
    assert set(api["components"]["schemas"]["Summary"]["required"]) == set(Summary.model_fields)


FILES = ("scores.parquet", "scores.csv", "scores.jsonl", *(f"model/{name}" for name in MODEL_FILES))


def file(library: Library, name: str, method: str = "GET", **headers: str) -> httpx2.Response:
    given = {title.replace("_", "-"): value for title, value in headers.items()}
    return library.http.request(method, f"/v1/audits/{library.audit.id}/{name}", headers=given)


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_whole_with_its_hash(library_on_sqlite: Library, name: str) -> None:
    library = library_on_sqlite
    response = file(library, name)
    stored = library.http.get(f"/v1/audits/{library.audit.id}").json()["files"][name.removeprefix("model/")]
    assert response.status_code == 200
    assert hashlib.sha256(response.content).hexdigest() == stored["sha256"]
    assert int(response.headers["content-length"]) == len(response.content) == stored["size"]
    assert response.headers["etag"] == f'"{stored["sha256"]}"'
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["repr-digest"].startswith("sha-256=:")
    disposition = f'attachment; filename="{library.audit.id}-{name.removeprefix("model/")}"'
    assert response.headers["content-disposition"] == disposition
    assert response.headers["x-content-type-options"] == "nosniff"

    head = file(library, name, "HEAD", Range="bytes=0-3")
    assert (head.status_code, head.content) == (200, b"")
    for title in ("content-length", "etag", "accept-ranges", "content-type", "content-disposition"):
        assert head.headers[title] == response.headers[title]

    for tag in (response.headers["etag"], f'"x", W/{response.headers["etag"]}', "*"):
        have = file(library, name, If_None_Match=tag, Range="bytes=0-3")
        assert (have.status_code, have.content) == (304, b"")
    assert file(library, name, If_None_Match='"other"').content == response.content


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-5", 5, 6),
        ("bytes=5-", 5, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999", 0, None),
        ("bytes=3-99999999999", 3, None),
    ],
)
def test_a_range_gives_exactly_those_bytes(library_on_sqlite: Library, asked: str, start: int, end: int | None) -> None:
    whole = file(library_on_sqlite, "scores.csv").content
    response = file(library_on_sqlite, "scores.csv", Range=asked)
    assert response.status_code == 206
    assert response.content == whole[start:end]
    begin = start % len(whole)
    said = f"bytes {begin}-{begin + len(response.content) - 1}/{len(whole)}"
    assert response.headers["content-range"] == said
    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,3-4", "bytes=9-5", "bytes=-", "bytes=a-b", "rows=0-9", "bytes=0", "bytes=" + "0-1," * 500]
)
def test_a_range_that_is_not_one_range_gives_the_whole(library_on_sqlite: Library, asked: str) -> None:
    response = file(library_on_sqlite, "scores.csv", Range=asked)
    assert (response.status_code, response.content) == (200, file(library_on_sqlite, "scores.csv").content)


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=100000-200000", "bytes=-0"])
def test_a_range_beyond_the_end_says_how_long_the_file_is(library_on_sqlite: Library, asked: str) -> None:
    size = len(file(library_on_sqlite, "scores.csv").content)
    response = file(library_on_sqlite, "scores.csv", Range=asked)
    check_problem(response, 416, "range-not-satisfiable")
    assert response.headers["content-range"] == f"bytes */{size}"


def test_a_range_of_another_version_gives_the_whole(library_on_sqlite: Library) -> None:
    whole = file(library_on_sqlite, "scores.csv")
    etag = whole.headers["etag"]
    assert file(library_on_sqlite, "scores.csv", Range="bytes=0-3", If_Range=etag).content == whole.content[:4]
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert file(library_on_sqlite, "scores.csv", Range="bytes=0-3", If_Range=other).content == whole.content


@pytest.mark.parametrize(
    "name",
    ["scores.xml", "scores.", "scores", "model/", "model/x", "model/%2e%2e%2fscores.csv",
     "model/scores.csv", "model/model.safetensors%00", "labels.json"],
)  # fmt: skip
def test_a_file_that_an_audit_has_not_is_not_found(library_on_sqlite: Library, name: str) -> None:
    for method in ("GET", "HEAD"):
        assert file(library_on_sqlite, name, method).status_code == 404
    check_problem(file(library_on_sqlite, name), 404, "not-found")


def test_a_file_that_is_gone_or_cut_is_a_problem_and_not_a_broken_answer(service: Service) -> None:
    data = service.ready()
    done = service.finished(data)
    key = f"audits/{done.id}/1/scores.csv"
    size = service.blobs.size(key)
    service.blobs.delete(key)
    url = f"/v1/audits/{done.id}/scores.csv"
    body = check_problem(service.http.get(url), 500, "blob-missing")
    assert key not in json.dumps(body)
    service.blobs.put(key, b"x" * (size // 2))
    check_problem(service.http.get(url), 500, "blob-corrupt")


def test_while_an_audit_is_at_work_its_ranking_is_provisional(service: Service) -> None:
    data = service.ready()
    job, claim = service.running(data)
    url = f"/v1/audits/{job.id}/suspects"
    check_problem(service.http.get(url), 409, "audit-not-finished")
    standing = [(n, n / 4 - 3) for n in (7, 3, 5)]
    with service.db.write() as session:
        jobs.remember(session, claim, provisional={"epoch": 2, "standing": standing})
    body = service.http.get(url).json()
    assert (body["provisional"], body["epoch"], body["next"]) == (True, 2, None)
    assert [(row["rank"], row["sample"], row["aum"]) for row in body["data"]] == [
        (rank, n, margin) for rank, (n, margin) in enumerate(standing, start=1)
    ]
    shown = service.http.get(f"/v1/datasets/{data.id}/samples/7").json()
    assert [body["data"][0][name] for name in ("path", "given_label", "image")] == [
        shown["path"], shown["label"], shown["image"],
    ]  # fmt: skip
    first = service.http.get(url, params={"limit": 2}).json()
    assert (len(first["data"]), first["next"]) == (2, 2)
    assert [row["sample"] for row in service.http.get(url, params={"after": 2}).json()["data"]] == [5]
    check_problem(service.http.get(url, params={"is_issue": "true"}), 409, "audit-not-finished")
    with service.db.write() as session:
        jobs.fail(session, claim, Problem("time-limit", "Too long."))
    check_problem(service.http.get(url), 409, "audit-not-finished")
