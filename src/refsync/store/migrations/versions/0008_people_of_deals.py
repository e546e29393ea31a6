"""The index of a deal's people names them, the primary one too: the links themselves need not be looked up."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the index anew."""
    op.drop_index("deal_contact_deal", "deal_contact")
    op.create_index("deal_contact_deal", "deal_contact", ["connection", "deal_id", "is_primary", "contact_id"])
