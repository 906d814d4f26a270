"""One file per container and per layout: the first says what the members are, the second what they mean.

To add a container: write a class like `Tar`, name it in `CONTAINERS`, and let `sniff` recognise its first bytes.
To add a layout: write a function that recognises it, and name it in `LAYOUTS` and in `core.words`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import BinaryIO

from core.datasets.bounds import Bounds
from core.datasets.readers import coco, folders, imagefolder, raw, table, webdataset
from core.datasets.readers.container import Container
from core.datasets.readers.member import Archive
from core.datasets.readers.streams import CHUNK, Unpacked, gunzipped, unzstandarded, warm_zstandard
from core.datasets.readers.tar import Tar
from core.datasets.readers.zip_directory import Directory
from core.errors import Problem

__all__ = ["CONTAINERS", "Needs", "prepare", "read"]

PARQUET_ENDING = ".parquet"


def _lying_open(
    kind: Callable[[BinaryIO, int, Bounds], Container], file: BinaryIO, size: int, limits: Bounds, _: Callable[[], None]
) -> Container:
    return kind(file, size, limits)


def _unpacking(
    unpack: Callable[[BinaryIO], Iterator[bytes]], file: BinaryIO, size: int, limits: Bounds, alive: Callable[[], None]
) -> Container:
    stream = Unpacked(partial(unpack, file), limits.max_expansion * size, alive)
    return Tar(io.BufferedReader(stream, CHUNK), None, limits)


CONTAINERS: dict[str, Callable[[BinaryIO, int, Bounds, Callable[[], None]], Container]] = {
    "zip": partial(_lying_open, Directory),
    "tar": partial(_lying_open, Tar),
    "tar.gz": partial(_unpacking, gunzipped),
    "tar.zst": partial(_unpacking, unzstandarded),
}


class Needs(Exception):
    """Reading goes on only in a child that was prepared for this kind too."""


def prepare(kinds: Iterable[str]) -> None:
    """Import and warm up what reading such uploads needs beyond the usual, while that is still allowed."""
    for kind in kinds:
        if kind == "tar.zst":
            warm_zstandard()
        elif kind == "parquet":
            import_module("core.datasets.readers.parquet").warm()


def read(
    kinds: Sequence[str],
    layout: str | None,
    file: BinaryIO,
    size: int,
    limits: Bounds,
    alive: Callable[[], None] = lambda: None,
) -> Archive:
    """The members of an upload, after everything was checked that can be told without decoding one.

    The first of `kinds` is what the upload is; `prepare` was told all of them. Without a layout it is recognised.
    `alive` is called while much is unpacked for one member that lies far on.
    """
    found = None
    if kinds[0] == "parquet":
        from core.datasets.readers import parquet  # half a second, and rarely needed

        found = parquet.read(file, size, limits) if layout in (None, "parquet") else None
    else:
        container = CONTAINERS[kinds[0]](file, size, limits, alive)
        endings = set()
        for entry in container.entries():
            name = entry.raw.decode("latin-1")
            if not imagefolder.is_safe(name, entry.size):  # as it stands there, before any escaping
                raise imagefolder.unsafe(entry.name)
            endings.add(name.rpartition(".")[2].lower())
        for names, find, needed in LAYOUTS:  # to look through millions of names takes a while
            if found is None and (layout is None or layout in names) and (needed is None or needed & endings):
                found = find(container, kinds, limits)
    if found is None or layout not in (None, found.layout):
        raise Problem(
            "layout-not-found",
            f"The upload cannot be read as {layout}: nothing in it is laid out so. Without layout it is recognised.",
        )
    return found


def _parquet(container: Container, kinds: Sequence[str], limits: Bounds) -> Archive | None:
    files = [n for n, entry in enumerate(container.entries()) if _is_parquet(entry.name)]
    if not files or not imagefolder.outweigh_images(container, _is_parquet):
        return None
    if "parquet" not in kinds:
        raise Needs("parquet")
    from core.datasets.readers import parquet

    return parquet.read_all(container, files, limits)


def _is_parquet(name: str) -> bool:
    return name.lower().endswith(PARQUET_ENDING)


def _arrays(container: Container, _kinds: Sequence[str], limits: Bounds) -> Archive | None:
    return raw.read(container, limits)


def _labelled(
    layout: str, find: Callable[[Container], list[table.Table]], container: Container, _: Sequence[str], limits: Bounds
) -> Archive | None:
    tables = find(container)
    return table.read(layout, container, tables, limits) if tables else None


def _folders(container: Container, _kinds: Sequence[str], limits: Bounds) -> Archive:
    return folders.read(container, limits)


Find = Callable[[Container, Sequence[str], Bounds], Archive | None]
LAYOUTS: tuple[tuple[tuple[str, ...], Find, set[str] | None], ...] = (
    (("parquet",), _parquet, {"parquet"}),
    (("numpy", "idx", "cifar"), _arrays, None),
    (("webdataset",), partial(_labelled, "webdataset", webdataset.find), {webdataset.CLASS}),
    (("coco",), partial(_labelled, "coco", coco.find), {"json"}),
    (("table",), partial(_labelled, "table", table.find), {ending.removeprefix(".") for ending in table.ENDINGS}),
    (("folders",), _folders, None),
)
"""What an archive may be laid out as, in the order in which it is recognised, and endings that it has one of."""
