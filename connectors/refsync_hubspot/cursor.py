"""Where a stream's read stands, one state per object type, as the text that refsync stores with each batch. Pure.

A type is listed once (`Listing`), then read by windows over the time of the last change (`Window`); between two reads only the
upper end of the last window is left (`Seen`). A type without a state was never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import orjson

from refsync.connector import Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """In a first load by list."""

    start: Instant
    """When it began, by HubSpot's clock."""
    after: str | int | None = None
    """Where the next page begins, as HubSpot gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """In a window of changes: `lower` is in it, `upper` is not."""

    lower: Instant
    upper: Instant
    last: str = ""
    """The highest id that was read in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that changed before `upper` was read."""

    upper: Instant


State: TypeAlias = Listing | Window | Seen
States: TypeAlias = Mapping[str, State]
_KINDS: Mapping[str, type[State]] = {"listing": Listing, "window": Window, "seen": Seen}


def dumped(states: States) -> Cursor:
    """Return the states as text."""
    plain = {name: {"in": type(state).__name__.lower(), **asdict(state)} for name, state in states.items()}
    return orjson.dumps(plain).decode()


def loaded(cursor: Cursor | None) -> dict[str, State]:
    """Return the states of a stored text. Raises UnexpectedReply when it is none of ours."""
    if cursor is None:
        return {}
    try:
        return {name: _state(plain) for name, plain in orjson.loads(cursor).items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnexpectedReply("the stored place in this HubSpot stream cannot be read; it has to be read anew") from None


def _state(plain: Mapping[str, Any]) -> State:
    fields = dict(plain)
    return _KINDS[fields.pop("in")](**fields)
