"""A short storm; `make storm` is a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import POSTGRES_ENV, REDIS_ENV
from tests.storm.storm import storm


@pytest.mark.chaos
def test_no_promise_is_broken_in_a_storm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (POSTGRES_ENV, REDIS_ENV):
        monkeypatch.delenv(name, raising=False)  # it kills servers, so they are its own
    found = storm(tmp_path, 60.0, seed=1)
    assert found["violations"] == []
    assert found["faults"] >= 3 and found["ok"] > 100
    same, succeeded = found["identical"]
    assert same == succeeded >= 4
