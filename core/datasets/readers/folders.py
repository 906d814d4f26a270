"""An archive of images in one folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder
from core.datasets.readers.container import Container
from core.datasets.readers.member import Archive, LeftOut, Member
from core.errors import Problem


def read(container: Container, limits: Bounds) -> Archive:
    """The archive, after everything was checked that the list of its members alone can tell."""
    images = 0
    common: list[str] | None = None  # of all members that may be images
    common_named: list[str] | None = None  # of those that end like images
    deepest, deepest_named = 0, 0
    for entry in container.entries():
        name = entry.name
        imagefolder.check_safe(entry.raw.decode("latin-1"), entry.size)  # before any escaping
        if imagefolder.left_out(name, entry.size, limits) is None:
            images += 1
            above = imagefolder.folders(name)
            common, deepest = imagefolder.shared(common, above), max(deepest, len(above))
            if imagefolder.ends_like_image(name):
                common_named = imagefolder.shared(common_named, above)
                deepest_named = max(deepest_named, len(above))
    if common_named is not None:
        common, deepest = common_named, deepest_named
    strip = min(len(common or []), max(0, deepest - 1))
    _check_classes(container, strip, limits)

    def members(skip: int) -> Iterator[Member]:
        for position in range(skip, len(container)):
            entry = container.open(position)
            name = entry.name
            out = imagefolder.left_out(name, entry.size, limits)
            split, label = imagefolder.place(name, strip)
            if out is None and label is not None and len(label.encode()) > limits.max_label_bytes:
                detail = f"A class name may have {limits.max_label_bytes} bytes; rename the folder."
                out = LeftOut("rejected", "label-too-long", detail)
            yield Member(_printable(name), split, label, out, partial(container.read, entry))

    return Archive(len(container), images, members)


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


def _printable(name: str) -> str:
    """The name as it stood, with control characters escaped: neither a database nor a log can hold a NUL."""
    return "".join(c if c >= " " and c != "\x7f" else f"\\x{ord(c):02x}" for c in name)
