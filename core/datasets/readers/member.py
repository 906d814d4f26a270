"""What every reader yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.errors import Problem


class Rejection(Problem):
    """A problem of one member; any other problem refuses the whole dataset."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a member is not read as an image."""

    outcome: Literal["rejected", "ignored"]
    code: str
    detail: str


class Member(NamedTuple):
    """One member as its archive names it. `read` may raise `Rejection`."""

    path: str
    split: str | None
    label: str | None
    left_out: LeftOut | None
    read: Callable[[], bytes]
    votes: dict[str, int] | None = None  # of several people, by label
    extra: dict[str, str] | None = None  # what else a table says


@dataclass(frozen=True, slots=True)
class Archive:
    """`total` members, at most `images` of them samples; `members(skip)` yields all but the first `skip`."""

    layout: str  # what says which image is what
    total: int
    images: int
    members: Callable[[int], Iterator[Member]]
