"""Very many rows, handed over together, are the rows that the statement gives one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select

from refsync.store.database import bulk
from refsync.store.database.bulk import in_bulk
from refsync.store.engine import Store, open_store
from refsync.store.tables import account

Row: TypeAlias = tuple[str | None, float | None, int | None]

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
money = st.decimals(-(10**12), 10**12, places=2).map(float)
kept = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # SQLite stores -0.0 as 0.0
numbers = st.none() | money | kept
instants = st.none() | st.integers(-(2**53), 2**53)
names = count(1)
WRITTEN = (account.c.owner_id, account.c.annual_revenue, account.c.last_touch_at)


@pytest.fixture(autouse=True, scope="module")
def blocks_of_a_few_rows() -> Iterator[None]:
    """Let a block end after a handful of rows, so that most drawn tables have several."""
    usual, bulk.BLOCK = bulk.BLOCK, 40
    yield
    bulk.BLOCK = usual


def accounts(store: Store, rows: list[Row]) -> str:
    """Write accounts with these values and return the name of their connection."""
    connection = f"bulk-{next(names)}"
    stored: list[dict[str, object]] = [
        {"connection": connection, "id": str(number), "name": "", "tier": "", "industry": ""}
        | {column.name: value for column, value in zip(WRITTEN, row, strict=True)}
        for number, row in enumerate(rows)
    ]
    with store.write() as db:
        for one in stored:
            db.execute(insert(account), one)
    return connection


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.tuples(texts, numbers, instants), max_size=12))
@example(rows=[])
@example(
    rows=[("a line\nand \"another\", with 'quotes', \\, [brackets] and \u2028", 0.1 + 0.2, 0), (None, None, None), ("", 0.0, -1)]
)
def test_rows_handed_over_together_are_those_of_the_statement(store: Store, rows: list[Row]) -> None:
    """Every text, number and instant comes as it is stored, to the last digit, what is not known as None, all in their order."""
    statement = select(*WRITTEN).where(account.c.connection == accounts(store, rows)).order_by(account.c.id.desc())
    with store.read() as db:
        found = [tuple(row) for row in in_bulk(db, statement)]
        one_by_one = [tuple(row) for row in db.execute(statement)]

    assert repr(found) == repr(one_by_one)
    assert sorted(map(repr, found)) == sorted(map(repr, rows))


def test_rows_handed_over_together_are_one_step_of_sqlite(store: Store) -> None:
    """SQLite hands over a single row: it takes Python's interpreter lock once, however many rows the statement has."""
    if store.dialect.name != "sqlite":
        pytest.skip("PostgreSQL hands over all rows at once")
    statement = select(*WRITTEN).where(account.c.connection == accounts(store, [("a", 1.0, 1)] * 50))
    asked: list[tuple[str, Any]] = []
    with store.read() as db:
        event.listen(db, "before_cursor_execute", lambda _db, _cursor, text, values, *_rest: asked.append((text, values)))
        found = list(in_bulk(db, statement))
        [(text, values)] = list(asked)
        steps = db.exec_driver_sql(text, values).all()

    assert (50, 1) == (len(found), len(steps))


def test_rows_that_make_too_long_a_text_come_one_by_one(tmp_path: Path) -> None:
    """However much a statement finds, all of its rows come, and the same transaction goes on."""
    rows: list[Row] = [("a" * 100, float(number), number) for number in range(50)]
    with open_store(f"sqlite:///{tmp_path / 'refsync.db'}") as store:
        statement = select(*WRITTEN).where(account.c.connection == accounts(store, rows))
        with store.read() as db:
            found = [tuple(row) for row in in_bulk(db, statement)]
            driver = db.connection.driver_connection
            assert driver is not None
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5000)
            one_by_one = [tuple(row) for row in in_bulk(db, statement)]

    assert rows == sorted(found) == sorted(one_by_one)
