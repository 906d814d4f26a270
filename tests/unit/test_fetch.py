"""Fetching an address that a stranger named: where it may lead, and what the other side cannot do to us."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core import fetch, wire
from core.errors import Problem
from tests.tls import PUBLIC, Page, Web, leads_to, sends, web

HOME = "https://data.example.org"


@pytest.fixture
def internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server that all names of example.org lead to."""
    with web(tmp_path / "web") as made:
        made.names = {f"{name}.example.org": [[PUBLIC]] for name in ("data", "more", "internal")}
        monkeypatch.setattr(fetch, "INTERNET", made.network())
        yield made


def get(url: str, seconds: float = 30) -> bytes:
    with fetch.get(url, {}, seconds, lambda: None) as answer:
        if answer.status != 200:
            raise wire.Failed(str(answer.status))
        return b"".join(answer.chunks())


def refusal(url: str, code: str = "url-fetch-failed", seconds: float = 30) -> str:
    with pytest.raises(Problem) as caught:
        get(url, seconds)
    assert caught.value.code == code
    assert "example.org" not in caught.value.detail and PUBLIC not in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "http://data.example.org/",
        "file:///etc/passwd",
        "gopher://data.example.org/",
        "ftp://data.example.org/",
        "//data.example.org/",
        "https:data.example.org",
        "https://",
        "https:///etc/passwd",
        "https://user@data.example.org/",
        "https://user:word@data.example.org/",
        "https://data.example.org@127.0.0.1/",
        "https://127.0.0.1/",
        "https://93.184.215.14/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::1",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://127.0.0.0x1/",
        "https://localhost/",
        "https://localhost./",
        "https://metadata/",
        "https://data.example.org:8443/",
        "https://data.example.org:22/",
        "https://data.example.org:443@internal/",
        "https://data.example.org:x/",
        "https://data.example.org\\@internal.example.org/",
        "https://data.example.org/a b",
        "https://data.example.org/\r\nX-Evil: 1",
        "https://data.example.org/\x00",
        "https://dátá.example.org/",
        "https://data.example.org/ü",
        "https://data_.example.org/",
        "https://-data.example.org/",
        "https://data..example.org/",
        "https://data.example.org/" + "x" * 2000,
        "https://" + "a" * 64 + ".org/",
        "https://" + "a." * 130 + "org/",
    ],
)
def test_an_address_that_can_be_seen_to_be_no_place_for_us_is_refused_without_asking_anybody(
    internet: Web, url: str
) -> None:
    with pytest.raises(Problem) as caught:
        fetch.check(url)
    assert caught.value.code == "url-not-allowed"
    refusal(url, "url-not-allowed")
    assert internet.resolved == []


def test_an_address_says_whom_to_ask_for_what() -> None:
    assert fetch.check("https://Data.Example.org") == fetch.Target("data.example.org", "/")
    assert fetch.check("https://a.example.org:443/b/c.zip?d=%2F&e#f") == fetch.Target(
        "a.example.org", "/b/c.zip?d=%2F&e"
    )
    assert fetch.check("https://xn--dt-niab.example.org/x").host == "xn--dt-niab.example.org"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:93.184.215.14",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::5db8:d70e", "100::1", "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:5db8:d70e::",
        "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "not an address", "",
    ],
)  # fmt: skip
def test_an_address_of_some_other_network_is_not_public(address: str) -> None:
    assert not fetch.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert fetch.is_public(address)


def test_a_file_comes_from_the_address_that_was_looked_at_and_the_server_is_greeted_by_its_name(internet: Web) -> None:
    internet.pages["/a.zip?x=1"] = sends(b"content")
    internet.names["data.example.org"] = [[PUBLIC], ["127.0.0.1"]]
    assert get(f"{HOME}/a.zip?x=1") == b"content"
    assert (internet.resolved, internet.connected) == (["data.example.org"], [PUBLIC])
    assert internet.greeted == ["data.example.org"]
    ((path, headers),) = internet.asked
    assert path == "/a.zip?x=1"
    assert headers["Host"] == "data.example.org" and headers["Accept-Encoding"] == "identity"


def test_a_name_that_changes_its_address_between_two_requests_is_looked_at_again(internet: Web) -> None:
    internet.names["data.example.org"] = [[PUBLIC], ["127.0.0.1"]]
    internet.pages["/a"] = leads_to("/b")
    internet.pages["/b"] = sends(b"secret")
    refusal(f"{HOME}/a")
    assert internet.connected == [PUBLIC]


