"""Disks that fill up or fail: what was acknowledged stays, what was begun goes on, and nothing harmed counts."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select, update

from core.store import jobs
from core.store.db import Database
from core.store.tables import Dataset, Job
from tests.chaos.conftest import Place, Places
from tests.unit.store import make
from tests.worker.digits import uploaded
from tests.worker.service import Service, eventually

chaos = pytest.mark.chaos
Note = Callable[[str, object], None]
TUS = {"Tus-Resumable": "1.0.0"}


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A small disk of its own."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"this system lets nobody mount a disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def filled(folder: Path, but: int = 0) -> Iterator[None]:
    """Leave so many bytes on a disk, until the end of the block."""
    free = shutil.disk_usage(folder).free
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - but))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "small", 8 << 20) as folder:
        yield folder


@pytest.fixture
def place(small: Path, sqlite_url: str, places: Places) -> Iterator[Place]:
    """A place whose blobs lie on the small disk."""
    with (
        closing(Database(sqlite_url)) as db,
        places(sqlite_url, db, LABELAUDIT_BLOBS_URL=str(small / "blobs")) as place,
    ):
        yield place


@pytest.mark.fault("F6")
@pytest.mark.parametrize(
    "point", ["checkpoint.remembered:2", pytest.param("epoch.written:5", marks=chaos), pytest.param("", marks=chaos)]
)
def test_an_audit_waits_for_room_and_loses_nothing(place: Place, dataset_id: str, small: Path, point: str) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    blobs = small / "blobs"

    def files() -> dict[Path, str]:
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in blobs.rglob("*") if file.is_file()}

    if point:
        audit = place.start("run", id, fail=f"{point}:STOP")
        audit.stopped()
        with filled(small):
            before = files()
            audit.go_on()
            eventually(lambda: "waiting" in place.kinds(id), "the audit waits")
            progress = place.job(id).progress or {}
            assert (place.job(id).state, progress["waiting"]) == ("running", "insufficient-storage")
            assert files() == before, "nothing half-written is left, and what was there is as it was"
    else:  # room for some of the result's files, and not for all
        with filled(small, but=1 << 16):
            audit = place.start("run", id)
            eventually(lambda: "waiting" in place.kinds(id), "the audit waits")
    assert audit.wait() == 0
    assert place.kinds(id).count("went-on") == place.kinds(id).count("waiting") >= 1
    assert (place.job(id).attempt, (place.job(id).progress or {})["waiting"]) == (1, None)
    place.check(id)
    assert place.outcome(id) == expected
    place.nothing_left(id)


@chaos
@pytest.mark.fault("F6")
def test_an_audit_that_waits_for_room_can_be_cancelled(place: Place, dataset_id: str, small: Path) -> None:
    id = place.audit(dataset_id)
    audit = place.start("run", id, fail="checkpoint.remembered:1:STOP")
    audit.stopped()
    with filled(small):
        audit.go_on()
        eventually(lambda: "waiting" in place.kinds(id), "the audit waits")
        with place.db.write() as session:
            jobs.cancel(session, id)
        assert audit.wait() == 0
    assert place.job(id).state == "cancelled"


@chaos
@pytest.mark.fault("F6")
def test_a_dataset_waits_for_room_too(place: Place, archive: bytes, small: Path) -> None:
    (first, undisturbed), (second, job) = (uploaded(place.db, place.blobs, archive) for _ in range(2))
    with place.db.write() as session:
        session.execute(update(Dataset).values(sha256=Dataset.id))  # no twins: each is read by itself
    assert place.do("run", undisturbed) == 0
    with filled(small, but=1 << 14):
        ingest = place.start("run", job)
        eventually(lambda: "waiting" in place.kinds(job), "the ingest waits")
    assert ingest.wait() == 0
    place.check(job)

    def shards(id: str) -> dict[str, str]:
        keys = place.blobs.names(f"datasets/{id}")
        return {key.partition(id)[2]: hashlib.sha256(place.blobs.get(key)).hexdigest() for key in keys}

    assert shards(second) == shards(first)


@chaos
@pytest.mark.fault("F24")
@pytest.mark.parametrize("nth", [3, 9])
def test_a_disk_that_fails_a_flush_acknowledges_nothing(
    place: Place, dataset_id: str, nth: int, tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("without strace no system call can be made to fail")
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    trace = tmp_path / "trace"
    inject = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=fsync", "-e", f"inject=fsync:error=EIO:when={nth}"]
    around = {**os.environ, **place.env}
    hurt = subprocess.run([*inject, sys.executable, "-m", "worker.run", id], env=around, capture_output=True, text=True)
    if "ptrace" in hurt.stderr.lower():
        pytest.skip("this system lets nobody watch another's system calls")
    assert "INJECTED" in trace.read_text() and hurt.returncode != 0
    for saved in place.job(id).checkpoints or []:
        place.blobs.get(saved["key"], saved["sha256"])
    assert place.taken_back(id) == "queued"
    assert place.do("run", id) == 0
    assert place.job(id).attempt == 2
    place.check(id)
    assert place.outcome(id) == expected
    place.nothing_left(id)


@pytest.fixture
def api(tmp_path: Path, small: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """A service without workers, on the small disk: with its blobs, or with all that it has."""
    home = small / "home" if request.param == "all" else tmp_path / "home"
    home.mkdir(mode=0o700)
    service = Service(home, apart=True, environment={"LABELAUDIT_PART_BYTES": str(1 << 18)})
    if request.param == "blobs":
        service.environment["LABELAUDIT_BLOBS_URL"] = str(small / "blobs")
    service.start_api()
    try:
        yield service
    finally:
        service.stop()


@chaos
@pytest.mark.fault("F5")
@pytest.mark.parametrize("api", ["blobs"], indirect=True)
def test_an_upload_that_finds_the_disk_full_goes_on_when_there_is_room(
    api: Service, small: Path, record_property: Note
) -> None:
    content = random.Random(5).randbytes(5 << 20)
    with httpx2.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=60) as http:
        made = http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(content))})
        where = str(made.headers["location"])

        def send(at: int) -> httpx2.Response:
            headers = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
            return http.patch(where, content=content[at:], headers=headers)

        def stands_at() -> int:
            return int(http.head(where, headers=TUS).headers["upload-offset"])

        with filled(small, but=3 << 20):
            refused = send(0)
            assert (refused.status_code, refused.json()["code"]) == (507, "insufficient-storage")
            kept = stands_at()
            assert 0 < kept < len(content)
            assert send(kept).status_code == 507
            assert stands_at() >= kept, "what was acknowledged stays"
            kept = stands_at()
        assert send(kept).status_code == 204
        assert stands_at() == len(content)
    [upload] = (small / "blobs" / "uploads").iterdir()
    assert b"".join(part.read_bytes() for part in sorted(upload.iterdir())) == content


@chaos
@pytest.mark.fault("F7")
@pytest.mark.parametrize("api", ["all"], indirect=True)
def test_a_full_disk_under_the_database_leaves_it_readable_and_whole(api: Service, small: Path) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=60) as http:
        hooked: list[str] = []
        answers: list[int] = []

        def hook() -> int:
            answer = http.post("/v1/webhooks", json={"url": f"https://example.org/{random.random()}"})
            if answer.status_code == 202:
                hooked.append(answer.json()["id"])
            answers.append(answer.status_code)
            return answer.status_code

        assert hook() == 202
        with filled(small, but=1 << 16):
            eventually(lambda: hook() != 202, "the database finds no room")
            assert answers[-1] == 503
            listed = http.get("/v1/webhooks?limit=1000")
            assert listed.status_code == 200 and {row["id"] for row in listed.json()["data"]} == set(hooked)
            assert http.get("/healthz").status_code == 200
        assert hook() == 202
        listed = http.get("/v1/webhooks?limit=1000").json()["data"]
        assert sorted(row["id"] for row in listed) == sorted(hooked)
    api.stop()
    with closing(sqlite3.connect(small / "home" / "labelaudit.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


WRITER = """
import sys, time
from core.store import jobs
from core.store.db import Database
db, dataset_pk = Database(sys.argv[1]), int(sys.argv[2])
while True:
    with db.write() as session:
        job = jobs.submit(session, "audit", dataset_pk, {})
        claim = jobs.claim(session, job.id, "writer", 60.0)
    for _ in range(3):
        with db.write() as session:
            jobs.beat(session, claim, 60.0)
    with db.write() as session:
        jobs.finish(session, claim, {"by": sys.argv[3]})
    print(job.id, flush=True)
