"""A broker made of files, for the embedded service: kombu's `filesystem` transport with its races taken out.

The stock transport opens a message under its final name before it writes it, so a consumer can take an empty file and
die of it; it moves taken messages through the system's temporary folder; and it truncates an exchange's table before
it locks it. Here a message appears by rename, is taken by rename, and tables are replaced by rename.
"""

from __future__ import annotations

import os
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """The stock channel with atomic reads and writes."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        # The wall clock names the file, so that the order survives a restart of the machine.
        name = f"{time_ns():020d}_{uuid4()}.{queue}.msg"
        _publish(Path(self.processed_folder), Path(self.data_folder_out) / name, payload)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder, aside = Path(self.data_folder_in), Path(self.processed_folder)
        for message in sorted(path for path in folder.iterdir() if path.name.partition(".")[2] == f"{queue}.msg"):
            mine = aside / f"{message.name}.{os.getpid()}"
            try:
                message.rename(mine)
            except FileNotFoundError:
                continue  # another consumer was quicker
            payload = mine.read_bytes()
            mine.unlink()
            return loads(bytes_to_str(payload))
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        entry = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        table = self.get_table(exchange)
        if entry not in table:
            _publish(Path(self.processed_folder), self._exchange_file(exchange), [entry, *table])


class Transport(filesystem.Transport):
    """What `filesystem://` means once `install` was called."""

    Channel = Channel


def install(folder: Path) -> dict[str, str]:
    """Make `filesystem://` ours, with everything it writes below `folder`; returns the transport's options."""
    TRANSPORT_ALIASES["filesystem"] = "worker.fsbroker:Transport"
    folders = {"messages": folder / "messages", "aside": folder / "aside", "control": folder / "control"}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "processed_folder": str(folders["aside"]),
        "control_folder": str(folders["control"]),
    }


def _publish(aside: Path, path: Path, content: Any) -> None:
    draft = aside / f"{uuid4()}.draft"
    draft.write_bytes(str_to_bytes(dumps(content)))
    draft.replace(path)
