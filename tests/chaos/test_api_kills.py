"""The API is killed just after something it did became durable: a client that asks again gets it once."""

from __future__ import annotations

import random
import signal
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from core.settings import Settings
from core.store import datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Upload
from core.store.uploads import UploadReader
from labelaudit import client as ours
from labelaudit.client import Client
from tests.unit.store import make
from tests.worker.service import Service, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.fault("F13")]
Note = Callable[[str, object], None]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    home = tmp_path / "home"
    home.mkdir()
    yield (service := Service(home, apart=True, environment={"LABELAUDIT_PART_BYTES": str(1 << 18)}))
    service.stop()


class Killed:
    """A service that dies at a failpoint and is started again as soon as it is dead."""

    def __init__(self, service: Service, point: str) -> None:
        service.environment["LABELAUDIT_FAILPOINTS"] = point
        service.start_api()
        self._service, self.status = service, 0
        self._thread = threading.Thread(target=self._again)
        self._thread.start()

    def _again(self) -> None:
        assert self._service.api is not None
        self.status = self._service.api.wait()
        del self._service.environment["LABELAUDIT_FAILPOINTS"]
        self._service.start_api()

    def was_killed(self) -> None:
        self._thread.join(60)
        assert self.status == -signal.SIGKILL


def listed(client: Client, route: str) -> list[dict[str, str]]:
    return list(client._json("GET", route)["data"])


@pytest.mark.parametrize("point", ["upload.part:2", "upload.counted:2", "dataset.created:1"])
def test_an_upload_arrives_once_and_whole(
    service: Service, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Note
) -> None:
    record_property("failpoint", point)
    monkeypatch.setattr(ours, "SMALL", 0)
    (tmp_path / "notes.bin").write_bytes(random.Random(point).randbytes(2 << 20))
    with tarfile.open(tmp_path / "notes.tar", "w") as tar:
        tar.add(tmp_path / "notes.bin", "notes.bin")
    killed = Killed(service, point)
    with service.client as client:
        sent = client.upload(tmp_path / "notes.tar")
        killed.was_killed()
        assert [row["id"] for row in listed(client, "/v1/datasets")] == [sent["id"]]
    with closing(Database(f"sqlite:///{service.home / 'labelaudit.db'}")) as db, db.read() as session:
        upload = session.query(Upload).one()
        reader = UploadReader(session, Blobs(Settings(home=service.home)), upload.pk)
    assert reader.read(0, reader.size) == (tmp_path / "notes.tar").read_bytes()


def ready(service: Service) -> str:
    """A dataset that audits may be started on."""
    with closing(Database(f"sqlite:///{service.home / 'labelaudit.db'}")) as db, db.write() as session:
        dataset, job = make.dataset(session)
        claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        facts = {"samples": {"": 100}, "classes": 2, "median_side": 8, "grey": True}
        datasets.store(session, dataset.pk, make.FOUND | {"classes": ["a", "b"], "facts": facts}, (), ())
        jobs.finish(session, claim, {})
        return dataset.id


def test_an_audit_is_begun_once(service: Service, record_property: Note) -> None:
    record_property("failpoint", "audit.submitted:1")
    killed = Killed(service, "audit.submitted:1")
    with service.client as client:
        begun = client.start_audit(ready(service))
        killed.was_killed()
        assert [row["id"] for row in listed(client, "/v1/audits")] == [begun["id"]]


def test_a_removed_dataset_is_gone(service: Service, record_property: Note) -> None:
    record_property("failpoint", "dataset.removed:1")
    killed = Killed(service, "dataset.removed:1")
    id = ready(service)
    with service.client as client:
        with pytest.raises(httpx2.TransportError):
            client._http.delete(f"/v1/datasets/{id}")
        killed.was_killed()
        eventually(service.ready, "the API is back")
        assert listed(client, "/v1/datasets") == []
        assert client._http.delete(f"/v1/datasets/{id}").status_code == 404
