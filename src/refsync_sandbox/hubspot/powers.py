"""What a test can do to a portal beyond what people do in it: turn its settings, and let happen what HubSpot does by itself.

`GET|DELETE /_sandbox/limits`, `GET|POST /_sandbox/portal`. Law: nothing here goes into the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync.model import Instant, parse_instant
from refsync_sandbox.control import CONTROL
from refsync_sandbox.hubspot.kinds import find_kind, kind_of_id
from refsync_sandbox.hubspot.limits import Meter
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.settings import Settings


class Powers:
    """The control calls of one portal."""

    def __init__(self, portal: Portal, meter: Meter) -> None:
        self._portal = portal
        self._meter = meter
        self._steps: Mapping[str, Callable[[Mapping[str, Any], Instant], None]] = {
            "restore": self._restore,
            "erase": self._erase,
            "calculate": self._calculate,
            "stamp": self._stamp,
        }

    def routes(self) -> list[Route]:
        """Return the routes of the control calls."""
        return [
            Route(CONTROL + "limits", self._limits, methods=["GET", "DELETE"]),
            Route(CONTROL + "portal", self._show, methods=["GET"]),
            Route(CONTROL + "portal", self._do, methods=["POST"]),
        ]

    async def _limits(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._meter.reset()
        return _json(self._meter.as_json())

    async def _show(self, _request: Request) -> Response:
        return _json({"settings": asdict(self._portal.settings)})

    async def _do(self, request: Request) -> Response:
        """Turn settings and take steps, in order; the first that cannot be taken is refused and undoes what came before it."""
        try:
            body = orjson.loads(await request.body())
            if unknown := body.keys() - {"settings", "steps"}:
                raise ValueError(f"there is no {', '.join(sorted(unknown))}")
            settings = self._turned(body.get("settings") or {})
            with self._portal.records.transaction():
                for step in body.get("steps") or ():
                    self._steps[step["do"]](step, self._portal.clock.instant())
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            known = ", ".join(self._steps)
            return _json({"error": f'{error!r}; {{"settings": {{...}}, "steps": [{{"do": one of {known}}}]}} is needed'}, 400)
        self._portal.settings, self._meter.limits = settings, settings.limits
        return await self._show(request)

    def _turned(self, given: Mapping[str, Any]) -> Settings:
        """Return the settings with some of them changed. Raises ValueError for names and values that are none."""
        present = asdict(self._portal.settings)
        if unknown := given.keys() - present.keys():
            raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
        limits = {**present["limits"], **given.get("limits", {})}
        try:
            return TypeAdapter(Settings).validate_python({**present, **given, "limits": limits})
        except ValidationError as error:
            raise ValueError(str(error)) from None

    def _restore(self, step: Mapping[str, Any], now: Instant) -> None:
        self._portal.restore(self._row(step, archived=True), now=now)

    def _erase(self, step: Mapping[str, Any], _now: Instant) -> None:
        self._portal.erase(self._row(step))

    def _calculate(self, step: Mapping[str, Any], now: Instant) -> None:
        row = self._row(step)
        self._portal.records.calculate(row, row.values() | {name: str(value) for name, value in step["set"].items()}, now=now)

    def _stamp(self, step: Mapping[str, Any], now: Instant) -> None:
        kind = find_kind(step["type"])
        if kind is None:
            raise ValueError(f"there is no object type {step['type']!r}")
        self._portal.records.stamp(kind, now=parse_instant(step["at"]) if "at" in step else now)

    def _row(self, step: Mapping[str, Any], *, archived: bool = False) -> Row:
        number = int(step["id"])
        kind = kind_of_id(number)
        found = self._portal.records.find(kind, number, archived=archived) if kind else None
        if found is None:
            raise ValueError(f"there is no {'archived ' if archived else ''}record {number}")
        return found


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
