"""What users type."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from core import settings as core_settings
from core.errors import Problem
from core.settings import Settings

EX_CONFIG = 78
app = typer.Typer(
    name="labelaudit",
    help="Find the wrong labels in an image dataset.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
say = Console(stderr=True, highlight=False)


def main() -> None:
    """Run a command; a problem is one clear line."""
    try:
        app()
    except Problem as problem:
        say.print(f"[bold red]labelaudit:[/] {escape(problem.detail)}", soft_wrap=True)
        if problem.code in ("api-key-required", "invalid-setting"):
            sys.exit(EX_CONFIG)
        sys.exit(2 if problem.extra.get("ours") else 1)  # 1: the data or the request is at fault, 2: we are


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 lets the system choose.")] = None,
    workers: Annotated[bool, typer.Option(help="Also start a worker for each queue.")] = True,
) -> None:
    """Run the service: the API, and its workers beside it."""
    settings = core_settings.load(host=host, port=port)
    settings.refuse_if_open()
    from labelaudit import serve as serving

    raise typer.Exit(serving.serve(settings, workers=workers))


@app.command()
def worker(
    queues: Annotated[str, typer.Option(help="Queues to serve, comma-separated.")] = "ingest,audits",
) -> None:
    """Run a worker alone, for a service on other machines."""
    known = {"ingest", "audits"}
    if not set(queues.split(",")) <= known:
        raise Problem("unknown-queue", f"The queues are {', '.join(sorted(known))}.")
    import os

    core_settings.load()
    os.execv(sys.executable, [sys.executable, "-m", "worker.main", "--queues", queues])  # noqa: S606  our own program


@app.command()
def migrate(
    down: Annotated[str | None, typer.Option(help="Go back to this revision instead, e.g. -1.")] = None,
) -> None:
    """Bring the database to the newest revision. A SQLite file is copied first."""
    from core.store import migrate as migration
    from core.store.db import Database

    settings = core_settings.load()
    db = Database(settings.database)
    before = migration.current(db)
    copy = migration.downgrade(db, down) if down else migration.upgrade(db)
    after = migration.current(db)
    if copy:
        say.print(f"Copied the database to {escape(str(copy))} first.", soft_wrap=True)
    say.print(f"The database is at revision {after}." if before == after else f"Revision {before} → {after}.")


@app.command()
def doctor() -> None:
    """Say what is configured, what answers, how full the disk is, and which device will be used."""
    from labelaudit.doctor import examine

    ill = 0
    with say.status("looking …"):
        for finding in examine(core_settings.load()):
            ill += not finding.good
            mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
            Console(highlight=False).print(
                f"{mark} [bold]{finding.about:<9}[/] {escape(finding.words)}", soft_wrap=True
            )
    if ill:
        raise typer.Exit(1)


@app.command()
def audit(
    path: Annotated[Path, typer.Argument(help="A folder of images, or an archive of them.")],
    server: Annotated[str | None, typer.Option(help="Address of a running service; else one runs meanwhile.")] = None,
    name: Annotated[str | None, typer.Option(help="What the dataset is called.")] = None,
    layout: Annotated[str | None, typer.Option(help="What the archive is laid out as, if not recognised.")] = None,
    recipe: Annotated[str, typer.Option(help="auto, fast, thorough or paper.")] = "auto",
    budget: Annotated[int | None, typer.Option(help="Seconds that the audit may take.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn by lot.")] = None,
    top: Annotated[int, typer.Option(help="How many suspects are shown.", min=0, max=10_000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Audit a folder or an archive, and show the labels that are worth looking at."""
    from labelaudit import audit as auditing

    asked = {"recipe": recipe, "budget_s": budget, "seed": seed}
    spec = {key: value for key, value in asked.items() if value is not None}
    settings = core_settings.load()
    found = auditing.run(settings, path, server=server, name=name, layout=layout, top=top, spec=spec)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        auditing.show(found, Console(highlight=False))


@app.command()
def export(
    audit: Annotated[str, typer.Argument(help="Id of a finished audit.")],
    format: Annotated[
        str,
        typer.Argument(
            help="Scores: csv, jsonl, parquet, cleanlab. The dataset with the decisions applied: imagefolder, "
            "webdataset, huggingface, coco, fiftyone. For others: label-studio, cvat, html. The trained network: model."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="File to write; for a model a folder.")],
    split: Annotated[list[str] | None, typer.Option(help="Only this split; may be given several times.")] = None,
    change_held_out: Annotated[
        int | None, typer.Option(help="Change labels of val and test too: so many, which is what you have seen.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="Address of a running service; else one runs meanwhile.")] = None,
) -> None:
    """Write what an audit found and people decided, or the model it trained, to files."""
    from labelaudit import export as exporting

    settings = core_settings.load()
    asked: dict[str, Any] = {"server": server, "splits": split, "change_held_out": change_held_out}
    paths, counts = exporting.run(settings, audit, format, out, **asked)
    if counts is not None:
        exporting.show_counts(counts, say)
    for path in paths:
        say.print(f"Wrote {escape(str(path))} ({path.stat().st_size:,} bytes).", soft_wrap=True)


@app.command()
def version(
    dataset: Annotated[str, typer.Argument(help="Id of a dataset with decisions on its labels.")],
    name: Annotated[str | None, typer.Option(help="What the version is called; by default like the dataset.")] = None,
    change_held_out: Annotated[
        int | None, typer.Option(help="Change labels of val and test too: so many, which is what you have seen.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be in it.")] = False,
    server: Annotated[str | None, typer.Option(help="Address of a running service; else one runs meanwhile.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Make a new version of a dataset, with the labels as people decided."""
    from labelaudit import export as exporting

    asked: dict[str, Any] = {"server": server, "name": name, "change_held_out": change_held_out, "dry_run": dry_run}
    made = exporting.version(core_settings.load(), dataset, **asked)
    if as_json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        exporting.show_version(made, Console(highlight=False))


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Folder for what the demo writes.")] = None,
) -> None:
    """Audit a small dataset with planted wrong labels through the real service, and show what was found."""
    say.print("[bold]labelaudit demo[/]: 1,797 digits, 8 % of them with a wrong label on purpose")
    from labelaudit import demo as demonstration

    outcome = demonstration.run(_demo_settings(keep), interactive=sys.stdout.isatty() and not as_json)
    if as_json:
        print(json.dumps(outcome, indent=2, ensure_ascii=False))
    if outcome["found_share"] < demonstration.GOOD:
        raise typer.Exit(1)


def _demo_settings(keep: Path | None) -> Settings:
    """The embedded service, whatever the environment says of databases and brokers, in a folder of its own."""
    return core_settings.load(
        home=keep or core_settings.load().home / "demo",
        host="127.0.0.1",
        port=0,
        database_url="",
        broker_url="",
        blobs_url="",
    )
