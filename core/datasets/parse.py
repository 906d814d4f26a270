"""The parent's side of the parser: an upload in, checked samples out, with a new child whenever one dies."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from core.datasets import look
from core.datasets.bounds import Bounds
from core.datasets.sandbox import Child, ChildDied
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.errors import Problem
from core.spec import Limits, Split
from core.words import Layout

MAX_DEATHS = 50
MAX_EXTRA = 1 << 20  # characters of what a table says of one image
MODULE = "core.datasets.parser"


class Source(Protocol):
    """An upload that can be read anywhere."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Total:
    """How many members the upload has, how many of them may become samples, and what says which is which class."""

    members: int
    images: int
    layout: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An image that was decoded fully; `data` are the bytes as they were uploaded."""

    path: str
    split: Split | None
    label: str
    sha256: str
    width: int
    height: int
    mode: str
    format: str
    grey: bool
    votes: str | None  # labels and how many gave them, as JSON
    extra: str | None  # other columns, as JSON
    look: bytes  # see core.datasets.look
    data: bytes


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A member that is no sample, and why."""

    path: str
    outcome: Literal["rejected", "ignored"]
    code: str
    detail: str
    sha256: str | None


Event = Total | Sample | LeftOut


def parse(source: Source, limits: Limits, skip: int = 0, layout: Layout | None = None) -> Generator[Event, None, None]:
    """One `Total`, then one event for each member but the first `skip`, in the order in which they lie there.

    Without a layout it is recognised.
    """
    head = source.read(0, min(HEAD_BYTES, source.size))
    tail_bytes = min(TAIL_BYTES, source.size)
    kind = sniff(source.size, head, source.read(source.size - tail_bytes, tail_bytes), limits.max_members)
    kinds = [kind]
    order = {"limits": limits.model_dump(), "kinds": kinds, "layout": layout, "size": source.size}
    total: Total | None = None
    done, deaths = skip, 0
    condemned: str | None = None
    died_at = -1
    while True:
        place = {"skip": done, "condemned": condemned}
        with Child(MODULE, order | place, limits.max_member_bytes) as child:
            try:
                for event in _events(child, source, limits):
                    if not isinstance(event, Total):
                        done += 1
                        yield event
                    elif total is None:
                        total = event
                        yield event
                if total is None or done != total.members:
                    raise _untrue()
                return
            except _Needs as needs:
                if total is not None or len(kinds) > 1:
                    raise _untrue() from None
                kinds.append(str(needs))
            except ChildDied as death:
                deaths += 1
                if total is None or (condemned is not None and done == died_at):
                    raise  # it dies where no image is to blame
                if deaths > MAX_DEATHS:
                    detail = f"The decoder died more than {MAX_DEATHS} times on the images of this upload."
                    raise Problem("too-many-rejects", detail) from death
                if death.by == signal.SIGPROF:
                    condemned = "image-decode-timeout"
                else:  # it is the image's fault when it happens twice; once, somebody may have killed the child
                    condemned = "image-crashed-decoder" if done == died_at else None
                died_at = done


def _events(child: Child, source: Source, limits: Limits) -> Iterator[Event]:
    """The frames of one child as events; its questions are answered on the way."""
    bounds = Bounds.of(limits)
    while True:
        header, payload = child.receive()
        match header.get("kind"):
            case "read":
                offset, length = _number(header, "offset", source.size), _number(header, "length", source.size)
                data = source.read(offset, min(length, source.size - offset))
                if len(data) != length:
                    raise Problem("blob-corrupt", f"The stored upload ends before byte {offset + length}.")
                child.send({"kind": "bytes"}, data)
            case "total":
                members = _number(header, "members", limits.max_members)
                yield Total(members, _number(header, "images", members), _text(header, "layout", 32))
            case "sample":
                yield _sample(header, payload, bounds)
            case "left-out":
                yield _left_out(header)
            case "needs":
                raise _Needs(_text(header, "what", 16))
            case "done":
                return
            case _:
                raise _untrue()


class _Needs(Exception):
    """The upload holds something that only a child of another kind may read."""


def _sample(header: dict[str, Any], data: bytes, limits: Bounds) -> Sample:
    """A sample, believed only as far as its shape goes: hostile bytes may have taken over the child."""
    split = header.get("split")
    if split not in (None, "train", "val", "test") or not data:
        raise _untrue()
    return Sample(
        path=_text(header, "path"),
        split=cast(Split | None, split),
        label=_text(header, "label", limits.max_label_bytes),
        sha256=hashlib.sha256(data).hexdigest(),
        width=_number(header, "width", limits.max_side),
        height=_number(header, "height", limits.max_side),
        mode=_text(header, "mode", 16),
        format=_text(header, "format", 16),
        grey=header.get("grey") is True,
        votes=_json(header, "votes", int),
        extra=_json(header, "extra", str),
        look=_bytes(header, "look", look.BYTES),
        data=data,
    )


def _left_out(header: dict[str, Any]) -> LeftOut:
    outcome, sha256 = header.get("outcome"), header.get("sha256")
    if outcome not in ("rejected", "ignored") or len(str(sha256 or "x" * 64)) != 64:
        raise _untrue()
    return LeftOut(
        path=_text(header, "path", 1 << 19),
        outcome=cast(Literal["rejected", "ignored"], outcome),
        code=_text(header, "code", 64),
        detail=_text(header, "detail", 1 << 12),
        sha256=sha256,
    )


def _text(header: dict[str, Any], key: str, most: int = 1 << 16) -> str:
    value = header.get(key)
    if not isinstance(value, str) or not value or len(value) > most:
        raise _untrue()
    return value


def _json(header: dict[str, Any], key: str, kind: type) -> str | None:
    """An object whose values are all of a kind, as JSON."""
    value = header.get(key)
    if value is None:
        return None
    if not isinstance(value, dict) or any(type(one) is not kind for one in value.values()):
        raise _untrue()
    written = json.dumps(value, ensure_ascii=False)
    if len(written) > MAX_EXTRA:
        raise _untrue()
    return written


def _bytes(header: dict[str, Any], key: str, length: int) -> bytes:
    try:
        value = bytes.fromhex(_text(header, key))
    except ValueError:
        raise _untrue() from None
    if len(value) != length:
        raise _untrue()
    return value


def _number(header: dict[str, Any], key: str, most: int) -> int:
    value = header.get(key)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise _untrue()
    return value


def _untrue() -> Problem:
    return Problem("sandbox-died", "The process that reads uploads sent a frame that it may not send.", retryable=True)
