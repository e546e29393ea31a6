"""The control API: what people, tests and demos do to the stand-in CRM, and what they look at.

`GET health`, `GET tasks`, `GET ids`, `GET|DELETE requests`, `POST records`, `POST clock` and `GET|POST|DELETE faults`, all under
`/_sandbox/`. None needs a token, since the sandbox listens on loopback only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync.model import moment, parse_instant
from refsync_sandbox.changes import BadChange, read_changes
from refsync_sandbox.clock import Clock
from refsync_sandbox.counts import Counts
from refsync_sandbox.crm import Crm
from refsync_sandbox.faults import BadFault, Faults, read_faults

CONTROL = "/_sandbox/"
"""Where the control API begins; a side may have paths of its own there."""


def control_routes(crm: Crm, clock: Clock, counts: Counts, faults: Faults) -> list[Route]:
    """Return the routes of the control API."""

    async def health(_request: Request) -> Response:
        return _json({"crm": crm.name, "now": clock.now().isoformat(), "skew_seconds": clock.skew.total_seconds()})

    async def tasks(_request: Request) -> Response:
        return _json({"tasks": crm.tasks()})

    async def ids(_request: Request) -> Response:
        return _json(crm.ids())

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            counts.reset()
        return _json(counts.as_json())

    async def records(request: Request) -> Response:
        try:
            return _json({"results": crm.change(read_changes(_loaded(await request.body())))})
        except BadChange as bad:
            return _json({"error": str(bad), "index": bad.index, "field": bad.field, "message": bad.message}, 400)

    async def move(request: Request) -> Response:
        try:
            _set(clock, _loaded(await request.body()))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            wanted = '{"now": "2024-03-01T10:00:00Z"} or {"skew_seconds": 600}, or both'
            return _json({"error": f"{wanted}, is needed ({error})"}, 400)
        return await health(request)

    async def trouble(request: Request) -> Response:
        if request.method == "DELETE":
            faults.disarm()
        elif request.method == "POST":
            try:
                faults.arm(read_faults(_loaded(await request.body()), crm.faults))
            except BadFault as bad:
                return _json({"error": str(bad)}, 400)
        return _json({"faults": faults.as_json(), "own": dict(crm.faults)})

    return [
        Route(CONTROL + "health", health),
        Route(CONTROL + "tasks", tasks),
        Route(CONTROL + "ids", ids),
        Route(CONTROL + "requests", requests, methods=["GET", "DELETE"]),
        Route(CONTROL + "records", records, methods=["POST"]),
        Route(CONTROL + "clock", move, methods=["POST"]),
        Route(CONTROL + "faults", trouble, methods=["GET", "POST", "DELETE"]),
    ]


def _set(clock: Clock, body: Any) -> None:
    """Set the clock, the skew of the `Date` header, or both. Raises an error of its own for anything else."""
    now = moment(parse_instant(body["now"])) if "now" in body else None
    skew = timedelta(seconds=body["skew_seconds"]) if "skew_seconds" in body else None
    if not body or body.keys() - {"now", "skew_seconds"}:
        raise ValueError(f"not {', '.join(body.keys() - {'now', 'skew_seconds'}) or 'an empty object'}")
    if now is not None:
        clock.move_to(now)
    if skew is not None:
        clock.skew = skew


def _loaded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
