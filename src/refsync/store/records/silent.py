"""Who owns customers and shows no activity."""

from __future__ import annotations

from sqlalchemy import Connection, select

from refsync.model import AccountStatus, Instant
from refsync.store.tables import account, activity, user


def silent_owners(db: Connection, connection: str, since: Instant, now: Instant) -> dict[str, str]:
    """Return the names, by id, of active users with customers and without any activity since, but for our own tasks."""
    heard = select(activity.c.owner_id).where(
        activity.c.connection == connection,
        activity.c.at >= since,
        activity.c.at <= now,
        activity.c.task_key == "",
        activity.c.owner_id.is_not(None),
    )
    owning = select(account.c.owner_id).where(
        account.c.connection == connection,
        account.c.status == AccountStatus.CUSTOMER.value,
        account.c.owner_id.is_not(None),
    )
    those = (user.c.connection == connection, user.c.active, user.c.id.in_(owning), user.c.id.not_in(heard))
    return {row.id: row.name or row.id for row in db.execute(select(user.c.id, user.c.name).where(*those))}
