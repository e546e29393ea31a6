"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables of the first version."""
    op.create_table(
        "account",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("industry", sa.String(), nullable=False),
        sa.Column("annual_revenue", sa.Double(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("do_not_contact", sa.Boolean(), nullable=True),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "activity",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
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
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("activity_account", "activity", ["connection", "account_id", "at"], unique=False)
    op.create_index("activity_deal", "activity", ["connection", "deal_id"], unique=False)
    op.create_index(
        "activity_plan",
        "activity",
        ["connection", "kind", "at", "status", "task_key", "account_id", "deal_id"],
        unique=False,
        sqlite_where=sa.text("kind IN ('task', 'meeting')"),
        postgresql_where=sa.text("kind IN ('task', 'meeting')"),
    )
    op.create_table(
        "activity_contact",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("activity_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "activity_id", "contact_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("activity_contact_contact", "activity_contact", ["connection", "contact_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("do_not_contact", sa.Boolean(), nullable=True),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("contact_account", "contact", ["connection", "account_id"], unique=False)
    op.create_table(
        "crm_user",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deal",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_on", sa.String(length=10), nullable=True),
        sa.Column("referred_by_contact_id", sa.String(), nullable=True),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("deal_account", "deal", ["connection", "account_id"], unique=False)
    op.create_table(
        "deal_contact",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("deal_contact_contact", "deal_contact", ["connection", "contact_id"], unique=False)
    op.create_index("deal_contact_deal", "deal_contact", ["connection", "deal_id"], unique=False)
    op.create_table(
        "derivation",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "finding",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("episode", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("waiting_for", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("do", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("due_on", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "key"),
    )
    op.create_index("finding_account", "finding", ["connection", "account_id"], unique=False)
    op.create_index("finding_state", "finding", ["connection", "state"], unique=False)
    op.create_index("finding_subject", "finding", ["connection", "rule", "subject_id"], unique=False)
    op.create_table(
        "lease",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "milestone",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("deal_id", sa.String(), nullable=True),
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("milestone_account", "milestone", ["connection", "account_id"], unique=False)
    op.create_index("milestone_reached", "milestone", ["connection", "kind", "reached"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "id"),
    )
    op.create_table(
        "run",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("now", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "id"),
    )
    op.create_index("run_began", "run", ["connection", "began_at"], unique=False)
    op.create_table(
        "stream_state",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.Column("partial", sa.Text(), nullable=False),
        sa.Column("complete_since", sa.BigInteger(), nullable=True),
        sa.Column("sweep_cursor", sa.Text(), nullable=True),
        sa.Column("swept_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "stream"),
    )
    op.create_table(
        "support_case",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("custom", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("case_account", "support_case", ["connection", "account_id"], unique=False)
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
        sa.PrimaryKeyConstraint("connection", "activity_id", "contact_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("touch_account", "touch", ["connection", "account_id", "at", "two_way", "channel"], unique=False)
    op.create_index("touch_contact", "touch", ["connection", "contact_id", "at", "two_way"], unique=False)
