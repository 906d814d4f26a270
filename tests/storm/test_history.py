"""Every rule finds the breach that it is there for, and nothing in a history that is as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.storm.history import End, History, Op, Truth, violations

DONE = End("m1", "succeeded", "d", (1, 2, 3), 1, "same", "same")


def op(kind: str, mark: str, at: float, status: int | None = 200, of: str = "audit", **more: Any) -> Op:
    return Op(0, kind, of, mark, at, at + 0.5, status, **more)


def made(at: float = 0.0, status: int | None = 202, id: str | None = "a", mark: str = "m1") -> Op:
    return op("make", mark, at, status, id=id, seen={"dataset": "d"})


def uploaded(status: int | None = 202) -> Op:
    return op("make", "name", -1.0, status, of="dataset", id="d")


def found(*ops: Op, audits: dict[str, End] | None = None, **truth: Any) -> list[str]:
    history = History()
    for one in (uploaded(), *ops):
        history.add(one)
    stand = Truth({"a": DONE} if audits is None else audits, {"d": End("name", "ready")}, **truth)
    return violations(history, stand)


def test_a_history_as_it_should_be() -> None:
    ops = [
        made(status=None, id=None),
        made(1.0),
        op("read", "a", 2.0, seen="running"),
        op("list", "", 3.0, seen=["a"]),
        op("events", "a", 4.0, seen=[1, 2]),
        op("cancel", "a", 9.0, 409, code="already-finished"),
        op("read", "a", 10.0, seen="succeeded"),
        op("head", "u", 1.0, of="upload", seen=5),
        op("patch", "u", 2.0, 204, of="upload", seen=9),
        op("read", "a", 11.0, None),
    ]
    assert found(*ops) == []


def test_what_got_no_answer_may_be_either() -> None:
    for there in (True, False):
        assert found(made(status=None, id=None), audits={"a": DONE} if there else {}) == []
        assert found(made(), op("delete", "a", 5.0, None), audits={"a": DONE} if there else {}) == []


def test_requests_that_overlap_may_be_in_any_order() -> None:
    assert found(made(), op("delete", "a", 5.0, 204), op("read", "a", 5.2, 200, seen="running"), audits={}) == []
    assert found(made(), op("delete", "a", 5.0, 204), op("list", "", 5.2, seen=["a"]), audits={}) == []
    assert found(made(), op("list", "", 0.2, seen=[])) == []


@pytest.mark.parametrize(
    ("ops", "audits", "breach"),
    [
        ([made(), op("read", "a", 2.0, 500, code="internal-error")], {"a": DONE}, "was answered 500"),
        ([made(), made(1.0, id="b")], {"a": DONE}, "was made 2 times"),
        ([made(status=None, id=None)], {"a": DONE, "b": DONE}, "was made 2 times"),
        ([op("make", "m1", 0.0, 409, code="dataset-not-ready")], {"a": DONE}, "was refused, and is there"),
        ([made()], {}, "was accepted, and is lost"),
        ([made()], {"a": DONE, "b": replace(DONE, mark="m2")}, "was never asked for"),
        ([made(), op("delete", "a", 5.0, 204)], {"a": DONE}, "was removed, and is there"),
        ([made(), op("delete", "d", 5.0, 204, of="dataset")], {"a": DONE}, "audit a was removed, and is there"),
        ([made(), op("delete", "a", 5.0, 204), op("read", "a", 6.0, seen="running")], {}, "read after it was removed"),
        ([made(), op("delete", "a", 5.0, 204), op("list", "", 6.0, seen=["a"])], {}, "listed after it was removed"),
        ([made(), op("read", "a", 2.0, 404, code="not-found")], {"a": DONE}, "was not found"),
        ([made(), op("list", "", 2.0, seen=[])], {"a": DONE}, "left out of a list"),
        ([made()], {"a": replace(DONE, status="failed")}, "stands at failed"),
        ([made()], {"a": replace(DONE, status="running")}, "stands at running"),
        ([made()], {"a": replace(DONE, endings=2)}, "ended 2 times"),
        ([made(), op("cancel", "a", 2.0, 202)], {"a": DONE}, "was cancelled, and succeeded"),
        ([made(), op("read", "a", 2.0, seen="cancelled")], {"a": DONE}, "was said to have cancelled"),
        ([made()], {"a": replace(DONE, events=(1, 3))}, "gap in its events"),
        ([made(), op("events", "a", 2.0, seen=[1, 3])], {"a": DONE}, "were other ones before"),
        ([made()], {"a": replace(DONE, outcome="other")}, "something else than the undisturbed run"),
        (
            [made(), op("patch", "u", 1.0, 204, of="upload", seen=9), op("head", "u", 2.0, of="upload", seen=5)],
            {"a": DONE},
            "went back from 9 to 5",
        ),
    ],
)
def test_a_breach_is_found(ops: list[Op], audits: dict[str, End], breach: str) -> None:
    told = found(*ops, audits=audits)
    assert any(breach in line for line in told), told


def test_what_nothing_points_to_and_datasets_that_never_became_ready_are_told() -> None:
    assert "nothing points to it" in found(made(), orphans=["audits/x"])[0]
    history = History()
    history.add(uploaded())
    assert violations(history, Truth({}, {"d": End("name", "ingesting")})) == ["dataset d stands at ingesting"]
