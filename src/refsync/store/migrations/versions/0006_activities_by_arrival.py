"""Activities lie in the order in which they came, and the index by deal is of those that have one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the index anew, smaller; in SQLite the table, too."""
    by_deal = "activity", ["connection", "deal_id"]
    some = sa.text("deal_id IS NOT NULL")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_index("activity_deal", if_exists=True)  # there is none during a first load
        op.create_index("activity_deal", *by_deal, postgresql_where=some)
        return
    op.rename_table("activity", "activity_by_id")
    op.create_table(
        "activity",
        sa.Column("connection", sa.String(), primary_key=True, nullable=False),
        sa.Column("id", sa.String(), primary_key=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("automated", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("task_key", sa.String(), nullable=False),
        sa.Column("not_touch", sa.String(), nullable=False),
    )
    op.execute("INSERT INTO activity SELECT * FROM activity_by_id")
    op.drop_table("activity_by_id")  # with its indexes
    plans = sa.text("kind IN ('task', 'meeting')")
    op.create_index("activity_account", "activity", ["connection", "account_id", "at"])
    op.create_index("activity_deal", *by_deal, sqlite_where=some)
    op.create_index(
        "activity_plan",
        "activity",
        ["connection", "kind", "at", "status", "task_key", "account_id", "deal_id"],
        sqlite_where=plans,
    )
