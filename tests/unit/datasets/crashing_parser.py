"""The real parser, but it crashes on members that are called bomb, and on lists of members in which one is a mine.

For a list in which one is a marathon it takes for ever.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from core.datasets import parser
from core.datasets.readers import zip_directory
from core.datasets.readers.zip_directory import Directory, Entry

_real, _entries = zip_directory.Directory.read, zip_directory.Directory.entries


def _crash(self: Directory, entry: Entry) -> bytes:
    if b"bomb" in entry.raw:
        ctypes.string_at(0)
    return _real(self, entry)


def _crash_early(self: Directory, skip: int = 0) -> Iterator[Entry]:
    for entry in _entries(self, skip):
        if b"mine" in entry.raw:
            ctypes.string_at(0)
        while b"marathon" in entry.raw:
            pass
        yield entry


parser.listing_seconds = lambda *_: 1
zip_directory.Directory.read = _crash
zip_directory.Directory.entries = _crash_early

if __name__ == "__main__":
    parser.main()
