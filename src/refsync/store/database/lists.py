"""Lists in statements, alike on SQLite and PostgreSQL: many ids or pairs as one parameter, and long lists in chunks.

The law: a statement's text does not depend on how long a list is, so it is prepared once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import BigInteger, ColumnElement, Dialect, FromClause, Text, TypeDecorator, bindparam, column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

Item = TypeVar("Item")

CHUNK = 1000
"""Rows or ids that are worked through at a time."""


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Yield lists of at most `size` items, in order."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def among(column: ColumnElement[Any], ids: str | Collection[str]) -> ColumnElement[bool]:
    """Return that a column is one of these ids, or of those in the parameter of that name: a list of any length.

    That SQLite seeks each id in an index is the doing of `statistics`.
    """
    return column.in_(select(listed(ids).c.id))


def listed(ids: str | Collection[str]) -> FromClause:
    """Return these ids as a table of `id`. Joined with a table, PostgreSQL reads that as a whole where it takes less than to seek
    each of very many ids; SQLite seeks."""
    bound = bindparam(ids, type_=_Ids()) if isinstance(ids, str) else bindparam("ids", list(ids), type_=_Ids(), unique=True)
    return _Listed(bound).table_valued("id", name="listed")


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
