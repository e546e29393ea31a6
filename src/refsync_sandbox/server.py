"""The HTTP server around one CRM side: control API, counting, the `Date` header, the journal, armed faults.

Law: it listens on loopback only, and a call under `/_sandbox` is never counted as a call to the CRM.
"""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refsync.errors import UserError
from refsync_sandbox.clock import Clock
from refsync_sandbox.control import CONTROL, control_routes
from refsync_sandbox.counts import Counts
from refsync_sandbox.crm import REPLAYED, UNDONE, Crm
from refsync_sandbox.faults import Faults
from refsync_sandbox.journal import Entry, Journal
from refsync_sandbox.trouble import Lines, Trouble

Tls: TypeAlias = tuple[Path, Path]
"""A certificate (with its chain) and its private key, both PEM files: what is served is https."""

_KEPT_HEADERS = ("content-type", "accept", "if-match", "if-none-match", "sforce-query-options", "sforce-auto-assign")
"""Headers that a replay needs; the token is not among them."""


def app(crm: Crm, clock: Clock, journal: Journal | None = None, lines: Lines | None = None) -> Starlette:
    """Return the whole sandbox as an ASGI application; what the journal holds is replayed when it starts.

    `lines` are the server's connections, for faults that end them.
    """
    counts, faults = Counts(), Faults()
    sandbox = Starlette(routes=[*control_routes(crm, clock, counts, faults), *crm.routes()])
    sandbox.add_middleware(Trouble, crm=crm, faults=faults, lines=lines or Lines(), control=CONTROL)
    sandbox.add_middleware(_Front, crm=crm, clock=clock, counts=counts, journal=journal)
    return sandbox


class _Front:
    """Stands before every call: counts it, dates the reply, keeps writes in the journal."""

    def __init__(self, inner: ASGIApp, crm: Crm, clock: Clock, counts: Counts, journal: Journal | None) -> None:
        self._inner, self._crm, self._clock, self._counts, self._journal = inner, crm, clock, counts, journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get(REPLAYED):
            await self._inner(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        if not path.startswith(CONTROL):
            self._counts.add(f"{method} {self._crm.endpoint(method, path)}")
        status = 0

        async def dated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"date", self._clock.http_date().encode())]
            await send(message)

        if self._journal is None or not self._kept(method, path):
            await self._inner(scope, receive, dated)
            return
        body = await _body(receive)
        entry = _entry(scope, body, self._clock.now())
        await self._inner(scope, _given(body), dated)
        if status != 401 and not scope.get(UNDONE):
            self._journal.add(entry)

    def _kept(self, method: str, path: str) -> bool:
        if path.startswith(CONTROL):
            return method == "POST" and path.removeprefix(CONTROL) in ("records", "org")
        return self._crm.writes(method, path)


def _entry(scope: Scope, body: bytes, now: datetime) -> Entry:
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    return Entry(
        at=now.isoformat(),
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode(),
        headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
        body=body.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode(),
    )


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _given(body: bytes) -> Receive:
    """Return a `receive` that gives a body read before."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _replay(sandbox: ASGIApp, clock: Clock, journal: Journal) -> None:
    """Carry out what the journal holds; the clock never ends earlier than the last entry."""
    began = clock.now()

    async def unheard(_message: Message) -> None: ...

    for entry in journal.entries():
        clock.move_to(datetime.fromisoformat(entry.at))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": entry.method,
            "path": entry.path,
            "raw_path": entry.path.encode(),
            "query_string": entry.query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in entry.headers.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 0),
            REPLAYED: True,
        }
        await sandbox(scope, _given(entry.body.encode()), unheard)
    if clock.now() < began:
        clock.move_to(began)


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises UserError for an address that others could reach or that is taken."""
    if not (host == "localhost" or _is_loopback(host)):
        raise UserError(f"the sandbox listens on loopback only, not on {host}: it has no protection of its own")
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # inherited by what it accepts; asyncio sets it only on sockets that name their protocol, and Nagle costs 40 ms a reply
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(uvicorn.Server):
    """A uvicorn server that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _server(crm: Crm, clock: Clock, journal: Journal | None, tls: Tls | None, ready: Callable[[], None]) -> _Server:
    lines = Lines()
    sandbox = app(crm, clock, journal, lines)
    if journal is not None:
        asyncio.run(_replay(sandbox, clock, journal))
    config = uvicorn.Config(
        sandbox,
        http=lines.protocol(),
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"cannot serve https with {' and '.join(str(file) for file in tls or ())}: {error}") from None
    return _Server(config, ready)


def _url(listening: socket.socket, tls: Tls | None) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def serve(
    crm: Crm,
    clock: Clock,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    journal: Journal | None = None,
    tls: Tls | None = None,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the URL once connections are accepted.

    Raises UserError for an address that is not loopback or is taken, and for a certificate that cannot be used.
    """
    listening = _listening(host, port)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # uvicorn raises the signal again once it has shut down; no failure
    _server(crm, clock, journal, tls, lambda: ready(_url(listening, tls))).run(sockets=[listening])


class Sandbox:
    """A sandbox in a thread of this process: `with Sandbox(crm, clock) as running: running.url`.

    With `tls` it speaks https.
    """

    def __init__(self, crm: Crm, clock: Clock, *, journal: Journal | None = None, tls: Tls | None = None) -> None:
        self.crm = crm
        self.clock = clock
        self.url = ""
        """Where it answers, such as `http://127.0.0.1:40001`, once it is entered."""
        self._journal, self._tls = journal, tls

    def __enter__(self) -> Self:
        listening = _listening("127.0.0.1", 0)
        ready = threading.Event()
        self._server = _server(self.crm, self.clock, self._journal, self._tls, ready.set)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="sandbox", daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the sandbox did not start within 10 seconds")
        self.url = _url(listening, self._tls)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(10)
