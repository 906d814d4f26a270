"""WebDataset: members that share a key belong together, `000017.jpg` and `000017.cls`; the second holds the class."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.datasets.readers import imagefolder, rows
from core.datasets.readers.container import Container
from core.datasets.readers.table import Table

CLASS = "cls"
LONGEST = 1 << 12  # bytes of a class


def find(container: Container) -> list[Table]:
    """One table of all the classes, when there are any."""
    beside = [
        position
        for position, entry in enumerate(container.entries())
        if _parts(entry.name)[1] == CLASS and entry.size <= LONGEST
    ]
    if not beside:
        return []
    return [Table("", "path", "label", partial(_rows, container, beside), tuple(beside))]


def _rows(container: Container, beside: list[int]) -> Iterator[rows.Row]:
    """One row for each image whose key has a class; the classes are read in the order in which they lie."""
    classes: dict[str, str] = {}
    for position in beside:
        entry = container.open(position)
        classes[_parts(entry.name)[0]] = container.read(entry).decode("utf-8", "backslashreplace").strip()
    for position, entry in enumerate(container.entries()):
        key, _ = _parts(entry.name)
        if key in classes and imagefolder.ends_like_image(entry.name):
            yield rows.Row(position, {"path": entry.name, "label": classes[key]})


def _parts(name: str) -> tuple[str, str]:
    """The key and what follows its first dot."""
    above, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{above}{slash}{stem}", ending.lower()
