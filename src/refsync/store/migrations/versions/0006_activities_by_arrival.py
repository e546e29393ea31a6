"""Activities lie in the order in which they came; the index by deal is of those that have one, that of plans names the row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the indexes anew, and in SQLite the table first."""
    if op.get_bind().dialect.name == "sqlite":
        _by_arrival()
    for name, columns, where in (
        ("activity_account", ["account_id", "at"], None),
        ("activity_deal", ["deal_id"], "deal_id IS NOT NULL"),
        ("activity_plan", ["kind", "at", "status", "task_key", "account_id", "deal_id", "id"], "kind IN ('task', 'meeting')"),
    ):
        op.drop_index(name, "activity", if_exists=True)  # there is none during a first load
        some = sa.text(where) if where else None
        op.create_index(name, "activity", ["connection", *columns], sqlite_where=some, postgresql_where=some)


def _by_arrival() -> None:
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
