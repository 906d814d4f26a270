"""What a child says, believed only as far as its shape goes: hostile bytes may have taken it over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.errors import Problem

MAX_EXTRA = 1 << 20  # characters of what a table says of one image


def text(said: Mapping[str, Any], key: str, most: int = 1 << 16) -> str:
    """A text that is not empty."""
    value = said.get(key)
    if type(value) is str and 0 < len(value) <= most:
        return value
    raise untrue()


def number(said: Mapping[str, Any], key: str, most: int) -> int:
    """A whole number from 0."""
    value = said.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise untrue()
    return value


def records(said: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects."""
    value = said.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise untrue()
    return value


def as_json(said: Mapping[str, Any], key: str, kind: type) -> str | None:
    """An object whose values are all of a kind, as JSON."""
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, dict) or any(type(one) is not kind for one in value.values()):
        raise untrue()
    written = json.dumps(value, ensure_ascii=False)
    if len(written) > MAX_EXTRA:
        raise untrue()
    return written


def untrue() -> Problem:
    """The child said something that it may not say."""
    return Problem("sandbox-died", "The process that reads uploads sent a frame that it may not send.", retryable=True)
