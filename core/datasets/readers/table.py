"""An archive of images and a table that says which image is what.

1. A table is a CSV, TSV or JSON lines file with a column for the path (`path`, `file_name`, …). One that also has a
   column for the label says what the images are, wherever they lie; without one (as `metadata.csv` of Hugging Face
   may be) their folders do, and it only adds what else is known.
2. Paths begin at the table's own folder, or else at the top of the archive, and are compared byte by byte.
3. A column `split` says train, val, valid, validation or test; without one the folders do.
4. Several rows of one image are votes: what most of them say is its label, on a tie what stands first.
5. All other columns are kept with the sample. A row without its image is listed as rejected, as is an image without a
   row when the table has the labels.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder, rows
from core.datasets.readers.container import Container, Entry
from core.datasets.readers.folders import printable, too_long
from core.datasets.readers.member import Archive, LeftOut, Member
from core.errors import Problem, shown

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
PATHS = ("path", "file_name", "filename", "file", "filepath", "file_path", "image", "image_path", "img")
LABELS = ("label", "class", "class_name", "label_name", "category", "target", "given_label")
SPLIT = "split"
UNNAMED = "No row of the table names this file; add one, or upload with layout=folders if the table is not meant."


@dataclass(slots=True)
class _Said:
    """What the rows of one image say."""

    votes: list[str] = field(default_factory=list)
    split: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
    held: int = 0  # bytes of extra
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table in an archive, the names of its columns, and how to read it."""

    name: str
    path: str
    label: str | None
    rows: Callable[[], Iterator[rows.Row]]
    positions: tuple[int, ...]  # of the members that it is made of
    by_name: bool = False  # whether a path may leave out the folders, when its name is there once


def find(container: Container) -> list[Table]:
    """The tables that say something of the images, those with labels first."""
    found = []
    for position, entry in enumerate(container.entries()):
        ending = next((ending for ending in ENDINGS if entry.name.lower().endswith(ending)), None)
        if ending and 0 < entry.size <= imagefolder.LARGEST[ending[1:]] and not _hidden(entry.name):
            found.append((position, entry.name))
    tables = []
    for position, name in found:
        there = rows.columns(name, container.read(container.open(position)))
        path = next((column for column in PATHS if column in there), None)
        label = next((column for column in LABELS if column in there), None)
        if path is not None:
            tables.append(Table(name, path, label, partial(_rows, container, position, name), (position,)))
    return tables


def _rows(container: Container, position: int, name: str) -> Iterator[rows.Row]:
    return rows.rows(name, container.read(container.open(position)))


def read(layout: str, container: Container, tables: list[Table], limits: Bounds) -> Archive:
    """The members as their tables tell, and after them the rows that have no member."""
    labelled = any(table.label for table in tables)
    told = _Told(container, tables, labelled, limits)
    for table in tables:
        if table.label or not labelled:
            told.add(table)

    def members(skip: int) -> Iterator[Member]:
        for position in range(skip, len(container)):
            entry = container.open(position)
            yield told.member(position, entry, partial(container.read, entry))
        for path, out in told.missing[max(0, skip - len(container)) :]:
            yield Member(path, None, None, out, bytes)

    return Archive(layout, len(container) + len(told.missing), told.images + len(told.missing), members)


