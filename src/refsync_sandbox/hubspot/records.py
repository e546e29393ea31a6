"""The portal's records, in a SQLite file of their own that vanishes with the process.

Law: ids are counted, never random: the same book and the same calls give the same ids. They are not in order of creation, the
ids of one type lie in one stretch, and archived records stay. What is written goes through here, so that what was before is kept
for a search index that lags behind.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import orjson

from refsync.model import Instant
from refsync_sandbox.hubspot.history import CALCULATED, History
from refsync_sandbox.hubspot.kinds import KINDS, Kind, kind_of_id
from refsync_sandbox.hubspot.tables import INDEXES, SCHEMA

_BLOCK, _STRIDE, _GAP = 64, 37, 3
"""Ids of one block of 64 are given out in strides of 37, three apart: none follows its predecessor."""

LAST_ID = 2**53
"""Ids stay below what every JSON reader takes for a whole number."""

_CACHE_KIB = 8 * 1024


class Row(NamedTuple):
    """One stored record; `properties` is JSON text and holds neither its id nor its times."""

    id: int
    created: Instant
    modified: Instant
    archived: Instant | None
    properties: bytes

    @property
    def kind(self) -> Kind:
        found = kind_of_id(self.id)
        assert found is not None  # noqa: S101 - ids are only given out in the ranges of kinds
        return found

    def values(self) -> dict[str, str | None]:
        """Return the properties as a dict of the caller's own."""
        values: dict[str, str | None] = orjson.loads(self.properties)
        return values


COLUMNS = "id, created, modified, archived, properties"


