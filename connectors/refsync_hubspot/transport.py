"""The way of one call to one host: time limits, a whole body, nothing hidden.

hubspot-api-client sends its calls through a urllib3 pool manager; `Transport` takes that place. It adds what the library lacks: a
deadline over head and body together (a read limit alone does not stop a server that sends a byte a second), a cap on the size of
a body, a host that is never left, and errors that say whether anything was sent. It never retries and never follows a redirect.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 30.0
CALL_SECONDS = 60.0
LARGEST_BODY = 32 * 1024 * 1024


class Lost(Exception):
    """No whole reply came."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent
        """Whether the request may have reached HubSpot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply, in the form in which hubspot-api-client takes one."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    """The body; one that is longer than `LARGEST_BODY` is cut there, so that it cannot be read as JSON."""
    reason: str = ""

    def getheaders(self) -> Mapping[str, str]:
        return self.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a call may take, in seconds."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    """Between two pieces of a reply."""
    call: float = CALL_SECONDS
    """From sending to the last byte."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends requests to one host. Raises Lost when no whole reply comes."""

    manager: urllib3.PoolManager
    host: str
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.manager.pool_classes_by_scheme = {
            "http": _pool(urllib3.HTTPConnectionPool, HTTPConnection, self.limits.call),
            "https": _pool(urllib3.HTTPSConnectionPool, HTTPSConnection, self.limits.call),
        }

    def request(self, method: str, url: str, **how: Any) -> Reply:
        """Return the reply, whatever its status; `how` is what hubspot-api-client gives to urllib3."""
        if not url.startswith(self.host + "/"):
            raise Lost("the request would leave the configured host", sent=False)
        if isinstance(how.get("body"), bytes):  # packed by us: the library would copy it value by value before it packs it
            how["headers"] = {**how["headers"], "Content-Type": "application/json"}
        how |= {
            "preload_content": False,
            "redirect": False,
            "retries": False,
            "timeout": urllib3.Timeout(connect=self.limits.connect, read=self.limits.read),
        }
        try:
            raw = self.manager.request(method, url, **how)
            return _whole(raw)
        except HTTPError as error:
            raise Lost(_reason(error), sent=not _unsent(error)) from None

    def clear(self) -> None:
        """Close all connections."""
        self.manager.clear()


def _whole(raw: urllib3.BaseHTTPResponse) -> Reply:
    data = raw.read(LARGEST_BODY + 1)
    if len(data) > LARGEST_BODY:
        raw.close()
    else:
        raw.release_conn()
    if not 200 <= raw.status <= 299:  # the library decodes these bodies and fails on what is no UTF-8
        data = data.decode("utf-8", "replace").encode()
    return Reply(status=raw.status, headers=raw.headers, data=data[:LARGEST_BODY], reason=raw.reason or "")


def _unsent(error: HTTPError) -> bool:
    """Return whether an error shows that the request was never sent; a TLS error may also come after it."""
    if isinstance(error, SSLError):
        return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args)
    return isinstance(error, NewConnectionError | NameResolutionError | ConnectTimeoutError | ProxyError)


def _reason(error: HTTPError) -> str:
    """Return what went wrong without the address, which urllib3's texts hold."""
    match error:
        case SSLError():
            return "the TLS connection failed (is a CA file needed?)"
        case ProxyError():
            return "the proxy could not be reached"
        case NameResolutionError():
            return "the host name could not be resolved"
        case NewConnectionError() | ConnectTimeoutError():
            return "no connection could be made"
        case urllib3.exceptions.TimeoutError():
            return "no whole reply in time"
        case _:
            return "the connection broke"


class _Until(io.RawIOBase):
    """A socket's reading end that gives up at a deadline."""

    def __init__(self, inner: io.RawIOBase, connection: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._socket = connection
        self._deadline = deadline
        self._usual = connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the call has passed")
        self._socket.settimeout(left if self._usual is None else min(left, self._usual))
        return self._inner.readinto(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Response(HTTPResponse):
    """A response whose head and body must both be there `seconds` after it was waited for."""

    def __init__(self, seconds: float, connection: socket.socket, *how: Any, **more: Any) -> None:
        super().__init__(connection, *how, **more)
        deadline = time.monotonic() + seconds
        self.fp: io.BufferedReader = io.BufferedReader(_Until(self.fp.detach(), connection, deadline))


def _pool(
    pool: type[urllib3.HTTPConnectionPool], connection: type[HTTPConnection], seconds: float
) -> type[urllib3.HTTPConnectionPool]:
    """Return the kinds of pool and connection whose responses have a deadline."""
    timed = type(connection.__name__, (connection,), {"response_class": staticmethod(partial(_Response, seconds))})
    return type(pool.__name__, (pool,), {"ConnectionCls": timed})
