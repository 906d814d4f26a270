"""An import over REST with real processes, one of which is killed while it fetches."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import Problem
from tests.worker.digits import plant_few
from tests.worker.service import Service, eventually

MUCH = 40 << 20  # bytes beside the images, so that a fetch takes long enough to be caught


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "open" / "few"
    folder.mkdir(parents=True)
    shutil.unpack_archive(plant_few(tmp_path / "few.zip", samples=60).archive, folder)
    (folder / "few" / "notes.txt").write_bytes(bytes(MUCH))
    (tmp_path / "home").mkdir()
    more = {"LABELAUDIT_IMPORT_FROM": str(tmp_path / "open"), "LABELAUDIT_PART_BYTES": str(1 << 16)}
    service = Service(tmp_path / "home", apart=False, environment=more)
    service.start()
    try:
        yield service
    finally:
        service.stop()


def _parts(service: Service) -> dict[str, int]:
    """The parts that are stored, and when each was written."""
    found = {}
    for part in (service.home / "blobs" / "uploads").glob("*/*"):
        with contextlib.suppress(FileNotFoundError):  # it is renamed when it is whole, and swept when it was read
            if not part.name.endswith("#1"):
                found[str(part)] = part.stat().st_mtime_ns
    return found


def test_a_folder_is_imported_over_rest_and_a_killed_fetch_goes_on(service: Service, tmp_path: Path) -> None:
    client, source = service.client, f"{tmp_path}/open/few"
    id = client.import_dataset(source, "few", "folders")["id"]
    eventually(lambda: len(_parts(service)) > 40, "some parts are stored")
    assert _progress(client.dataset(id))["phase"] == "fetching"
    assert service.kill("worker.run") == 1
    before = _parts(service)
    assert client.dataset(id)["sha256"] is None
    now: dict[str, int] = {}

    def has_gone_on() -> bool:
        now.clear()
        now.update(_parts(service))
        return len(now) > len(before) + 5

    eventually(has_gone_on, "the fetch goes on")
    kept = [part for part in sorted(before)[:-1] if now.get(part) == before[part]]
    assert kept == sorted(before)[:-1]  # the last one may have been on its way
    assert len({Path(part).parent for part in now}) == 1

    killed = client.wait_for_dataset(id)
    assert killed["counts"] == {"seen": 63, "accepted": 60, "rejected": 1, "ignored": 2}
    assert (killed["name"], killed["format"], killed["layout"]) == ("few", "tar", "folders")
    undisturbed = client.wait_for_dataset(client.import_dataset(source)["id"])
    assert undisturbed["name"] == "untitled"
    assert [killed[field] for field in ("size", "sha256")] == [undisturbed[field] for field in ("size", "sha256")]
    eventually(lambda: not _parts(service), "the uploads are swept")

    with pytest.raises(Problem) as caught:
        client.import_dataset("/etc")
    assert caught.value.code == "import-not-allowed"
    with pytest.raises(Problem) as caught:
        client.wait_for_dataset(client.import_dataset(f"{source}/gone")["id"])
    assert caught.value.code == "source-missing"


def _progress(dataset: dict[str, Any]) -> dict[str, Any]:
    return dataset["progress"] or {}
