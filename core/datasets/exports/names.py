"""Names of files and folders that every system can have, made of names that may be anything."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

from core.datasets import shards
from core.datasets.readers.imagefolder import SPLITS

LONGEST = 80  # bytes, so that no path becomes too long
KEPT = frozenset("._-+()[]{}#!$@&',; ")
DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(10))))
ENDINGS = {kind: ending.decode() for kind, ending in shards.ENDINGS.items()}


def safe(name: str) -> str:
    """A single part of a path: no separator, nothing hidden, nothing that some system cannot write or would change."""
    plain = unicodedata.normalize("NFC", name)
    plain = "".join(c if c.isalnum() or c in KEPT else "_" for c in plain)
    plain = plain.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")
    plain = plain.strip(" ").rstrip(". ")
    if not plain or plain.startswith(".") or plain.partition(".")[0].casefold().strip() in DEVICES:
        plain = f"_{plain}"
    return plain


def folders(classes: Sequence[str]) -> dict[str, str]:
    """A folder for each class. One whose name cannot be a folder's, would be read as a split, or is another's on a
    system that does not tell A from a, gets its number behind the name: no two are ever the same."""
    found: dict[str, str] = {}
    taken = set(SPLITS)
    # Those that may be called as they are come first: nobody else's folder takes their name.
    for exact in (True, False):
        for number, name in enumerate(classes):
            folder = safe(name)
            if (folder == name) is not exact:
                continue
            if not exact or _folded(folder) in taken:
                folder = f"{folder}~{number}"
            while _folded(folder) in taken:
                folder = f"{folder}~{number}"
            taken.add(_folded(folder))
            found[name] = folder
    return {name: found[name] for name in classes}


def labels(folder: dict[str, str]) -> bytes:
    """What the classes are called, exactly, and in which folder each of them is."""
    rows = [{"index": k, "label": name, "folder": folder[name]} for k, name in enumerate(folder)]
    return json.dumps({"classes": rows}, ensure_ascii=False, indent=1).encode() + b"\n"


def file(n: int, path: str, kind: str) -> str:
    """A file's name: the sample's number keeps it apart from all others, what it was called can still be read."""
    last = path.replace("#", "/").rpartition("/")[2]
    stem = safe(last.rpartition(".")[0] or last)
    return f"{n:09d}-{stem}.{ENDINGS[kind]}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
