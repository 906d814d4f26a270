"""Sends a source in pieces, and goes on where it stopped: after a lost connection, and in a later run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx2

from core.errors import Problem
from labelaudit.bookmarks import Bookmark
from labelaudit.sources import Source

PIECE = 64 << 20
TRIES = 12  # in a row that brought nothing
LONGEST_PAUSE_S = 10.0
GONE = (404, 410)
AGAIN = (408, 409, 423, 429)
VERSION = {"Tus-Resumable": "1.0.0"}

Watch = Callable[[int, int], None]
"""Is told how many bytes of how many were sent."""


class Sending:
    """One source on its way."""

    def __init__(
        self,
        http: httpx2.Client,
        source: Source,
        check: Callable[[httpx2.Response], None],  # raises the problem of a response
        watch: Watch | None = None,
        going_on: Watch | None = None,
        bookmark: Bookmark | None = None,
    ) -> None:
        self._http, self._source, self._check = http, source, check
        self._watch, self._going_on, self._bookmark = watch, going_on, bookmark
        self._digest, self._hashed = hashlib.sha256(), 0
        self._failures = 0
        self._met = False

    def send(self) -> str:
        """Send what is missing; the id of the finished upload."""
        url, offset = self._known() or (self._create(), 0)
        if offset and self._going_on is not None:
            self._going_on(offset, self._source.size)
        while offset < self._source.size:
            offset = self._piece(url, offset)
        return url.rpartition("/")[2]

    def sha256(self) -> str:
        """The hash of the source as it was sent; what an earlier run sent is read again."""
        self._hash_up_to(self._source.size)
        return self._digest.hexdigest()

    def forget(self) -> None:
        """Nothing is left to go on with."""
        if self._bookmark is not None:
            self._bookmark.remove()

    def discard(self, upload: str) -> None:
        """Free what the upload takes, of which nothing can be made."""
        with suppress(httpx2.TransportError):
            self._http.delete(f"/v1/uploads/{upload}", headers=VERSION)

    def patiently(self, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        """The answer to what may be asked twice, through lost connections and a service that is just starting."""
        while True:
            try:
                response = ask()
            except httpx2.TransportError as error:
                self._wait(_unreachable(self._http, error))
                continue
            if response.status_code not in (500, 502, 503, 504):
                self._failures, self._met = 0, True
                return response
            self._wait(response)

    def _known(self) -> tuple[str, int] | None:
        """Where an earlier run stopped."""
        url = self._bookmark.read() if self._bookmark else None
        if url is None:
            return None
        response = self.patiently(lambda: self._http.head(url, headers=VERSION))
        same = response.headers.get("Upload-Length") == str(self._source.size)
        if response.status_code in GONE or not (response.is_error or same):
            self.forget()
            return None
        return url, self._offset_of(response)

    def _create(self) -> str:
        headers = VERSION | {"Upload-Length": str(self._source.size)}
        response = self.patiently(lambda: self._http.post("/v1/uploads", headers=headers))
        self._check(response)
        url = str(response.headers["Location"])
        if self._bookmark is not None:
            self._bookmark.write(url)
        return url

    def _piece(self, url: str, offset: int) -> int:
        """Send the next piece; where to go on, which is further or where the service says after an accident."""
        end = min(offset + PIECE, self._source.size)
        headers = VERSION | {
            "Upload-Offset": str(offset),
            "Content-Length": str(end - offset),
            "Content-Type": "application/offset+octet-stream",
        }
        self._hash_up_to(offset)
        try:
            response = self._http.patch(url, content=self._chunks(offset, end), headers=headers)
        except httpx2.TransportError as error:
            return self._after_accident(url, offset, _unreachable(self._http, error))
        if response.status_code in AGAIN or (response.status_code >= 500 and response.status_code != 507):
            return self._after_accident(url, offset, response)
        self._failures = 0
        return self._offset_of(response)

    def _after_accident(self, url: str, offset: int, why: httpx2.Response | Problem) -> int:
        """Ask where to go on. Tries count only while nothing gets through."""
        self._wait(why)
        try:
            response = self._http.head(url, headers=VERSION)
        except httpx2.TransportError:
            return offset
        if response.status_code >= 500:
            return offset
        now = self._offset_of(response)
        if now > offset:
            self._failures = 0
        return now

    def _offset_of(self, response: httpx2.Response) -> int:
        if response.status_code in GONE:
            self.forget()
            raise Problem("upload-expired", "The service no longer knows this upload; send it again.")
        self._check(response)
        return int(response.headers["Upload-Offset"])

    def _wait(self, why: httpx2.Response | Problem) -> None:
        """Let some time pass, more each time; give up when nothing helps."""
        self._failures += 1
        if isinstance(why, Problem) and (self._failures > TRIES or not self._met):
            raise why
        if not isinstance(why, Problem) and self._failures > TRIES:
            self._check(why)
        asked = 0.0 if isinstance(why, Problem) else float(why.headers.get("Retry-After", "0"))
        time.sleep(min(LONGEST_PAUSE_S, max(asked, 0.1 * 2**self._failures)))

    def _chunks(self, offset: int, end: int) -> Iterator[bytes]:
        for chunk in self._source.chunks(offset, end):
            yield chunk
            offset += len(chunk)
            if self._hashed == offset - len(chunk):
                self._digest.update(chunk)
                self._hashed = offset
            if self._watch is not None:
                self._watch(offset, self._source.size)

    def _hash_up_to(self, offset: int) -> None:
        if self._hashed < offset:
            for chunk in self._source.chunks(self._hashed, offset):
                self._digest.update(chunk)
            self._hashed = offset


def _unreachable(http: httpx2.Client, error: Exception) -> Problem:
    problem = Problem("unreachable", f"The service at {http.base_url} does not answer. Is it running?", ours=True)
    problem.__cause__ = error
    return problem
