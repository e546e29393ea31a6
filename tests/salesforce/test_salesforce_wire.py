"""The way to Salesforce: lost replies, endless ones, certificates, proxies, and whatever the machine is set to."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from refsync.connector import Secret
from refsync.errors import (
    RequestUncertain,
    TransientError,
)
from refsync_salesforce.client import Client
from refsync_salesforce.options import salesforce_options
from refsync_salesforce.transport import Limits
from tests.salesforce.prepared import EMPTY, Settings, error_of, read, write


@contextmanager
def peer(answer: Callable[[socket.socket], None], *, listen: bool = True) -> Iterator[str]:
    """Run a server on this machine that treats each connection in its own way, after it has heard the request."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                if listen:
                    connection.recv(65536)
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def sandboxed(settings: Settings, url: str, ca_file: str | None = None, **limits: Any) -> Client:
    token = settings(client_secret=None, access_token=Secret("t"), instance="acme.my.salesforce.com", url=url, ca_file=ca_file)
    return Client(salesforce_options(token), Limits(**limits))


def hang(connection: socket.socket) -> None:
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        try:
            connection.sendall(b" ")
        except OSError:
            return
        time.sleep(0.05)


def drip_head(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 20:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(0.02)


def cut(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"records": [')


def cut_chunks(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"rec\r\n')


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def no_gzip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")


@pytest.mark.parametrize("answer", [hang, drip, drip_head, cut, cut_chunks, hang_up, no_gzip])
def test_lost_reply_is_uncertain_only_for_a_write(settings: Settings, answer: Callable[[socket.socket], None]) -> None:
    """Silence, a dripping head or body, a cut, a closed connection: a read may be repeated, a write has to be looked up, soon."""
    with peer(answer) as url:
        began = time.monotonic()
        client = sandboxed(settings, url, read=0.2, total=0.3)

        assert (TransientError, RequestUncertain) == (type(error_of(read, client)), type(error_of(write, client)))
        assert time.monotonic() - began < 3


def test_nobody_there_is_transient_for_a_write_too(settings: Settings) -> None:
    """A connection that was refused has carried nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    client = sandboxed(settings, url)

    assert TransientError is type(error_of(write, client))


def test_endless_reply_is_cut_off(settings: Settings) -> None:
    """A reply larger than any page is an error before it fills the memory."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b" " * 100_000)

    with peer(flood) as url:
        assert "ReplyTooLarge" in str(error_of(read, sandboxed(settings, url, body=1000)))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a private key and a certificate for this machine that only itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    authority = x509.BasicConstraints(ca=True, path_length=None)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime(2020, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001
    signed = made.add_extension(here, critical=False).add_extension(authority, critical=True).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM))
    return path


def test_only_a_trusted_certificate_gets_a_request(settings: Settings, certificate: Path) -> None:
    """A peer that nobody vouches for gets nothing, so a write is not even uncertain; `ca_file` names who may vouch."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heard: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        try:
            secured = context.wrap_socket(connection, server_side=True)
            heard.append(secured.recv(65536))
            secured.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(EMPTY), EMPTY))
            secured.close()
        except OSError:
            return

    with peer(answer, listen=False) as url:
        secure = url.replace("http:", "https:")
        assert TransientError is type(error_of(write, sandboxed(settings, secure)))
        assert [] == heard
        assert [] == read(sandboxed(settings, secure, ca_file=str(certificate)))


def test_proxy_is_asked_for_a_tunnel(settings: Settings) -> None:
    """Calls go through the proxy of the options; one that refuses has carried nothing."""
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with peer(answer, listen=False) as url:
        token = settings(client_secret=None, access_token=Secret("t"), instance="acme.my.salesforce.com", proxy=url)
        error = error_of(write, Client(salesforce_options(token)))

    assert TransientError is type(error)
    assert asked[0].startswith(b"CONNECT acme.my.salesforce.com:443 HTTP/1.")


def test_environment_does_not_change_the_way(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and certificate bundles of the environment are not used: only the connection's own options are."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(EMPTY), EMPTY))

    with peer(answer) as url:
        assert [] == read(sandboxed(settings, url))
