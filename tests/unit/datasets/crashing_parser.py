"""The real parser, but it crashes on members that are called bomb."""

from __future__ import annotations

import ctypes

from core.datasets import parser
from core.datasets.readers import zip_directory
from core.datasets.readers.zip_directory import Directory, Entry

_real = zip_directory.Directory.read


def _crash(self: Directory, entry: Entry) -> bytes:
    if b"bomb" in entry.raw:
        ctypes.string_at(0)
    return _real(self, entry)


zip_directory.Directory.read = _crash

if __name__ == "__main__":
    parser.main()
