"""A shard: a tar of original image bytes, in the layout that WebDataset reads, the same bytes for the same images.

Where each image begins is recorded, so that one range read gives one image and nobody needs to scan the tar.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

BLOCK = 512
COPY = 1 << 20
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff", "GIF": "gif"}


class Shard:
    """A tar that grows in a file without a name, until it is put on a shelf."""

    def __init__(self, scratch: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  closed by `close`
        self.size = 0

    def add(self, n: int, kind: str, data: bytes) -> int:
        """Append one image; where its bytes begin."""
        info = tarfile.TarInfo(f"{n:09d}.{ENDINGS[kind]}")
        info.size, info.mode = len(data), 0o644
        header = info.tobuf(tarfile.USTAR_FORMAT)
        padding = -len(data) % BLOCK
        for piece in (header, data, bytes(padding)):
            self._file.write(piece)
        offset = self.size + len(header)
        self.size = offset + len(data) + padding
        return offset

    def chunks(self) -> Iterator[bytes]:
        """The whole tar, with the two empty blocks that end it."""
        self._file.seek(0)
        while chunk := self._file.read(COPY):
            yield chunk
        yield bytes(2 * BLOCK)

    def close(self) -> None:
        self._file.close()
