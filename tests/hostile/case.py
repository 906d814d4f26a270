"""What a hostile upload is, and what must become of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.unit.datasets.dataset_makers import Forged, forge, image, tar_of, zip_of

CAT, DOG = image(seed=1), image(seed=2)
GOOD = {"cat/good.png": CAT, "dog/good.png": DOG}


@dataclass(frozen=True)
class Refused:
    """The POST itself is answered with this problem."""

    status: int
    code: str


@dataclass(frozen=True)
class Rejected:
    """The upload is taken, and the dataset then refused with this problem."""

    code: str


@dataclass(frozen=True)
class Ready:
    """The dataset is read: so many images, exactly these members left out, at least these warnings."""

    accepted: int = len(GOOD)
    left_out: dict[str, str] = field(default_factory=dict)
    warnings: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)  # of some samples


Outcome = Refused | Rejected | Ready


@dataclass(frozen=True)
class Case:
    """A row of the table of bad input; `settings` are those of the worker that reads it."""

    row: str
    name: str
    build: Callable[[], bytes]
    outcome: Outcome
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.row}-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}"


def refused(row: str, name: str, code: str, data: bytes | Callable[[], bytes], status: int = 422) -> Case:
    """One that the first look refuses."""
    return Case(row, name, _build(data), Refused(status, code))


def rejected(row: str, name: str, code: str, data: bytes | Callable[[], bytes], **settings: Any) -> Case:
    """One that is refused when it is read."""
    return Case(row, name, _build(data), Rejected(code), settings)


def ready(row: str, name: str, data: bytes | Callable[[], bytes], outcome: Ready, **settings: Any) -> Case:
    """One that is read but for some members."""
    return Case(row, name, _build(data), outcome, settings)


def zip_with(*members: Forged, **options: Any) -> bytes:
    """A zip of two good images and these members."""
    return forge([*(Forged(name.encode(), data) for name, data in GOOD.items()), *members], **options)


def member(row: str, name: str, code: str, path: str, data: bytes | Callable[[], bytes], **settings: Any) -> Case:
    """A file that is left out of a zip, while the good images beside it are read."""

    def build() -> bytes:
        return zip_of({**GOOD, path: data if isinstance(data, bytes) else data()})

    return Case(row, name, build, Ready(left_out={path: code}), settings)


def harmless(row: str, name: str, path: str, data: bytes | Callable[[], bytes]) -> Case:
    """A file that looks dangerous and is read as the image that it is."""

    def build() -> bytes:
        return zip_of({**GOOD, path: data if isinstance(data, bytes) else data()})

    return Case(row, name, build, Ready(accepted=3))


def _build(data: bytes | Callable[[], bytes]) -> Callable[[], bytes]:
    return (lambda: data) if isinstance(data, bytes) else data


__all__ = [
    "CAT", "DOG", "GOOD", "Case", "Forged", "Outcome", "Ready", "Refused", "Rejected", "forge", "harmless", "image",
    "member", "ready", "refused", "rejected", "tar_of", "zip_of", "zip_with",
]  # fmt: skip
