"""A stand-in that answers what a test tells it to, byte for byte, for what no proper CRM would answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from refsync.connector import ConnectionSettings, Secret
from refsync_hubspot import HubSpot
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.transport import Limits

TOKEN = "pat-na1-canary-0000-1111-2222"
DATE = "Mon, 30 Sep 2024 12:00:00 GMT"


@dataclass(frozen=True)
class Canned:
    """One reply."""

    body: Any = None
    """A value for JSON, or bytes as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    how: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Something else than a reply, such as a reset."""


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Stub:
    """A server on loopback that answers the next canned reply."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: list[Canned] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def _reply(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                sent = self.rfile.read(length)
                seen = Seen(self.command, self.path, dict(self.headers), json.loads(sent) if sent else None)
                stub.seen.append(seen)
                canned = stub.replies.pop(0)
                if canned.how:
                    canned.how(self)
                    return
                data = canned.body if isinstance(canned.body, bytes) else json.dumps(canned.body).encode()
                self.send_response_only(canned.status)
                headers = {"content-type": "application/json;charset=utf-8", "date": DATE, "content-length": str(len(data))}
                for name, value in (headers | dict(canned.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        for method in ("GET", "POST", "PATCH"):
            setattr(Handler, f"do_{method}", Handler._reply)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def will(self, body: Any = None, status: int = 200, **more: Any) -> None:
        """Answer this next."""
        self.replies.append(Canned(body=body, status=status, **more))

    def paths(self) -> list[str]:
        return [seen.path.partition("?")[0] for seen in self.seen]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    running = Stub()
    yield running
    running.close()


class Ticking:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


Connect = Callable[..., HubSpot]


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def connect_to(ticking: Ticking) -> Iterator[Connect]:
    """Return a function that connects to a URL with short time limits and a clock that stands still."""
    made: list[HubSpot] = []

    def connect_to(url: str, *, custom: Mapping[Any, frozenset[str]] | None = None, call: float = 2.0, **more: Any) -> HubSpot:
        given = {"token": Secret(TOKEN), "url": url} | more
        settings = ConnectionSettings(id="test", options=given, custom_fields=custom or {})
        chosen = HubSpotOptions.model_validate(given)
        limits = Limits(connect=1, read=0.3, call=call)
        made.append(HubSpot(settings, chosen, clock=ticking, sleep=ticking.sleep, limits=limits))
        return made[-1]

    yield connect_to
    for each in made:
        each.close()
