"""One database per kind and session: tests keep apart by the connection they use, and every statement must name one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Delete, Insert, Select, Update, create_engine, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import eq
from sqlalchemy.sql.selectable import FromClause, Join

from refsync.store.database import schema
from refsync.store.engine import Store, open_store
from tests.postgresql import schema as schema_of

numbers = count(1)
checked: set[object] = set()
"""The cache keys of statements that were found to name their connection."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give an open store: SQLite in a file, and PostgreSQL where there is one."""
    if request.param == "sqlite":
        yield from opened(sqlite_url(tmp_path_factory.mktemp("store")))
        return
    with schema_of(request.getfixturevalue("postgresql")) as url:
        yield from opened(url)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'refsync.db'}"


def opened(url: str) -> Iterator[Store]:
    """Give a store whose tables were made by the migrations, from the first to the last."""
    before = create_engine(url)
    with before.begin() as db:
        schema.migrate(db, "the database")
    before.dispose()
    with open_store(url) as store:
        for engine in {store._writer, store._reader}:
            event.listen(engine, "before_execute", refuse_unled)
            event.listen(engine, "before_cursor_execute", refuse_unled_text)
        yield store


@pytest.fixture
def connection() -> str:
    """Give the name of a connection that no other test uses."""
    return f"crm-{next(numbers)}"


def refuse_unled(_db: object, statement: Any, *_rest: object) -> None:
    """Fail for a statement that reads or changes rows without naming their connection."""
    if not isinstance(statement, Select | Update | Delete | Insert):
        return
    key = statement._generate_cache_key()
    if key is None or key.key not in checked:
        assert unled(statement) == []
        checked.update([key.key] if key else ())


def refuse_unled_text(_db: object, _cursor: object, statement: str, *_rest: object) -> None:
    """Fail for the same in SQL text."""
    if re.match(r"\s*(UPDATE|DELETE|INSERT)\b", statement):
        assert "connection" in statement


def unled(statement: Select[Any] | Update | Delete | Insert) -> list[str]:
    """Return the tables that a statement, or a SELECT within it, uses without comparing their connection."""
    found = []
    for element in visitors.iterate(statement):
        if isinstance(element, Select):
            outer = set(element._correlate or ())
            tables = [leaf for source in element.get_final_froms() for leaf in leaves(source) if leaf not in outer]
        elif isinstance(element, Update | Delete):
            tables = leaves(element.table)
        else:
            continue
        led = {column.table for column in compared(element)}
        found += [str(table) for table in tables if "connection" in table.c and table not in led]
    return found


def leaves(source: FromClause) -> list[Any]:
    return [*leaves(source.left), *leaves(source.right)] if isinstance(source, Join) else [source]


def compared(statement: Any) -> Iterator[Any]:
    for element in visitors.iterate(statement):
        if isinstance(element, BinaryExpression) and element.operator is eq:
            for side in (element.left, element.right):
                if getattr(side, "name", "") == "connection" and getattr(side, "table", None) is not None:
                    yield side
