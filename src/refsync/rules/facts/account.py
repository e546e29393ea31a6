"""The facts about accounts: what their record says, who was in touch, what is planned, and what is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, case, func, not_, or_, select, true, union_all

from refsync.model import AccountStatus, DealStatus, Stream
from refsync.rules.facts.contact import PARTS, asked, cold, cold_names
from refsync.rules.facts.fact import ACTIVITIES, NUMBER, TEXT, TIME, USERS, YES_NO, fact
from refsync.rules.facts.plans import meetings, open_tasks
from refsync.rules.facts.sources import (
    Count,
    Field,
    Latest,
    NextPlan,
    Rows,
    Scope,
    Shown,
    Tally,
    account,
    at_account,
    linked,
    named,
    of,
)
from refsync.store import tables


def touches(_scope: Scope) -> Rows:
    touch = tables.touch
    return Rows(touch, touch.c.at, (at_account(touch),), last=account.c.last_touch_at)


def two_way(scope: Scope) -> Rows:
    rows = touches(scope)
    return Rows(rows.table, rows.at, (*rows.where, tables.touch.c.two_way == 1), last=account.c.last_two_way_at)


def back_in_touch(scope: Scope) -> Rows:
    """Conversations that ended a silence of `long_silence`: none for so long before them, one before that."""
    touch, before = tables.touch, tables.touch.alias("before")
    silence, first = scope.now - scope.cut("long_silence"), account.c.first_two_way_at
    begun = touch.c.at - silence
    earlier = select(1).where(at_account(before), before.c.two_way == 1)
    within = earlier.where(before.c.at >= begun, before.c.at < touch.c.at).correlate(touch, account).exists()
    which = (at_account(touch), touch.c.two_way == 1, not_(within), first < begun)
    return Rows(touch, touch.c.at, which, since=first + silence, until=account.c.last_two_way_at)


def introductions(_scope: Scope) -> Rows:
    made = tables.introduction.alias("made")
    return Rows(made, made.c.made_at, (at_account(made),))


def value_added(_scope: Scope) -> Rows:
    added = tables.milestone.alias("added")
    return Rows(added, added.c.reached, (at_account(added), added.c.kind == "value added"))


def last_kind(scope: Scope) -> ColumnElement[Any]:
    touch = tables.touch
    where = (at_account(touch), touch.c.at <= scope.now)
    newest = (touch.c.at.desc(), touch.c.channel)
    return select(touch.c.channel).where(*where).order_by(*newest).limit(1).correlate(account).scalar_subquery()


def last_person(scope: Scope) -> ColumnElement[Any]:
    """The person of the last touch; of several the first by name, so that it does not depend on the CRM's ids."""
    touch, person = tables.touch, tables.contact.alias("person")
    joined = touch.outerjoin(person, linked(person, "id", touch, "contact_id"))
    where = (at_account(touch), touch.c.at <= scope.now)
    unnamed = case((func.coalesce(person.c.name, "") == "", 1), else_=0)
    newest = (touch.c.at.desc(), unnamed, person.c.name)
    return select(person.c.name).select_from(joined).where(*where).order_by(*newest).limit(1).correlate(account).scalar_subquery()


def open_escalations(_scope: Scope) -> Select[Any]:
    case_ = tables.case
    return select(case_.c.id).where(at_account(case_), case_.c.escalated == true(), case_.c.closed_at.is_(None))


def ended_escalations(_scope: Scope) -> Rows:
    """When escalated cases were closed: what `resume` counts from."""
    case_ = tables.case
    return Rows(case_, case_.c.closed_at, (at_account(case_), case_.c.escalated == true()))


def open_deals(_scope: Scope) -> Select[Any]:
    deal = tables.deal.alias("open_deal")
    return select(deal.c.id).where(at_account(deal), deal.c.status == DealStatus.OPEN.value)


def reachable_people(_scope: Scope) -> Select[Any]:
    person = tables.contact.alias("person")
    return select(person.c.id).where(at_account(person), not_(func.coalesce(person.c.do_not_contact, False)))


