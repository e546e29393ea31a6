"""Accounts and people know in their own rows when they were in touch; indexes hold all that rules ask of milestones and parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns, make the indexes anew, and let everything be derived again."""
    kept = {"account": ("last_touch_at", "last_two_way_at", "first_two_way_at"), "contact": ("last_touch_at", "last_two_way_at")}
    for table, names in kept.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    for name, table, columns in (
        ("deal_contact_contact", "deal_contact", ["contact_id", "deal_id"]),
        ("milestone_account", "milestone", ["account_id", "kind", "reached"]),
    ):
        op.drop_index(name, table)
        op.create_index(name, table, ["connection", *columns])
    op.execute("UPDATE derivation SET settings = ''")
