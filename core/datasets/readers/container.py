"""What an archive is to a layout: named members, in the order in which their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol


class Entry(Protocol):
    """A member as the archive lists it."""

    @property
    def raw(self) -> bytes: ...  # the name as it stands there

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...


class Container(Protocol):
    """An archive whose list of members was read and checked; going back in it may be dear."""

    def __len__(self) -> int: ...

    def entries(self, skip: int = 0) -> Iterator[Entry]: ...

    def open(self, position: int) -> Entry:
        """The member, after what could not be told from the list was checked."""
        ...

    def read(self, entry: Any) -> bytes:
        """The bytes of the member that `open` has just given."""
        ...

    def lies_open(self, entry: Any) -> bool:
        """Whether the member can be read anywhere without being unpacked first."""
        ...

    def file(self, entry: Any) -> BinaryIO:
        """The same, to be read anywhere; only what is packed is held in memory."""
        ...
