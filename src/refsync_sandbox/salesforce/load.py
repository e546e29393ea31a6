"""A book of business into the tables of an org.

Law: ids are counted, in the order in which records were made; stamps are the record's own past (never later than an hour before
the clock, so that a pull that holds back a minute sees everything); rows are streamed, so memory does not grow with activities.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

from refsync.book import Book
from refsync.model import RECORD_OF, Activity, Instant, Record, SetAside, Stream, User, moment
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.absences import MESSAGE, message
from refsync_sandbox.salesforce.activities import ActivityRows
from refsync_sandbox.salesforce.custom import custom_name, custom_value
from refsync_sandbox.salesforce.database import create, index
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.layout import schema_for
from refsync_sandbox.salesforce.memberships import join_directly
from refsync_sandbox.salesforce.numbering import Numbering
from refsync_sandbox.salesforce.persons import Persons
from refsync_sandbox.salesforce.schema import Schema
from refsync_sandbox.salesforce.translate import OBJECTS, Fields, deal_fields, fields_of, lead_fields
from refsync_sandbox.salesforce.wire import stamp_of

_HOUR: Instant = 3_600_000
_NEVER_LATER = _HOUR
_UNKNOWN = 24 * _HOUR
"""How long before the clock a record was made whose time the book does not say, or says to be in the future."""
_BATCH = 2_000
_LINKS = {
    "owner_id": Stream.USERS,
    "manager_id": Stream.USERS,
    "parent_id": Stream.ACCOUNTS,
    "account_id": Stream.ACCOUNTS,
    "contact_id": Stream.CONTACTS,
    "referred_by_contact_id": Stream.CONTACTS,
    "source_contact_id": Stream.CONTACTS,
    "person_contact_id": Stream.CONTACTS,
    "deal_id": Stream.DEALS,
}
_MADE_AT = {Stream.CASES: "opened_at", Stream.INTRODUCTIONS: "made_at"}
"""The column of a record's own time, where it is not `created_at`."""
_IN_ORDER = frozenset({"Account", "Contact", "Opportunity", "Lead", "Case", "Task", "Event", "EmailMessage"})
"""Objects whose records were made at a time of their own, which their ids follow."""
_ACTIVITIES = {"Task": "TaskId", "Event": "EventId", "EmailMessage": "EmailMessageId"}
"""The objects of activities, and how the rows of their people name them."""
_RECORDS = {kind.__name__: kind for kind in RECORD_OF.values()}
_ACCOUNTS = """UPDATE "$activity" SET AccountId = coalesce(
    (SELECT AccountId FROM Opportunity WHERE Id = WhatId), (SELECT AccountId FROM Contact WHERE Id = WhoId))
    WHERE AccountId IS NULL AND (WhatId IS NOT NULL OR WhoId IS NOT NULL)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading a book left behind."""

    schema: Schema
    counters: Mapping[str, int]
    """How many ids of each object are given out."""
    set_aside: int
    """Rows of the book that could not be read."""


def load(database: sqlite3.Connection, book: Book, clock: Clock) -> Loaded:
    """Fill an empty database from a book."""
    return _Loading(database, book, clock).run()


