"""What a path says in a folder of images: which members are images, their split and their class.

1. Ignored, by name: folders, anything in `__MACOSX`, names that begin with a dot, Thumbs.db, desktop.ini, and
   manifests (README, LICENSE, CHECKSUMS …, and files that end like text or tables). Every other member is taken for an
   image; whether it is one is decided by its bytes.
2. The leading folders that all images share are stripped, as long as some image keeps one folder above it. Images are
   for this purpose the members that end like images, or all when none does.
3. A next folder train, val, valid, validation or test is the split; the next is the class; the rest is only path.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from core.datasets.bounds import Bounds
from core.datasets.readers.container import Container
from core.datasets.readers.member import LeftOut
from core.errors import Problem, shown

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
IMAGE_ENDINGS = {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif"}
ARCHIVE_ENDINGS = {"zip", "tar", "gz", "tgz", "bz2", "tbz", "xz", "txz", "7z", "rar", "zst"}
TEXT_ENDINGS = {"txt", "md", "rst", "log", "names", "md5", "sha256"}
TABLE_ENDINGS = {"csv", "tsv", "json", "jsonl", "ndjson", "xml", "yaml", "yml", "toml", "ini", "cfg"}
MANIFEST_STEMS = {"readme", "license", "licence", "copying", "notice", "authors", "changelog", "checksums", "manifest"}
SYSTEM_FILES = {"thumbs.db": "a thumbnail cache", "desktop.ini": "a folder setting"}
LARGEST = {"csv": 256 << 20, "tsv": 256 << 20, "jsonl": 256 << 20, "ndjson": 256 << 20, "json": 64 << 20}
"""Bytes that are read of a file that may say what images are."""
NOT_IMAGES = TEXT_ENDINGS | TABLE_ENDINGS
NO_NAMES = frozenset(("", ".", ".."))
DRIVE = re.compile(r".:", re.DOTALL)  # to Windows any first character may name one, not letters alone


class Place(NamedTuple):
    split: str | None
    label: str | None


def is_safe(name: str, size: int) -> bool:
    """Whether a path stays in its folder; one that does not is an attack or a broken zip program."""
    folder = name.endswith("/")
    parts = name.removesuffix("/").lower().replace("%2e", ".").split("/")
    return not (DRIVE.match(name) or "\\" in name or not NO_NAMES.isdisjoint(parts) or (folder and size))


def unsafe(name: str) -> Problem:
    return Problem(
        "unsafe-path",
        f"The member {shown(name)} has a path that is absolute, leaves its folder or is not clean. "
        "Make the archive with plain relative paths and forward slashes; a name may have no backslash.",
    )


def left_out(name: str, size: int, limits: Bounds) -> LeftOut | None:
    """Why this member is not read, or None when it is."""
    parts = name.removesuffix("/").split("/")
    reason = _ignored(name, parts)
    if reason is not None:
        return _too_large(_ending(parts[-1]), size) or LeftOut("ignored", *reason)
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        return LeftOut("rejected", "bad-name", "The name contains control characters; rename the file.")
    size_of_name = len(name.encode())
    if (
        size_of_name > limits.max_path_bytes
        or len(parts) > limits.max_depth
        or (
            size_of_name > limits.max_component_bytes
            and any(len(part.encode()) > limits.max_component_bytes for part in parts)
        )
    ):
        return LeftOut(
            "rejected",
            "name-too-long",
            f"A path may have {limits.max_path_bytes} bytes, {limits.max_component_bytes} in each of at most "
            f"{limits.max_depth} parts; rename the file.",
        )
    if _ending(parts[-1]) in ARCHIVE_ENDINGS:
        return nested()
    if size > limits.max_member_bytes:
        return LeftOut(
            "rejected", "member-too-large", f"The file has {size} bytes; at most {limits.max_member_bytes} are read."
        )
    return None


def _too_large(ending: str, size: int) -> LeftOut | None:
    """What becomes of a file that may say what images are, and is too large to be asked."""
    most = LARGEST.get(ending)
    if most is None or size <= most:
        return None
    return LeftOut(
        "rejected",
        "table-too-large",
        f"The file has {size} bytes; at most {most} are read to see what it says of the images. Cut it into several, "
        "or leave out what classes do not need.",
    )


def nested() -> LeftOut:
    return LeftOut(
        "rejected", "nested-archive", "Archives inside archives are not opened; put their files in directly."
    )


def ends_like_image(name: str) -> bool:
    return _ending(name) in IMAGE_ENDINGS


def outweigh_images(container: Container, others: Callable[[str], object]) -> bool:
    """Whether members of another kind hold more bytes than those that end like images: a few of either may lie by."""
    held = {True: 0, False: 0}
    for entry in container.entries():
        if ends_like_image(entry.name):
            held[True] += entry.size
        elif others(entry.name):
            held[False] += entry.size
    return held[False] > held[True]


def folders(name: str) -> list[str]:
    return name.split("/")[:-1]


class Shared:
    """The leading folders that all images share, as they are added; those that end like images count alone."""

    def __init__(self) -> None:
        self._named, self._all = _Folders(), _Folders()

    def add(self, name: str) -> None:
        above = folders(name)
        self._all.add(above)
        if ends_like_image(name):
            self._named.add(above)

    @property
    def strip(self) -> int:
        """How many of them are no split and no class."""
        found = self._all if self._named.common is None else self._named
        return min(len(found.common or []), max(0, found.deepest - 1))


class _Folders:
    def __init__(self) -> None:
        self.common: list[str] | None = None
        self.deepest = 0

    def add(self, more: list[str]) -> None:
        if self.common is None:
            self.common = more
        if len(more) <= self.deepest and more[: len(self.common)] == self.common:
            return
        same = 0
        for one, other in zip(self.common, more, strict=False):
            if one != other:
                break
            same += 1
        self.common, self.deepest = self.common[:same], max(self.deepest, len(more))


def place(name: str, strip: int) -> Place:
    """The split and the class of an image below the `strip` shared folders."""
    above = folders(name)[strip:]
    split = SPLITS.get(above[0].lower()) if above else None
    if split is not None:
        above = above[1:]
    return Place(split, above[0] if above else None)


def _ignored(name: str, parts: list[str]) -> tuple[str, str] | None:
    last = parts[-1].lower()
    if name.endswith("/"):
        return "folder", "A folder; its files are listed by themselves."
    if "__MACOSX" in parts:
        return "mac-metadata", "A side file that macOS adds to zips."
    if name.startswith(".") or "/." in name:
        return "hidden-file", "A hidden file or a file in a hidden folder."
    if last in SYSTEM_FILES:
        return "system-file", f"Not an image but {SYSTEM_FILES[last]}."
    named_so = last.split(".")[0] in MANIFEST_STEMS and not ends_like_image(last)
    if named_so or _ending(last) in NOT_IMAGES:
        return "manifest", "Text or a table beside the images; classes are read from folders only."
    return None


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return ending.lower() if dot and stem else ""
