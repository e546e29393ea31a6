"""Where a read of one object stands, and the statement that goes on from there. Pure.

Law: rows are read in the order of (stamp, Id) inside a window that is half open, `[lower, upper)`. `upper` lies behind the CRM's
present time, and the next window begins before this one's end, because a row may become visible later than its stamp
(airbyte#27146). A window is gone through to its own end before a later one begins. Stamps are compared by whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from refsync.errors import UnexpectedReply
from refsync.model import Instant, iso, parse_instant
from refsync_salesforce.description import Description
from refsync_salesforce.sources import Source
from refsync_salesforce.values import Custom, Row, Unreadable, as_text, stamp

SECOND = 1000
WHOLE_SECONDS, USUAL_LENGTH = len("2020-10-22T21:03:23"), len("2020-10-22T21:03:23.000+0000")
DESCRIBED = "described"
"""Beside the positions of objects, whose names begin with a capital."""
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the results of a query job have been read."""

    job: str
    links: str = ""
    """The job for the people of the activities; empty when there is none."""
    created: Instant
    """When the job was created, by the CRM's clock."""
    locator: str = ""
    """The set of results that comes next; empty for the first."""
    begun: bool = False
    """Whether a row has been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far an object has been read."""

    done: Instant | None = None
    """The end of the last window that was read whole; None before the first."""
    upper: Instant | None = None
    """The end of the window that is being read; None between windows."""
    at: Instant | None = None
    """The stamp from which the window goes on; None at the beginning of time."""
    id: str = ""
    """The last row read with that stamp; empty at the beginning of a window."""
    fields: tuple[str, ...] = ()
    """The fields that were read. A field that comes later sends the read back to the beginning."""
    place: Place | None = None
    """Where the first load by a query job stands."""
    by_pages: bool = False
    """Whether a query job cannot do the first load."""

    @property
    def began(self) -> bool:
        """Whether a row can have been read."""
        return self.done is not None or self.at is not None or (self.place is not None and self.place.begun)

    def window(self, upper: Instant, overlap: int) -> Position:
        """Return the beginning of the next window."""
        lower = None if self.done is None else self.done - overlap * SECOND
        return replace(self, upper=upper, at=lower, id="")

    def behind(self, rows: Sequence[Row], column: str) -> Position:
        """Return the position behind some rows. Raises UnexpectedReply when they do not follow on in this window.

        A row whose stamp or id cannot be read is left to the translation; it cannot be the place to go on from.
        """
        first = next((key for row in rows if (key := _key(row, column))), None)
        last = next((key for row in reversed(rows) if (key := _key(row, column))), None)
        if first is None or last is None:
            if rows:
                raise UnexpectedReply(f"Salesforce: no row of a page has a readable Id and {column}")
            return self
        inside = (self.at is None or self.at <= first[0]) and self.upper is not None and last[0] < self.upper
        # as texts, which costs a tenth of reading every stamp
        texts = [text[:WHOLE_SECONDS] for row in rows if type(text := row.get(column)) is str and len(text) == USUAL_LENGTH]
        if not inside or texts != sorted(texts) or last == (self.at, self.id):
            raise UnexpectedReply("Salesforce: the rows of a page do not follow on those before them")
        return replace(self, at=last[0], id=last[1])

    def finished(self) -> Position:
        """Return the position at the end of the window."""
        return Position(done=self.upper, fields=self.fields)


def _key(row: Row, column: str) -> tuple[Instant, str] | None:
    try:
        at = stamp(row.get(column)) // SECOND * SECOND
    except Unreadable:
        return None
    id_ = row.get("Id")
    return (at, id_) if isinstance(id_, str) and ID.fullmatch(id_) else None


def positions(cursor: str | None) -> dict[str, Position]:
    """Return the position of each object in a cursor. Raises UnexpectedReply for a text that is no cursor of ours."""
    try:
        stored = orjson.loads(cursor) if cursor else {}
        return {name: _position(parts) for name, parts in stored.items() if name != DESCRIBED}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnexpectedReply("the stored place to read on from was not written by this connector") from None


def described_in(cursor: str | None) -> Mapping[str, Any]:
    """Return what a cursor carries along of descriptions."""
    stored = orjson.loads(cursor).get(DESCRIBED) if cursor else None
    return stored if isinstance(stored, dict) else {}