class Records:
    """All records of a portal. Used from one thread at a time."""

    def __init__(self) -> None:
        self.database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.database.executescript(
            f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB}; {SCHEMA}"
        )
        self._make_indexes()
        self.history = History(self.database)
        self.changes: Counter[Kind] = Counter()
        """How often records of a type were written: who keeps a result compares this number."""
        self.last_write = dict.fromkeys(KINDS, 0)
        """When a record of a type was written last: a search index that has got there shows what there is."""
        self.archived: set[int] = set()
        """The ids of the records in the recycle bin."""
        self._given = dict.fromkeys(KINDS, 0)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Take in much at once: the indexes are made at the end, when that costs a fraction."""
        for name in INDEXES:
            self.database.execute(f"DROP INDEX {name}")
        with self.transaction():
            yield
        self._make_indexes()

    def _make_indexes(self) -> None:
        for name, columns in INDEXES.items():
            self.database.execute(f"CREATE INDEX {name} ON {columns}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything written inside, or nothing when an exception leaves it. May be nested."""
        outer = self.database.in_transaction
        begin, keep, undo = (
            ("SAVEPOINT step", "RELEASE step", "ROLLBACK TO step; RELEASE step") if outer else ("BEGIN", "COMMIT", "ROLLBACK")
        )
        self.database.execute(begin)
        try:
            yield
        except BaseException:
            for statement in undo.split("; "):
                self.database.execute(statement)
            self.changes.update(KINDS)
            self.archived = {one for (one,) in self.database.execute("SELECT id FROM record WHERE archived IS NOT NULL")}
            raise
        self.database.execute(keep)

    def new_id(self, kind: Kind) -> int:
        """Return an id that no record of this portal has had."""
        block, place = divmod(self._given[kind], _BLOCK)
        self._given[kind] += 1
        return kind.first_id + _GAP * (block * _BLOCK + place * _STRIDE % _BLOCK)

    def insert(
        self, kind: Kind, record_id: int, created: Instant, modified: Instant, values: Mapping[str, str | None], *, now: Instant
    ) -> None:
        """Store a new record; its unique values are the caller's to remember."""
        self.database.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, NULL, ?)",
            (record_id, kind.number, created, modified, now, orjson.dumps(values)),
        )
        self._written(kind, now)

    def insert_many(self, rows: Iterable[tuple[int, int, Instant, Instant, bytes]]) -> None:
        """Store records of a book, long in the index: id, number of the object type, created, modified, properties as JSON."""
        self.database.executemany("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?4, NULL, ?5)", rows)
        self.changes.update(KINDS)

    def update(self, row: Row, values: Mapping[str, str | None], *, now: Instant, source: str) -> None:
        """Store new properties, which moves the time of the last change; `source` is HubSpot's word for who did it."""
        self._keep_versions("id = ?2", row.id, now)
        self.database.execute(
            "UPDATE record SET properties = ?, modified = ?, indexed = ? WHERE id = ?",
            (orjson.dumps(values), now, now, row.id),
        )
        self.history.note(row.id, row.values(), values, at=now, source=source)
        self._written(row.kind, now)

    def calculate(self, row: Row, values: Mapping[str, str | None], *, now: Instant | None = None) -> None:
        """Store properties that HubSpot works out by itself: the time of the last change stays (airbyte#27199)."""
        self.database.execute("UPDATE record SET properties = ? WHERE id = ?", (orjson.dumps(values), row.id))
        if now is not None:
            self.history.note(row.id, row.values(), values, at=now, source=CALCULATED)
        self.changes[row.kind] += 1

    def touch(self, record_id: int, *, now: Instant) -> None:
        """Move the time of the last change alone, as a newly logged activity does."""
        self._keep_versions("id = ?2", record_id, now)
        self.database.execute(
            "UPDATE record SET modified = ?, indexed = ? WHERE id = ? AND archived IS NULL", (now, now, record_id)
        )
        if kind := kind_of_id(record_id):
            self._written(kind, now)

    def archive(self, row: Row, *, now: Instant) -> None:
        """Move a record to the recycle bin: search and plain lists lose it, the time of the last change stays."""
        self.database.execute("UPDATE record SET archived = ? WHERE id = ?", (now, row.id))
        self.archived.add(row.id)
        self.changes[row.kind] += 1

    def restore(self, row: Row, *, now: Instant) -> None:
        """Take a record out of the recycle bin. That the time of the last change stays then, too, is unverified."""
        self.database.execute("UPDATE record SET archived = NULL, indexed = ? WHERE id = ?", (now, row.id))
        self.archived.discard(row.id)
        self._written(row.kind, now)

    def stamp(self, kind: Kind, *, now: Instant) -> None:
        """Give all live records of a type one time of their last change, as an edit of many at once does (airbyte#43317)."""
        self._keep_versions("kind = ?2", kind.number, now)
        self.database.execute(
            "UPDATE record SET modified = ?1, indexed = ?1 WHERE kind = ?2 AND archived IS NULL", (now, kind.number)
        )
        self._written(kind, now)

    def remove(self, row: Row) -> None:
        """Take a record away without a trace, as a merge does with the two that went in."""
        self.database.execute("DELETE FROM record WHERE id = ?", (row.id,))
        self.database.execute("DELETE FROM unique_value WHERE id = ?", (row.id,))
        self.archived.discard(row.id)
        self.changes[row.kind] += 1

    def find(self, kind: Kind, record_id: int, *, archived: bool = False) -> Row | None:
        """Return one record, archived or not as asked; None when there is none such."""
        if record_id > LAST_ID:
            return None
        found = self.database.execute(f"SELECT {COLUMNS} FROM record WHERE id = ?", (record_id,)).fetchone()  # noqa: S608
        row = Row(*found) if found else None
        return row if row and row.kind == kind and (row.archived is not None) == archived else None

    def rows(self, ids: Iterable[int]) -> list[Row]:
        """Return the records with these ids that exist, archived or not, in the order of the ids given."""
        asked = [one for one in ids if one <= LAST_ID]
        places = ", ".join("?" * len(asked))
        found = self.database.execute(f"SELECT {COLUMNS} FROM record WHERE id IN ({places})", asked)  # noqa: S608
        rows = {row[0]: Row(*row) for row in found}
        return [rows[one] for one in asked if one in rows]

    def page(self, kind: Kind, start: int, limit: int, *, archived: bool = False) -> list[Row]:
        """Return up to `limit` records from id `start` on, in order of their ids."""
        state = "IS NOT NULL" if archived else "IS NULL"
        found = self.database.execute(
            f"SELECT {COLUMNS} FROM record WHERE id >= ? AND id <= ? AND archived {state} ORDER BY id LIMIT ?",  # noqa: S608
            (min(max(start, kind.first_id), LAST_ID), _last_id(kind), limit),
        )
        return [Row(*row) for row in found]

    def all(self, kind: Kind) -> Iterator[Row]:
        """Yield every record of a type, archived ones too."""
        found = self.database.execute(
            f"SELECT {COLUMNS} FROM record WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608
            (kind.first_id, _last_id(kind)),
        )
        yield from (Row(*row) for row in found.fetchall())

    def select_ids(self, where: str, arguments: Sequence[object], order: str) -> list[int]:
        """Return the ids of the live records that a search condition holds for."""
        query = f"SELECT id FROM record WHERE archived IS NULL AND {where} ORDER BY {order}"  # noqa: S608
        return [found for (found,) in self.database.execute(query, arguments)]

    def set_unique(self, property_name: str, record_id: int, value: str | None) -> None:
        """Remember the value that a record now has of a property whose values are unique."""
        self.database.execute("DELETE FROM unique_value WHERE property = ? AND id = ?", (property_name, record_id))
        if value:
            self.database.execute("INSERT INTO unique_value VALUES (?, ?, ?)", (property_name, value, record_id))

    def index_unique(self, kind: Kind, property_name: str) -> None:
        """Remember the values that all records of a type have of a property whose values are unique."""
        self.database.execute(
            "INSERT OR IGNORE INTO unique_value SELECT ?1, json_extract(properties, ?2) AS value, id FROM record "
            "WHERE id BETWEEN ?3 AND ?4 AND value <> '' ORDER BY value, id",
            (property_name, f'$."{property_name}"', kind.first_id, _last_id(kind)),
        )

    def with_value(self, kind: Kind, property_name: str, value: str, *, archived: bool = False) -> Row | None:
        """Return the record of a type that has this value of a unique property."""
        found = self.database.execute("SELECT id FROM unique_value WHERE property = ? AND value = ?", (property_name, value))
        rows = (self.find(kind, one, archived=archived) for (one,) in found.fetchall())
        return next((row for row in rows if row), None)

    def name_in_book(self, table: str, name: str, crm_id: str) -> None:
        """Remember the CRM id of a row of the book."""
        self.database.execute("INSERT OR REPLACE INTO book_id VALUES (?, ?, ?)", (table, name, crm_id))

    def name_many_in_book(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Remember the CRM ids of many rows: table, book id, CRM id."""
        self.database.executemany("INSERT OR REPLACE INTO book_id VALUES (?, ?, ?)", rows)

    def id_in_crm(self, table: str, name: str) -> str | None:
        """Return the CRM id of a row of the book."""
        found = self.database.execute("SELECT id FROM book_id WHERE book = ? AND name = ?", (table, name)).fetchone()
        return found[0] if found else None

    def rename_in_book(self, table: str, old: str, new: str) -> None:
        """Let rows of the book that stood for one CRM id stand for another."""
        self.database.execute("UPDATE book_id SET id = ? WHERE book = ? AND id = ?", (new, table, old))

    def book_ids(self) -> dict[str, dict[str, str]]:
        """Return the CRM id of each row of the book, by table and book id."""
        ids: dict[str, dict[str, str]] = {}
        for table, name, crm_id in self.database.execute("SELECT book, name, id FROM book_id"):
            ids.setdefault(table, {})[name] = crm_id
        return ids

    def note_writer(self, task_id: int, writer: str) -> None:
        """Remember that somebody wrote a task."""
        self.database.execute("INSERT INTO written VALUES (?, ?)", (task_id, writer))

    def writers(self) -> dict[int, list[str]]:
        """Return who wrote each task that was written since the book was loaded, one entry a write."""
        found: dict[int, list[str]] = {}
        for task, writer in self.database.execute("SELECT task, writer FROM written ORDER BY rowid"):
            found.setdefault(task, []).append(writer)
        return found

    def _keep_versions(self, which: str, number: int, until: Instant) -> None:
        """Keep records as they are for searches that see no change yet."""
        self.database.execute(
            "INSERT INTO version SELECT id, kind, created, modified, indexed, ?1, properties FROM record "  # noqa: S608
            f"WHERE {which} AND archived IS NULL AND indexed < ?1",
            (until, number),
        )

    def _written(self, kind: Kind, now: Instant) -> None:
        self.changes[kind] += 1
        self.last_write[kind] = max(self.last_write[kind], now)

    def close(self) -> None:
        self.database.close()


def _last_id(kind: Kind) -> int:
    return min((other.first_id for other in KINDS if other.first_id > kind.first_id), default=LAST_ID) - 1
