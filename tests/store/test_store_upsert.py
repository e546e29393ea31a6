"""Rows into tables: however many, each is there once, with the values that came last."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from refsync.store.database.upsert import BLOCK, upsert
from refsync.store.engine import Store
from refsync.store.tables import account_contact


def rows(connection: str, count: int, role: str) -> list[tuple[str, ...]]:
    return [(connection, f"l{number}", "a", f"p{number}", role) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 3, BLOCK - 1, BLOCK, 2 * BLOCK + 77])
def test_rows_of_any_number_are_stored(store: Store, connection: str, count: int) -> None:
    """Blocks of every length hold all their rows, new ones and known ones."""
    with store.write() as db:
        upsert(db, account_contact, rows(connection, count // 2, "before"))
        upsert(db, account_contact, [*rows(connection, count, "once"), *rows(connection, count, "last")])
        found = db.execute(select(account_contact).where(account_contact.c.connection == connection)).all()

    assert sorted(rows(connection, count, "last")) == sorted(tuple(row) for row in found)
