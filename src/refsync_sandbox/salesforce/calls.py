"""One call to the REST API: its path, parameters and body, read or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson
from starlette.responses import Response

from refsync_sandbox.salesforce.paths import Found
from refsync_sandbox.salesforce.queries import PAGE
from refsync_sandbox.salesforce.refusals import Refused, not_found

OLDEST, RETIRED, NEWEST = 31, 21, 66
"""The oldest API version that answers, the oldest that says it is gone, and the newest."""


class Call:
    """One signed-in call: its path, parameters, headers (names in lower case) and body."""

    def __init__(
        self,
        method: str,
        found: Found,
        base: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        trouble: str = "",
    ) -> None:
        self.method, self.found, self.parts, self.base = method, found, found.parts, base
        self.version = base.rsplit("/", 1)[-1]
        """The API version of the call, such as `v62.0`."""
        self.query, self.headers = query, headers
        self.trouble = trouble
        """The name of the fault that happens to this call; empty for none."""
        self._body = body

    @property
    def name(self) -> str:
        """What is asked for, such as `GET query` or `PATCH sobjects/{object}/{id}`."""
        return f"{self.method} {self.found.pattern}"

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
        for option in self.headers.get("sforce-query-options", "").split(","):
            name, _, number = option.strip().partition("=")
            if name.lower() == "batchsize" and number.isdecimal():
                return int(number)
        return PAGE


Answer: TypeAlias = Callable[[Call], Response]
Answers: TypeAlias = Mapping[str, Answer]
"""What answers each call, by its name."""


def known_version(text: str) -> str:
    """Return an API version such as `v62.0`. Raises Refused for one that is retired or never was."""
    number = text.removeprefix("v").removesuffix(".0")
    if not (text.startswith("v") and number.isdecimal()) or int(number) > NEWEST:
        raise not_found()
    if int(number) < OLDEST:
        raise Refused("GONE" if int(number) >= RETIRED else "NOT_FOUND", "API version is retired", status=410)
    return text


def escaped(text: str) -> str:
    """Return a text as it stands between quotes in SOQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
