"""`labelaudit audit PATH`: from a folder or an archive to the labels that are worth looking at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import Problem, shown
from core.settings import Settings
from labelaudit import embedded
from labelaudit.bars import Bars
from labelaudit.client import Client

say = Console(stderr=True, highlight=False)


def run(
    settings: Settings,
    path: Path,
    *,
    server: str | None,
    name: str | None,
    layout: str | None,
    top: int,
    spec: dict[str, Any],
) -> dict[str, Any]:
    """Upload, audit, and fetch what was found."""
    if not path.exists():
        raise Problem("no-such-path", f"There is no file and no folder {shown(str(path))}.")
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with embedded.or_running(settings, server) as url, Client(url, key) as service:
        with Bars(say) as bars:
            sending = bars.add("send")
            # A service of our own ends with us, and is somewhere else the next time.
            home = settings.home if server is not None else None
            sent = service.upload(path, name, layout, bars.sent(sending), _going_on, home)
            dataset = service.wait_for_dataset(sent["id"], bars.dataset(bars.add("check every image")))
            audit = service.start_audit(dataset["id"], **spec)
            audit = service.wait_for_audit(audit["id"], bars.audit(bars.add("train and watch every margin")))
        return {
            "dataset": dataset,
            "audit": audit,
            "summary": service.summary(audit["id"]),
            "suspects": list(service.suspects(audit["id"], limit=top)),
            "url": f"{url}/v1/audits/{audit['id']}/suspects",
            "kept": server is not None,
        }


def _going_on(sent: int, size: int) -> None:
    say.print(f"going on at {100 * sent // size} %")


def show(found: dict[str, Any], console: Console) -> None:
    """What was found, for people."""
    dataset, summary = found["dataset"], found["summary"]
    counts = dataset["counts"]
    console.print(
        f"{counts['accepted']} images in {dataset['class_count']} classes ({dataset['format']}, {dataset['layout']}); "
        f"{counts['rejected']} rejected, {counts['ignored']} ignored."
    )
    for warning in dataset["warnings"] or ():
        console.print(f"[yellow]{warning['code']}[/]: {escape(warning['detail'])}")
    if summary["degenerate"]:
        console.print(f"[red]{escape(summary['degenerate']['detail'])}[/]")
    rate = summary["noise_rate"]
    console.print(
        f"About {rate['estimate']:.1%} of the labels are wrong, between {rate['low']:.1%} and {rate['high']:.1%}."
    )
    expected = summary["expected"]
    if summary["flagged"]:
        console.print(
            f"{summary['flagged']} labels are worth looking at: {expected['precision']:.0%} of them are expected to be "
            f"wrong, which are {expected['recall']:.0%} of all wrong ones."
        )
    else:
        console.print("No label is worth looking at.")
    if found["suspects"]:
        console.print()
        console.print(_table(found["suspects"]))
    if found["kept"]:
        console.print(f"\nAll of them: {found['url']}", soft_wrap=True)


def _table(suspects: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("rank", justify="right")
    table.add_column("P(wrong)", justify="right")
    table.add_column("given → suggested", overflow="fold")
    table.add_column("verdict")
    table.add_column("path", overflow="fold")
    for row in suspects:
        labels = f"{shown(row['given_label'], 30)} → {shown(row['suggested_label'] or '–', 30)}"
        table.add_row(
            str(row["rank"]), f"{row['score']:.3f}", escape(labels), row["verdict"], escape(shown(row["path"]))
        )
    return table
