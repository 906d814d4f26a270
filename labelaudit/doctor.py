"""`labelaudit doctor`: says in plain words what is configured, what answers, and what is wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.datasets.sandbox import confinement
from core.errors import Problem
from core.settings import Settings
from core.store import migrate
from core.store.blobs import Blobs
from core.store.db import Database
from worker.app import build

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    about: str
    good: bool
    words: str


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, each as soon as it is known."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("version", _version),
        ("settings", _settings),
        ("access", _access),
        ("home", _home),
        ("database", _database),
        ("broker", _broker),
        ("blobs", _blobs),
        ("use", _use),
        ("sandbox", _sandbox),
        ("device", _device),
    ]
    for about, check in checks:
        try:
            yield Finding(about, True, check(settings))
        except Problem as problem:
            yield Finding(about, False, problem.detail)
        except Exception as error:  # a doctor must not die of what it looks at
            yield Finding(about, False, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def _version(_: Settings) -> str:
    import core

    if not Path(core.__file__).is_relative_to(REPOSITORY):
        raise Problem("shadowed", "Another package named `core` shadows labelaudit's; use its own virtual environment.")
    from importlib.metadata import version

    return f"labelaudit {version('labelaudit')} on Python {sys.version.split()[0]}"


def _settings(_: Settings) -> str:
    known = {f"LABELAUDIT_{name.upper()}" for name in Settings.model_fields}
    given = sorted(name for name in os.environ if name.startswith("LABELAUDIT_"))
    if unknown := [name for name in given if name not in known]:
        raise Problem("unknown-setting", f"There is no setting {', '.join(unknown)}; docs/settings.md lists them all.")
    return f"from the environment: {', '.join(given)}" if given else "all at their defaults"


def _access(settings: Settings) -> str:
    settings.refuse_if_open()
    who = "whoever shows the key" if settings.api_key else "everybody on this machine, without a key"
    return f"{settings.host}:{settings.port}, for {who}"


def _home(settings: Settings) -> str:
    place = settings.home
    while not place.exists():
        place = place.parent
    disk = shutil.disk_usage(place)
    full = f"{disk.free / 2**30:.1f} GiB free of {disk.total / 2**30:.0f} ({disk.used / disk.total:.0%} full)"
    words = f"{settings.home}, {full}"
    if disk.free < settings.min_free_bytes:
        raise Problem("disk-full", f"{words}: uploads are refused until there is more room")
    if not os.access(place, os.W_OK):
        raise Problem("home-unusable", f"{words}: this user may not write there")
    return words


def _database(settings: Settings) -> str:
    db = Database(settings.database)
    kind = "SQLite" if db.is_sqlite else "PostgreSQL"
    try:
        if db.is_sqlite and not Path(str(db.url.database)).exists():
            return "SQLite, not made yet: the first `labelaudit serve` makes it"
        db.ping()
        migrate.check(db)
        return f"{kind} answers, at the newest revision ({migrate.newest()})"
    finally:
        db.close()


def _broker(settings: Settings) -> str:
    if settings.broker.startswith("filesystem://"):
        return f"files under {settings.home / 'broker'}"
    with build(settings).connection_for_write(connect_timeout=3) as connection:
        connection.ensure_connection(max_retries=0)
        return f"{connection.transport.driver_type} answers"


def _blobs(settings: Settings) -> str:
    if not settings.blobs.startswith("s3://") and not Path(settings.blobs).exists():
        return f"{settings.blobs}, not made yet"
    blobs = Blobs(settings)
    blobs.ping()
    return f"{blobs.where} answers"


def _use(settings: Settings) -> str:
    if settings.blobs.startswith("s3://"):
        kinds = {}
    else:
        kinds = {kind: Path(settings.blobs) / kind for kind in ("uploads", "datasets", "audits", "exports")}
    kinds["cache"] = settings.home / "cache"
    used = {kind: _bytes_below(folder) for kind, folder in kinds.items()}
    words = ", ".join(f"{kind} {_readable(count)}" for kind, count in used.items())
    return f"{words} of at most {_readable(settings.cache_bytes)}"


def _bytes_below(folder: Path) -> int:
    """The size of the files in a folder, some of which may go while it is looked through."""
    count = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                count += Path(where, name).stat().st_size
    return count


def _readable(count: int) -> str:
    power = min(4, max(0, len(str(count)) - 1) // 3)
    scaled = f"{count / 1000**power:.1f}".removesuffix(".0")
    return f"{scaled} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def _sandbox(_: Settings) -> str:
    return f"untrusted bytes are parsed under {confinement()}"


def _device(settings: Settings) -> str:
    # torch takes seconds and much memory to import, and may touch a GPU: another process looks.
    code = (
        "import torch; gpu = torch.cuda.is_available(); "
        "where = torch.cuda.get_device_name(0) if gpu else f'CPU, {torch.get_num_threads()} threads'; "
        "print(where, '| torch', torch.__version__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    if found.returncode:
        raise Problem("torch-broken", f"torch cannot be used: {found.stderr.strip().splitlines()[-1]}")
    seen = found.stdout.strip()
    if settings.device.startswith("cuda") and seen.startswith("CPU"):
        raise Problem("device-unavailable", f"LABELAUDIT_DEVICE is {settings.device}, but torch sees only: {seen}")
    return f"training will run on: {'CPU, as set' if settings.device == 'cpu' else seen}"
