"""Customers whose owner has left, and what is open there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from refsync.finding import WITH_TASK
from refsync.model import AccountStatus, ActivityKind, ActivityStatus, DealStatus
from refsync.store.tables import account, activity, deal, finding, is_plan, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A customer that nobody active owns."""

    account_id: str
    name: str
    owner_id: str | None
    owner: str
    """Empty: the CRM knows nobody of this id, or the account has no owner."""
    why: str
    """no owner, unknown owner or inactive owner."""
    our_tasks: int
    other_tasks: int
    """Open tasks that refsync did not write."""
    open_deals: int


def orphans(db: Connection, connection: str) -> list[Orphan]:
    """Return the customers whose owner is missing, unknown or inactive, by name."""
    owner = and_(user.c.connection == account.c.connection, user.c.id == account.c.owner_id)
    here = (account.c.connection, account.c.id)
    ours = select(func.count()).where(
        finding.c.connection == here[0],
        finding.c.account_id == here[1],
        finding.c.state.in_(sorted(state.value for state in WITH_TASK)),
    )
    others = select(func.count()).where(
        activity.c.connection == here[0],
        activity.c.account_id == here[1],
        is_plan,
        activity.c.kind == ActivityKind.TASK.value,
        activity.c.status == ActivityStatus.PLANNED.value,
        activity.c.task_key == "",
    )
    deals = select(func.count()).where(
        deal.c.connection == here[0], deal.c.account_id == here[1], deal.c.status == DealStatus.OPEN.value
    )
    rows = db.execute(
        select(
            account.c.id,
            account.c.name,
            account.c.owner_id,
            user.c.name.label("owner"),
            user.c.active,
            ours.correlate(account).scalar_subquery().label("our_tasks"),
            others.correlate(account).scalar_subquery().label("other_tasks"),
            deals.correlate(account).scalar_subquery().label("open_deals"),
        )
        .outerjoin(user, owner)
        .where(account.c.connection == connection, account.c.status == AccountStatus.CUSTOMER.value)
        .where(or_(user.c.id.is_(None), ~user.c.active))
        .order_by(account.c.name, account.c.id)
    )
    return [
        Orphan(
            account_id=row.id,
            name=row.name,
            owner_id=row.owner_id,
            owner=row.owner or "",
            why="no owner" if not row.owner_id else "inactive owner" if row.owner is not None else "unknown owner",
            our_tasks=row.our_tasks,
            other_tasks=row.other_tasks,
            open_deals=row.open_deals,
        )
        for row in rows
    ]
