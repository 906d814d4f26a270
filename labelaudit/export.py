"""`labelaudit export AUDIT FORMAT TO` and `labelaudit version DATASET`: what an audit found and people decided, as
files of one's own or as a new version of the dataset."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import Problem, shown
from core.ids import is_id
from core.settings import Settings
from core.spec import MODEL_FILES
from core.words import ExportFormat
from labelaudit import embedded
from labelaudit.bars import Bars
from labelaudit.client import Client, Json

FORMATS: tuple[str, ...] = (*get_args(ExportFormat), "model")
SHOWN = 10  # kinds of changes
say = Console(stderr=True, highlight=False)


def run(
    settings: Settings,
    audit_id: str,
    format: str,
    out: Path,
    *,
    server: str | None,
    splits: list[str] | None = None,
    change_held_out: int | None = None,
) -> tuple[list[Path], Json | None]:
    """Write the files and return them, with what the decisions made of the labels; each appears whole or not at all,
    and nothing of them stays in the service."""
    if format not in FORMATS:
        raise Problem("unknown-format", f"The formats are {', '.join(FORMATS)}.")
    _refuse_what_is_no_id(audit_id, "an audit", "`labelaudit audit` prints it")
    if format != "model" and out.is_dir():
        raise Problem("is-a-folder", f"{shown(str(out))} is a folder; name the file to write.")
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with embedded.or_running(settings, server) as url, Client(url, key) as service:
        audit = service.audit(audit_id)
        if audit["status"] != "succeeded":
            raise Problem("audit-not-finished", f"This audit has no result: its status is {audit['status']}.")
        if format == "model":
            return _model(service, audit, out), None
        asked = service.export(audit_id, format, splits or None, change_held_out)
        try:
            with Bars(say) as bars:
                done = service.wait_for_export(asked["id"], bars.job(bars.add(f"write {format}")))
            file = _file(service, f"/v1/exports/{done['id']}/file", done["file"]["sha256"], out)
        finally:
            with suppress(Problem):  # a service that is away keeps it: what happened before is worth more to tell
                service.remove_export(asked["id"])
        return [file], done["counts"]


def version(
    settings: Settings,
    dataset_id: str,
    *,
    server: str | None,
    name: str | None = None,
    change_held_out: int | None = None,
    dry_run: bool = False,
) -> Json:
    """Make a version and wait for it; what is in it, and how it differs from the one before."""
    _refuse_what_is_no_id(dataset_id, "a dataset", "`GET /v1/datasets` lists them")
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with embedded.or_running(settings, server) as url, Client(url, key) as service:
        plan = service.new_version(dataset_id, name, change_held_out, dry_run=True)
        if dry_run:
            return {"plan": plan, "dataset": None, "diff": None}
        with Bars(say) as bars:
            asked = service.new_version(dataset_id, name, change_held_out)
            dataset = service.wait_for_dataset(asked["id"], bars.dataset(bars.add("write the version")))
        diff = service.version_diff(
            dataset_id, dataset["id"], whole=False
        )  # how many of which kind is all that is shown
        return {"plan": plan, "dataset": dataset, "diff": diff}


def show_counts(counts: Json, console: Console) -> None:
    """What the decisions made of the labels, for people."""
    console.print(
        f"{_several(counts['samples'], 'sample')}; {_several(counts['relabelled'], 'label')} corrected, "
        f"{_several(counts['excluded'], 'sample')} taken out, {counts['unsure_kept']:,} kept though in doubt."
    )
    if untouched := counts["held_out_untouched"]:
        console.print(
            f"[yellow]Of val and test, {untouched:,} that would change stay as they are.[/] To change them too, say "
            f"[bold]--change-held-out {untouched}[/]."
        )


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def show_version(made: Json, console: Console) -> None:
    """The new version, for people."""
    show_counts(made["plan"]["counts"], console)
    dataset, diff = made["dataset"], made["diff"]
    if dataset is None:
        return
    console.print(f"Version {dataset['version']} is dataset [bold]{dataset['id']}[/].")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("before → after", overflow="fold")
    table.add_column("samples", justify="right")
    for move in diff["moves"][:SHOWN]:
        after = escape(shown(move["after"], 30)) if move["after"] is not None else "[dim]taken out[/]"
        table.add_row(f"{escape(shown(move['before'], 30))} → {after}", f"{move['count']:,}")
    console.print(table)
    if (more := len(diff["moves"]) - SHOWN) > 0:
        console.print(f"and {more} other kinds of changes")


def _refuse_what_is_no_id(text: str, what: str, where: str) -> None:
    if not is_id(text):
        raise Problem("not-found", f"{shown(text)} is not the id of {what}; {where}.")


def _model(service: Client, audit: Json, out: Path) -> list[Path]:
    """The files of the model, in a folder."""
    if out.exists() and not out.is_dir():
        raise Problem("not-a-folder", f"{shown(str(out))} is a file; name a folder for the files of the model.")
    files = {name: audit["files"][name]["sha256"] for name in MODEL_FILES}
    address = f"/v1/audits/{audit['id']}/model"
    return [_file(service, f"{address}/{name}", sha256, out / name) for name, sha256 in files.items()]


def _file(service: Client, address: str, sha256: str, out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f".{out.name}.part")
        service.download(address, part)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256:
            part.unlink()
            raise Problem("download-corrupt", f"{out.name} did not arrive as it was stored; try again.", ours=True)
        part.replace(out)
    except OSError as error:
        raise Problem("cannot-write", f"{shown(str(out))} cannot be written: {error.strerror}.") from error
    return out
