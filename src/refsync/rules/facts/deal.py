"""The facts about deals: open, won or lost, and when they began and ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, null, or_, select

from refsync.model import DealStatus, Stream
from refsync.rules.facts.fact import ACTIVITIES, NUMBER, TEXT, TIME, USERS, YES_NO, fact
from refsync.rules.facts.sources import Clock, Dated, Field, Latest, Moment, Rows, Scope, deal, linked, named, of
from refsync.store import tables


def touches(_scope: Scope) -> Rows:
    """Touches that are filed under the deal itself."""
    touch, activity = tables.touch, tables.activity
    joined = activity.join(touch, linked(touch, "activity_id", activity, "id"))
    return Rows(joined, touch.c.at, (linked(activity, "deal_id", deal, "id"),), (deal,))


def by_introduction(_scope: Scope) -> ColumnElement[bool]:
    made = tables.introduction.alias("behind")
    behind = select(1).where(linked(made, "deal_id", deal, "id")).correlate(deal).exists()
    return or_(func.coalesce(deal.c.referred_by_contact_id, "") != "", behind)


def _day(*statuses: DealStatus) -> Dated:
    """The day of the deal while it has one of these statuses."""

    def moments(_scope: Scope) -> tuple[Moment, ...]:
        day: ColumnElement[Any] = case((deal.c.status.in_([one.value for one in statuses]), deal.c.closed_on), else_=null())
        return (Moment(column=day, clock=Clock.DAY),)

    return Dated(moments)


DEAL_FACTS = (
    fact("deal.name", TEXT, of(deal, "name"), "the name of the deal"),
    fact("deal.stage", TEXT, of(deal, "stage"), "how far it is, in the words of the CRM"),
    fact("deal.status", TEXT, of(deal, "status"), "whether it is decided", [status.value for status in DealStatus]),
    fact("deal.amount", NUMBER, of(deal, "amount"), "what it is worth, in its own currency"),
    fact("deal.owner.name", TEXT, named(tables.user, "name", deal, "owner_id"), "the person of ours who owns it", (), USERS),
    fact(
        "deal.by_introduction",
        YES_NO,
        Field(by_introduction),
        "whether it came of an introduction",
        streams={Stream.INTRODUCTIONS},
    ),
    fact("deal.created", TIME, of(deal, "created_at"), "when the deal was created in the CRM"),
    fact("deal.closed", TIME, _day(DealStatus.WON, DealStatus.LOST), "the day it was won or lost"),
    fact("deal.close_planned", TIME, _day(DealStatus.OPEN), "the day it is to be decided; it may lie ahead"),
    fact("deal.last_touch", TIME, Latest(touches), "the last touch that is filed under the deal", streams=ACTIVITIES),
)
