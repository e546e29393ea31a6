"""Most activities have no deal: the index by deal is of those that have one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the index anew, smaller."""
    op.drop_index("activity_deal", "activity", if_exists=True)  # there is none during a first load
    some = sa.text("deal_id IS NOT NULL")
    op.create_index("activity_deal", "activity", ["connection", "deal_id"], sqlite_where=some, postgresql_where=some)
