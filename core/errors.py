"""The one kind of error that a person is meant to read."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """Something went wrong that a person can understand and mend.

    `code` is a stable slug that programs may rely on; `detail` is one sentence that names the item, the reason
    and the remedy. It never holds a path on our disk, SQL, or text that a user sent and that is longer than 120
    characters. How a problem looks over HTTP is decided in `api.problems`.
    """

    def __init__(self, code: str, detail: str, *, retryable: bool = False, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.extra = extra

    def as_record(self) -> dict[str, Any]:
        """What is stored in a row and given back by `from_record`."""
        return {"code": self.code, "detail": self.detail, "retryable": self.retryable, **self.extra}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Problem:
        """The problem that `as_record` wrote down."""
        rest = dict(record)
        return cls(rest.pop("code"), rest.pop("detail"), **rest)


def shown(text: str, limit: int = 120) -> str:
    """A user's own text, safe to show back: short, on one line, with control and bidi characters escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
