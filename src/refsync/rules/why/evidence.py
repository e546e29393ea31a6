"""The activities behind an account's last touch: those that count, and those that do not, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select, union

from refsync.model import Instant
from refsync.store import tables
from refsync.store.database.hints import Few, Unsought

ACTIVITIES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchSeen:
    """A touch that counts."""

    activity_id: str
    at: Instant
    channel: str
    direction: str | None
    two_way: bool
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An activity that does not count as being in touch, and why."""

    activity_id: str
    at: Instant | None
    kind: str
    direction: str | None
    status: str | None
    reason: str


def touches(connection_id: str, account_id: str, now: Instant) -> Select[Any]:
    """Return a SELECT of the latest touches of an account, one row for each person, with the fields of `TouchSeen`."""
    touch, person = tables.touch, tables.contact
    who = and_(person.c.connection == touch.c.connection, person.c.id == touch.c.contact_id)
    where = (touch.c.connection == connection_id, Few(touch.c.account_id == account_id), touch.c.at <= now)
    return (
        select(
            touch.c.activity_id,
            touch.c.at,
            touch.c.channel,
            touch.c.direction,
            (touch.c.two_way == 1).label("two_way"),
            func.coalesce(person.c.name, "").label("person"),
        )
        .select_from(touch.outerjoin(person, who))
        .where(*where)
        .order_by(touch.c.at.desc(), touch.c.activity_id, touch.c.contact_id)
        .limit(ACTIVITIES_SHOWN)
    )


def ignored(connection_id: str, account_id: str, now: Instant) -> Select[Any]:
    """Return a SELECT of the latest activities that do not count, or not before their time has come, as `Ignored`."""
    activity, deal, link, person = tables.activity, tables.deal, tables.activity_contact, tables.contact
    ahead = activity.c.at > now
    reason = case((activity.c.not_touch != "", activity.c.not_touch), else_=literal("lies ahead"))
    deals = select(deal.c.id).where(deal.c.connection == connection_id, Few(deal.c.account_id == account_id))
    people = select(person.c.id).where(person.c.connection == connection_id, Few(person.c.account_id == account_id))
    further = tables.account_contact
    others = select(further.c.contact_id).where(further.c.connection == connection_id, Few(further.c.account_id == account_id))
    # One SELECT each: for "of these or of those" PostgreSQL goes through all links.
    linked = (
        select(link.c.activity_id).where(link.c.connection == connection_id, Few(link.c.contact_id.in_(those)))
        for those in (people, others)
    )
    own = select(activity.c.id).where(activity.c.connection == connection_id, Few(activity.c.account_id == account_id))
    of_deals = select(activity.c.id).where(
        activity.c.connection == connection_id, Unsought(activity.c.account_id).is_(None), Few(activity.c.deal_id.in_(deals))
    )
    here = Few(activity.c.id.in_(union(own, of_deals, *linked)))
    columns = (activity.c.id.label("activity_id"), activity.c.at, activity.c.kind, activity.c.direction, activity.c.status)
    return (
        select(*columns, reason.label("reason"))
        .where(activity.c.connection == connection_id, here, or_(activity.c.not_touch != "", ahead))
        .order_by(activity.c.at.desc(), activity.c.id)
        .limit(ACTIVITIES_SHOWN)
    )
