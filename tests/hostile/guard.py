"""What a guard is: a line of the code that stops something, and what stands there when it is switched off."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.hostile.cases import CASES

ROOT = Path(__file__).parents[2]
READERS = "core/datasets/readers"


@dataclass(frozen=True)
class Edit:
    """A text that stands once in a file, and what replaces it."""

    file: str
    text: str
    instead: str

    def times_found(self, root: Path = ROOT) -> int:
        return (root / self.file).read_text().count(self.text)

    def apply(self, root: Path) -> None:
        """Switch it off in a copy of the source."""
        file = root / self.file
        assert self.times_found(root) == 1, f"{self.file} does not hold once: {self.text}"
        file.write_text(file.read_text().replace(self.text, self.instead))


@dataclass(frozen=True)
class Guard:
    """Usually one edit; several where one guard stands behind another. `patterns` are of the ids of cases."""

    name: str
    edits: tuple[Edit, ...]
    patterns: tuple[str, ...]

    @property
    def cases(self) -> list[str]:
        return [case.id for case in CASES if any(fnmatch(case.id, pattern) for pattern in self.patterns)]


def guard(name: str, file: str, text: str, instead: str, *patterns: str, also: tuple[Edit, ...] = ()) -> Guard:
    return Guard(name, (Edit(file, text, instead), *also), patterns)


def never(name: str, file: str, condition: str, *patterns: str, also: tuple[Edit, ...] = ()) -> Guard:
    """A guard that is an `if`, which is never true when it is switched off."""
    word = "elif" if condition.startswith("elif ") else "if"
    return guard(name, file, condition, f"{word} False:", *patterns, also=also)


def uncaught(name: str, file: str, line: str, *patterns: str, also: tuple[Edit, ...] = ()) -> Guard:
    """A guard that is an `except`, which catches nothing when it is switched off."""
    indent = line[: len(line) - len(line.lstrip())]
    name_of_error = " as error" if " as error" in line else ""
    return guard(name, file, line, f"{indent}except ZeroDivisionError{name_of_error}:", *patterns, also=also)
