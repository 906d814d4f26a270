"""A service and a worker in a house of their own, with things around it that must stay as they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.store.sweep import sweep
from tests.api.conftest import Service, check_problem
from tests.hostile.case import GOOD, zip_of
from tests.hostile.zips import MARK

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # a guard against a reader that never ends, not a measurement
SANDBOX_BYTES = 256 << 20
MOST_BYTES = 640 << 20  # of a child: what it has before it is confined, and what it may have then
KEPT = re.compile(
    r"labelaudit\.db(-wal|-shm|-journal)?|scratch|broker(/.*)?"
    r"|blobs(/(uploads|datasets)(/[0-9a-f-]{36}(/\d+|/manifest\.parquet|/shards(/\d{5}\.(tar|parquet))?)?)?)?"
)
LEAK = re.compile(r"Traceback|File \"|\.py\b|/tmp/pytest|/home/|/root/|/usr/|site-packages|SELECT |INSERT ")
LONGEST_ECHO = 120


@dataclass
class House:
    """A service, its worker, the folder in which both live, and what lies around them."""

    service: Service
    root: Path
    worker: subprocess.Popen[str] = field(init=False)

    @property
    def home(self) -> Path:
        return self.service.settings.home

    def __enter__(self) -> House:
        around = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
        settings = {"home": self.home, "database_url": self.service.settings.database_url, "log_format": "json"}
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.ingestor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.root / "worker.log").open("w"),
            text=True,
            cwd=self.root / "around" / "inner",
            env=around
            | {f"LABELAUDIT_{name.upper()}": str(value) for name, value in settings.items()}
            | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.root / "tmp")},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.worker.stdin is not None
        self.worker.stdin.close()
        self.worker.wait(PATIENCE_S)

    def upload(self, data: bytes) -> Any:
        return self.service.http.post("/v1/datasets", params={"name": "hostile"}, content=data)

    def ingest(self, dataset_id: str, **settings: Any) -> None:
        """Have the worker read an upload, within bounds of time and memory."""
        _, job = self.service.dataset(dataset_id)
        order = {
            "job": job.id,
            "settings": {"max_reject_fraction": 1.0, "sandbox_memory_bytes": SANDBOX_BYTES, **settings},
        }
        assert self.worker.stdin is not None and self.worker.stdout is not None
        late = threading.Timer(PATIENCE_S, self.worker.kill)
        late.start()
        try:
            self.worker.stdin.write(json.dumps(order) + "\n")
            self.worker.stdin.flush()
            answer = self.worker.stdout.readline()
        finally:
            late.cancel()
        assert answer, f"the worker ended or did not: {(self.root / 'worker.log').read_text()[-3000:]}"
        told = json.loads(answer)
        assert told["status"] == 0
        assert told["peak_bytes"] < MOST_BYTES

    def around(self) -> dict[str, float]:
        """Everything beside the home, and when it was changed; and whatever has the name of an escape."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if Path(folder, name) != self.home]
            for name in (*folders, *files):
                if name != "worker.log":
                    found[str(Path(folder, name))] = Path(folder, name).stat().st_mtime
        for folder in (Path("/"), Path("/tmp"), Path.home(), ROOT, *self.root.parents):
            found |= {str(path): 0.0 for path in folder.glob(f"*{MARK}*")}
        return found

    def names_are_ours(self) -> None:
        """No file in the home has a name that came with an upload."""
        for path in self.home.rglob("*"):
            name = str(path.relative_to(self.home))
            assert KEPT.fullmatch(name), name

    def emptied(self) -> None:
        """As if nothing had been uploaded yet, whatever a case that failed has left."""
        for dataset in self.service.http.get("/v1/datasets").json()["data"]:
            self.service.http.delete(f"/v1/datasets/{dataset['id']}", params={"force": True})
        self._swept()

    def nothing_is_left(self, dataset_id: str | None) -> None:
        """What was refused is gone after a sweep, and what was read goes when it is deleted."""
        self._swept()
        kept = list(self.service.blobs.names("datasets"))
        assert list(self.service.blobs.names("uploads")) == []
        if dataset_id is None:
            assert kept == []
        else:
            ready = self.service.http.get(f"/v1/datasets/{dataset_id}").json()["status"] == "ready"
            assert bool(kept) == ready
            assert self.service.http.delete(f"/v1/datasets/{dataset_id}").status_code == 204
            self._swept()
            assert list(self.service.blobs.names("datasets")) == []
        self.names_are_ours()

    def still_works(self) -> None:
        """The next good upload is taken, as if nothing had been."""
        response = self.upload(zip_of(GOOD))
        assert response.status_code == 202, response.text
        url = response.headers["location"]
        check_problem(self.service.http.post("/v1/audits", json={"dataset_id": url[-36:]}), 409, "dataset-not-ready")
        assert self.service.http.delete(url, params={"force": True}).status_code == 204

    def _swept(self) -> None:
        while sweep(self.service.db, self.service.blobs, 1e9):
            continue


def check_words(detail: str, data: bytes) -> None:
    """What a person is told is one line, says nothing of our machine, and echoes little of what was sent."""
    assert detail and detail.isprintable()
    assert not LEAK.search(detail), detail
    encoded = detail.encode()
    for at in range(len(encoded) - LONGEST_ECHO):
        assert encoded[at : at + LONGEST_ECHO + 1] not in data, detail