"""


@chaos
@pytest.mark.fault("F31")
def test_many_writers_of_one_sqlite_file_of_whom_some_are_killed(sqlite_url: str, tmp_path: Path) -> None:
    db = Database(sqlite_url)
    with db.write() as session:
        dataset_pk = make.dataset(session)[0].pk
    dice, said, alive = random.Random(31), [], []

    def start() -> tuple[subprocess.Popen[bytes], Path]:
        out = tmp_path / f"writer-{len(said)}"
        said.append(out)
        with out.open("wb") as file:
            words = [sys.executable, "-c", WRITER, sqlite_url, str(dataset_pk), str(len(said))]
            return subprocess.Popen(words, stdout=file, stderr=file), out

    kills = 0
    try:
        alive += [start() for _ in range(8)]
        eventually(lambda: all(out.stat().st_size for _, out in alive), "all of them write")
        for _ in range(12):
            time.sleep(dice.uniform(0.05, 0.3))
            hit = dice.randrange(len(alive))
            writer, out = alive[hit]
            assert writer.poll() is None, out.read_text()
            writer.kill()
            kills += writer.wait() == -signal.SIGKILL
            alive[hit] = start()
        eventually(lambda: all(out.stat().st_size for _, out in alive), "the new ones write too")
    finally:
        for writer, _ in alive:
            writer.kill()
            writer.wait()
    told = "".join(file.read_text() for file in said)
    assert kills == 12 and "Traceback" not in told
    acknowledged = {line for line in told.split() if len(line) == 36}
    with db.read() as session:
        ended = set(session.execute(select(Job.id).where(Job.state == "succeeded")).scalars())
        broken = session.connection().exec_driver_sql("PRAGMA integrity_check").fetchall()
    db.close()
    assert acknowledged <= ended and len(acknowledged) >= 20
    assert [tuple(row) for row in broken] == [("ok",)]
