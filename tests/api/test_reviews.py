"""Judging the samples of an audit: decisions, many at once, counts, and where the review stands."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import httpx2
import numpy as np
import pytest
from sqlalchemy import delete, update

from core.store import jobs
from core.store.sweep import sweep
from core.store.tables import Job, Score
from core.words import DECISIONS
from tests.api.conftest import Library, Service, check_problem
from tests.api.make import CLASSES, TRAIN

AUDITED = 3 * TRAIN


def path(library: Library, rest: str) -> str:
    return f"/v1/audits/{library.audit.id}/{rest}"


def one(sample: int, decision: str | None = "keep", **more: Any) -> dict[str, Any]:
    made = {"id": str(uuid4()), "sample": sample, **more}
    return made | ({"decision": decision} if decision else {})


def say(library: Library, *reviews: dict[str, Any], **more: Any) -> httpx2.Response:
    return library.http.post(path(library, "reviews"), json={"reviews": reviews, **more})


def said(library: Library, after: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = library.http.get(path(library, "reviews"), params={"after": after, "limit": 1000}).json()
        found += page["data"]
        if page["next"] is None:
            return found
        after = page["next"]


def everything(library: Library, **wanted: Any) -> list[dict[str, Any]]:
    answer = library.http.get(path(library, "suspects"), params={"limit": 1000, **wanted})
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def bulk(library: Library, dry_run: bool = False, **body: Any) -> httpx2.Response:
    asked = {"id": str(uuid4()), "action": "accept", "top": 5, **body}
    return library.http.post(path(library, "reviews/bulk"), params={"dry_run": dry_run}, json=asked)


def test_a_decision_is_written_and_stands_in_the_list_and_in_the_samples_history(fresh: Library) -> None:
    first = everything(fresh)[0]
    label = next(name for name in CLASSES if name != first["given_label"])
    sent = one(first["sample"], "relabel", label=label)
    answer = say(fresh, sent, reviewer="ann", source="blind").json()
    [row], [standing] = answer["data"], answer["standing"]
    assert (row["id"], row["decision"], row["label"], row["undoes"]) == (sent["id"], "relabel", label, None)
    told = {"sample": first["sample"], "decision": "relabel", "label": label, "reviewer": "ann", "source": "blind"}
    assert standing == {**told, "at": row["at"], "seq": row["seq"], "disputed": False}
    assert everything(fresh)[0]["judgement"] == standing
    evidence = fresh.http.get(path(fresh, f"samples/{first['sample']}")).json()
    assert evidence["judgement"] == standing and evidence["reviews"][-1] == row


def test_what_is_sent_again_is_written_once(fresh: Library) -> None:
    sent = [one(row["sample"]) for row in everything(fresh)[:3]]
    first, again = say(fresh, *sent).json(), say(fresh, *sent).json()
    assert first == again
    clash = {**sent[0], "sample": sent[1]["sample"]}
    check_problem(say(fresh, clash), 409, "review-id-reused")


def test_a_decision_can_be_taken_back(fresh: Library) -> None:
    sample = everything(fresh)[4]["sample"]
    sent = one(sample, "exclude")
    say(fresh, sent)
    answer = say(fresh, one(sample, None, undoes=sent["id"])).json()
    assert answer["standing"] == [] and answer["data"][0]["undoes"] == sent["id"]
    assert everything(fresh)[4]["judgement"] is None
    other = everything(fresh)[5]["sample"]
    check_problem(say(fresh, one(other, None, undoes=sent["id"])), 422, "unknown-review")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"decision": "relabel"}, "invalid-parameter"),
        ({"decision": "keep", "label": CLASSES[0]}, "invalid-parameter"),
        ({"decision": "maybe"}, "invalid-parameter"),
        ({}, "invalid-parameter"),
        ({"decision": "keep", "undoes": str(uuid4())}, "invalid-parameter"),
        ({"decision": "keep", "id": "1"}, "invalid-parameter"),
        ({"decision": "relabel", "label": "nobody"}, "unknown-label"),
        ({"decision": "keep", "sample": 2**30}, "unknown-sample"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_of_it_written(
    fresh: Library, wrong: dict[str, Any], code: str
) -> None:
    before = len(said(fresh))
    good = one(everything(fresh)[0]["sample"])
    bad = {"id": str(uuid4()), "sample": 0, **wrong}
    answer = say(fresh, good, bad)
    check_problem(answer, 422, code)
    assert len(said(fresh)) == before


def test_reviewers_at_the_same_time_see_each_other_and_where_they_differ(fresh: Library) -> None:
    samples = [row["sample"] for row in everything(fresh)[:6]]
    last = said(fresh)[-1]["seq"] if said(fresh) else 0

    def judge(reviewer: str, decision: str) -> None:
        for sample in samples:
            say(fresh, one(sample, decision), reviewer=reviewer).raise_for_status()

    people = [threading.Thread(target=judge, args=pair) for pair in (("ann", "keep"), ("bob", "exclude"))]
    for person in people:
        person.start()
    for person in people:
        person.join()
    news = said(fresh, last)
    assert [row["seq"] for row in news] == list(range(last + 1, last + 13))
    assert {row["reviewer"] for row in news} == {"ann", "bob"}
    assert all(row["judgement"]["disputed"] for row in everything(fresh)[:6])
    assert fresh.http.get(path(fresh, "reviews/summary")).json()["disputed"] >= 6


def test_lists_can_be_narrowed_to_what_is_judged_and_what_is_not(fresh: Library) -> None:
    rows = everything(fresh)
    say(fresh, one(rows[0]["sample"]), one(rows[2]["sample"], "unsure"))
    assert [row["rank"] for row in everything(fresh, decided=True)] == [1, 3]
    assert [row["rank"] for row in everything(fresh, decision="unsure")] == [3]
    assert [row["rank"] for row in everything(fresh, decided=False)][:3] == [2, 4, 5]
    assert len(everything(fresh, decided=False)) == AUDITED - 2


def test_counts_are_those_of_the_lists(fresh: Library) -> None:
    rows = everything(fresh)
    say(fresh, one(rows[0]["sample"]), one(rows[1]["sample"], "unsure"))
    narrowed = {"given": rows[0]["given_label"]}
    counts = fresh.http.get(path(fresh, "facets"), params=narrowed).json()
    assert counts["total"] == len(everything(fresh, **narrowed))
    for name in ("verdict", "reason", "is_issue", "conflict", "decision"):
        for choice in counts[name]:
            assert choice["count"] == len(everything(fresh, **narrowed, **{name: choice["value"]}))
    for choice in counts["given"]:
        assert choice["count"] == len(everything(fresh, given=choice["value"]))
    assert sum(choice["count"] for choice in counts["suggested"]) + counts["without_suggestion"] == counts["total"]
    assert counts["undecided"] == len(everything(fresh, **narrowed, decided=False))
    for pair in counts["pairs"]:
        assert pair["count"] == len(everything(fresh, given=pair["given"], suggested=pair["suggested"]))
    unknown = fresh.http.get(path(fresh, "facets"), params={"given": "nobody"})
    check_problem(unknown, 422, "unknown-label")


def test_many_at_once_need_the_count_that_was_seen_and_can_be_taken_back(fresh: Library) -> None:
    rows = [row for row in everything(fresh) if row["suggested_label"]]
    say(fresh, one(rows[0]["sample"]))
    seen = bulk(fresh, dry_run=True).json()
    assert (seen["count"], seen["done"]) == (5, False)
    assert (
        0 <= seen["expected_wrong"]["low"] <= seen["expected_wrong"]["estimate"] <= seen["expected_wrong"]["high"] <= 5
    )
    check_problem(bulk(fresh), 409, "count-differs")
    check_problem(bulk(fresh, count=4), 409, "count-differs")
    assert len(everything(fresh, decided=True)) == 1
    id = str(uuid4())
    done = bulk(fresh, id=id, count=5).json()
    assert (done["count"], done["done"]) == (5, True)
    judged = {row["sample"]: row["judgement"] for row in everything(fresh, decided=True)}
    for row in rows[1:6]:
        assert (judged[row["sample"]]["decision"], judged[row["sample"]]["label"]) == (
            "relabel",
            row["suggested_label"],
        )
    check_problem(bulk(fresh, id=id, count=5), 409, "already-done")
    undo = path(fresh, f"reviews/bulk/{id}/undo")
    assert [fresh.http.post(undo).json() for _ in range(2)] == [{"count": 5}, {"count": 0}]
    assert [row["sample"] for row in everything(fresh, decided=True)] == [rows[0]["sample"]]
    check_problem(fresh.http.post(path(fresh, f"reviews/bulk/{uuid4()}/undo")), 404, "not-found")


def test_many_at_once_and_one_by_one_at_the_same_time_do_each_other_no_harm(fresh: Library) -> None:
    samples = [row["sample"] for row in everything(fresh)]
    statuses: list[int] = []

    def all_at_once() -> None:
        for _ in range(6):
            id = str(uuid4())
            seen = bulk(fresh, dry_run=True, action="keep", top=20).json()["count"]
            statuses.append(bulk(fresh, id=id, action="keep", top=20, count=seen).status_code)
            fresh.http.post(path(fresh, f"reviews/bulk/{id}/undo"))

    def one_by_one() -> None:
        statuses.extend(say(fresh, one(sample)).status_code for sample in samples[:20])

    people = [threading.Thread(target=person) for person in (all_at_once, all_at_once, one_by_one)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert set(statuses) <= {200, 409} and statuses.count(200) >= 21
    assert [row["seq"] for row in said(fresh)] == list(range(1, len(said(fresh)) + 1))
    assert {row["sample"] for row in everything(fresh, decided=True)} >= set(samples[:20])


def test_many_at_once_of_a_choice(fresh: Library) -> None:
    wanted = {"given": CLASSES[1], "is_issue": True}
    there = everything(fresh, **wanted)
    done = bulk(fresh, action="keep", top=1000, count=len(there), choices=wanted).json()
    assert done["count"] == len(there) > 0
    assert all(row["judgement"]["decision"] == "keep" for row in everything(fresh, **wanted))
    assert len(everything(fresh, decided=True)) == len(there)


@pytest.mark.parametrize("order", ["rank", "random", "sharpened"])
@pytest.mark.parametrize("wanted", [{}, {"given": CLASSES[1]}, {"is_issue": False, "decided": False}])
def test_many_at_once_are_the_first_of_the_list_that_is_looked_at(
    fresh: Library, order: str, wanted: dict[str, Any]
) -> None:
    rows = everything(fresh)
    said_so_far = [one(row["sample"]) for row in rows if row["given_label"] == CLASSES[0]]
    say(fresh, *said_so_far, *(one(row["sample"], "exclude") for row in rows[-4:]))
    listed = np.frombuffer(
        fresh.http.get(path(fresh, "queue"), params={"order": order, **wanted}).content, "<u4"
    ).tolist()
    open = [rows[rank - 1]["sample"] for rank in listed]
    open = [sample for sample in open if sample not in {row["sample"] for row in everything(fresh, decided=True)}]
    as_of = {"as_of": len(said(fresh))} if order == "sharpened" else {}
    done = bulk(fresh, action="keep", top=3, count=3, order=order, choices=wanted, **as_of).json()
    assert {row["sample"] for row in said(fresh) if row["bulk"] == done["id"]} == set(open[:3])


def test_many_at_once_know_no_review_that_is_to_come(fresh: Library) -> None:
    check_problem(bulk(fresh, dry_run=True, order="sharpened", as_of=1), 422, "unknown-review")
    check_problem(bulk(fresh, dry_run=True, order="random", as_of=0), 422, "invalid-parameter")


def test_the_state_of_a_review_follows_from_its_decisions(fresh: Library) -> None:
    before = fresh.http.get(path(fresh, "reviews/summary")).json()
    assert before["precision"] is None and before["advice"] == "too-few"
    assert before["decisions"] == dict.fromkeys(DECISIONS, 0)
    assert before["left"] == AUDITED
    flagged = everything(fresh, is_issue=True)
    assert len(flagged) >= 2
    say(fresh, one(flagged[0]["sample"]), *(one(row["sample"], "exclude") for row in flagged[1:]))
    after = fresh.http.get(path(fresh, "reviews/summary")).json()
    assert after["decisions"] == {"keep": 1, "relabel": 0, "exclude": len(flagged) - 1, "unsure": 0}
    assert after["precision"]["estimate"] == pytest.approx((len(flagged) - 1) / len(flagged))
    assert after["left"] == AUDITED - len(flagged)
    assert after["last"] == said(fresh)[-1]["seq"]


@pytest.mark.parametrize("rest", ["reviews", "reviews/summary", "reviewers", "facets", "queue", "cuts"])
def test_an_audit_without_a_result_has_no_review(library: Library, rest: str) -> None:
    with library.db.write() as session:
        queued = jobs.submit(session, "audit", library.data.pk, {})
    check_problem(library.http.get(f"/v1/audits/{queued.id}/{rest}"), 409, "audit-not-finished")
    check_problem(library.http.get(f"/v1/audits/{uuid4()}/{rest}"), 404, "not-found")
    with library.db.write() as session:
        session.execute(delete(Job).where(Job.pk == queued.pk))


def test_it_is_told_who_judged_and_how_far_two_agree(fresh: Library) -> None:
    assert fresh.http.get(path(fresh, "reviewers")).json() == {"data": [], "together": []}
    a, b, c, d, e = (row["sample"] for row in everything(fresh)[:5])
    taken_back = one(d, "exclude")
    say(fresh, one(a, "exclude"), one(a), one(b, "relabel", label=CLASSES[0]), one(c), taken_back, reviewer="ann")
    say(fresh, one(d, None, undoes=taken_back["id"]), reviewer="ann")
    say(fresh, one(a), one(b, "relabel", label=CLASSES[1]), one(c, "unsure"), one(d), one(e), reviewer="bob")
    say(fresh, one(e), reviewer="cem")
    found = fresh.http.get(path(fresh, "reviewers")).json()
    none = dict.fromkeys(DECISIONS, 0)
    assert [{name: row[name] for name in ("reviewer", "samples", "decisions")} for row in found["data"]] == [
        {"reviewer": "bob", "samples": 5, "decisions": none | {"keep": 3, "relabel": 1, "unsure": 1}},
        {"reviewer": "ann", "samples": 3, "decisions": none | {"keep": 2, "relabel": 1}},
        {"reviewer": "cem", "samples": 1, "decisions": none | {"keep": 1}},
    ]
    assert found["data"][0]["last_at"] == said(fresh)[-2]["at"]
    assert found["together"] == [
        {"reviewers": ["ann", "bob"], "samples": 2, "agreed": 1, "share": 0.5},
        {"reviewers": ["bob", "cem"], "samples": 1, "agreed": 1, "share": 1.0},
    ]


def test_a_new_audit_has_a_list_of_its_own_though_it_takes_the_row_of_one_that_is_gone(service: Service) -> None:
    data = service.ready()
    first = service.finished(data)
    assert service.http.get(f"/v1/audits/{first.id}/queue?is_issue=true").content
    service.http.delete(f"/v1/audits/{first.id}").raise_for_status()
    sweep(service.db, service.blobs, 1e9)
    second = service.finished(data)
    assert second.pk == first.pk or not service.db.is_sqlite
    with service.db.write() as session:
        session.execute(update(Score).where(Score.audit_pk == second.pk).values(is_issue=False))
    assert service.http.get(f"/v1/audits/{second.id}/queue?is_issue=true").content == b""
    asked = {"id": str(uuid4()), "action": "keep", "top": 5, "choices": {"is_issue": True}}
    counted = service.http.post(f"/v1/audits/{second.id}/reviews/bulk?dry_run=true", json=asked)
    assert counted.json()["count"] == 0
