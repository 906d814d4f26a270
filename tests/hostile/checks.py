"""A case over REST, with a real worker and its confined child, and everything that must be so afterwards."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import check_problem
from tests.hostile.case import Case, Ready, Refused, Rejected
from tests.hostile.house import House, check_words

PAGE = 1000


def check_case(house: House, case: Case) -> None:
    """A hostile upload, from the first byte over HTTP until nothing of it is left."""
    house.emptied()
    data = case.build()
    before = house.around()
    response = house.upload(data)
    made = None
    if isinstance(case.outcome, Refused):
        body = check_problem(response, case.outcome.status, case.outcome.code)
        check_words(body["detail"], data)
    else:
        assert response.status_code == 202, response.text
        made = response.json()["id"]
        house.ingest(made, **case.settings)
        check_dataset(house, made, case.outcome, data)
    house.still_works()
    house.nothing_is_left(made)
    assert house.around() == before


def check_dataset(house: House, id: str, outcome: Ready | Rejected, data: bytes) -> None:
    response = house.service.http.get(f"/v1/datasets/{id}")
    assert response.status_code == 200
    body = response.json()
    counts, problem = body["counts"], body["problem"]
    listed = {name: everything(house, f"/v1/datasets/{id}/rejects?outcome={name}") for name in ("rejected", "ignored")}
    for row in (*listed["rejected"], *listed["ignored"]):
        check_words(row["detail"], data)
        assert row["code"]
    if counts is not None:
        assert counts["seen"] == counts["accepted"] + counts["rejected"] + counts["ignored"]
        assert {name: len(rows) for name, rows in listed.items()} == {name: counts[name] for name in listed}
    if isinstance(outcome, Rejected):
        assert (body["status"], problem and problem["code"]) == ("rejected", outcome.code), problem
        assert problem["status"] == 422
        check_words(problem["detail"], data)
        check_problem(house.service.http.post("/v1/audits", json={"dataset_id": id}), 409, "dataset-not-ready")
        assert everything(house, f"/v1/datasets/{id}/samples") == []
        return
    assert body["status"] == "ready", problem
    left_out = [(row["member"], row["code"]) for rows in listed.values() for row in rows]
    assert sorted(left_out) == sorted(outcome.left_out.items())
    samples = everything(house, f"/v1/datasets/{id}/samples")
    assert len(samples) == counts["accepted"] == outcome.accepted
    assert outcome.warnings <= {warning["code"] for warning in body["warnings"]}
    labels = {sample["path"]: sample["label"] for sample in samples}
    assert outcome.labels.items() <= labels.items()
    assert len(labels) == len(samples)


def everything(house: House, url: str) -> list[dict[str, Any]]:
    """All rows of a list."""
    page = house.service.http.get(f"{url}{'&' if '?' in url else '?'}limit={PAGE}").json()
    assert page["next"] is None
    return list(page["data"])
