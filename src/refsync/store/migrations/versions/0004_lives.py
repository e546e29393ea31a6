"""What people did to a task that is still open, what refsync is about to do to it, and the story of each finding."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns and the table; the story of what there is begins now."""
    for name in ("edited", "holder_id", "ending", "next_owner_id"):
        op.add_column("finding", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("finding", sa.Column("moved_to", sa.String(10), nullable=True))
    op.add_column("finding", sa.Column("verified_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "transition",
        sa.Column("connection", sa.String(), primary_key=True, nullable=False),
        sa.Column("key", sa.String(), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )
