"""Which revision of the tables a database has, and the way to this version's. Migrations are plain DDL."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from refsync.errors import StoreError
from refsync.store.decisions.plan_tables import metadata  # the metadata of tables.py, with the tables of plans

REVISION = "0010"
"""The revision that this version's tables.py describes; a constant, so that a normal start need not import Alembic."""


def revision(db: Connection) -> str | None:
    """Return the database's revision; None for an empty database."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def refusal(name: str, found: str | None) -> str:
    """Return why a database of another revision cannot be read, and what to do."""
    if found is None:
        return f"{name} is empty; `refsync sync` fills it"
    return (
        f"{name} has revision {found}, this refsync needs {REVISION}: "
        "run `refsync sync` once to upgrade it, or use the newer refsync that wrote it"
    )


def settle(db: Connection, name: str) -> None:
    """Bring a database to REVISION within the caller's transaction. Raises StoreError when a newer refsync wrote it.

    An empty one is made as tables.py describes it, which spares a first start the import of Alembic.
    """
    if revision(db) is not None:
        migrate(db, name)
        return
    metadata.create_all(db)
    db.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    db.execute(text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": REVISION})


def migrate(db: Connection, name: str) -> None:
    """Run every migration that the database lacks, from the first one on when it is empty. Raises StoreError."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": db})
    config.set_main_option("script_location", "refsync.store:migrations")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"{name} was written by a newer refsync ({error}); install that version") from None
