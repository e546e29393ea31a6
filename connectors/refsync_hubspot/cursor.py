"""Where a stream's read stands, one state per object type, as the text that refsync stores with each batch. Pure.

A type is listed once (`Listing`), then read by windows over the time of the last change (`Window`); between two reads only the
upper end of the last window is left (`Seen`). A type without a state was never read. Beside them stands what the portal showed
when its property definitions were last read (`Shown`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import orjson

from refsync.connector import Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """In a list of all records."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the portal's property definitions said."""

    at: Instant
    names: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """By object type, for each property that is wanted: whether the portal has it."""


State: TypeAlias = Listing | Window | Seen
States: TypeAlias = Mapping[str, State]
_KINDS: Mapping[str, type[State]] = {"listing": Listing, "window": Window, "seen": Seen}
_SHOWN = "properties"
_BROKEN = "the stored place in this HubSpot stream cannot be read; it has to be read anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stream's read stands."""

    states: States = field(default_factory=dict)
    shown: Shown | None = None

    def moved(self, kind: str, state: State) -> Place:
        """Return the place with another state of one object type."""
        return Place(states={**self.states, kind: state}, shown=self.shown)

    def dumped(self) -> Cursor:
        """Return the place as text."""
        plain: dict[str, Any] = plain_states(self.states)
        if self.shown:
            plain[_SHOWN] = asdict(self.shown)
        return orjson.dumps(plain).decode()

    @staticmethod
    def loaded(cursor: Cursor | None) -> Place:
        """Return the place of a stored text. Raises UnexpectedReply when it is none of ours."""
        if cursor is None:
            return Place()
        try:
            plain = orjson.loads(cursor)
            shown = plain.pop(_SHOWN, None)
            return Place(states=read_states(plain), shown=Shown(**shown) if shown else None)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UnexpectedReply(_BROKEN) from None


SWEEPS = ("archived", "walk", "lately")
"""What a sweep does: ask for archived records, list everything again, look again at what was created lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """When a stream's sweeps began that came to their end, and where the one under way stands."""

    done: Mapping[str, Instant]
    under_way: str = ""
    began: Instant = 0
    states: States = field(default_factory=dict)

    def begun(self, name: str, now: Instant) -> Sweeping:
        """Return the place at the beginning of a sweep."""
        return Sweeping(done=self.done, under_way=name, began=now)

    def moved(self, kind: str, state: State) -> Sweeping:
        """Return the place with another state of one object type."""
        return Sweeping(done=self.done, under_way=self.under_way, began=self.began, states={**self.states, kind: state})

    def ended(self) -> Sweeping:
        """Return the place after the sweep under way; a walk shows what was created lately, too."""
        names = ("walk", "lately") if self.under_way == "walk" else (self.under_way,)
        return Sweeping(done={**self.done, **dict.fromkeys(names, self.began)})

    def dumped(self) -> Cursor:
        """Return the place as text."""
        return orjson.dumps({**asdict(self), "states": plain_states(self.states)}).decode()

    @staticmethod
    def loaded(cursor: Cursor) -> Sweeping:
        """Return the place of a stored text. Raises UnexpectedReply when it is none of ours."""
        try:
            plain = orjson.loads(cursor)
            found = Sweeping(**{**plain, "states": read_states(plain["states"])})
            if found.done.keys() != set(SWEEPS) or found.under_way not in ("", *SWEEPS):
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UnexpectedReply(_BROKEN) from None
        return found


def plain_states(states: States) -> dict[str, Any]:
    """Return states as plain values."""
    return {name: {"in": type(state).__name__.lower(), **asdict(state)} for name, state in states.items()}


def read_states(plain: Mapping[str, Any]) -> dict[str, State]:
    """Return states from plain values. Raises ValueError, TypeError, KeyError or AttributeError for others."""
    return {name: _state(each) for name, each in plain.items()}


def _state(plain: Mapping[str, Any]) -> State:
    fields = dict(plain)
    return _KINDS[fields.pop("in")](**fields)
