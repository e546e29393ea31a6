"""What SQLite is told of the tables' contents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Select, delete, select, text
from sqlalchemy.dialects import sqlite

from refsync.store.database import statistics
from refsync.store.database.lists import among
from refsync.store.engine import Store, open_store
from refsync.store.tables import activity, activity_contact, contact, deal, deal_contact, finding, touch


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def ways(db: Connection, statement: str) -> str:
    """Return how SQLite would answer a statement."""
    return "; ".join(row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.parametrize(
    "column",
    [contact.c.account_id, deal.c.account_id, deal_contact.c.deal_id, deal_contact.c.contact_id, activity.c.deal_id,
     activity_contact.c.contact_id, activity_contact.c.activity_id, touch.c.account_id, touch.c.contact_id, touch.c.activity_id,
     contact.c.id, finding.c.key],
    ids=str,
)  # fmt: skip
def test_records_that_are_listed_are_sought_one_by_one(store: Store, column: Column[str]) -> None:
    """A list of ids is looked up in the index that begins with them: never are all records of a connection gone through."""
    of = (column.table.c.connection == "demo", among(column, ["one", "two"]))
    asked: list[Select[tuple[object, ...]]] = [select(column.table).where(*of)]
    told = {"dialect": sqlite.dialect(), "compile_kwargs": {"literal_binds": True}}
    with store.read() as db:
        for statement in (*asked, delete(column.table).where(*of)):
            assert f"connection=? AND {column.name}=?" in ways(db, str(statement.compile(**told)))  # type: ignore[arg-type]


def test_the_numbers_are_the_same_in_every_database(store: Store, tmp_path: Path) -> None:
    """A database that was filled, or measured by SQLite itself, is told the same again when it is opened."""
    with store.write() as db:
        before = db.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2")).all()
        db.execute(text("INSERT INTO crm_user VALUES ('demo', 'u', 'U', '', 1, NULL, 'UTC', NULL, NULL, NULL)"))
        db.execute(text("ANALYZE"))
        assert before != db.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2")).all()
        statistics.tell(db)
        assert before == db.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2")).all()


def test_every_index_has_its_numbers(store: Store) -> None:
    """No table and no index is left to SQLite's own guess."""
    with store.read() as db:
        told = {row.idx for row in db.execute(text("SELECT idx FROM sqlite_stat1"))}
        made = {row.name for row in db.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'"))}
    assert made - told == {"sqlite_autoindex_alembic_version_1"}
