"""A compressed upload as the file that it unpacks to; it is unpacked as it is read, and going back begins anew."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from core.errors import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
GZIP = b"\x1f\x8b"
SMALL = 1 << 20  # bytes that any upload may unpack to


class Seekable(io.RawIOBase):
    """The reading end of a file of a known size: all of it but `readinto`."""

    def __init__(self, size: int) -> None:
        self._size, self._position = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position


class Unpacked(Seekable):
    """Reads on; `pieces` yields the unpacked bytes from their beginning. More than `most` of them are refused.

    `alive` is called for each piece.
    """

    def __init__(
        self, pieces: Callable[[], Iterator[bytes]], most: int, alive: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(0)  # its size is known when its end is reached
        self._pieces, self._most, self._alive = pieces, max(most, SMALL), alive
        self._begin()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the beginning, the only one that is known."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("the end of what is being unpacked is not known")
        if offset < self._position:
            self._begin()
        while self._position < offset and self._fill():
            self._take(offset - self._position)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._fill():
            return 0
        piece = self._take(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def _begin(self) -> None:
        self._source, self._piece, self._at, self._position, self._total = self._pieces(), b"", 0, 0, 0

    def _fill(self) -> bool:
        """Have a byte at hand; False at the end."""
        while self._at == len(self._piece):
            piece = next(self._source, None)
            if piece is None:
                return False
            self._alive()
            self._piece, self._at = piece, 0
            self._total += len(piece)
            if self._total > self._most:
                detail = f"The archive unpacks to more than {self._most} bytes, too many for its size."
                raise Problem("archive-expansion-limit", detail)
        return True

    def _take(self, most: int) -> memoryview:
        piece = memoryview(self._piece)[self._at : self._at + most]
        self._at += len(piece)
        self._position += len(piece)
        return piece


class Slice(Seekable):
    """A stretch of a file, as a file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        super().__init__(size)
        self._file, self._offset = file, offset

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._offset + self._position)
        data = self._file.read(max(0, min(len(view), self._size - self._position)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def gunzipped(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a gzip file, which may be several that were put together."""
    file.seek(0)
    data = file.read(CHUNK)
    while data:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not decoder.eof:
            try:
                piece = decoder.decompress(data, CHUNK)
            except zlib.error as error:
                raise damaged("gzip") from error
            if piece:
                yield piece
            elif not data and not decoder.eof:
                raise cut()
            data = decoder.unconsumed_tail or (b"" if decoder.eof else file.read(CHUNK))
        data = decoder.unused_data or file.read(CHUNK)
        if data and not (data[:2] == GZIP or (len(data) == 1 and data == GZIP[:1])):
            raise Problem("ambiguous-archive", "Bytes that are no gzip follow the gzip file. Make it anew.")


def unzstandarded(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a Zstandard file."""
    import pyarrow as pa  # a third of a second, and needed for this alone

    file.seek(0)
    try:
        with pa.CompressedInputStream(pa.PythonFile(Lent(file), mode="r"), "zstd") as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except OSError as error:
        raise (cut() if "truncated" in str(error).lower() else damaged("Zstandard")) from error


class Lent:
    """A file that Arrow may read and not close."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """It is not ours."""


def warm_zstandard() -> None:
    """Have everything imported and allocated that unpacking Zstandard needs."""
    import pyarrow as pa

    b"".join(unzstandarded(io.BytesIO(pa.Codec("zstd").compress(b"warm", asbytes=True))))


def cut() -> Problem:
    return Problem("archive-truncated", "The archive ends too early: it was cut on the way. Upload it again, complete.")


def damaged(kind: str) -> Problem:
    return Problem("archive-truncated", f"The {kind} file is damaged: it cannot be unpacked. Upload it again.")
