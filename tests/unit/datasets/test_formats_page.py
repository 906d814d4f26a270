"""The examples of docs/formats.md become what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from dataset_makers import image, parsed, tar_of, zip_of

from core.datasets.parse import Event, LeftOut, Sample

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
BLOCK = re.compile(r"^```(archive|csv|jsonl|json|text|python) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^\| path \| label \| split \|\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)


def examples() -> dict[str, str]:
    """Each archive's name with the text up to the next one."""
    starts = [
        (found.group(2), found.start()) for found in BLOCK.finditer(PAGE) if found.group(1) in ("archive", "python")
    ]
    ends = [at for _, at in starts[1:]] + [len(PAGE)]
    return {name: PAGE[at:end] for (name, at), end in zip(starts, ends, strict=True)}


def told(event: Event) -> tuple[str, ...]:
    if isinstance(event, Sample):
        return event.path, event.label, event.split or "–"
    assert isinstance(event, LeftOut)
    return event.path, "–", f"{event.outcome}: {event.code}"


def archive(blocks: dict[tuple[str, str], str], name: str) -> bytes:
    files = blocks["archive", name].split()
    written = {file: content.encode() for (_, file), content in blocks.items() if file in files}
    members = {file: written.get(file, image(seed=n)) for n, file in enumerate(files)}
    return zip_of(members) if name.endswith(".zip") else tar_of(members, "gz" if name.endswith("gz") else "")


def run(program: str, name: str) -> bytes:
    """What a program of the page writes, beside two images."""
    with tempfile.TemporaryDirectory() as folder:
        for n in (1, 2):
            Path(folder, f"{n}.png").write_bytes(image(seed=n))
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
        return Path(folder, name).read_bytes()


@pytest.mark.parametrize("name", sorted(examples()))
def test_an_example_becomes_what_the_page_says(name: str) -> None:
    text = examples()[name]
    blocks = {(kind, file): content for kind, file, content in BLOCK.findall(text)}
    data = run(blocks["python", name], name) if ("python", name) in blocks else archive(blocks, name)
    table = TABLE.search(text)
    assert table is not None
    expected = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.group(1).splitlines()]
    total, events = parsed(data)
    assert [told(event) for event in events] == expected
    assert f"`{total.layout}`" in PAGE
