"""What clients saw of a service in a storm, and the rules that must hold of it.

Nobody knows in which order requests were done that overlapped, nor whether one was done that got no answer. So the
rules speak of what was surely before and what was surely after, and of what was surely done or surely not.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ENDED = ("succeeded", "failed", "cancelled")
PASSING = {"database-unavailable", "overloaded", "insufficient-storage"}
EARNED = {"not-found", "already-finished", "dataset-in-use", "audit-in-progress", "dataset-not-ready"}
OF_UPLOADS = {"upload-locked", "upload-offset-mismatch", "upload-complete", "upload-used"}


@dataclass(frozen=True)
class Op:
    """One request: when it was sent, when an answer was there, and what that said."""

    client: int
    kind: str  # make, read, list, cancel, pause, resume, delete, events, head, patch
    of: str  # audit, dataset, upload
    mark: str  # what was to be made, or the id of what was asked for
    sent: float
    back: float
    status: int | None = None  # none: no answer
    code: str | None = None
    id: str | None = None
    seen: Any = None

    @property
    def ok(self) -> bool:
        return self.status is not None and self.status < 400

    @property
    def refused(self) -> bool:
        """Surely not done."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def unknown(self) -> bool:
        return not self.ok and not self.refused


class History:
    """All of it; clients write at the same time."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._lock = threading.Lock()

    def add(self, op: Op) -> Op:
        with self._lock:
            self.ops.append(op)
        return op

    def of(self, *kinds: str, about: str | None = None) -> Iterator[Op]:
        return (op for op in self.ops if op.kind in kinds and about in (None, op.of))

    def tally(self) -> dict[str, int]:
        return {
            "operations": len(self.ops),
            "ok": sum(op.ok for op in self.ops),
            "refused": sum(op.refused for op in self.ops),
            "unknown": sum(op.unknown for op in self.ops),
        }


@dataclass(frozen=True)
class End:
    """How one thing stands when all is quiet."""

    mark: str
    status: str
    dataset: str | None = None
    events: tuple[int, ...] = ()
    endings: int = 1
    outcome: str | None = None  # hash of all that came of it
    wanted: str | None = None  # that of the undisturbed run


@dataclass
class Truth:
    """How everything stands when all is quiet: by kind and id."""

    audits: dict[str, End] = field(default_factory=dict)
    datasets: dict[str, End] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)  # blobs that nothing points to

    def all(self, about: str) -> dict[str, End]:
        return self.audits if about == "audit" else self.datasets


def violations(history: History, truth: Truth) -> list[str]:
    """Each broken promise in a line."""
    return [
        *_undocumented(history),
        *(line for about in ("audit", "dataset") for line in _made(history, truth, about)),
        *(line for about in ("audit", "dataset") for line in _removed(history, truth, about)),
        *_ended(history, truth),
        *_events(history, truth),
        *_uploads(history),
        *(f"{name} is stored and nothing points to it" for name in truth.orphans),
    ]


def _undocumented(history: History) -> Iterator[str]:
    for op in history.ops:
        known = PASSING | EARNED | (set() if op.of == "audit" else OF_UPLOADS)
        silent = op.kind == "head" and op.status in (404, 423, 503)  # an answer without a body
        if op.status is not None and op.status >= 400 and op.code not in known and not silent:
            yield f"{op.kind} {op.of} {op.mark} was answered {op.status} {op.code}"


def _made(history: History, truth: Truth, about: str) -> Iterator[str]:
    """What was accepted is there once, and what was refused is not."""
    tries: dict[str, list[Op]] = defaultdict(list)
    for op in history.of("make", about=about):
        tries[op.mark].append(op)
    there: dict[str, set[str]] = defaultdict(set)
    for id, end in truth.all(about).items():
        there[end.mark].add(id)
    gone = {op.mark for op in _deletes(history, about) if not op.refused}
    for mark, ops in tries.items():
        ids = {op.id for op in ops if op.ok and op.id} | there[mark]
        if len(ids) > 1:
            yield f"{about} {mark} was made {len(ids)} times: {', '.join(sorted(ids))}"
        if all(op.refused for op in ops) and ids:
            yield f"{about} {mark} was refused, and is there"
        if any(op.ok for op in ops) and not there[mark] and not ids & gone:
            yield f"{about} {mark} was accepted, and is lost"
    for mark in there.keys() - tries.keys():
        yield f"{about} {mark} was never asked for"


def _deletes(history: History, about: str) -> list[Op]:
    """What removes things of a kind: with a dataset go its audits."""
    direct = list(history.of("delete", about=about))
    if about == "dataset":
        return direct
    parents = {op.id: op.seen["dataset"] for op in history.of("make", about="audit") if op.ok and op.id}
    through = [
        Op(op.client, "delete", "audit", id, op.sent, op.back, op.status, op.code)
        for op in history.of("delete", about="dataset")
        for id, parent in parents.items()
        if parent == op.mark and not op.refused
    ]
    return direct + through


def _removed(history: History, truth: Truth, about: str) -> Iterator[str]:
    """What was removed stays away; what nobody removed is seen by everybody."""
    gone, begun = {}, {}
    for op in _deletes(history, about):
        if op.ok:
            gone[op.mark] = min(op.back, gone.get(op.mark, op.back))
        if not op.refused:
            begun[op.mark] = min(op.sent, begun.get(op.mark, op.sent))
    made = {op.id: op.back for op in history.of("make", about=about) if op.ok and op.id}
    for op in history.of("read", about=about):
        if op.ok and op.sent > gone.get(op.mark, float("inf")):
            yield f"{about} {op.mark} was read after it was removed"
        surely = made.get(op.mark, float("inf")) < op.sent and begun.get(op.mark, float("inf")) > op.back
        if op.code == "not-found" and surely:
            yield f"{about} {op.mark} was not found, though nobody had removed it"
    for op in history.of("list", about=about):
        if not op.ok:
            continue
        for id in op.seen:
            if op.sent > gone.get(id, float("inf")):
                yield f"{about} {id} was listed after it was removed"
        for id, at in made.items():
            if at < op.sent and begun.get(id, float("inf")) > op.back and id not in op.seen:
                yield f"{about} {id} was left out of a list"
    for id in truth.all(about).keys() & gone.keys():
        yield f"{about} {id} was removed, and is there"


def _ended(history: History, truth: Truth) -> Iterator[str]:
    """Every audit that is there ended once, as its clients were told, with the bits of the undisturbed run."""
    cancelled = {op.mark for op in history.of("cancel") if op.ok}
    reads: dict[str, list[Op]] = defaultdict(list)
    for op in history.of("read", about="audit"):
        if op.ok and op.seen in ENDED:
            reads[op.mark].append(op)
    for id, end in truth.audits.items():
        if end.status not in ("succeeded", "cancelled"):
            yield f"audit {id} stands at {end.status}"
        if end.endings != 1:
            yield f"audit {id} ended {end.endings} times"
        if id in cancelled and end.status != "cancelled":
            yield f"audit {id} was cancelled, and {end.status}"
        if end.events != tuple(range(1, len(end.events) + 1)):
            yield f"audit {id} has a gap in its events"
        if end.status == "succeeded" and end.outcome != end.wanted:
            yield f"audit {id} came to something else than the undisturbed run"
        for op in reads[id]:
            if op.seen != end.status:
                yield f"audit {id} was said to have {op.seen}, and {end.status}"
    for id, end in truth.datasets.items():
        if end.status != "ready":
            yield f"dataset {id} stands at {end.status}"


def _events(history: History, truth: Truth) -> Iterator[str]:
    """Whoever read the events read the beginning of what they are."""
    for op in history.of("events"):
        end = truth.audits.get(op.mark)
        if op.ok and end is not None and tuple(op.seen) != end.events[: len(op.seen)]:
            yield f"the events of audit {op.mark} were other ones before"


def _uploads(history: History) -> Iterator[str]:
    """Bytes that were acknowledged are never lost again."""
    known: dict[str, int] = defaultdict(int)
    for op in sorted(history.of("head", "patch"), key=lambda op: op.back):
        if op.ok:
            if op.seen < known[op.mark]:
                yield f"upload {op.mark} went back from {known[op.mark]} to {op.seen} bytes"
            known[op.mark] = max(known[op.mark], op.seen)
