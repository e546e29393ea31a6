"""The schema: the migrations make what tables.py says, and a database of the first of them keeps its state."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table, inspect, make_url, select, text

from refsync.company import Company
from refsync.model import Stream
from refsync.store import mirror
from refsync.store.database import schema, sqlite
from refsync.store.database.upsert import upsert
from refsync.store.derived import derive
from refsync.store.engine import Database, Store, open_store
from refsync.store.tables import derivation, lease, metadata, touch
from tests.store.conftest import sqlite_url


def test_migrated_schema_is_the_one_in_tables(store: Store) -> None:
    """What the migrations create does not differ from tables.py."""
    with store.read() as db:
        differences = compare_metadata(MigrationContext.configure(db), metadata)

    assert differences == []


def test_new_database_is_what_the_migrations_make(tmp_path: Path, store: Store) -> None:
    """A new database, which is made without the migrations, has their tables, columns, keys, indexes and revision."""
    with open_store(sqlite_url(tmp_path)) as new, new.read() as db:
        made, revision = described(db), schema.revision(db)
    with store.read() as db:
        migrated = described(db) if db.dialect.name == "sqlite" else made

    assert (made, revision) == (migrated, schema.REVISION)


def described(db: Database) -> dict[str, object]:
    """Return what a database says of its tables; the order of columns is no part of it, since a new one is added at the end."""
    found = inspect(db)
    return {
        table: (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)),
            found.get_pk_constraint(table)["constrained_columns"],
            sorted((str(index["name"]), tuple(index["column_names"])) for index in found.get_indexes(table)),
        )
        for table in found.get_table_names()
    }


def test_database_of_the_first_revision_keeps_its_state(tmp_path: Path) -> None:
    """A database of revision 0001 is upgraded: records, cursors and the ledger stay, and touches are derived again."""
    config = Config()
    config.set_main_option("script_location", "refsync.store:migrations")
    url = sqlite_url(tmp_path)
    sqlite.create(tmp_path / "refsync.db")
    engine = sqlite.write_engine(make_url(url))
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO contact VALUES ('c', 'p', 'a', 'Ann', '', '', '', NULL, NULL, NULL, NULL)",
            "INSERT INTO activity VALUES ('c', '1', 'call', NULL, 5, NULL, 'done', 0, '', NULL, NULL, NULL, '', '')",
            "INSERT INTO activity_contact VALUES ('c', '1', 'p')",
            "INSERT INTO touch VALUES ('c', '1', 'p', 'a', 5, 'call', NULL, 1)",
            "INSERT INTO stream_state VALUES ('c', 'activities', 'here', 7, '', NULL, 'there', 8)",
            "INSERT INTO lease VALUES ('c', 'me', 3, 0)",
        ):
            db.execute(text(statement))
        upsert(db, derivation, [("c", derive.settings(Company(), ()))])
    engine.dispose()

    with open_store(url) as store, store.write() as db:
        derived = derive.ensure_derived(db, "c", Company(), ())
        state = mirror.state(db, "c")
        touches = db.execute(select(touch.c.contact_id, touch.c.account_id, touch.c.at)).all()
        token = db.execute(select(lease.c.token)).scalar()

    expected = mirror.StreamState(cursor="here", synced_at=7, sweep_cursor="there", swept_at=8)
    assert (True, {Stream.ACTIVITIES: expected}, [("p", "a", 5)], 3) == (derived, state, touches, token)


def test_revision_is_the_head_of_the_migrations() -> None:
    """The constant that spares a start the import of Alembic names the last migration."""
    config = Config()
    config.set_main_option("script_location", "refsync.store:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_every_key_and_index_begins_with_the_connection(table: Table) -> None:
    """Tables can be distributed by their connection."""
    first = {next(iter(index.columns)).name for index in table.indexes} | {next(iter(table.primary_key.columns)).name}

    assert {"connection"} == first
