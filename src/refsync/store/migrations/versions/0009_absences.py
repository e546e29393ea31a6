"""Users may be away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; users are read anew with every run that finds them changed."""
    for name in ("away_from", "away_until"):
        op.add_column("crm_user", sa.Column(name, sa.BigInteger(), nullable=True))
