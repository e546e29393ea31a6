"""When the CRM first showed no task of a finding whose create ended unclear: some CRMs have to be asked twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; what is being sent now was not looked for yet."""
    op.add_column("finding", sa.Column("missed_at", sa.BigInteger(), nullable=True))
