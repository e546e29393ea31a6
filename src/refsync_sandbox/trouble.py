"""Carries armed faults out, between the front of the sandbox and the CRM, down to the TCP connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from refsync_sandbox.crm import OWN_FAULT, REPLAYED, UNDONE, Crm
from refsync_sandbox.faults import Fault, Faults, Kind, When
from refsync_sandbox.spoiling import SPOILT, bomb, spoilt

PAGE = b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body>Please try again later.</body></html>"
NO_CONTENT = 204


class Lines:
    """The open TCP connections, by the address of the caller."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Return uvicorn's protocol, made to tell which connections are open."""
        lines = self._open

        class Listed(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                self._caller = transport.get_extra_info("peername")[:2]  # a lost https connection no longer tells it
                lines[self._caller] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                lines.pop(self._caller, None)
                super().connection_lost(exc)

        return Listed

    def cut(self, caller: tuple[str, int], *, reset: bool) -> None:
        """End a caller's connection at once: closed in order, or reset."""
        transport = self._open.get(caller)
        if transport is None:
            return
        if reset:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()


class Trouble:
    """An ASGI middleware that lets calls go wrong as armed."""

    def __init__(self, inner: ASGIApp, crm: Crm, faults: Faults, lines: Lines, control: str) -> None:
        self._inner, self._crm, self._faults, self._lines, self._control = inner, crm, faults, lines, control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope)
        if fault is None:
            await self._inner(scope, receive, send)
            return
        if fault.kind is Kind.OWN:
            scope[OWN_FAULT] = fault
            await self._inner(scope, receive, send)
            return
        reply = _Reply()
        if fault.when is When.AFTER or fault.kind in _DISTORTIONS:
            await self._inner(scope, receive, reply.take)
        else:
            scope[UNDONE] = True
        await self._happen(fault, reply, scope, receive, send)

    def _fault(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http" or scope.get(REPLAYED) or scope["path"].startswith(self._control):
            return None
        return self._faults.strike(f"{scope['method']} {self._crm.endpoint(scope['method'], scope['path'])}")

    async def _happen(self, fault: Fault, reply: _Reply, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case Kind.CLOSE | Kind.RESET:
                self._lines.cut(tuple(scope["client"]), reset=fault.kind is Kind.RESET)
                await _until_gone(receive, None)
            case Kind.HANG:
                await _until_gone(receive, fault.seconds)
                self._lines.cut(tuple(scope["client"]), reset=False)
            case Kind.DRIP:
                await _start(send, reply.status, reply.headers, len(reply.body))
                for byte in reply.body:
                    await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                    await asyncio.sleep(fault.seconds)
                await send({"type": "http.response.body", "body": b""})
            case Kind.SHORT:
                await _start(send, reply.status, reply.headers, len(reply.body))
                await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
                self._lines.cut(tuple(scope["client"]), reset=False)
                await _until_gone(receive, None)
            case _:
                status, headers, body = _answer(fault, reply)
                await _start(send, status, headers, len(body))
                await send({"type": "http.response.body", "body": body})


_DISTORTIONS = frozenset({Kind.DRIP, Kind.CUT, Kind.SHORT, *map(Kind, SPOILT)})
"""Faults that need the real reply to spoil it."""


class _Reply:
    """A reply that was kept back."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in message.get("headers", ())}
        else:
            self.body += message.get("body", b"")


def _answer(fault: Fault, reply: _Reply) -> tuple[int, dict[str, str], bytes]:
    """Return what is answered instead of, or made of, the real reply."""
    json = {"content-type": "application/json"}
    match fault.kind:
        case Kind.STATUS:
            looks_like_html = fault.body.lstrip().startswith("<")
            kind = {"content-type": "text/html"} if looks_like_html else json
            return fault.status, {**kind, **fault.headers}, b"" if fault.status == NO_CONTENT else fault.body.encode()
        case Kind.CUT:
            return reply.status, reply.headers, reply.body[: len(reply.body) // 2]
        case Kind.GZIP_BOMB:
            return 200, {**json, "content-encoding": "gzip"}, bomb()
        case kind if kind in SPOILT:
            return reply.status, reply.headers, spoilt(reply.body, kind, fault.about)
        case Kind.EMPTY:
            return 200, json, b""
        case Kind.OBJECT:
            return 200, json, b"{}"
        case Kind.REDIRECT:
            return 302, {"location": fault.location}, b""
        case _:
            return 200, {"content-type": "text/html"}, PAGE


async def _start(send: Send, status: int, headers: dict[str, str], length: int) -> None:
    named = {name.lower(): value for name, value in headers.items() if name.lower() not in {"content-length", "date"}}
    named["content-length"] = str(length)
    listed: list[tuple[bytes, bytes]] = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})


async def _until_gone(receive: Receive, seconds: float | None) -> None:
    """Wait until the caller has gone, at most so many seconds: a call that is never answered has to end somehow."""

    async def gone() -> None:
        message: Any = {}
        while message.get("type") != "http.disconnect":
            message = await receive()

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return
