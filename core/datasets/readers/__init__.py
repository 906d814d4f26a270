"""One file per input format. A reader turns a seekable, read-only file into an archive of members.

To add a format: write a module with a function like `imagefolder_zip.read`, name it in `READERS`, and let `sniff`
recognise its first bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder_zip
from core.datasets.readers.member import Archive

READERS: dict[str, Callable[[BinaryIO, int, Bounds], Archive]] = {"zip": imagefolder_zip.read}
