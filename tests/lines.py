"""Lines that break: a connection to a service that is cut, or goes silent, after so many bytes were sent."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Line:
    """Stands before a service. Of the connections that come, each is cut after the next number of bytes sent through
    it; when there are no more numbers all is passed on. A silent line is not cut: it only passes nothing more on."""

    def __init__(self, url: str, cut_after: list[int], *, silent: bool = False, port: int = 0) -> None:
        host, target = url.removeprefix("http://").split(":")
        self._target = (host, int(target))
        self._left, self._silent = list(cut_after), silent
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", port))
        self.port = int(self._door.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody."""
        for end in [self._door, *self._open]:
            _hang_up(end)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
                threading.Thread(target=self._back, args=(far, near), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(4096):
                with self._lock:  # the budget belongs to the line: a client may have several connections
                    cut = bool(self._left) and len(data) >= self._left[0]
                    passed = data[: self._left[0]] if self._left else data
                    if cut:
                        self._left.pop(0)
                        self.cuts += 1
                    elif self._left:
                        self._left[0] -= len(data)
                far.sendall(passed)
                if cut:
                    if self._silent:
                        return
                    break
        _hang_up(near)
        _hang_up(far)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                near.sendall(data)
        _hang_up(near)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