def came_by_referral(_scope: Scope) -> ColumnElement[bool]:
    """Whether a won deal of the account names who referred it, or came of an introduction."""
    won, made = tables.deal.alias("won"), tables.introduction.alias("behind")
    behind = select(1).where(linked(made, "deal_id", won, "id")).correlate(won).exists()
    referred = or_(func.coalesce(won.c.referred_by_contact_id, "") != "", behind)
    return select(1).where(at_account(won), won.c.status == DealStatus.WON.value, referred).correlate(account).exists()


def divisions(scope: Scope) -> CompoundSelect[Any]:
    """Other accounts with the same parent, and those whose parent the account is; one may be there twice."""
    other = tables.account.alias("division")
    return _divisions(scope, other)


def divisions_without_deal(scope: Scope) -> CompoundSelect[Any]:
    """Of the divisions those with neither an open nor a won deal."""
    other = tables.account.alias("division")
    return _divisions(scope, other, _without_deal(other))


def has_divisions(_scope: Scope) -> ColumnElement[bool]:
    """Whether there are divisions, looked up by the account's own group."""
    other = tables.account.alias("division")
    return _has_divisions(other)


def has_divisions_without_deal(_scope: Scope) -> ColumnElement[bool]:
    other = tables.account.alias("division")
    return _has_divisions(other, _without_deal(other))


def names_without_deal(scope: Scope) -> Select[Any]:
    """The divisions without a deal, by name."""
    rest = divisions_without_deal(scope).subquery()
    other, group = tables.account.alias("named"), select(rest.c.of, rest.c.id).distinct().subquery("rest")
    joined = account.join(group, group.c.of == account.c.id).join(other, other.c.id == group.c.id)
    return (
        select(account.c.id.label("of"), other.c.name)
        .select_from(joined)
        .where(other.c.connection == scope.connection)
        .order_by(other.c.name, other.c.id)
    )


def _divisions(scope: Scope, other: FromClause, *wanted: ColumnElement[bool]) -> CompoundSelect[Any]:
    sister = tables.account.alias("sister")
    same = linked(other, "parent_id", sister, "parent_id")
    where = (other.c.connection == scope.connection, other.c.parent_id.is_not(None), *wanted)
    sisters = select(sister.c.id.label("of"), other.c.id.label("id")).select_from(sister.join(other, same))
    children = select(other.c.parent_id.label("of"), other.c.id.label("id"))
    return union_all(sisters.where(*where, sister.c.id != other.c.id), children.where(*where, other.c.parent_id != other.c.id))


