"""A web server with a certificate of a made-up authority, and an internet in which names lead to it alone."""

from __future__ import annotations

import contextlib
import datetime
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.fetch import Network

PUBLIC = "93.184.215.14"
Page = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Web:
    """The server, and what was asked of it and of its internet."""

    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)
    names: dict[str, list[list[str]]] = field(default_factory=dict)  # the answers of the resolver, one after another
    resolved: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    greeted: list[str | None] = field(default_factory=list)  # by which name (SNI)
    port: int = 0

    def network(self) -> Network:
        """An internet with this server in it."""
        return Network(self._resolve, self._connect, self._trust)

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF  # as Debian's Python has it, and others have not
        return context

    def _resolve(self, host: str, _port: int) -> list[str]:
        self.resolved.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _connect(self, address: str, _port: int) -> socket.socket:
        self.connected.append(address)
        return socket.create_connection(("127.0.0.1", self.port), 10)


@contextlib.contextmanager
def web(folder: Path, named: str = "*.example.org", trusted: bool = True) -> Iterator[Web]:
    """A running server with a certificate for a name, by an authority that its clients trust or do not."""
    made = Web(folder)
    folder.mkdir(exist_ok=True)
    _certify(folder, named)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.sni_callback = lambda _socket, name, _context: made.greeted.append(name)
    if not trusted:
        _certify(folder, named)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append((self.path, dict(self.headers)))
            self.close_connection = True
            with contextlib.suppress(OSError):
                made.pages[self.path](self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: socket.socket, address: Any) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(request, server_side=True) as secure:
                Handler(secure, address, self)

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sends(content: bytes, status: int = 200, **headers: str) -> Page:
    """A page with this content; `_` in a header's name stands for `-`."""

    def page(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return page


def leads_to(url: str, status: int = 302) -> Page:
    """A redirect."""
    return sends(b"moved", status, Location=url)


def ranged(content: bytes, tag: str) -> Page:
    """A file that can be asked for from the middle."""

    def page(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        if wanted is None or handler.headers.get("If-Range") != tag:
            return sends(content, ETag=tag)(handler)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return sends(b"", 416)(handler)
        told = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return sends(content[start:], 206, ETag=tag, Content_Range=told)(handler)

    return page


def breaking(page: Page, after: int, times: int) -> Page:
    """The same, but so many answers break off after so many bytes of their bodies."""
    left = [times]

    def torn(handler: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        if left[0] >= 0:
            handler.wfile = _Torn(handler.wfile, after)
        page(handler)

    return torn


class _Torn(io.RawIOBase):
    def __init__(self, file: Any, after: int) -> None:
        self._file, self._left, self._in_body = file, after, False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._in_body:
            data = data[: self._left]
            self._left -= len(data)
        self._in_body |= data.endswith(b"\r\n\r\n")
        return int(self._file.write(data))


def _certify(folder: Path, named: str) -> None:
    """A new authority in `ca.pem`, and a key with its certificate for a name in `server.pem`."""
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up for a test")])

    def certificate(subject: x509.Name, of: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=9))
        )

    itself = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    root = certificate(issuer, authority).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(itself, critical=False).add_extension(usage, critical=True)
    leaf = certificate(x509.Name([]), key).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(named)]), critical=True
    )
    leaf = leaf.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.sign(authority, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + leaf.sign(authority, hashes.SHA256()).public_bytes(pem))
