"""More than can be done is refused at once; who waits for the client takes no place."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from api.protocol import BoundedProtocol
from api.shedding import Crowd, Shedding
from core.store import audits
from tests.api.conftest import Service, check_problem
from tests.api.make import zip_of


@contextmanager
def at_work(service: Service, count: int) -> Iterator[None]:
    """So many requests that are kept at work until the block ends."""
    begun, free, whole = threading.Semaphore(0), threading.Event(), audits.page

    def slow(*asked: Any) -> Any:
        begun.release()
        assert free.wait(60)
        return whole(*asked)

    def ask() -> None:
        assert httpx2.get(f"{service.url}/v1/audits", timeout=60).status_code == 200

    askers = [threading.Thread(target=ask) for _ in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audits, "page", slow)
        try:
            for asker in askers:
                asker.start()
                assert begun.acquire(timeout=60)
            yield
        finally:
            free.set()
            for asker in askers:
                asker.join()


def test_what_is_too_much_is_refused_with_a_time_to_come_back(start: Callable[..., Service]) -> None:
    service = start(max_in_flight=2)
    with at_work(service, 2):
        for method, path in (("GET", "/v1/limits"), ("GET", "/v1/nothing"), ("POST", "/v1/audits")):
            refused = service.http.request(method, path)
            assert check_problem(refused, 503, "overloaded")["retryable"] is True
            assert int(refused.headers["Retry-After"]) > 0
    assert service.http.get("/v1/audits").status_code == 200


def test_one_place_less_than_the_bound_is_room_enough(start: Callable[..., Service]) -> None:
    service = start(max_in_flight=3)
    with at_work(service, 2):
        for _ in range(5):
            assert service.http.get("/v1/limits").status_code == 200


def test_signs_of_life_and_streams_are_answered_however_much_there_is_to_do(start: Callable[..., Service]) -> None:
    service = start(max_in_flight=1)
    job, _ = service.running(service.ready())
    with at_work(service, 1):
        for path in ("/healthz", "/readyz", "/metrics"):
            assert service.http.get(path).status_code == 200
        url, headers = f"/v1/audits/{job.id}/events", {"Accept": "text/event-stream"}
        with service.http.stream("GET", url, headers=headers) as response:
            assert response.status_code == 200
            assert next(response.iter_lines()) == "retry: 2000"
        check_problem(service.http.get(url), 503, "overloaded")


def test_a_stream_and_a_slow_upload_take_no_place(start: Callable[..., Service]) -> None:
    service = start(max_in_flight=1)
    job, _ = service.running(service.ready())
    data = zip_of({"a/1.png": b"x" * 100, "b/1.png": b"y" * 100})
    host, port = service.url.removeprefix("http://").split(":")
    headers = {"Accept": "text/event-stream"}
    with (
        service.http.stream("GET", f"/v1/audits/{job.id}/events", headers=headers) as response,
        socket.create_connection((host, int(port)), timeout=60) as slow,
    ):
        lines = response.iter_lines()
        next(lines)
        head = f"POST /v1/datasets?name=slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(data)}\r\n"
        slow.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 100")  # its body is being waited for
        for _ in range(3):
            assert service.http.get("/v1/limits").status_code == 200
        slow.sendall(data)
        assert slow.recv(1000).startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize("body", [b"", b"x" * 300_000])
def test_our_own_protocol_refuses_at_the_door_and_keeps_the_line(body: bytes) -> None:
    begun, free = threading.Semaphore(0), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.release()
        await asyncio.to_thread(free.wait, 60)
        await PlainTextResponse("done")(scope, receive, send)

    starlette = Starlette(routes=[Mount("/", app)])
    starlette.state.crowd = crowd = Crowd(1)
    starlette.add_middleware(Shedding, crowd=crowd)
    config = uvicorn.Config(starlette, port=0, http=BoundedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        thread.join(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        with ThreadPoolExecutor() as pool, httpx2.Client(base_url=url, timeout=60) as http:
            first = pool.submit(httpx2.get, url, timeout=60)
            assert begun.acquire(timeout=60)
            refused = [check_problem(http.post("/v1/audits", content=body), 503, "overloaded") for _ in range(3)]
            assert len({problem["request_id"] for problem in refused}) == 3
            alive = pool.submit(httpx2.get, f"{url}/healthz", timeout=60)
            assert begun.acquire(timeout=60)  # it is let in
            free.set()
            assert (first.result(60).text, alive.result(60).text) == ("done", "done")
            assert http.get("/v1/audits").text == "done"
    finally:
        free.set()
        server.should_exit = True
        thread.join(60)