def _has_divisions(other: FromClause, *wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    ways = (linked(other, "parent_id", account, "parent_id"), linked(other, "parent_id", account, "id"))
    return or_(*(select(1).where(way, other.c.id != account.c.id, *wanted).correlate(account).exists() for way in ways))


def _without_deal(other: FromClause) -> ColumnElement[bool]:
    deal = tables.deal.alias("theirs")
    stands = deal.c.status.in_((DealStatus.OPEN.value, DealStatus.WON.value))
    return not_(select(1).where(linked(deal, "account_id", other, "id"), stands).correlate(other).exists())


def manager(_scope: Scope) -> ColumnElement[Any]:
    owner, boss = tables.user.alias("owner"), tables.user.alias("boss")
    joined = owner.join(boss, linked(boss, "id", owner, "manager_id"))
    where = linked(owner, "id", account, "owner_id")
    return select(boss.c.name).select_from(joined).where(where).correlate(account).scalar_subquery()


DEALS = frozenset({Stream.DEALS})
REFERRALS = frozenset({Stream.DEALS, Stream.INTRODUCTIONS})

ACCOUNT_FACTS = (
    fact("account.name", TEXT, of(account, "name"), "the name of the account"),
    fact("account.status", TEXT, of(account, "status"), "what it is to us", [status.value for status in AccountStatus]),
    fact("account.tier", TEXT, of(account, "tier"), "how important it is, in your own words, for instance A, B or C"),
    fact("account.industry", TEXT, of(account, "industry"), "its industry, in the words of the CRM"),
    fact("account.annual_revenue", NUMBER, of(account, "annual_revenue"), "its own yearly revenue"),
    fact("account.created", TIME, of(account, "created_at"), "when the account was created in the CRM"),
    fact("account.do_not_contact", YES_NO, of(account, "do_not_contact"), "the account does not want to hear from us"),
    fact(
        "account.owner.name", TEXT, named(tables.user, "name", account, "owner_id"), "the person of ours who owns it", (), USERS
    ),
    fact(
        "account.owner.active",
        YES_NO,
        named(tables.user, "active", account, "owner_id"),
        "whether that person still works here",
        streams=USERS,
    ),
    fact("account.owner.manager", TEXT, Field(manager), "the manager of the person who owns it", streams=USERS),
    fact("account.parent", TEXT, named(tables.account, "name", account, "parent_id"), "the account above it in its group"),
    fact(
        "account.divisions",
        NUMBER,
        Tally(divisions, some=has_divisions),
        "other accounts with the same parent, and those of which it is the parent",
    ),
    replace(
        fact(
            "account.divisions_without_deal",
            NUMBER,
            Tally(divisions_without_deal, some=has_divisions_without_deal),
            "of these, the ones with neither an open nor a won deal",
            streams=DEALS,
        ),
        names=names_without_deal,
    ),
    fact(
        "account.came_by_referral",
        YES_NO,
        Field(came_by_referral),
        "a won deal of it came of an introduction",
        streams=REFERRALS,
    ),
    fact("account.last_touch", TIME, Latest(touches), "the last touch of anyone of us with anyone there", streams=ACTIVITIES),
    fact("account.last_two_way", TIME, Latest(two_way), "the last touch in which the customer took part", streams=ACTIVITIES),
    replace(
        fact(
            "account.back_in_touch",
            TIME,
            Latest(back_in_touch),
            "the last conversation that ended a silence of {long_silence}",
            streams=ACTIVITIES,
        ),
        parameters=("long_silence",),
    ),
    fact("account.last_touch_kind", TEXT, Shown(last_kind), "how the last touch was", streams=ACTIVITIES),
    fact("account.last_touch_person", TEXT, Shown(last_person), "with whom the last touch was", streams=ACTIVITIES),
    fact(
        "account.last_ask",
        TIME,
        Latest(lambda _: asked()),
        "when the last ask was done; one that is open counts from its first day",
    ),
    fact(
        "account.last_introduction",
        TIME,
        Latest(introductions),
        "the last introduction that somebody there made",
        streams={Stream.INTRODUCTIONS},
    ),
    fact("account.last_value_added", TIME, Latest(value_added), "the last milestone `value added`", streams=DEALS),
    fact("account.next_meeting", TIME, NextPlan(meetings), "the next meeting that is not cancelled", streams=ACTIVITIES),
    fact(
        "account.open_tasks",
        NUMBER,
        Tally(open_tasks),
        "tasks that somebody still has to do for the account or its people; this rule's own do not count",
        streams={Stream.ACTIVITIES, Stream.CONTACTS},
    ),
    replace(
        fact("account.open_escalations", NUMBER, Count(open_escalations), "open escalated support cases", streams={Stream.CASES}),
        ended=ended_escalations,
    ),
    fact("account.open_deals", NUMBER, Count(open_deals), "deals neither won nor lost", streams=DEALS),
    fact("account.reachable_people", NUMBER, Count(reachable_people), "people who did not opt out", streams={Stream.CONTACTS}),
    replace(
        fact(
            "account.cold_people",
            NUMBER,
            Count(cold),
            "people with a part in the sale or the implementation and no touch within {touch_people}",
            streams=PARTS | {Stream.CONTACTS},
        ),
        parameters=("touch_people",),
        names=cold_names,
    ),
)
