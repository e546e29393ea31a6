"""One `requests.Session` that cannot hang, wander off or repeat anything by itself.

Law: every call ends, its body is read whole or the call fails, a token goes to Salesforce only (or, when a sandbox's address is
set, to this machine only), redirects and the library's own retries are off. simple-salesforce has no time limits
(simple-salesforce#148) and always speaks https, so all of it is done in one adapter below it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from refsync.model import Instant, instant
from refsync_salesforce.options import HOSTS


class ForeignHost(requests.exceptions.InvalidURL):
    """A call was about to leave for a host that is not Salesforce's."""


class ReplyTooLarge(requests.exceptions.RequestException):
    """A reply was larger than any reply may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, in seconds, and how large, in bytes, one call may be."""

    connect: float = 5
    read: float = 60
    """The longest silence."""
    total: float = 120
    """From the start of the call to the last byte of its body."""
    body: int = 64 * 1024 * 1024


@dataclass(slots=True)
class Seen:
    """What the replies have told beside their bodies."""

    calls: int = 0
    status: int = 0
    """Of the last reply."""
    usage: tuple[int, int] | None = None
    """Calls of the org used and allowed in the running 24 hours."""
    _date: Instant | None = None
    _at: float = field(default=0.0)

    def note(self, response: requests.Response, *_args: object, **_kwargs: object) -> None:
        """Take in the headers of a reply."""
        self.calls += 1
        self.status = response.status_code
        # tolerant on purpose: the header may carry per-app figures too, and in any order
        if found := re.search(r"(?<![\w-])api-usage=(\d+)/(\d+)", response.headers.get("Sforce-Limit-Info", "")):
            self.usage = int(found[1]), int(found[2])
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
    made.mount("https://", Transport(limits, url))
    return made


class Transport(HTTPAdapter):
    """Sends https calls within the limits; with the address of a sandbox it sends them there."""

    def __init__(self, limits: Limits, url: str | None) -> None:
        super().__init__(max_retries=0)
        self._limits = limits
        self._sandbox = urlsplit(url) if url else None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the reply with its whole body read. Raises only requests' own exceptions."""
        deadline = monotonic() + self._limits.total
        request.url = self._target(request.url or "")
        response = super().send(
            request,
            stream=True,
            timeout=(self._limits.connect, self._limits.read),
            verify=verify,
            cert=cert,
            proxies=proxies,
        )
        raw = response.raw
        try:
            response.raw = io.BytesIO(self._body(raw, request, deadline))
        except requests.exceptions.RequestException:
            raw.close()  # an unfinished reply must not stay in a connection that is used again
            raise
        raw.release_conn()
        return response

    def _target(self, url: str) -> str:
        parts = urlsplit(url)
        if self._sandbox:
            return urlunsplit((self._sandbox.scheme, self._sandbox.netloc, parts.path, parts.query, ""))
        if parts.username is not None or not (parts.hostname or "").endswith(HOSTS):
            raise ForeignHost(f"{parts.hostname} is not a host of Salesforce", request=None)
        return url

    def _body(self, raw: urllib3.HTTPResponse, request: requests.PreparedRequest, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            # read1 returns what has come; read would wait for a whole block, however slowly its bytes drip in
            while part := raw.read1(1 << 18, decode_content=True):
                parts.append(part)
                size += len(part)
                if size > self._limits.body:
                    raise ReplyTooLarge(f"a reply of more than {self._limits.body} bytes", request=request)
                if monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout(f"no whole reply in {self._limits.total:g} s", request=request)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error, request=request) from error
        except urllib3.exceptions.DecodeError as error:
            raise requests.exceptions.ContentDecodingError(error, request=request) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error, request=request) from error
        return b"".join(parts)
