"""One call to the REST API: its path, parameters and body, read or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from refsync_sandbox.salesforce.paths import Found
from refsync_sandbox.salesforce.queries import PAGE
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.wire import parse_stamp, stamp

OLDEST, RETIRED, NEWEST = 31, 21, 66
"""The oldest API version that answers, the oldest that says it is gone, and the newest."""


class Call:
    """One signed-in call: its path, parameters and body."""

    def __init__(self, request: Request, found: Found, base: str, body: bytes) -> None:
        self.method, self.parts, self.base = request.method, found.parts, base
        self.version = base.rsplit("/", 1)[-1]
        """The API version of the call, such as `v62.0`."""
        self.query: Mapping[str, str] = request.query_params
        self.options = request.headers.get("sforce-query-options", "")
        self._body = body

    def json(self) -> Any:
        """Return the body. Raises Refused when it is no JSON."""
        try:
            return orjson.loads(self._body)
        except orjson.JSONDecodeError as error:
            raise Refused("JSON_PARSER_ERROR", f"Unexpected character at [line:{error.lineno}, column:{error.colno}]") from None

    def object(self) -> Mapping[str, Any]:
        """Return the body as an object. Raises Refused when it is none."""
        body = self.json()
        if not isinstance(body, Mapping):
            raise Refused("JSON_PARSER_ERROR", "The HTTP entity body must be an object")
        return body

    def batch_size(self) -> int:
        """Return the page size asked for in `Sforce-Query-Options`."""
        for option in self.options.split(","):
            name, _, number = option.strip().partition("=")
            if name.lower() == "batchsize" and number.isdecimal():
                return int(number)
        return PAGE

    def span(self) -> tuple[str, str]:
        """Return start and end of getUpdated or getDeleted as stamps. Raises Refused."""
        try:
            start, end = (parse_stamp(self.query[name].replace(" ", "+")) for name in ("start", "end"))
        except (KeyError, ValueError):
            raise Refused("INVALID_ARGUMENT", "start and end must be dates such as 2024-03-01T10:00:00Z") from None
        if end <= start:
            raise Refused("INVALID_REPLICATION_DATE", "startDate before endDate is required")
        return stamp(start), stamp(end)


def known_version(text: str) -> str:
    number = text.removeprefix("v").removesuffix(".0")
    if not (text.startswith("v") and number.isdecimal()) or int(number) > NEWEST:
        raise not_found()
    if int(number) < OLDEST:
        raise Refused("GONE" if int(number) >= RETIRED else "NOT_FOUND", "API version is retired", status=410)
    return text


def escaped(text: str) -> str:
    """Return a text as it stands between quotes in SOQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
