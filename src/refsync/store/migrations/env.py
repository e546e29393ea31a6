"""Alembic's entry: runs the revisions on the connection that `refsync.store.database.schema.migrate` hands in."""

from __future__ import annotations

from alembic import context

from refsync.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
