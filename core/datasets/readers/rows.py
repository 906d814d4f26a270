"""The rows of a table that says which image is what: CSV, TSV or JSON lines, read strictly.

A table is never guessed at: an encoding, a quote or a row that does not fit refuses the whole upload and names its
place, for a column that is shifted by one is a dataset full of wrong labels.
"""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from core.errors import Problem, shown

FIELD = 1 << 16  # bytes of one field at most
DEEPEST = 32  # lists and objects within each other
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = ",;\t"
MOST_EXTRA = 1 << 18  # bytes, by `weight`, that may be told of one image


class Row(NamedTuple):
    """One row by column; None where the table says nothing. `at` is its line, `problem` what makes it useless."""

    at: int
    values: dict[str, Any]
    problem: tuple[str, str] | None = None


def rows(name: str, data: bytes) -> Iterator[Row]:
    """All rows of a table, by the ending of its name."""
    text = _text(name, data)
    return _json_lines(name, text) if _is_json(name) else _csv(name, text)


def columns(name: str, data: bytes) -> list[str]:
    """The columns that the first line of a table names, whatever may be wrong with the rest of it."""
    head = data[: 2 * FIELD]
    wide = head[:2] in UTF_16
    line = _first_line(head.decode("utf-16" if wide else "utf-8-sig", "replace").lstrip())
    try:
        if _is_json(name):
            values = json.loads(line)
            return list(values) if isinstance(values, dict) else []
        return [field.strip() for fields in csv.reader([line], delimiter=_delimiter(line)) for field in fields]
    except (ValueError, RecursionError, csv.Error):
        return []


def _is_json(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".ndjson"))


def _first_line(text: str) -> str:
    """The first line, where only what ends a line in files does: a text may hold other separators."""
    return next(io.StringIO(text, newline=None), "").removesuffix("\n")


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def _text(name: str, data: bytes) -> str:
    if data[:2] in UTF_16:
        raise Problem("csv-encoding", f"The table {shown(name)} is in UTF-16; save it in UTF-8.")
    try:
        text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"The table {shown(name)} is not in UTF-8: see byte {error.start}. Save it in UTF-8."
        raise Problem("csv-encoding", detail, offset=error.start) from error
    if "\0" in text:
        raise _malformed(name, text.count("\n", 0, text.index("\0")) + 1, "holds a NUL")
    return text


def _csv(name: str, text: str) -> Iterator[Row]:
    delimiter = _delimiter(_first_line(text[: 2 * FIELD]))
    csv.field_size_limit(FIELD)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for fields in table:
            if header is None:
                header = [field.strip() for field in fields]
                twice = [column for column, times in Counter(header).items() if times > 1]
                if twice:
                    raise _malformed(name, 1, f"names the column {shown(min(twice))} twice")
            elif fields:
                if len(fields) != len(header):
                    raise _malformed(name, table.line_num, f"has {len(fields)} fields where {len(header)} are named")
                yield Row(table.line_num, dict(zip(header, fields, strict=True)))
    except csv.Error as error:
        raise _malformed(name, table.line_num, f"cannot be read ({error})") from error


def _json_lines(name: str, text: str) -> Iterator[Row]:
    for at, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        if len(line) > FIELD:
            raise _malformed(name, at, f"has more than {FIELD} characters")
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _malformed(name, at, "is no JSON") from error
        if not isinstance(values, dict):
            raise _malformed(name, at, "is not an object with named fields")
        if _is_deep(values):
            raise _malformed(name, at, f"holds lists or objects within each other, more than {DEEPEST} levels")
        yield Row(at, values)


def label(value: Any) -> str | None:
    """A label as the name of its class: text as it stands, whole numbers as digits; None where there is none.

    Raises what is wrong with it.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if text(value) != value:
            raise Problem("label-invalid", f"The label {shown(value, 40)} holds control characters; rename the class.")
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("label-invalid", f"A label is text or a whole number, not {shown(_json(value), 40)}.")
    if isinstance(value, float):
        if math.isfinite(value):
            nearest = shown(f"{value:.0f}", 40)
            raise Problem("label-invalid", f"The label {value} is a number with a point; write {nearest} or text.")
        raise Problem(
            "label-invalid", "The label is no number (NaN or infinity); give the image a class or leave it out."
        )
    return str(value)


def text(value: Any) -> str:
    """Any other value as text: text as it stands, the rest as JSON; what no database can hold is escaped."""
    plain = value if isinstance(value, str) else _json(value)
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in ("Cc", "Cs") else c for c in plain
    )


def weight(text: str) -> int:
    """About how many bytes a text takes in a frame, where other letters than ASCII's are written by number."""
    return len(text) if text.isascii() else 3 * len(text.encode())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_deep(values: dict[str, Any]) -> bool:
    """Whether there are so many levels that writing them again could take more stack than reading them did."""
    level: list[Any] = list(values.values())
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one if isinstance(one, list) else one.values())
        ]
        if not level:
            return False
    return any(isinstance(one, list | dict) for one in level)


def _malformed(name: str, line: int, what: str) -> Problem:
    return Problem(
        "csv-malformed", f"Line {line} of the table {shown(name)} {what}. Mend it and upload again.", line=line
    )