@pytest.mark.parametrize("answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], []])
def test_nobody_learns_whether_a_name_is_known_inside(internet: Web, answer: list[str]) -> None:
    internet.names["data.example.org"] = [answer]
    assert refusal(f"{HOME}/") == refusal("https://unknown.example.org/")
    assert internet.connected == []


def test_the_environments_proxies_are_not_asked(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    internet.pages["/"] = sends(b"content")
    assert get(HOME) == b"content"


def test_redirects_are_followed_three_times(internet: Web) -> None:
    for n, status in enumerate((301, 302, 303, 307, 308)):
        internet.pages[f"/{n}"] = leads_to(f"https://more.example.org/{n + 1}", status)
    internet.pages["/5"] = sends(b"content")
    assert get(f"{HOME}/2") == b"content"
    assert refusal(f"{HOME}/1").endswith("it leads on more than 3 times.")


@pytest.mark.parametrize(
    "place",
    [
        "http://more.example.org/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user@more.example.org/",
        "https://more.example.org:8443/",
        "file:///etc/passwd",
        "//[::1]/",
        "https://[::1",
        "https://internal.example.org/",
        "\\\\more.example.org/",
    ],
)
def test_a_redirect_leads_nobody_inside(internet: Web, place: str) -> None:
    internet.names["internal.example.org"] = [["10.0.0.7"]]
    internet.pages["/"] = leads_to(place)
    refusal(HOME)
    assert internet.connected == [PUBLIC]


def test_a_redirect_to_nowhere_ends(internet: Web) -> None:
    internet.pages["/"] = sends(b"", 302)
    refusal(HOME)


@pytest.mark.parametrize(("named", "trusted"), [("*.example.org", False), ("other.example.com", True)])
def test_a_certificate_must_be_valid_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, trusted: bool
) -> None:
    with web(tmp_path / "web", named, trusted) as made:
        made.names["data.example.org"] = [[PUBLIC]]
        made.pages["/"] = sends(b"content")
        monkeypatch.setattr(fetch, "INTERNET", made.network())
        assert "certificate" in refusal(HOME)
        assert made.asked == []


def test_a_server_that_speaks_no_tls_is_not_believed(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as plain:
        internet.port = plain.getsockname()[1]
        monkeypatch.setattr(fetch, "CONNECT_S", 0.5)
        import threading

        def answer() -> None:
            peer, _ = plain.accept()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        refusal(HOME)
        thread.join()


def _raw(*pieces: bytes, pause: float = 0.0, again: int = 1) -> Page:
    def page(handler: BaseHTTPRequestHandler) -> None:
        for piece in pieces[:-1]:
            handler.wfile.write(piece)
        for _ in range(again):
            handler.wfile.write(pieces[-1])
            handler.wfile.flush()
            time.sleep(pause)

    return page


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n",),
        (b"HTTP/1.1 two hundred\r\n\r\n",),
        (OK + b"Content-Length: 10\r\n\r\n12345",),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n12345\r\n",),
        (OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",),
        (OK + b"X: y\r\n" * 200 + b"\r\n",),
        (b"",),
    ],
    ids=["ssh", "status", "short", "chunked-short", "chunked-wrong", "long-header", "many-headers", "nothing"],
)
def test_a_server_that_does_not_speak_as_it_should_is_one_clear_problem(
    internet: Web, pieces: tuple[bytes, ...]
) -> None:
    internet.pages["/"] = _raw(*pieces)
    refusal(HOME)


def test_a_body_without_a_length_must_end_as_tls_ends(internet: Web) -> None:
    def torn(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(OK + b"\r\nhalf of it")
        handler.connection.close()  # without the last word of TLS, as somebody in between could do it

    internet.pages["/"] = torn
    refusal(HOME)


def test_a_silent_server_is_left(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_S", 0.3)
    monkeypatch.setattr(wire, "POLL_S", 0.05)
    internet.pages["/"] = _raw(OK + b"Content-Length: 10\r\n\r\n", b"1", pause=5)
    assert "too slow" in refusal(HOME)


def test_a_server_that_drips_its_head_is_left(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.5)
    internet.pages["/"] = _raw(OK, b"X: y\r\n", pause=0.02, again=80)
    assert "too slow" in refusal(HOME)


def test_a_server_that_sends_continue_for_ever_is_left(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.5)
    internet.pages["/"] = _raw(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.001, again=5000)
    assert "too slow" in refusal(HOME)


def test_a_server_that_drips_its_body_is_left(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WINDOW_S", 0.3)
    page = _raw(OK + b"Content-Length: 9000\r\n\r\n", b"1", pause=0.01, again=500)
    internet.pages["/"] = page
    assert "too slow" in refusal(HOME)


def test_an_endless_body_ends_with_the_time_it_was_given(internet: Web) -> None:
    page = _raw(OK + b"\r\n", b"x" * 100_000, pause=0.001, again=100_000)
    internet.pages["/"] = page
    assert "too slow" in refusal(HOME, seconds=0.5)


def test_whoever_waits_can_stop_while_nothing_comes(internet: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "POLL_S", 0.05)
    internet.pages["/"] = _raw(OK + b"Content-Length: 10\r\n\r\n", b"1", pause=5)
    ticks = iter(range(10))

    def tick() -> None:
        if next(ticks) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), fetch.get(HOME, {}, 30, tick) as answer:
        list(answer.chunks())
