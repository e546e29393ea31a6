"""Accounts and people know in their own rows when they were in touch; the next run works it out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns, and let everything be derived again."""
    kept = {"account": ("last_touch_at", "last_two_way_at", "first_two_way_at"), "contact": ("last_touch_at", "last_two_way_at")}
    for table, names in kept.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    op.execute("UPDATE derivation SET settings = ''")
