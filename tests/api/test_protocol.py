"""The head of a request is bounded, in bytes and in time; a body is not touched by that."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api import protocol


async def _app(_scope: Scope, receive: Receive, send: Send) -> None:
    """Says how many bytes of body it got."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    config = uvicorn.Config(_app, port=0, http=protocol.BoundedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def _talk(port: int, *pieces: bytes) -> bytes:
    """Everything that is answered to these pieces, on a connection that asks for its end."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
        while more := connection.recv(65536):
            heard += more
    return heard


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
LAST = b"Connection: close\r\n"


def test_a_head_that_is_too_large_is_refused_however_it_arrives(port: int) -> None:
    large = b"X-Large: " + b"x" * 40_000 + b"\r\n\r\n"
    assert b" 431 " in _talk(port, HEAD + large)
    assert b" 431 " in _talk(port, HEAD, *[large[k : k + 1000] for k in range(0, 17_000, 1000)])


def test_a_head_below_the_bound_passes(port: int) -> None:
    answer = _talk(port, HEAD + LAST + b"X-Large: " + b"x" * 12_000 + b"\r\nContent-Length: 0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n0")


def test_a_large_body_in_the_same_packet_as_its_head_arrives_whole(port: int) -> None:
    body = b"b" * 3_000_000
    answer = _talk(port, HEAD + LAST + b"Content-Length: 3000000\r\n\r\n" + body)
    assert answer.endswith(b"\r\n\r\n3000000")


def test_a_connection_may_ask_many_times(port: int) -> None:
    one = HEAD + b"Content-Length: 5\r\n\r\nhello"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for _ in range(10):
            connection.sendall(one)
            heard = b""
            while not heard.endswith(b"\r\n\r\n5"):
                more = connection.recv(65536)
                assert more
                heard += more


def test_a_head_that_never_ends_is_given_up(port: int) -> None:
    assert b" 408 " in _talk(port, HEAD)


def test_a_connection_that_says_nothing_is_given_up(port: int) -> None:
    assert b" 408 " in _talk(port)


def test_a_slow_body_is_not_a_slow_head(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\na")
        threading.Event().wait(0.8)
        connection.sendall(b"b")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
