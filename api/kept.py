"""What was made from the database and is kept in memory, as much of it as there is room for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar


class Large(Protocol):
    """Something that takes room."""

    @property
    def nbytes(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing", bound=Large)


class Kept(Generic[Key, Thing]):
    """Things by key; the ones not asked for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: OrderedDict[Key, Thing] = OrderedDict()
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._making: dict[Key, Lock] = {}

    def get(self, key: Key, make: Callable[[], Thing]) -> Thing:
        """What is kept under a key, or else made now."""
        return self.renewed(key, lambda _: True, lambda _: make())

    def renewed(self, key: Key, fits: Callable[[Thing], bool], make: Callable[[Thing | None], Thing]) -> Thing:
        """What is kept under a key if it fits, or else made now of that; who asks for the same meanwhile waits."""
        found = self._found(key)
        if found is not None and fits(found):
            return found
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            found = self._found(key)
            if found is not None and fits(found):
                return found
            try:
                made = make(found)
                self._keep(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _found(self, key: Key) -> Thing | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, made: Thing) -> None:
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
