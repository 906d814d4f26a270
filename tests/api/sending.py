"""Resumable uploads, request by request, as a client sends them."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2
from sqlalchemy import update

from core.store.tables import Upload
from core.store.uploads import UploadReader
from tests.api.conftest import GUARD_S, PART, Service

VERSION = {"Tus-Resumable": "1.0.0"}
TYPE = "application/offset+octet-stream"
DATA = bytes(k * k % 251 for k in range(5 * PART + 100))


def create(service: Service, length: int = len(DATA), **more: str) -> str:
    response = service.http.post("/v1/uploads", headers={**VERSION, "Upload-Length": str(length), **more})
    assert response.status_code == 201, response.text
    return str(response.headers["location"])


def head(service: Service, url: str) -> httpx2.Response:
    return service.http.head(url, headers=VERSION)


def offset(service: Service, url: str) -> int:
    return int(head(service, url).headers["upload-offset"])


def patch(service: Service, url: str, at: int, content: Any, **more: str) -> httpx2.Response:
    headers = {**VERSION, "Upload-Offset": str(at), "Content-Type": TYPE, **more}
    return service.http.patch(url, content=content, headers=headers)


def use(service: Service, url: str, **more: Any) -> httpx2.Response:
    return service.http.post("/v1/datasets", json={"upload_id": url.rpartition("/")[2], **more})


def stored(service: Service, url: str) -> bytes:
    """What a worker would read."""
    upload = row(service, url)
    with service.db.read() as session:
        reader = UploadReader(session, service.blobs, upload.pk)
    return reader.read(0, reader.size)


def row(service: Service, url: str) -> Upload:
    from sqlalchemy import select

    with service.db.read() as session:
        return session.execute(select(Upload).where(Upload.id == url.rpartition("/")[2])).scalar_one()


def change(service: Service, url: str, **values: Any) -> None:
    with service.db.write() as session:
        session.execute(update(Upload).where(Upload.id == url.rpartition("/")[2]).values(**values))


def eventually(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + GUARD_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def wire(service: Service, url: str, at: int, length: int, content: bytes, **more: str) -> socket.socket:
    """A PATCH that says it has `length` bytes, and sends some."""
    host, port = service.url.removeprefix("http://").split(":")
    headers = {**VERSION, "Host": host, "Content-Type": TYPE, "Upload-Offset": str(at), "Content-Length": str(length)}
    line = socket.create_connection((host, int(port)), timeout=GUARD_S)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | more).items())
    line.sendall(f"PATCH {url} HTTP/1.1\r\n{lines}\r\n".encode() + content)
    return line


def objects(service: Service) -> list[str]:
    return list(service.blobs.names("uploads"))


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"
