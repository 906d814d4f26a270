"""A file behind an https:// address that a user named, fetched so that it leads nobody into our network.

Names are resolved once, every address that a name has must be public, and the connection goes to the very address that
was looked at. A redirect is a new address with all that anew. Nothing of the environment is asked for proxies. Of a
failure only its kind is told: not the answer, not what a name resolves to, nor whether it does.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

from core.errors import Problem
from core.wire import Answer, Failed, Wire

PORT = 443
MOST_URL = 2000
MOST_REDIRECTS = 3
MOST_ADDRESSES = 3  # of a host are tried
CONNECT_S = 10.0
REDIRECTS = (301, 302, 303, 307, 308)

# Names have a last part that begins with a letter: what does not, some resolver reads as an IPv4 address in decimal,
# octal or hexadecimal numbers.
NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])", re.IGNORECASE)
GLOBAL = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
# Relays, tunnels and examples, which Python calls global, or did in some version.
NOT_PUBLIC = tuple(map(ip_network, ("192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

NOWHERE = "its host is not to be reached at a public address"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, as an address says it."""

    host: str
    path: str


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _connect(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), CONNECT_S)


@dataclass(frozen=True)
class Network:
    """The ways out of this machine; tests have others."""

    resolve: Callable[[str, int], list[str]] = _resolve
    connect: Callable[[str, int], socket.socket] = _connect
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context


INTERNET = Network()


def check(url: str) -> Target:
    """Where an address leads; a problem when that can be seen to be no place for us, without asking anybody."""
    if len(url) > MOST_URL or not re.fullmatch(r"[!-\[\]-~]+", url):
        raise _refused(f"an address has at most {MOST_URL} characters, all of them plain (others as %XX), no backslash")
    try:
        scheme, rest, path, query, _ = urlsplit(url)
    except ValueError:
        raise _refused("it is not written as addresses are") from None
    if scheme != "https":
        raise _refused("only https:// is fetched")
    if "@" in rest:
        raise _refused("an address with a user's name or a password is not fetched")
    host, colon, port = rest.partition(":")
    if not NAME.fullmatch(host):
        raise _refused("its host must be a name in a public domain, not a number")
    if colon and port != str(PORT):
        raise _refused(f"only port {PORT} is asked")
    return Target(host.lower(), (path or "/") + (f"?{query}" if query else ""))


def is_public(address: str) -> bool:
    """Whether an IP address is one that everybody on the internet means by it."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip in NAT64:
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)  # on networks without IPv4 every IPv4 address looks like this
    if isinstance(ip, IPv6Address) and ip not in GLOBAL:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in NOT_PUBLIC)


def get(url: str, headers: Mapping[str, str], seconds: float, tick: Callable[[], None]) -> Answer:
    """The answer to a GET, after at most three redirects. `tick` is called twice a second while we wait for it."""
    until = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        target = check(url)
        answer = Answer(Wire(_connected(INTERNET, target, tick), until, tick), target.host, target.path, headers)
        if answer.status not in REDIRECTS:
            return answer
        answer.close()
        url = _onward(url, answer.header("Location"))
    raise Failed(f"it leads on more than {MOST_REDIRECTS} times")


def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float, guarded: bool = True) -> int:
    """The status that a POST is answered with; redirects are not followed, and of the answer nothing else is read.

    Not guarded, the address may be http:// too, on any port, and lead anywhere: for administrators who say so.
    """
    until = time.monotonic() + seconds
    target = check(url) if guarded else anywhere(url)
    sock = _connected(INTERNET, target, _nothing) if guarded else _reached(url)
    with Answer(Wire(sock, until, _nothing), target.host, target.path, headers, "POST", body) as answer:
        return answer.status


def anywhere(url: str) -> Target:
    """Where an address leads that need not be public; a problem when it is no address of a web server at all."""
    if len(url) > MOST_URL or not re.fullmatch(r"https?://[!-\[\]-~]+", url):
        raise _refused(f"an address begins with http:// or https:// and has at most {MOST_URL} plain characters")
    try:
        parts = urlsplit(url)
        named, _ = parts.hostname, parts.port
    except ValueError:
        raise _refused("it is not written as addresses are") from None
    if "@" in parts.netloc or not named:
        raise _refused("it names no host, or a user")
    return Target(parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _reached(url: str) -> socket.socket:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        plain = socket.create_connection((parts.hostname or "", parts.port or (443 if secure else 80)), CONNECT_S)
        return INTERNET.trust().wrap_socket(plain, server_hostname=parts.hostname) if secure else plain
    except (OSError, UnicodeError):
        raise Failed("no connection to its server can be made") from None


def _nothing() -> None:
    return


def _onward(url: str, location: str) -> str:
    try:
        onward = urljoin(url, location)
        check(onward)
    except (Problem, ValueError):
        raise Failed("it leads on to an address that is not allowed") from None
    return onward


def _connected(network: Network, target: Target, tick: Callable[[], None]) -> ssl.SSLSocket:
    """A connection to one of a host's addresses, all of which must be public, and a certificate for its name."""
    try:
        addresses = list(dict.fromkeys(network.resolve(target.host, PORT)))
    except (OSError, UnicodeError):
        addresses = []
    if not addresses or not all(map(is_public, addresses)):
        raise Failed(NOWHERE)
    for address in addresses[:MOST_ADDRESSES]:
        tick()
        try:
            plain = network.connect(address, PORT)
        except OSError:
            continue
        try:
            # A body whose end only the end of the connection tells must not be cut by somebody in between; both words
            # are needed, as some builds of Python take the end of a connection for its proper end.
            context = network.trust()
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
            return context.wrap_socket(plain, server_hostname=target.host, suppress_ragged_eofs=False)
        except OSError as error:
            plain.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Failed("its certificate is not valid for it") from None
            raise Failed("no secure connection to its server can be made") from None
    raise Failed(NOWHERE)


def _refused(why: str) -> Problem:
    return Problem("url-not-allowed", f"This address is not allowed: {why}.")
