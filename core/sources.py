"""Where a dataset may be imported from: what a source is called, and whether an administrator allowed it.

Nothing here touches a disk or a network: the API asks before it takes an order, and the worker asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import fetch
from core.errors import Problem
from core.settings import Settings

S3 = "s3://"
HTTPS = "https://"


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder: `parts` lead there from an allowed folder."""

    root: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """An object of a bucket, or all below a prefix."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Address:
    """A file behind an https:// address."""

    url: str


Source = Place | Objects | Address


def read(text: str, settings: Settings) -> Source:
    """The source that a user named; a problem when it is none, or was not allowed."""
    if text.startswith("/"):
        root, parts = _allowed(text, "/", settings.import_from)
        return Place(root, parts)
    if text.startswith(S3):
        root, parts = _allowed(text, S3, settings.import_from)
        bucket, *prefix = (*root.removeprefix(S3).split("/"), *parts)
        return Objects(bucket, "/".join(prefix))
    if not text.startswith(HTTPS):
        raise Problem("url-not-allowed", "A source is an absolute path, s3://bucket/prefix or https://….")
    if not settings.import_https:
        detail = "Importing from https:// is off: an administrator must set LABELAUDIT_IMPORT_HTTPS to true."
        raise Problem("url-not-allowed", detail)
    fetch.check(text)
    return Address(text)


def _allowed(text: str, kind: str, places: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The allowed place that a source lies in, and the way from there."""
    parts = text.removeprefix(kind).removesuffix("/").split("/")
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        detail = "The path of a source must be plain: no empty parts, no `.` or `..`, no control characters."
        raise Problem("import-not-allowed", detail)
    for place in places:
        # Part by part: /data/cats does not lie in /data/cat.
        above = place.removeprefix(kind).split("/")
        if place.startswith(kind) and parts[: len(above)] == above:
            return place, tuple(parts[len(above) :])
    if places:
        detail = "It lies in no place that LABELAUDIT_IMPORT_FROM names. Ask an administrator to add it there."
    else:
        detail = "Importing is off: an administrator must name the places to import from in LABELAUDIT_IMPORT_FROM."
    raise Problem("import-not-allowed", detail)
