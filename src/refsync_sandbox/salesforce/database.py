"""The tables behind the objects: SQLite in a temporary file of its own, with a small cache.

Law: one table an object, one column a stored field, named as the field. `_book` holds the book id. Stamps are wire texts, check
boxes 0 or 1, an empty text is NULL.
"""

from __future__ import annotations

import sqlite3

from refsync_sandbox.salesforce.schema import NUMBERS, TEXTS, Field, Kind, Schema, SObject

_CACHE_KIB = 8_192
PURGED = "_purged"
"""What was removed for good: object, id, and when it had been deleted; getDeleted still speaks of it."""


def connect() -> sqlite3.Connection:
    """Return an empty database that vanishes when it is closed."""
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    database.executescript(f"PRAGMA cache_size = -{_CACHE_KIB}; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")
    database.row_factory = None
    return database


def create(database: sqlite3.Connection, schema: Schema) -> None:
    """Make the tables of a schema; indexes come later, once they are filled."""
    for subject in schema.objects.values():
        create_table(database, subject)
    database.execute(f"CREATE TABLE {PURGED} (object TEXT, id TEXT, at TEXT)")


def create_table(database: sqlite3.Connection, subject: SObject) -> list[str]:
    """Make the table of an object and return the names of its columns."""
    kept = stored(subject)
    columns = ", ".join(f'"{one.name}" {_type(one)}' for one in kept)
    database.execute(f'CREATE TABLE "{subject.name}" ({columns}, "_book" TEXT)')
    return [*(one.name for one in kept), "_book"]


def index(database: sqlite3.Connection, schema: Schema) -> None:
    """Make the indexes: by id, by stamp and id, by external key, and by the references that children are found by."""
    wanted = {(child.object, child.field) for subject in schema.objects.values() for child in subject.children}
    wanted |= {(name, "AccountId") for name in ("Task", "Event")}
    for subject in schema.objects.values():
        database.execute(f'CREATE UNIQUE INDEX "{subject.name}_id" ON "{subject.name}" (Id)')
        database.execute(f'CREATE INDEX "{subject.name}_stamp" ON "{subject.name}" (SystemModstamp, Id)')
        wanted |= {(subject.name, one.name) for one in subject.fields.values() if one.unique}
    for name, field in sorted(wanted):
        database.execute(f'CREATE INDEX "{name}_{field}" ON "{name}" ("{field}") WHERE "{field}" IS NOT NULL')


def add_column(database: sqlite3.Connection, subject: SObject, found: Field) -> None:
    """Give an object's table a column for a new field, empty in every row."""
    database.execute(f'ALTER TABLE "{subject.name}" ADD COLUMN "{found.name}" {_type(found)}')


def stored(subject: SObject) -> list[Field]:
    """Return the fields of an object that are columns."""
    return [one for one in subject.fields.values() if not one.expression]


def _type(found: Field) -> str:
    if found.kind in NUMBERS:
        return "INTEGER" if found.kind is Kind.INT else "REAL"
    if found.kind is Kind.BOOLEAN:
        return "INTEGER NOT NULL DEFAULT 0"
    return "TEXT COLLATE NOCASE" if found.kind in TEXTS and not found.case_sensitive else "TEXT"
