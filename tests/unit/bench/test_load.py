"""The loads, each small and short, against the real service; and what they call a miss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import load, record
from bench.loads import soak, streams
from bench.loads.soak import Seen
from bench.loads.streams import Watcher

SHORT: dict[str, dict[str, float]] = {
    "pollers": {"clients": 10, "seconds": 1.0},
    "streams": {"clients": 10, "seconds": 1.0},
    "submits": {"posts": 5},
    "writes": {"rows": 1000, "seconds": 1.0},
    "overload": {"connections": 20, "seconds": 0.5},
    "reviews": {"rows": 200, "seconds": 2.0},
    "soak": {"minutes": 0.15},
}


SLOW = ("writes", "soak")  # these take a quarter of a minute each


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.chaos] if n in SLOW else []) for n in SHORT])
def test_a_load_is_put_on_and_recorded(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(load, "QUICK", SHORT)
    monkeypatch.setattr(soak, "LOOK_S", 0.2)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    assert load.main(["--quick", "--only", name, "--database", "sqlite"]) == 0
    [line] = [json.loads(line) for line in (tmp_path / "load.jsonl").read_text().splitlines()]
    assert line["args"] == {"check": f"{name} sqlite", "quick": True}
    held = {target["what"]: target for target in line["result"]["targets"]}
    for what in ("wrong answers", "posts that were not accepted", "clients that missed or repeated an event"):
        assert held.get(what, {"met": True})["met"], held


@pytest.mark.parametrize(
    ("received", "wrong"), [([1, 2, 3], 0), ([1, 3], 1), ([1, 2, 2, 3], 1), ([2, 1, 3], 1), ([], 1)]
)
def test_a_client_that_missed_repeated_or_reordered_an_event_is_counted(received: list[int], wrong: int) -> None:
    watchers = [Watcher(0, "a", [(seq, 1.0) for seq in numbers]) for numbers in (received, [1, 2, 3])]
    wanted = {"a": [[7, seq, 0.5 + seq / 10] for seq in (1, 2, 3)]}
    found = streams._found(watchers, wanted, (9.0, 9.0), {"rss_growth_mb": 1.0})
    assert found.figures["clients_that_missed_or_repeated"] == wrong
    assert found.figures["before the kill"]["max_ms"] == pytest.approx(400)


@pytest.mark.parametrize("leak_mb", [0.0, 0.01])
def test_what_grows_misses_its_target(leak_mb: float) -> None:
    seen = Seen(
        latencies=[(float(at), 0.01 + leak_mb * at / 100) for at in range(600)],
        rss=[(float(at), int((100 + leak_mb * at) * 1e6)) for at in range(600)],
        descriptors=[(float(at), 20 + int(2 * leak_mb * at)) for at in range(600)],
    )
    held = soak._found(seen, 600.0).targets
    assert [target.met for target in held] == ([True] * 4 if not leak_mb else [False, False, False, True])
