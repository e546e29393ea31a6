"""Further accounts of people, introductions, what sweeps list, what the CRM does not show, and the budget of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns; touches are derived again by the next run, since their key is another one now."""
    _records()
    _touches()
    _proof_of_deletes()
    op.create_table(
        "budget",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("window_ms", sa.BigInteger(), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", "window_ms"),
        sqlite_with_rowid=False,
    )


def _records() -> None:
    op.create_table(
        "account_contact",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("account_contact_account", "account_contact", ["connection", "account_id"])
    op.create_index("account_contact_contact", "account_contact", ["connection", "contact_id", "account_id"])
    op.create_table(
        "introduction",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source_contact_id", sa.String(), nullable=True),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("person_name", sa.String(), nullable=False),
        sa.Column("person_contact_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("status_since", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("introduction_account", "introduction", ["connection", "account_id"])
    op.create_index("introduction_source", "introduction", ["connection", "source_contact_id"])
    op.create_index("introduction_person", "introduction", ["connection", "person_contact_id"])
    op.create_index("introduction_deal", "introduction", ["connection", "deal_id"])
    op.create_index("account_parent", "account", ["connection", "parent_id"])


def _touches() -> None:
    op.drop_table("touch")
    op.create_table(
        "touch",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("activity_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("two_way", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "activity_id", "contact_id", "account_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("touch_account", "touch", ["connection", "account_id", "at", "two_way", "channel"])
    op.create_index("touch_contact", "touch", ["connection", "contact_id", "at", "two_way"])
    op.execute("DELETE FROM derivation")


def _proof_of_deletes() -> None:
    op.add_column("stream_state", sa.Column("reads_whole", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("stream_state", sa.Column("lacking", sa.Text(), nullable=True))
    op.create_table(
        "listed",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "by", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "missing",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "id"),
        sqlite_with_rowid=False,
    )
