"""Who is like whom: neighbours and copies of a sample, the map, bands of curves."""

from __future__ import annotations

import io
from typing import Any

import httpx2
import numpy as np
import pytest
from sqlalchemy import delete, select, update

from core.store import likeness
from core.store.tables import Finding, Job
from core.words import VERDICTS
from labelaudit.client import Client
from tests.api import make
from tests.api.conftest import Library, Service, check_problem
from tests.api.make import CLASSES, TRAIN, near_to

AUDITED = 3 * TRAIN


def told(library: Library | Service, audit_id: str, path: str) -> httpx2.Response:
    return library.http.get(f"/v1/audits/{audit_id}/{path}")


def ranking(library: Library) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = told(library, library.audit.id, "suspects?limit=1000").json()["data"]
    return rows


def test_the_neighbours_of_every_sample_are_told_with_label_distance_and_verdict(library: Library) -> None:
    rows = {row["sample"]: row for row in ranking(library)}
    samples = sorted(rows)
    for place, n in enumerate(samples):
        found = told(library, library.audit.id, f"samples/{n}/neighbours").json()
        assert found["given_label"] == rows[n]["given_label"]
        assert found["suggested_label"] == rows[n]["suggested_label"]
        near = near_to(place, len(samples), 12)
        assert [one["sample"] for one in found["nearest"]] == [samples[other] for other in near]
        assert [one["distance"] for one in found["nearest"]] == [abs(other - place) / 64 for other in near]
        assert len(found["with_given"]) == 8
        for one in (*found["nearest"], *found["with_given"]):
            row = rows[one["sample"]]
            assert one["label"] == row["given_label"]
            for name in ("rank", "path", "image", "verdict", "score"):
                assert one[name] == row[name]
        if rows[n]["suggested_label"] is None:
            assert found["with_suggested"] is None
        else:
            assert len(found["with_suggested"]) == 7, "there may be fewer than are kept"
        assert found["same_bytes"] == found["near_duplicates"] == []


