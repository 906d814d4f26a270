"""What users type: plain words, right exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from core.store.migrate import newest
from labelaudit.doctor import examine


def _run(*words: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
    environment |= {"LABELAUDIT_HOME": str(home), **{f"LABELAUDIT_{k.upper()}": v for k, v in settings.items()}}
    return subprocess.run([sys.executable, "-m", "labelaudit", *words], env=environment, capture_output=True, text=True)


def test_the_doctor_finds_a_fresh_machine_healthy_and_names_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_HOME", str(tmp_path))
    findings = list(examine(Settings(min_free_bytes=0)))
    about = [finding.about for finding in findings]
    assert about == ["version", "settings", "access", "home", "database", "broker", "blobs", "use", "sandbox", "device"]
    assert [finding for finding in findings if not finding.good] == []
    words = {finding.about: finding.words for finding in findings}
    assert "not made yet" in words["database"]
    assert "GiB free" in words["home"]
    assert "system calls" in words["sandbox"]


def test_the_doctor_says_what_is_wrong(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELAUDIT_DATABSE_URL", "x")
    settings = Settings(
        home=tmp_path,
        database_url="postgresql://nobody@127.0.0.1:1/none",
        broker_url=redis_url,
        device="cuda:0",
        min_free_bytes=1 << 60,
    )
    findings = {finding.about: finding for finding in examine(settings)}
    assert "LABELAUDIT_DATABSE_URL" in findings["settings"].words
    assert not findings["settings"].good
    assert not findings["database"].good
    assert findings["broker"].good and "answers" in findings["broker"].words
    assert "until there is more room" in findings["home"].words


def test_migrate_says_where_it_went_and_keeps_a_copy(tmp_path: Path) -> None:
    first = _run("migrate", home=tmp_path)
    assert (first.returncode, f"None → {newest()}" in first.stderr) == (0, True)
    assert f"is at revision {newest()}" in _run("migrate", home=tmp_path).stderr
    back = _run("migrate", "--down", "base", home=tmp_path)
    assert back.returncode == 0
    assert "Copied the database to" in back.stderr
    assert len(list(tmp_path.glob("*.bak.db"))) == 1


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    result = _run("serve", home=tmp_path, port="many")
    assert result.returncode == 78
    assert result.stderr.count("\n") == 1
    assert "LABELAUDIT_PORT" in result.stderr


def test_an_unknown_queue_is_refused(tmp_path: Path) -> None:
    result = _run("worker", "--queues", "nonsense", home=tmp_path)
    assert result.returncode == 1
    assert "ingest" in result.stderr


def test_a_worker_does_not_start_on_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    result = _run("worker", home=tmp_path)
    assert result.returncode != 0
    assert "labelaudit migrate" in result.stderr
