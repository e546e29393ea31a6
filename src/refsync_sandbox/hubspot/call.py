"""One HTTP call and its reply, in HubSpot's forms: query styles, error bodies, headers.

Law: every reply carries a correlation id, and every refusal is JSON with `status: "error"`. Nothing of HubSpot's meaning is here.
The shapes follow HubSpot's error guide and replies that others recorded, such as hubspot-api-python#117 (429).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
from starlette.datastructures import QueryParams

from refsync.model import Instant, iso


class Refusal(Exception):
    """HubSpot says no: the status and the error body."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        context: Mapping[str, Sequence[str]] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        sub_category: str = "",
        anonymous: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.context = {name: list(values) for name, values in (context or {}).items()}
        self.errors = list(errors)
        self.sub_category = sub_category
        self.anonymous = anonymous
        """Whether the body lacks the correlation id, as some bodies do; the header has it all the same."""
        self.more = more
        self.headers: Mapping[str, str] = {}

    def as_json(self, correlation_id: str) -> dict[str, Any]:
        """Return the body of a call that was refused as a whole; what is empty is left out."""
        body: dict[str, Any] = {"status": "error", "message": self.message}
        if not self.anonymous:
            body["correlationId"] = correlation_id
        if self.errors:
            body["errors"] = self.errors
        if self.context:
            body["context"] = self.context
        if self.category:
            body["category"] = self.category
        if self.sub_category:
            body["subCategory"] = self.sub_category
        return body | self.more

    def as_part(self, **context: str) -> dict[str, Any]:
        """Return the error of one input of a batch, with more context."""
        body: dict[str, Any] = {"status": "error", "category": self.category, "message": self.message}
        if self.sub_category:
            body["subCategory"] = self.sub_category
        whole = {name: [value] for name, value in context.items() if value} | self.context
        return body | ({"context": whole} if whole else {})


def not_valid(message: str, **more: Any) -> Refusal:
    """Return the refusal of a request that makes no sense."""
    return Refusal(400, "VALIDATION_ERROR", message, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as the handlers see it: signed in, its body read."""

    path: Mapping[str, str]
    """The variable parts of the path."""
    route: str
    """The path as it came."""
    query: QueryParams
    body: Any
    base: str
    """Where this server answers, without a slash at the end."""
    now: Instant
    indexed: Instant
    """The time up to which a search sees changes."""

    def texts(self, name: str) -> list[str]:
        """Return the values of a query parameter, whether joined by commas or given several times."""
        return [part for given in self.query.getlist(name) for part in given.split(",") if part]

    def flag(self, name: str) -> bool:
        """Return a yes or no of the query, in capitals or not."""
        return self.query.get(name, "false").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Return a number of the query. Raises Refusal for anything else."""
        given = self.query.get(name) or str(default)
        try:
            return int(given)
        except ValueError:
            raise not_valid(f"{name}: {given!r} is not a valid number") from None

    def object(self) -> dict[str, Any]:
        """Return the body as an object. Raises Refusal for anything else."""
        if not isinstance(self.body, dict):
            raise not_valid("Invalid input JSON: an object is needed")
        return self.body

    def inputs(self, most: int) -> list[dict[str, Any]]:
        """Return the inputs of a batch. Raises Refusal when there are too many, or for anything that is no batch."""
        inputs = self.object().get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
            raise not_valid('Invalid input JSON: the body must be {"inputs": [...]}')
        if len(inputs) > most:
            raise not_valid(f"A batch may have {most} inputs, this one has {len(inputs)}")
        return inputs

    def next_page(self, after: str) -> dict[str, Any]:
        """Return `paging` with a link to the next page on this server that keeps every parameter."""
        others = [(name, value) for name, value in self.query.multi_items() if name != "after"]
        return {"next": {"after": after, "link": f"{self.base}{self.route}?{QueryParams([*others, ('after', after)])}"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a handler answers; a body of None is an empty reply, one of bytes goes out as it is."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else orjson.dumps(self.body)


def batch(results: Sequence[Any], errors: Sequence[Mapping[str, Any]] = (), *, now: Instant, status: int = 200) -> Reply:
    """Return the reply of a batch: 207 as soon as one input failed."""
    body: dict[str, Any] = {"completedAt": iso(now), "status": "COMPLETE", "startedAt": iso(now), "results": results}
    if errors:
        body |= {"errors": errors, "numErrors": len(errors)}
    return Reply(body=body, status=207 if errors else status)


def correlation_id() -> str:
    """Return a new id for one reply; nothing depends on it, so it need not be the same in the next run."""
    return str(uuid4())
