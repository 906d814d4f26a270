"""Remembers where something was being uploaded to, so that a later run goes on there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from labelaudit.sources import Source


@dataclass(frozen=True)
class Bookmark:
    """A small file for one source on its way to one server."""

    file: Path
    server: str
    path: str
    fingerprint: str

    @classmethod
    def of(cls, home: Path, server: str, source: Source) -> Bookmark:
        """The bookmark of a source, whether there is one yet or not."""
        path = str(source.path.resolve())
        name = hashlib.sha256(f"{server}\0{path}".encode(errors="surrogateescape")).hexdigest()[:32]
        return cls(home / "sending" / f"{name}.json", server, path, source.fingerprint())

    def read(self) -> str | None:
        """Where the upload is, if one was begun of the same content."""
        try:
            known = json.loads(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        url = known.pop("upload", None)
        return url if known == self._content() and isinstance(url, str) else None

    def write(self, upload: str) -> None:
        """Remember where the upload is."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({**self._content(), "upload": upload}))
        new.replace(self.file)

    def remove(self) -> None:
        """Nothing is left to send."""
        self.file.unlink(missing_ok=True)

    def _content(self) -> dict[str, str]:
        return {"server": self.server, "path": self.path, "fingerprint": self.fingerprint}
