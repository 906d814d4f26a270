"""An archive of images in one folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder
from core.datasets.readers.container import Container
from core.datasets.readers.member import Archive, LeftOut, Member
from core.errors import Problem

LONGEST = 1 << 15  # characters of a path that are told


def read(container: Container, limits: Bounds) -> Archive:
    """The archive, after everything was checked that the list of its members alone can tell."""
    images, shared = 0, imagefolder.Shared()
    for entry in container.entries():
        name = entry.name
        if imagefolder.left_out(name, entry.size, limits) is None:
            images += 1
            shared.add(name)
    strip = shared.strip
    _check_classes(container, strip, limits)

    def members(skip: int) -> Iterator[Member]:
        for position in range(skip, len(container)):
            entry = container.open(position)
            name = entry.name
            out = imagefolder.left_out(name, entry.size, limits)
            split, label = imagefolder.place(name, strip)
            if out is None and label is not None:
                out = too_long(label, limits)
            yield Member(printable(name), split, label, out, partial(container.read, entry))

    return Archive("folders", len(container), images, members)


def _check_classes(container: Container, strip: int, limits: Bounds) -> None:
    labels: set[str] = set()
    for entry in container.entries():
        label = imagefolder.place(entry.name, strip).label
        if label is not None and label not in labels and imagefolder.left_out(entry.name, entry.size, limits) is None:
            labels.add(label)
            if len(labels) > limits.max_classes:
                raise Problem(
                    "too-many-classes",
                    f"The folders name more than {limits.max_classes} classes. Is each image in a folder of its own?",
                )


def too_long(label: str, limits: Bounds) -> LeftOut | None:
    """Why a class may not be called so."""
    if len(label.encode()) <= limits.max_label_bytes:
        return None
    return LeftOut("rejected", "label-too-long", f"A class name may have {limits.max_label_bytes} bytes; shorten it.")


def printable(name: str) -> str:
    """The name as it stood, with control characters escaped: neither a database nor a log can hold a NUL.

    Names that are far too long to be read are cut, so that a frame can hold them.
    """
    if name.isprintable() and len(name) < LONGEST:
        return name
    escaped = "".join(c if c >= " " and c != "\x7f" else f"\\x{ord(c):02x}" for c in name[:LONGEST])
    return escaped if len(escaped) < LONGEST else escaped[: LONGEST - 1] + "…"
