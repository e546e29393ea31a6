"""Plans to review, what waits for an approval, what is paused, and what kind of run a run was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables. Rules that have findings are known to be live: nothing of theirs is held as a first match."""
    op.add_column("run", sa.Column("kind", sa.String(), nullable=False, server_default="sync"))
    op.create_table(
        "plan",
        *_keys("connection", "id"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("now", sa.BigInteger(), nullable=False),
        *_texts("digest", "run", "stopped_by"),
        sa.Column("approved_at", sa.BigInteger()),
        sa.Column("applied_at", sa.BigInteger()),
        *_texts("applied_by"),
        sa.Column("report", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("plan_made", "plan", ["connection", "made_at"])
    op.create_table(
        "plan_item",
        *_keys("connection", "plan"),
        sa.Column("place", sa.Integer(), primary_key=True, nullable=False),
        *_texts("action", "rule", "subject_id"),
        sa.Column("account_id", sa.String()),
        *_texts("owner_id", "key"),
        sa.Column("rank", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "content", "outcome")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rule_seen",
        *_keys("connection", "rule"),
        sa.Column("live_since", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "first_match",
        *_keys("connection", "rule", "subject_id"),
        sa.Column("place", sa.Integer(), nullable=False),
        *_texts("state"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pause",
        *_keys("connection", "rule"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "again",
        *_keys("connection", "key"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO rule_seen SELECT connection, rule, MIN(opened_at) FROM finding GROUP BY connection, rule")


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), primary_key=True, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]
