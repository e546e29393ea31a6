"""Rows into tables, alike on SQLite and PostgreSQL: insert, or update what is there.

Statements are built with SQLAlchemy Core and compiled once; rows are tuples in the order of the `stored` columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from refsync.store.tables import stored

Row: TypeAlias = tuple[Any, ...]

BLOCK = 128
"""Rows that one statement inserts: well below 32,766 variables, SQLite's usual limit. A larger one takes more memory."""


def insert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the dialect's own INSERT, the one that knows ON CONFLICT."""
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


def upsert(db: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows given in the order of the table's `stored` columns.

    A row whose key exists takes the new values; of equal keys the last wins.
    """
    if not rows:
        return
    # in the order of the key, so that neighbours in the table's tree are written together
    ordered = sorted(rows, key=_key(table))
    if db.dialect.name == "sqlite":
        for some in _blocks(ordered):
            db.exec_driver_sql(_upsert(db.dialect, table, len(some)), tuple(chain.from_iterable(some)))
    else:
        db.exec_driver_sql(_upsert(db.dialect, table), ordered)


@cache
def _key(table: Table) -> Callable[[Row], Any]:
    """Return what orders rows; the connection that leads most keys is the same in all of them."""
    keys = list(table.primary_key.columns)
    return itemgetter(*range(1 if len(keys) > 1 and keys[0].name == "connection" else 0, len(keys)))


def _blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows in blocks of one statement each, of few different lengths, so that few statements are prepared.

    For every single row of `executemany` the driver hands over the interpreter's lock, and gets it back when the thread that
    reads from the CRM lets go of it. It stores a block while that thread works on.
    """
    at = 0
    while left := len(rows) - at:
        size = min(BLOCK, 1 << left.bit_length() - 1)
        yield rows[at : at + size]
        at += size


@cache
def _upsert(dialect: Dialect, table: Table, rows: int = 1) -> str:
    new = insert(dialect, table)
    values = {column.name: new.excluded[column.name] for column in stored(table) if not column.primary_key}
    keys = list(table.primary_key.columns)
    settled = (
        new.on_conflict_do_update(index_elements=keys, set_=values) if values else new.on_conflict_do_nothing(index_elements=keys)
    )
    names = [column.name for column in stored(table)]
    statement = str(settled.compile(dialect=dialect, column_keys=names))
    row = f"({', '.join('?' * len(names))})"
    return statement.replace(row, ", ".join([row] * rows), 1)
