"""What is the same for every call: sign-in, limits, faults, errors and headers.

Law: a call that may not be made reaches no handler, every reply carries a correlation id, and a handler's writes are kept whole
or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from refsync_sandbox.crm import OWN_FAULT, REPLAYED, UNDONE
from refsync_sandbox.hubspot.access import Access
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, correlation_id, not_valid
from refsync_sandbox.hubspot.limits import Meter
from refsync_sandbox.hubspot.paths import Paths
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.troubles import Troubles

Handler: TypeAlias = Callable[[Call], Reply]

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Entry:
    """What answers one path."""

    handler: Handler
    searching: bool = False
    """Whether it counts as a search."""
    open: bool = False
    """Whether it needs no token and counts against no limit."""


class Service:
    """An ASGI application that answers the calls of a portal's API."""

    def __init__(self, portal: Portal, access: Access, meter: Meter, table: Iterable[tuple[str, str, Entry]]) -> None:
        self._portal = portal
        self._access = access
        self._meter = meter
        self._paths = Paths(table)
        self._troubles = Troubles(portal, access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = correlation_id()
        try:
            reply = self._answer(scope, await _body(receive))
        except Refusal as refusal:
            reply = Reply(body=refusal.as_json(found), status=refusal.status, headers=refusal.headers)
        await self._send(reply, found, send)

    def _answer(self, scope: Scope, body: bytes) -> Reply:
        scope[UNDONE] = True  # until a handler has seen it
        headers = _headers(scope)
        entry, parts = self._entry(scope)
        now = self._portal.clock.instant()
        self._portal.settle(now)
        call = Call(
            path=parts,
            route=scope["path"],
            query=QueryParams(scope["query_string"]),
            body=_loaded(body, headers.get("content-type", "")),
            base=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
            now=now,
            indexed=now - self._portal.settings.index_lag,
        )

        def answer(call: Call) -> Reply:
            counted: dict[str, str] = {}
            if not (entry.open or scope.get(REPLAYED)):
                app = self._access.check(headers.get("authorization", ""), now)
                counted = self._meter.take(app, now, searching=entry.searching)
            scope.pop(UNDONE, None)
            try:
                with self._portal.records.transaction():
                    reply = entry.handler(call)
            except Refusal as refusal:
                refusal.headers = counted
                raise
            return Reply(body=reply.body, status=reply.status, headers=counted)

        fault = scope.get(OWN_FAULT)
        return self._troubles.strike(fault, call, answer) if fault else answer(call)

    def _entry(self, scope: Scope) -> tuple[Entry, dict[str, str]]:
        found = self._paths.find(scope["method"], scope["path"])
        if found is None:
            raise Refusal(404, "", "resource not found")
        return found

    async def _send(self, reply: Reply, found: str, send: Send) -> None:
        content = reply.content()
        kind = {} if reply.body is None else {"content-type": "application/json;charset=utf-8"}
        headers = {**kind, **reply.headers, "x-hubspot-correlation-id": found}
        if content or reply.status != 204:
            headers["content-length"] = str(len(content))
        listed = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        start: Message = {"type": "http.response.start", "status": reply.status, "headers": listed}
        await send(start)
        await send({"type": "http.response.body", "body": content})


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _loaded(body: bytes, content_type: str) -> Any:
    """Return a body read as what it says it is. Raises Refusal for JSON that is none."""
    if not body:
        return None
    if content_type.startswith(_FORM):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_valid(f"Invalid input JSON: {error}") from None
