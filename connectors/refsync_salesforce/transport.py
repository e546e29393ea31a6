"""One `requests.Session` that cannot hang, wander off or repeat anything by itself.

Law: every call ends, its body is read whole or the call fails, a token goes to Salesforce only (or, when a sandbox's address is
set, to this machine only), redirects and the library's own retries are off. simple-salesforce has no time limits
(simple-salesforce#148) and always speaks https, so all of it is done in one adapter below it.

A limit of silence does not bound a head that comes byte by byte, so the connection itself is cut when the head takes too long.
"""

from __future__ import annotations

import io
import re
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Timer
from time import monotonic
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from refsync.model import Instant, instant
from refsync_salesforce.options import HOSTS

COUNTED = "/services/data/v"
"""Calls below this path count against the org's daily limit."""


class ForeignHost(requests.exceptions.InvalidURL):
    """A call was about to leave for a host that is not Salesforce's."""


class ReplyTooLarge(requests.exceptions.RequestException):
    """A reply was larger than any reply may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, in seconds, and how large, in bytes, one call may be."""

    connect: float = 5
    read: float = 60
    """The longest silence, and the longest that the head of a reply may take."""
    total: float = 120
    """From the start of the call to the last byte of its body."""
    body: int = 64 * 1024 * 1024
    download: float = 300
    """As `total`, for a reply that goes to disk."""
    file: int = 4 * 1024 * 1024 * 1024
    """As `body`, for a reply that goes to disk."""


@dataclass(slots=True)
class Seen:
    """What the replies have told beside their bodies."""

    calls: int = 0
    """Calls that the org counts, sent by us so far; signing in is not counted."""
    status: int = 0
    """Of the last reply."""
    usage: tuple[int, int] | None = None
    """Calls of the org used and allowed in the running 24 hours, by the last reply that told it."""
    untold: int = 0
    """Calls that we have sent since `usage` was told: their replies were lost, or did not say."""
    usage_at: float = 0.0
    """When `usage` was told, on the monotonic clock."""
    refused: str = ""
    """What the org said when it refused a call because its calls are used up; empty: it has not."""
    refused_at: float = 0.0
    """When that was, on the monotonic clock."""
    _date: Instant | None = None
    _at: float = field(default=0.0)

    def sent(self, path: str) -> None:
        """Count a call that leaves."""
        if path.startswith(COUNTED):
            self.calls += 1
            self.untold += 1

    def refuse(self, reason: str) -> None:
        """Take in that the org has no calls left."""
        self.refused, self.refused_at = reason, monotonic()

    def note(self, response: requests.Response, *_args: object, **_kwargs: object) -> None:
        """Take in the headers of a reply."""
        self.status = response.status_code
        # tolerant on purpose: the header may carry per-app figures too, and in any order
        if found := re.search(r"(?<![\w-])api-usage=(\d+)/(\d+)", response.headers.get("Sforce-Limit-Info", "")):
            self.usage, self.untold, self.usage_at = (int(found[1]), int(found[2])), 0, monotonic()
        if response.ok and (date := _date(response.headers.get("Date", ""))) is not None:
            self._date, self._at = date, monotonic()

    def now(self) -> Instant | None:
        """Return the CRM's present time by its last reply and the seconds since; None while no reply has told it."""
        return None if self._date is None else self._date + int((monotonic() - self._at) * 1000)


def _date(text: str) -> Instant | None:
    try:
        return instant(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None


def session(seen: Seen, *, url: str | None, limits: Limits, ca_file: str | None, proxy: str | None) -> requests.Session:
    """Return a session that reaches Salesforce, or the sandbox at `url`, and nobody else."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    made.verify = ca_file or True
    made.proxies = {"https": proxy} if proxy and not url else {}
    made.hooks["response"].append(seen.note)
    made.adapters.clear()
    made.mount("https://", Transport(limits, url, seen))
    return made


class _Connection(HTTPConnection):
    """A connection that is cut when the head of a reply takes longer than the limit of silence allows.

    That limit begins anew with every byte, so a server that sends one byte a minute would never meet it.
    """

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        cut = Timer(self.timeout or 0, _cut, (self.sock,))
        cut.daemon = True
        cut.start()
        try:
            return super().getresponse()
        finally:
            cut.cancel()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


def _cut(peer: socket.socket) -> None:
    with suppress(OSError):
        # not the shutdown of a TLS socket, which takes the session from under the thread that reads it
        socket.socket.shutdown(peer, socket.SHUT_RDWR)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Body(io.BytesIO):
    """A body in memory that requests takes whole: read in pieces it would be there twice."""

    def stream(self, *_pieces: object, **_options: object) -> Iterator[bytes]:
        yield self.getvalue()
        self.close()


class Transport(HTTPAdapter):
    """Sends https calls within the limits; with the address of a sandbox it sends them there."""

    def __init__(self, limits: Limits, url: str | None, seen: Seen) -> None:
        super().__init__(max_retries=0)
        self._limits = limits
        self._sandbox = urlsplit(url) if url else None
        self._seen = seen

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the reply with its whole body read, with `stream` to disk. Raises only requests' own exceptions."""
        limits = self._limits
        deadline = monotonic() + (limits.download if stream else limits.total)
        request.url = self._target(request.url or "")
        self._seen.sent(urlsplit(request.url).path)
        response = super().send(
            request,
            stream=True,
            timeout=(limits.connect, limits.read),
            verify=verify,
            cert=cert,
            proxies=proxies,
        )
        raw = response.raw
        body: IO[bytes] = tempfile.TemporaryFile() if stream else _Body()  # noqa: SIM115 # closed with the response
        try:
            self._read(raw, body, request, deadline, limits.file if stream else limits.body)
        except requests.exceptions.RequestException:
            body.close()
            raw.close()  # an unfinished reply must not stay in a connection that is used again
            raise
        raw.release_conn()
        body.seek(0)
        response.raw = body
        return response

    def _target(self, url: str) -> str:
        parts = urlsplit(url)
        if self._sandbox:
            return urlunsplit((self._sandbox.scheme, self._sandbox.netloc, parts.path, parts.query, ""))
        if parts.username is not None or not (parts.hostname or "").endswith(HOSTS):
            raise ForeignHost(f"{parts.hostname} is not a host of Salesforce", request=None)
        return url

    def _read(self, raw: HTTPResponse, body: IO[bytes], request: requests.PreparedRequest, deadline: float, largest: int) -> None:
        size = 0
        try:
            # read1 returns what has come; read would wait for a whole block, however slowly its bytes drip in
            while part := raw.read1(1 << 18, decode_content=True):
                size += body.write(part.replace(b"\0", b"?"))  # no store keeps U+0000, in JSON it is an escape
                if size > largest:
                    raise ReplyTooLarge(f"a reply of more than {largest} bytes", request=request)
                if monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("no whole reply in time", request=request)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error, request=request) from error
        except urllib3.exceptions.DecodeError as error:
            raise requests.exceptions.ContentDecodingError(error, request=request) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error, request=request) from error
