"""`labelaudit export AUDIT FORMAT OUT`: what an audit found, or the model it trained, as files of one's own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, get_args

from core.errors import Problem, shown
from core.ids import is_id
from core.settings import Settings
from labelaudit import embedded
from labelaudit.client import Client, Json

Format = Literal["csv", "jsonl", "parquet", "model"]
FORMATS: tuple[Format, ...] = get_args(Format)


def run(settings: Settings, audit_id: str, format: str, out: Path, *, server: str | None) -> list[Path]:
    """Write the files and return them; each appears whole or not at all."""
    if format not in FORMATS:
        raise Problem("unknown-format", f"The formats are {', '.join(FORMATS)}.")
    if not is_id(audit_id):
        raise Problem("not-found", f"{shown(audit_id)} is not the id of an audit; `labelaudit audit` prints it.")
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with embedded.or_running(settings, server) as url, Client(url, key) as service:
        audit = service.audit(audit_id)
        if audit["status"] != "succeeded":
            raise Problem("audit-not-finished", f"This audit has no result: its status is {audit['status']}.")
        if format == "model":
            return _model(service, audit, out)
        name = f"scores.{format}"
        return [_file(service, audit, name, f"/v1/audits/{audit_id}/{name}", out)]


def _model(service: Client, audit: Json, out: Path) -> list[Path]:
    """The files of the model, in a folder."""
    if out.exists() and not out.is_dir():
        raise Problem("not-a-folder", f"{shown(str(out))} is a file; name a folder for the files of the model.")
    names = [name for name in audit["files"] if not name.startswith("scores.")]
    return [_file(service, audit, name, f"/v1/audits/{audit['id']}/model/{name}", out / name) for name in names]


def _file(service: Client, audit: Json, name: str, address: str, out: Path) -> Path:
    if out.is_dir():
        raise Problem("is-a-folder", f"{shown(str(out))} is a folder; name the file to write.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f".{out.name}.part")
        service.download(address, part)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != audit["files"][name]["sha256"]:
            part.unlink()
            raise Problem("download-corrupt", f"{name} did not arrive as it was stored; try again.", ours=True)
        part.replace(out)
    except OSError as error:
        raise Problem("cannot-write", f"{shown(str(out))} cannot be written: {error.strerror}.") from error
    return out
