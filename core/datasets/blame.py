"""Who is to blame when a child dies: nobody for one death, for a second one at the same place the member there."""

from __future__ import annotations

import signal
from threading import Lock

from core.datasets.sandbox import ChildDied
from core.errors import Problem

MAX_DEATHS = 50
CRASHED, TIMED_OUT = "image-crashed-decoder", "image-decode-timeout"
CONDEMNED = {
    CRASHED: "The image made its decoder crash; save it again with another program.",
    TIMED_OUT: "Decoding the image takes too long; save it again, smaller.",
}


class Deaths:
    """All deaths among the children of one upload, whichever of them died."""

    def __init__(self) -> None:
        self._lock, self._count = Lock(), 0

    def add(self, death: ChildDied) -> None:
        with self._lock:
            self._count += 1
            if self._count <= MAX_DEATHS:
                return
        detail = f"The decoder died more than {MAX_DEATHS} times on the images of this upload."
        raise Problem("too-many-rejects", detail) from death


class Blame:
    """Judges the deaths of one child and of those that replaced it."""

    def __init__(self, deaths: Deaths) -> None:
        self._deaths = deaths
        self._place = -1
        self._code: str | None = None

    def judge(self, death: ChildDied, place: int) -> str | None:
        """Why the member at `place` is condemned; None when the death may have been somebody's kill."""
        again = place == self._place
        if again and self._code is not None:
            raise death  # it dies where no image is to blame
        self._deaths.add(death)
        self._place, self._code = place, CRASHED if again else None
        if death.by == signal.SIGPROF:
            self._code = TIMED_OUT
        return self._code