def test_nothing_is_held_while_the_blob_store_is_waited_for(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    read, held = likeness.read, list[int]()
    pool = library.app.state.parts.db.engine.pool

    def slow(*args: Any) -> Any:
        held.append(pool.checkedout())
        return read(*args)

    monkeypatch.setattr(likeness, "read", slow)
    assert told(library, library.audit.id, f"samples/{ranking(library)[0]['sample']}/neighbours").status_code == 200
    assert held == [0]


def test_copies_are_told_even_when_they_were_not_audited(service: Service) -> None:
    data = service.ready()
    audit = service.finished(data)
    rows = service.http.get(f"/v1/datasets/{data.id}/samples?limit=1000").json()["data"]
    train, test = ([row["sample"] for row in rows if row["split"] == split] for split in ("train", "test"))
    groups = [("conflict", 0, [train[0], train[5], test[0]]), ("conflict", 1, [train[1], train[2]])]
    groups += [("duplicate", 0, [train[0], train[9]]), ("near-duplicate", 0, [train[0], *train[10:36], *test[1:]])]
    with service.db.write() as session:
        session.execute(delete(Finding))
        members = [(kind, group, sample) for kind, group, samples in groups for sample in samples]
        for number, (kind, group, sample) in enumerate(members):
            found = {"n": number, "kind": kind, "group": group, "sample": sample, "across": False}
            session.add(Finding(dataset_pk=data.pk, **found))
    near = told(service, audit.id, f"samples/{train[0]}/neighbours").json()
    assert [one["sample"] for one in near["same_bytes"]] == sorted([train[5], test[0], train[9]])
    by_number = {one["sample"]: one for one in near["same_bytes"]}
    assert by_number[train[5]]["rank"] and by_number[train[5]]["verdict"] in VERDICTS
    assert by_number[test[0]]["rank"] is by_number[test[0]]["score"] is by_number[test[0]]["verdict"] is None
    assert by_number[test[0]]["split"] == "test" and by_number[test[0]]["label"] in CLASSES
    assert len(near["near_duplicates"]) == 20
    assert train[0] not in [one["sample"] for one in near["near_duplicates"]]


def test_an_audit_from_before_there_were_features_says_so(service: Service) -> None:
    data = service.ready()
    audit = service.finished(data)
    n = told(service, audit.id, "suspects?limit=1").json()["data"][0]["sample"]
    with service.db.write() as session:
        result = session.execute(select(Job.result).where(Job.pk == audit.pk)).scalar_one() or {}
        new = (*likeness.FILES, likeness.COHORTS)
        older = {name: stored for name, stored in result["files"].items() if name not in new}
        result = {name: value for name, value in result.items() if name != "likeness"} | {"files": older}
        session.execute(update(Job).where(Job.pk == audit.pk).values(result=result))
    near = told(service, audit.id, f"samples/{n}/neighbours").json()
    assert near["nearest"] is near["with_given"] is near["with_suggested"] is None
    assert near["same_bytes"] == []
    for path in ("map", "cohorts", "likeness/map.bin", "likeness/embeddings.npy"):
        check_problem(told(service, audit.id, path), 404, "no-embeddings")


def test_the_map_tells_how_its_file_is_read(library: Library) -> None:
    about = told(library, library.audit.id, "map").json()
    file = library.http.get(about["href"])
    assert file.headers["etag"] == f'"{about["sha256"]}"' and "immutable" in file.headers["cache-control"]
    assert len(file.content) == about["size"] == 13 * AUDITED
    assert library.http.get(about["href"], headers={"If-None-Match": file.headers["etag"]}).status_code == 304
    columns = {
        column["name"]: np.frombuffer(file.content, f"<{column['type'][0]}{int(column['type'][4:]) // 8}",
                                      about["points"], column["offset"]).tolist()
        for column in about["columns"]
    }  # fmt: skip
    rows = ranking(library)
    assert columns["sample"] == [row["sample"] for row in rows]
    assert [about["labels"][k] for k in columns["given"]] == [row["given_label"] for row in rows]
    assert [about["verdicts"][k] for k in columns["verdict"]] == [row["verdict"] for row in rows]
    assert columns["x"] == [row["rank"] for row in rows]
    assert columns["y"] == [65_535 - row["rank"] for row in rows]


def test_the_client_reads_all_of_it(library_on_sqlite: Library) -> None:
    rows = ranking(library_on_sqlite)
    with Client(library_on_sqlite.url) as client:
        points = list(client.map(library_on_sqlite.audit.id))
        near = client.neighbours(library_on_sqlite.audit.id, rows[3]["sample"])
        cohorts = client.cohorts(library_on_sqlite.audit.id)
    assert [(one["sample"], one["given"], one["verdict"], one["x"]) for one in points] == [
        (row["sample"], row["given_label"], row["verdict"], row["rank"]) for row in rows
    ]
    assert len(near["nearest"]) == 12
    assert cohorts["clean"]["margin"] == [None, [0.0, 0.25, 0.5, 0.75, 1.0]]


def test_bands_are_kept_by_whoever_has_them(library: Library) -> None:
    first = told(library, library.audit.id, "cohorts")
    assert set(first.json()) == {"epochs", "levels", "clean", "hard", "wrong"}
    etag = {"If-None-Match": first.headers["etag"]}
    assert library.http.get(f"/v1/audits/{library.audit.id}/cohorts", headers=etag).status_code == 304


def test_the_files_are_numpy_s_own_and_can_be_read_in_part(library: Library) -> None:
    base = f"/v1/audits/{library.audit.id}/likeness"
    rows = np.load(io.BytesIO(library.http.get(f"{base}/neighbours.npy").content))
    assert rows.dtype == likeness.ROW and len(rows) == AUDITED
    features = np.load(io.BytesIO(library.http.get(f"{base}/embeddings.npy").content))
    assert (features.dtype, features.shape) == (np.float16, (AUDITED, 2))
    part = library.http.get(f"{base}/map.bin", headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and int.from_bytes(part.content, "little") == ranking(library)[0]["sample"]


@pytest.mark.parametrize("path", ["samples/35/neighbours", "samples/x/neighbours", "likeness/scores.csv"])
def test_what_is_not_there_is_not_found(library_on_sqlite: Library, path: str) -> None:
    untouched = {row["sample"] for row in ranking(library_on_sqlite)}
    path = path.replace("35", str(next(n for n in range(100) if n not in untouched)))
    check_problem(told(library_on_sqlite, library_on_sqlite.audit.id, path), 404, "not-found")


def test_an_audit_that_is_not_done_has_none(service: Service) -> None:
    audit = service.queued(service.ready())
    for path in ("map", "cohorts", "samples/0/neighbours", "likeness/map.bin"):
        check_problem(told(service, audit.id, path), 409, "audit-not-finished")
    check_problem(told(service, make.NOBODY, "map"), 404, "not-found")
