"""Uploads against processes that are killed: the service's, while it writes, and the client's, while it sends."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.store.db import Database
from core.store.tables import Upload, UploadPart
from labelaudit import client as ours
from labelaudit import sending
from tests.lines import Line
from tests.worker.service import Service, eventually

PART = 1 << 18


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """The API in a process of its own, without workers."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"LABELAUDIT_PART_BYTES": str(PART), "LABELAUDIT_UPLOAD_IDLE_S": "1"}
    if request.param == "postgresql":
        environment["LABELAUDIT_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    service = Service(home, apart=True, environment=environment)
    service.start_api()
    yield service
    service.stop()


def pictures(file: Path, size: int) -> Path:
    """An archive of about this size."""
    rest = file.with_suffix(".bin")
    rest.write_bytes(random.Random(size).randbytes(size))
    with tarfile.open(file, "w") as tar:
        tar.add(rest, "notes.bin")
    rest.unlink()
    return file


@pytest.mark.fault("F12")
def test_the_service_may_be_killed_at_any_byte(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "SMALL", 0)
    monkeypatch.setattr(sending, "LONGEST_PAUSE_S", 0.5)
    monkeypatch.setattr("labelaudit.sources.CHUNK", 50_000)
    file = pictures(tmp_path / "pictures.tar", 12 << 20)
    size = file.stat().st_size
    points = sorted(random.sample(range(size), 3))
    left = list(points)

    def kill(sent: int, _: int) -> None:
        if left and sent >= left[0]:
            left.pop(0)
            assert service.api is not None
            service.api.kill()
            service.api.wait()
            service.start_api()

    with service.client as client:
        dataset = client.upload(file, watch=kill)
        assert (left, dataset["sha256"]) == ([], hashlib.sha256(file.read_bytes()).hexdigest()), points
    url = service.environment.get("LABELAUDIT_DATABASE_URL", f"sqlite:///{service.home}/labelaudit.db")
    with closing(Database(url)) as db, db.read() as session:
        parts = session.query(UploadPart).order_by(UploadPart.offset).all()
        (upload,) = session.query(Upload).all()
    assert [part.offset for part in parts] == [sum(part.size for part in parts[:k]) for k in range(len(parts))], points
    assert upload.size == size, points
    written = b"".join(
        next((service.home / "blobs" / "uploads" / upload.id).glob(f"{part.offset:016d}*.{part.turn}")).read_bytes()
        for part in parts
    )
    assert written == file.read_bytes(), points


def test_the_command_goes_on_after_it_was_killed(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    pictures(folder / "notes.tar", 20 << 20)
    home = tmp_path / "mine"

    def start(line: Line) -> subprocess.Popen[str]:
        around = {name: value for name, value in os.environ.items() if not name.startswith(("LABELAUDIT_", "COV"))}
        command = [sys.executable, "-m", "labelaudit", "audit", str(folder), "--server", line.url]
        environment = {**around, "LABELAUDIT_HOME": str(home)}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    with service.client as client:
        with closing(Line(f"http://127.0.0.1:{service.port}", [13 << 20], silent=True)) as line:
            first = start(line)
            eventually(lambda: line.cuts, "the line is silent")
            first.kill()
            first.communicate()
        with closing(Line(f"http://127.0.0.1:{service.port}", [], port=line.port)) as line:
            second = start(line)
            eventually(lambda: client._json("GET", "/v1/datasets")["data"], "there is a dataset")
            assert second.stderr is not None
            assert second.stderr.readline() == "going on at 64 %\n"
            eventually(lambda: not list((home / "sending").iterdir()), "nothing is left to go on with")
            second.kill()  # no worker is here to read it
            second.communicate()
        (dataset,) = client._json("GET", "/v1/datasets")["data"]
    from labelaudit.sources import Folder

    source = Folder(folder)
    assert dataset["sha256"] == hashlib.sha256(b"".join(source.chunks(0, source.size))).hexdigest()