class _Loading:
    def __init__(self, database: sqlite3.Connection, book: Book, clock: Clock) -> None:
        self._database, self._book = database, book
        self._schema = schema_for(book)
        self._now = clock.instant()
        self._counters: dict[str, int] = defaultdict(int)
        self._numbering = Numbering(database, self._schema)
        self._places: dict[str, int] = {}
        self._ids: dict[Stream, dict[str, str]] = {stream: {} for stream in set(_LINKS.values())}
        self._later: list[tuple[Stream, str, str, str]] = []
        self._away: dict[str, tuple[Instant, Instant]] = {}
        self._persons = Persons()
        self._set_aside = 0

    def run(self) -> Loaded:
        create(self._database, self._schema)
        self._database.execute("BEGIN")
        for subject, rows in people.standing_rows(lambda name: self._head(name, "", None, None)):
            self._insert(subject, rows)
        for stream in Stream:
            if stream in OBJECTS:
                self._stream(stream)
        self._activities()
        index(self._database, self._schema)
        self._persons.link(self._database)
        self._link_forward()
        self._derive_accounts()
        self._database.execute("COMMIT")
        return Loaded(schema=self._schema, counters=dict(self._counters), set_aside=self._set_aside)

    def _stream(self, stream: Stream) -> None:
        subject = OBJECTS[stream]
        if stream is Stream.ACCOUNT_CONTACTS and self._schema.objects[subject].visible:
            self._counters[subject] = join_directly(self._database, self._schema)
        self._places = {}
        self._insert(subject, self._rows(stream))
        numbers = self._numbering.number(subject) if subject in _IN_ORDER else None
        if stream in self._ids:
            prefix = self._schema.objects[subject].prefix
            placed = self._places.items()
            self._ids[stream] = {book_id: nth_id(prefix, numbers[place] if numbers else place) for book_id, place in placed}
        if stream is Stream.USERS:
            self._insert(MESSAGE, self._messages())

    def _records(self, stream: Stream) -> Iterator[Record]:
        for record in self._book.read(stream):
            if isinstance(record, SetAside):
                self._set_aside += 1
            else:
                yield record

    def _insert(self, subject: str, rows: Iterable[Fields]) -> None:
        """Insert rows that all have the fields of the first, in any order; what they lack is null or false."""
        given = iter(rows)
        first = next(given, None)
        if first is None:
            return
        names = ", ".join(f'"{name}"' for name in first)
        places = ", ".join("?" * len(first))
        statement = f'INSERT INTO "{subject}" ({names}) VALUES ({places})'  # noqa: S608 - names from the schema
        values = itemgetter(*first)
        self._database.execute(statement, values(first))
        self._database.executemany(statement, map(values, given))

    def _new_id(self, subject: str) -> str | int:
        """Return the id of a new row; where ids follow creation, its place for now."""
        number = self._counters[subject]
        self._counters[subject] = number + 1
        return number + 1 if subject in _IN_ORDER else nth_id(self._schema.objects[subject].prefix, number)

    def _head(self, subject: str, book_id: str, own: Instant | None, by: str | None) -> Fields:
        """Return the fields every record has; `own` is its own time."""
        if own is None or own > self._now:
            own = self._now - _UNKNOWN
        made = stamp_of(min(own, self._now - _NEVER_LATER))
        by = by or people.INTEGRATION_ID
        return {
            "Id": self._new_id(subject),
            "_book": book_id or None,
            "CreatedDate": made,
            "CreatedById": by,
            "LastModifiedDate": made,
            "LastModifiedById": by,
            "SystemModstamp": made,
        }

    # -- records but activities ------------------------------------------------------------------------------------------------

    def _rows(self, stream: Stream) -> Iterator[Fields]:
        subject = OBJECTS[stream]
        own_fields = self._schema.objects[subject].fields
        columns = [column for column in self._book.custom_columns(stream) if custom_name(column) in own_fields]
        custom = {column: own_fields[custom_name(column)] for column in columns}
        for record in self._records(stream):
            values = self._resolved(record)
            row = self._row(stream, record.id, values)
            self._remember(stream, record, values)
            row |= self._persons.marks(record)
            for column, found in custom.items():
                row[found.name] = custom_value(found, getattr(record, "custom", {}).get(column))
            yield row
        if stream is Stream.CONTACTS:
            for person in self._persons.without_contact():
                account = {"account_id": self._ids[Stream.ACCOUNTS][person.id]}
                yield self._row(stream, "", account | self._persons.shadow(person)) | self._persons.shadow_marks(custom)

    def _messages(self) -> Iterator[Fields]:
        for book_id, absence in self._away.items():
            user_id = self._ids[Stream.USERS][book_id]
            yield self._head(MESSAGE, "", None, user_id) | message(user_id, *absence)

    def _row(self, stream: Stream, book_id: str, values: Fields) -> Fields:
        own = values.get(_MADE_AT.get(stream, "created_at"))
        head = self._head(OBJECTS[stream], book_id, own, values.get("owner_id"))
        return head | self._own_fields(stream, values) | {"CreatedDate": head["CreatedDate"]}

    def _own_fields(self, stream: Stream, values: Fields) -> Fields:
        match stream:
            case Stream.USERS:
                user = fields_of("users", values)
                username = user["Email"] or f"{values['id']}@sandbox.example.com".lower()
                return user | {"Username": username, "ProfileId": people.PERSON_PROFILE, "UserType": "Standard"}
            case Stream.DEAL_CONTACTS:
                return fields_of(stream, values)
            case Stream.ACCOUNT_CONTACTS:
                return fields_of(stream, values) | {"IsActive": 1, "IsDirect": 0}
        owner = {"OwnerId": values.get("owner_id") or people.INTEGRATION_ID}
        if stream is Stream.DEALS:
            return deal_fields(values, moment(values["created_at"] or self._now)) | owner
        return (lead_fields(values) if stream is Stream.INTRODUCTIONS else fields_of(stream, values)) | owner

    def _resolved(self, record: Record) -> Fields:
        """Return a record's columns with book ids turned into Salesforce ids."""
        names, read, links = _columns(type(record).__name__)
        values: Fields = dict(zip(names, read(record), strict=True))
        for name, target in links:
            if values[name]:
                values[name] = self._ids[target].get(values[name])
        return values

    def _remember(self, stream: Stream, record: Record, values: Fields) -> None:
        if stream in self._ids:
            self._places[record.id] = self._counters[OBJECTS[stream]] - 1
        if isinstance(record, User) and record.away_from is not None and record.away_until is not None:
            self._away[record.id] = (record.away_from, record.away_until)
        for column, field in (("manager_id", "ManagerId"), ("parent_id", "ParentId")):
            target = getattr(record, column, None)
            if target and not values[column]:
                self._later.append((stream, field, record.id, target))

    def _link_forward(self) -> None:
        """Set the links within users and within accounts, whose ids were not known when they were read."""
        for stream, field, book_id, target in self._later:
            statement = f'UPDATE "{OBJECTS[stream]}" SET "{field}" = ? WHERE Id = ?'  # noqa: S608 - names from the schema
            self._database.execute(statement, (self._ids[stream].get(target), self._ids[stream][book_id]))

    # -- activities ------------------------------------------------------------------------------------------------------------

    def _activities(self) -> None:
        rows, contacts = ActivityRows(self._head, self._new_id), self._ids[Stream.CONTACTS]
        waiting: dict[str, list[Fields]] = defaultdict(list)
        for record in self._records(Stream.ACTIVITIES):
            if not isinstance(record, Activity):
                continue
            values = self._resolved(record)
            values["contact_ids"] = [contacts.get(one) for one in values["contact_ids"]]
            for subject, row in rows.of(values):
                waiting[subject].append(row)
                if len(waiting[subject]) >= _BATCH:
                    self._insert(subject, waiting.pop(subject))
        for subject, left in waiting.items():
            self._insert(subject, left)
        for subject, link in _ACTIVITIES.items():
            self._numbering.number(subject)
            self._numbering.number_children(f"{subject}Relation", link)

    def _derive_accounts(self) -> None:
        """Set the account of activities that say none themselves: that of the deal, else that of the first contact."""
        for name in ("Task", "Event"):
            self._database.execute(_ACCOUNTS.replace("$activity", name))


@lru_cache(maxsize=16)
def _columns(kind: str) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[tuple[str, Stream], ...]]:
    """Return the names of a record's columns, what reads them, and which of them are links, and to what."""
    names = tuple(one.name for one in fields(_RECORDS[kind]))
    return names, attrgetter(*names), tuple((name, target) for name, target in _LINKS.items() if name in names)
