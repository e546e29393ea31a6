"""Rows into tables, alike on SQLite and PostgreSQL: insert, or update what is there.

Statements are built with SQLAlchemy Core and compiled once; rows are tuples in the order of the `stored` columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from refsync.store.tables import stored

Row: TypeAlias = tuple[Any, ...]
Item = TypeVar("Item")

BLOCK = 128
"""Rows that one statement inserts: well below 32,766 variables, SQLite's usual limit. A larger one takes more memory."""
CHUNK = 1000
"""Rows or ids that are worked through at a time."""


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


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Yield lists of at most `size` items, in order."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def among(column: ColumnElement[Any], ids: str | Collection[str]) -> ColumnElement[bool]:
    """Return that a column is one of these ids, or of those in the parameter of that name: a list of any length.

    One parameter instead of one per id: the statement's text stays the same, and is prepared once. That SQLite seeks each id in
    an index is the doing of `statistics`.
    """
    bound = bindparam(ids, type_=_Ids()) if isinstance(ids, str) else bindparam("ids", list(ids), type_=_Ids(), unique=True)
    listed = _Listed(bound).table_valued("id", name="listed")
    return column.in_(select(listed.c.id))


def looked_up(values: Mapping[str, int]) -> FromClause:
    """Return these pairs as a table of `key` and `value`, handed over as one parameter."""
    pairs = _Paired(bindparam("pairs", orjson.dumps(values).decode(), Text, unique=True))
    return pairs.table_valued(column("key", Text), column("value", BigInteger), name="looked_up")


class _Ids(TypeDecorator[list[str]]):
    """A list of ids as one parameter: an array, or a JSON text where there are no arrays."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.ARRAY(Text()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return orjson.dumps(value).decode() if dialect.name == "sqlite" else value


class _Listed(FunctionElement[Any]):
    """The rows of a list parameter."""

    inherit_cache = True


@compiles(_Listed)
def _of_array(element: _Listed, compiler: Any, **how: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **how)}) AS id)"


@compiles(_Listed, "sqlite")
def _of_json(element: _Listed, compiler: Any, **how: Any) -> str:
    return f"(SELECT value AS id FROM json_each({compiler.process(element.clauses, **how)}))"  # noqa: S608 - a bind parameter


class _Paired(FunctionElement[Any]):
    """The pairs of a JSON object, its values numbers."""

    inherit_cache = True


@compiles(_Paired)
def _of_text(element: _Paired, compiler: Any, **how: Any) -> str:
    pairs = f"json_each_text(CAST({compiler.process(element.clauses, **how)} AS json))"
    return f"(SELECT key, CAST(value AS bigint) AS value FROM {pairs})"  # noqa: S608 - a bind parameter


@compiles(_Paired, "sqlite")
def _of_object(element: _Paired, compiler: Any, **how: Any) -> str:
    return f"(SELECT key, value FROM json_each({compiler.process(element.clauses, **how)}))"  # noqa: S608 - a bind parameter
