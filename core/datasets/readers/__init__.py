"""One file per container and per layout: the first says what the members are, the second what they mean.

To add a container: write a class like `Tar`, name it in `CONTAINERS`, and let `sniff` recognise its first bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from core.datasets.bounds import Bounds
from core.datasets.readers import folders, table
from core.datasets.readers.container import Container
from core.datasets.readers.member import Archive
from core.datasets.readers.streams import CHUNK, Unpacked, gunzipped, unzstandarded, warm_zstandard
from core.datasets.readers.tar import Tar
from core.datasets.readers.zip_directory import Directory

__all__ = ["CONTAINERS", "prepare", "read"]


def _unpacking(unpack: Callable[[BinaryIO], Iterator[bytes]], file: BinaryIO, size: int, limits: Bounds) -> Tar:
    stream = Unpacked(partial(unpack, file), limits.max_expansion * size)
    return Tar(io.BufferedReader(stream, CHUNK), None, limits)


CONTAINERS: dict[str, Callable[[BinaryIO, int, Bounds], Container]] = {
    "zip": Directory,
    "tar": Tar,
    "tar.gz": partial(_unpacking, gunzipped),
    "tar.zst": partial(_unpacking, unzstandarded),
}


def prepare(kind: str) -> None:
    """Import what reading such a container needs, while that is still allowed."""
    if kind == "tar.zst":
        warm_zstandard()


def read(kind: str, file: BinaryIO, size: int, limits: Bounds) -> Archive:
    """The members of an upload, after everything was checked that can be told without decoding one."""
    container = CONTAINERS[kind](file, size, limits)
    tables = table.find(container)
    return table.read(container, tables, limits) if tables else folders.read(container, limits)
