"""HTTP replies of the REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import orjson
from starlette.responses import Response

from refsync_sandbox.salesforce.refusals import Refused

JSON = "application/json;charset=UTF-8"


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON reply."""
    return Response(orjson.dumps(body), status, headers, media_type=JSON)


def dated(headers: Mapping[str, str], changed: datetime, body: Callable[[], Any]) -> Response:
    """Return a JSON reply that says since when it is so; 304 without a body when the caller knows that already."""
    since = format_datetime(changed.astimezone(UTC).replace(microsecond=0), usegmt=True)
    known = _moment(headers.get("if-modified-since", ""))
    if known is not None and changed.replace(microsecond=0) <= known:
        return Response(status_code=304, headers={"Last-Modified": since})
    return reply(body(), headers={"Last-Modified": since})


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def raw(body: bytes) -> Response:
    """Return a JSON reply that is written already."""
    return Response(body, media_type=JSON)


def nothing() -> Response:
    """Return 204, what a change is answered with."""
    return Response(status_code=204)


def refusal(refused: Refused) -> Response:
    """Return the reply of a single call that is refused: a list with one error."""
    return reply(refused.as_body(), refused.status)


def html(status: int, title: str) -> Response:
    """Return what the web server in front answers by itself."""
    return Response(f"<h1>Bad Message {status}</h1><pre>reason: {title}</pre>", status, media_type="text/html")