class _Told:
    """Everything that the tables say, by member."""

    def __init__(self, container: Container, tables: list[Table], labelled: bool, limits: Bounds) -> None:
        self._labelled, self._limits = labelled, limits
        self._tables = {position for table in tables for position in table.positions}
        by_name = any(table.by_name for table in tables)
        self.images, shared = 0, imagefolder.Shared()
        self._places: dict[str, int] = {}
        self._composed: dict[str, int | None] = {}  # None where two names are one when composed
        self._last: dict[str, int | None] = {}  # by the last part of the name; None where there are several
        for position, entry in enumerate(container.entries()):
            if imagefolder.left_out(entry.name, entry.size, limits) is None:
                self.images += 1
                shared.add(entry.name)
                self._places[entry.name] = position
                if by_name:
                    last = entry.name.rpartition("/")[2]
                    self._last[last] = None if last in self._last else position
                if not entry.name.isascii():
                    composed = unicodedata.normalize("NFC", entry.name)
                    self._composed[composed] = None if composed in self._composed else position
        self._strip = shared.strip
        self._said: dict[int, _Said] = {}
        self._classes: set[str] = set()
        self.missing: list[tuple[str, LeftOut]] = []

    def add(self, table: Table) -> None:
        """Take in the rows of one table."""
        above = table.name.rpartition("/")[0]
        kinds: set[type] = set()
        for row in table.rows():
            path = rows.text(row.values.get(table.path) or "")
            position = self._find(f"{above}/{path}") if above else None
            position = self._find(path) if position is None else position
            if position is None and table.by_name:
                position = self._last.get(path.rpartition("/")[2])
            if position is None:
                self.missing.append((printable(path) or f"line {row.at}", _missing(table, row)))
                continue
            said = self._said.setdefault(position, _Said())
            value = row.values.get(table.label) if table.label else None
            if table.label and value not in (None, ""):
                kinds.add(int if isinstance(value, float) else type(value))
            _hear(said, row, table)
            self._classes.update(said.votes[-1:])
            if len(self._classes) > self._limits.max_classes:
                raise Problem("too-many-classes", f"The table names more than {self._limits.max_classes} classes.")
        if len(kinds) > 1:
            detail = (
                f"The table {shown(table.name)} has labels that are numbers and labels that are text. Use one kind."
            )
            raise Problem("label-type-mixed", detail)

    def _find(self, path: str) -> int | None:
        """The member of that name; macOS writes accents apart, which a table rarely does."""
        position = self._places.get(path)
        return self._composed.get(unicodedata.normalize("NFC", path)) if position is None else position

    def member(self, position: int, entry: Entry, read: Callable[[], bytes]) -> Member:
        """A member of the archive with what its rows say."""
        out = imagefolder.left_out(entry.name, entry.size, self._limits)
        split, label = imagefolder.place(entry.name, self._strip)
        said = self._said.get(position)
        if said is None:
            if position in self._tables:
                out = LeftOut("ignored", "table", "The table that says what the images are.")
            elif out is None and self._labelled:
                out = LeftOut("rejected", "unlabeled-file", UNNAMED)
            return Member(printable(entry.name), split, label, out, read)
        votes = Counter(said.votes)
        if self._labelled:
            label = max(votes, key=votes.__getitem__, default=None)  # on a tie what stands first
        if out is None and said.problem is not None:
            out = LeftOut("rejected", *said.problem)
        if out is None and self._labelled and label is None:
            out = LeftOut("rejected", "label-missing", "The table gives this file no label; add one or remove it.")
        if out is None and label is not None:
            out = too_long(label, self._limits)
        several = dict(votes) if votes.total() > 1 else None
        if out is None and several and sum(map(rows.weight, several)) > rows.MOST_EXTRA:
            out = LeftOut("rejected", *_too_much("labels"))
        return Member(printable(entry.name), said.split or split, label, out, read, several, said.extra or None)


def _hear(said: _Said, row: rows.Row, table: Table) -> None:
    """Add one row to what is said of its image."""
    said.problem = said.problem or row.problem
    try:
        if table.label is not None and (label := rows.label(row.values.get(table.label))) is not None:
            said.votes.append(label)
        if (split := row.values.get(SPLIT)) not in (None, ""):
            known = imagefolder.SPLITS.get(rows.text(split).strip().lower())
            if known is None:
                detail = f"The table says the split {shown(rows.text(split), 40)}; write train, val or test."
                raise Problem("split-unknown", detail)
            if said.split not in (None, known):
                raise Problem("split-conflict", "Two rows put this file into two splits; keep one.")
            said.split = known
    except Problem as problem:
        said.problem = (problem.code, problem.detail)
    known_columns = (table.path, table.label, SPLIT)
    for column, value in row.values.items():
        if said.held > rows.MOST_EXTRA:
            said.extra.clear()
            said.problem = _too_much("text")
            return
        if column not in known_columns and value not in (None, "") and (key := rows.text(column)) not in said.extra:
            said.extra[key] = told = rows.text(value)
            said.held += rows.weight(key) + rows.weight(told)
    if said.held > rows.MOST_EXTRA:
        said.extra.clear()
        said.problem = _too_much("text")


def _too_much(of: str) -> tuple[str, str]:
    return "row-too-large", f"The table gives this file more than {rows.MOST_EXTRA} bytes of {of}; leave columns out."


def _missing(table: Table, row: rows.Row) -> LeftOut:
    detail = f"Line {row.at} of {shown(table.name)} names a file that is not among the images of the archive."
    return LeftOut("rejected", "missing-file", detail)


def _hidden(name: str) -> bool:
    return "__MACOSX" in name or any(part.startswith(".") for part in name.split("/"))
