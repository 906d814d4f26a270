"""In which order samples are looked at: queues, rows by rank, and what the ways of looking tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.api.conftest import Library, check_problem, running
from tests.api.make import CLASSES
from tests.api.test_reviews import AUDITED, everything, one, path, said, say


def queue(library: Library, **wanted: Any) -> list[int]:
    answer = library.http.get(path(library, "queue"), params=wanted)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert int(answer.headers["content-length"]) == len(answer.content)
    return np.frombuffer(answer.content, "<u4").tolist()


def ranks_of(library: Library, **wanted: Any) -> list[int]:
    return [row["rank"] for row in everything(library, **wanted)]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"given": CLASSES[0]},
        {"decided": False, "verdict": "clean"},
        {"score_from": 0.1, "score_to": 0.5},
        {"score_to": 1},
        {"split": "train"},
        {"split": "test"},
        {"disputed": True},
        {"disputed": False, "decided": True},
        {"contains": "PES/0"},
        {"contains": "%"},
        {"contains": "=1+1 <b>/_", "is_issue": False},
    ],
)
def test_a_queue_has_the_ranks_that_the_list_has(fresh: Library, wanted: dict[str, Any]) -> None:
    rows = everything(fresh)
    say(fresh, one(rows[1]["sample"]), one(rows[8]["sample"]), reviewer="ann")
    say(fresh, one(rows[1]["sample"], "exclude"), reviewer="bob")
    assert queue(fresh, **wanted) == ranks_of(fresh, **wanted)
    counts = fresh.http.get(path(fresh, "facets"), params=wanted).json()
    assert counts["total"] == len(ranks_of(fresh, **wanted))
    for name in ("split", "disputed"):
        for choice in counts[name]:
            assert choice["count"] == len(ranks_of(fresh, **{**wanted, name: choice["value"]}))
    for k, choice in enumerate(counts["score"]):
        between = {"score_from": choice["low"], "score_to": (k + 1) / 20}
        assert choice["count"] == len(ranks_of(fresh, **{**wanted, **between}))


def test_filters_find_what_they_should(fresh: Library) -> None:
    rows = everything(fresh)
    say(fresh, one(rows[1]["sample"]), reviewer="ann")
    say(fresh, one(rows[1]["sample"], "exclude"), reviewer="bob")
    assert ranks_of(fresh, disputed=True) == [2]
    assert ranks_of(fresh, score_from=0.1, score_to=0.5) == list(range(3, 11))
    assert ranks_of(fresh, contains="PES/0") == [row["rank"] for row in rows if "/pes/0" in row["path"]] != []
    assert ranks_of(fresh, contains="%") == []
    assert len(ranks_of(fresh, split="train")) == AUDITED and ranks_of(fresh, split="test") == []
    for bad in ({"score_from": 2}, {"score_to": "nan"}, {"split": "all"}, {"contains": "a\0"}, {"contains": ""}):
        check_problem(fresh.http.get(path(fresh, "queue"), params=bad), 422, "invalid-parameter")


def test_a_queue_stays_as_it_is_and_is_sent_once(fresh: Library) -> None:
    first = fresh.http.get(path(fresh, "queue"), params={"decided": False})
    again = {"If-None-Match": first.headers["etag"]}
    assert fresh.http.get(path(fresh, "queue"), params={"decided": False}, headers=again).status_code == 304
    say(fresh, one(everything(fresh)[0]["sample"]))
    changed = fresh.http.get(path(fresh, "queue"), params={"decided": False}, headers=again)
    assert np.frombuffer(changed.content, "<u4").tolist() == list(range(2, AUDITED + 1))


def test_chance_shows_what_nobody_flagged_or_judged_always_in_one_order(fresh: Library) -> None:
    rows = everything(fresh)
    first = queue(fresh, order="random")
    assert sorted(first) == [row["rank"] for row in rows if not row["is_issue"]] != first
    say(fresh, one(rows[first[0] - 1]["sample"], "exclude"), one(rows[first[1] - 1]["sample"]), source="random")
    assert queue(fresh, order="random") == first[2:]
    assert sorted(queue(fresh, order="random", is_issue=True)) == [row["rank"] for row in rows if row["is_issue"]]
    found = fresh.http.get(path(fresh, "reviews/summary")).json()["random"]
    assert (found["judged"], found["wrong"], found["share"]["estimate"]) == (2, 1, 0.5)


def test_rows_come_by_rank_in_the_order_asked_for(fresh: Library) -> None:
    rows = everything(fresh)
    say(fresh, one(rows[4]["sample"]))
    asked = [17, 5, 36, 1, 5]
    answer = fresh.http.get(path(fresh, "suspects"), params={"ranks": ",".join(map(str, asked))}).json()
    rows = everything(fresh)
    assert answer == {"data": [rows[rank - 1] for rank in asked], "next": None, "provisional": False, "epoch": None}
    every = ",".join(["1"] * 200)
    assert len(fresh.http.get(path(fresh, "suspects"), params={"ranks": every}).json()["data"]) == 200
    check_problem(fresh.http.get(path(fresh, "suspects"), params={"ranks": f"1,{AUDITED + 1}"}), 422, "unknown-rank")
    for bad in ({"ranks": "0"}, {"ranks": ""}, {"ranks": f"{every},1"}, {"ranks": "1", "limit": 5}, {"ranks": "9" * 10},
                {"ranks": "1", "is_issue": True}, {"ranks": "1,"}):  # fmt: skip
        check_problem(fresh.http.get(path(fresh, "suspects"), params=bad), 422, "invalid-parameter")


def test_it_is_told_whether_suggestions_sway(fresh: Library) -> None:
    rows = [row for row in everything(fresh) if row["suggested_label"]]
    taken = [one(row["sample"], "relabel", label=row["suggested_label"]) for row in rows[:4]]
    say(fresh, *taken[:3], one(rows[5]["sample"]))
    say(fresh, taken[3], one(rows[6]["sample"], "unsure"), *(one(row["sample"]) for row in rows[7:9]), source="blind")
    found = fresh.http.get(path(fresh, "reviews/summary")).json()
    assert found["seen"] == {"judged": 4, "agreed": 3, "share": None}
    assert found["blind"] == {"judged": 3, "agreed": 1, "share": None}  # too few for a share


def test_what_is_judged_by_chance_counts_for_neither_the_seen_nor_the_blind(fresh: Library) -> None:
    rows = [row for row in everything(fresh) if row["suggested_label"]]
    say(fresh, *(one(row["sample"]) for row in rows[:3]), source="random")
    found = fresh.http.get(path(fresh, "reviews/summary")).json()
    assert found["seen"]["judged"] == found["blind"]["judged"] == 0


def sharpened(library: Library, **wanted: Any) -> tuple[list[int], int]:
    answer = library.http.get(path(library, "queue"), params={"order": "sharpened", **wanted})
    return np.frombuffer(answer.content, "<u4").tolist(), int(answer.headers["as-of"])


def test_a_sharpened_order_follows_from_the_reviews_so_far_and_stays(fresh: Library) -> None:
    rows = everything(fresh)
    assert sharpened(fresh) == (list(range(1, AUDITED + 1)), 0)
    confirmed = [one(row["sample"], "exclude") for row in rows if row["given_label"] == CLASSES[1]][:8]
    say(fresh, *confirmed, *(one(row["sample"]) for row in rows if row["given_label"] == CLASSES[0]))
    order, seq = sharpened(fresh)
    assert seq == said(fresh)[-1]["seq"] and sorted(order) == list(range(1, AUDITED + 1)) != order
    shown = {"ranks": ",".join(map(str, order)), "as_of": seq}
    page = fresh.http.get(path(fresh, "suspects"), params=shown).json()["data"]
    scores = [row["sharpened"] for row in page]
    assert scores == sorted(scores, reverse=True) and page[0]["score"] == rows[order[0] - 1]["score"]
    moved = {row["given_label"]: row["sharpened"] - row["score"] for row in page if row["rank"] > 20}
    assert moved[CLASSES[0]] < moved[CLASSES[1]]

    for sent in confirmed[:4]:
        say(fresh, one(sent["sample"], None, undoes=sent["id"]))
    for sent in confirmed[4:]:
        say(fresh, one(sent["sample"], "keep"), reviewer="bob")
    later, last = sharpened(fresh)
    assert last == seq + 8 and later != order
    with running(fresh.settings) as other:  # which has nothing of it in memory
        again = other.http.get(path(fresh, "queue"), params={"order": "sharpened", "as_of": seq})
        assert np.frombuffer(again.content, "<u4").tolist() == order
    assert sharpened(fresh, as_of=0)[0] == list(range(1, AUDITED + 1))
    left = sharpened(fresh, as_of=seq, decided=False)[0]
    assert left == [rank for rank in order if rank in ranks_of(fresh, decided=False)] != []


def test_reviews_that_nobody_wrote_sharpen_nothing(fresh: Library) -> None:
    ahead = {"order": "sharpened", "as_of": 5}
    check_problem(fresh.http.get(path(fresh, "queue"), params=ahead), 422, "unknown-review")
    check_problem(fresh.http.get(path(fresh, "suspects"), params={"ranks": "1", "as_of": 5}), 422, "unknown-review")
    for order in ("rank", "random"):
        wrong = fresh.http.get(path(fresh, "queue"), params={"order": order, "as_of": 0})
        check_problem(wrong, 422, "invalid-parameter")
    check_problem(fresh.http.get(path(fresh, "suspects"), params={"as_of": 0}), 422, "invalid-parameter")


def test_cuts_are_told_all_along_the_list_and_follow_decisions(fresh: Library) -> None:
    rows = everything(fresh)
    before = fresh.http.get(path(fresh, "cuts")).json()
    flagged = [row for row in rows if row["is_issue"]]
    assert before["current"] == {"flagged": len(flagged), "score": flagged[-1]["score"]}
    assert [point["flagged"] for point in before["points"]] == list(range(1, AUDITED + 1))
    assert [point["score"] for point in before["points"]] == [row["score"] for row in rows]
    say(fresh, *(one(row["sample"]) for row in rows[:7]))
    after = fresh.http.get(path(fresh, "cuts")).json()["points"]
    assert after[6]["precision"] == {"estimate": 0.0, "low": 0.0, "high": 0.0}
    assert after[20]["precision"]["estimate"] < before["points"][20]["precision"]["estimate"]
    assert after[-1]["hard"] == sum(row["verdict"] == "hard" for row in rows)