def cursor(standing: Mapping[str, Position], described: Mapping[str, Any] | None = None) -> str:
    """Return a cursor that covers all objects of a stream and carries along what is known of them."""
    places: dict[str, Any] = {name: _parts(position) for name, position in standing.items()}
    return orjson.dumps(places | ({DESCRIBED: described} if described else {})).decode()


def _position(parts: Mapping[str, Any]) -> Position:
    if (id_ := parts.get("id", "")) and not ID.fullmatch(id_):
        raise ValueError(id_)
    found = {name: parse_instant(parts[name]) for name in ("done", "upper", "at") if name in parts}
    place = _place(parts["place"]) if "place" in parts else None
    fields = tuple(map(str, parts["fields"]))
    return Position(id=id_, fields=fields, place=place, by_pages=parts.get("by_pages") is True, **found)


def _place(parts: Mapping[str, Any]) -> Place:
    job, links = str(parts["job"]), str(parts["links"])
    if not job.isalnum() or (links and not links.isalnum()):
        raise ValueError(job)
    return Place(
        job=job,
        links=links,
        created=parse_instant(parts["created"]),
        locator=str(parts["locator"]),
        begun=parts["begun"] is True,
    )


def _parts(position: Position) -> dict[str, object]:
    times = {"done": position.done, "upper": position.upper, "at": position.at}
    parts: dict[str, object] = {name: iso(at) for name, at in times.items() if at is not None}
    if position.id:
        parts["id"] = position.id
    if position.place:
        parts["place"] = asdict(position.place) | {"created": iso(position.place.created)}
    if position.by_pages:
        parts["by_pages"] = True
    return parts | {"fields": list(position.fields)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked of one object of this org."""

    source: Source
    stamp: str
    fields: tuple[str, ...]
    child: str = ""
    """The relationship whose rows come with each row; empty when the org has none."""
    child_fields: tuple[str, ...] = ()
    custom: Custom = ()
    calculated: bool = False
    """Whether one of the fields changes without the row's stamp."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything that is asked for, each name once."""
        names = tuple(dict.fromkeys(("Id", self.stamp, *self.fields)))
        if not self.child:
            return names
        return (*names, f"(SELECT {', '.join(self.child_fields)} FROM {self.child})")  # noqa: S608 # names out of describe

    @property
    def select(self) -> str:
        """The statement for all rows."""
        return f"SELECT {', '.join(self.columns)} FROM {self.source.object}"  # noqa: S608 # names out of describe

    def statement(self, position: Position, limit: int) -> str:
        """Return the statement for the next rows of the position's window."""
        only = f"{self.source.where} AND " if self.source.where and position.done is None else ""
        return f"{self.select} WHERE {only}{self._conditions(position)} ORDER BY {self.stamp}, Id LIMIT {limit}"

    def _conditions(self, position: Position) -> str:
        if position.upper is None:
            raise ValueError("no window is open")
        conditions = [f"{self.stamp} < {iso(position.upper)}"]
        if position.at is not None:
            conditions.insert(0, f"{self.stamp} >= {iso(position.at)}")
            if position.id:
                conditions.append(f"({self.stamp} > {iso(position.at)} OR Id > '{position.id}')")
        return " AND ".join(conditions)


def selection(source: Source, described: Description, child: Description | None) -> Selection:
    """Return what can be asked of an object. Raises UnexpectedReply when changes cannot be told apart."""
    if described.stamp is None:
        raise UnexpectedReply(f"{source.object} has no column to read changes by: none can be filtered")
    relation = described.children.get(source.child) if child else None
    names = ("IsDeleted", *source.fields, *source.sometimes, *source.custom)
    return Selection(
        source=source,
        stamp=described.stamp,
        fields=tuple(name for name in names if described.shows(name)),
        child=relation.relationship if relation else "",
        child_fields=tuple(name for name in source.child_fields if child and name in child.fields),
        custom=tuple((name, as_text(described.fields[name].type)) for name in source.custom if name in described.fields),
        calculated=any(one.calculated and name.endswith("__c") for name, one in described.fields.items() if name in names),
    )


def is_shown(name: str, described: Description) -> bool:
    """Whether a field can be read."""
    return described.shows(name)
