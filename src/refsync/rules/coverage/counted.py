"""What coverage is measured by: SELECTs that count, by rep and segment, who is in touch, what was asked, and what came of it.

The law: a figure is worked out from the mirror and the ledger as the facts of rules are, by the same SQL, so that the report and
a rule never tell two stories. Every SELECT but that of introductions yields one row per `rep` (a user's id) and `segment` (the
place of the segment in segments.toml); a customer without an owner is in nobody's book.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, case, cast, func, literal, not_, or_, select

from refsync.calendar import Duration, Unit
from refsync.errors import Place
from refsync.model import DealStatus, Instant
from refsync.rules.facts.account import touches, two_way
from refsync.rules.facts.contact import has_part
from refsync.rules.facts.deal import by_introduction
from refsync.rules.facts.rep import is_in_book, is_in_touch, touches_by
from refsync.rules.facts.sources import (
    LIVE_STATES,
    account,
    at_account,
    by_last,
    deal,
    introduction,
    linked,
    milestone,
    some,
    user,
)
from refsync.rules.phrases import BetweenAgo, OneOfParameter, Parameter
from refsync.rules.query.conditions import Conditions, between
from refsync.rules.rule import Condition
from refsync.store import tables

EARNED = BetweenAgo(Duration(7, Unit.DAYS), Duration(120, Unit.DAYS))
"""How long ago a milestone was reached for which an ask is due."""


def reps(conditions: Conditions) -> Select[Any]:
    """Return a SELECT of everybody who sells or leads: id, name, active, manager_id."""
    columns = (user.c.id, user.c.name, user.c.active, user.c.manager_id)
    return select(*columns).where(user.c.connection == conditions.scope.connection)


def book(conditions: Conditions) -> Select[Any]:
    """The customers: all, in touch, never spoken to, silent for long; people with a part in the sale or the implementation
    (`people`), and those of them who are cold."""
    scope = conditions.scope
    touched = touches(scope)
    ever = by_last(touched, scope.now, lambda last: last.is_not(None), some(touched, touched.at <= scope.now))
    told = {
        "customers": literal(1),
        "in_touch": _one(is_in_touch(scope)),
        "never": _one(and_(not_(ever), func.coalesce(account.c.created_at, 0) < scope.cut("reconnect_after"))),
        "silent": _one(_is_silent(conditions)),
        "people": _people_with_part(),
        "cold": conditions.values.of("account.cold_people"),
    }
    rows = select(*_of(account.c.owner_id, conditions), *(value.label(name) for name, value in told.items()))
    return _summed(rows.where(is_in_book(scope)), *told)


def asks(conditions: Conditions, since: Instant, lately: Instant) -> Select[Any]:
    """The asks that were done since, those of them done lately, and those that stand before a rep."""
    finding, now = tables.finding, conditions.scope.now
    done_at = func.coalesce(finding.c.closed_at, finding.c.opened_at)
    done = and_(finding.c.state == "done", done_at <= now)
    told = {
        "asks": _one(and_(done, done_at >= since)),
        "asks_lately": _one(and_(done, done_at >= lately)),
        "asks_open": _one(finding.c.state.in_(LIVE_STATES)),
    }
    rows = select(*_of(finding.c.owner_id, conditions), *(value.label(name) for name, value in told.items()))
    here = finding.join(account, at_account(finding))
    return _summed(
        rows.select_from(here).where(finding.c.connection == conditions.scope.connection, finding.c.kind == "ask"), *told
    )


def earned(conditions: Conditions) -> Select[Any]:
    """The milestones after which the segment asks (`ask_after`) and for which an ask is due, and those followed by one."""
    finding, scope = tables.finding, conditions.scope
    first, end = between(EARNED, conditions.calendar, scope.now)
    counts = or_(finding.c.state == "done", finding.c.state.in_(LIVE_STATES))
    ask = (at_account(finding), finding.c.kind == "ask", counts, finding.c.opened_at >= milestone.c.reached)
    asked = select(1).where(*ask).correlate(account, milestone).exists()
    after = Condition(
        fact="milestone.kind", phrase=OneOfParameter(Parameter("ask_after")), text="{ask_after}", place=Place("segments.toml")
    )
    rows = select(*_of(account.c.owner_id, conditions), literal(1).label("earned"), _one(asked).label("earned_asked"))
    reached = (milestone.c.reached >= first, milestone.c.reached < end, conditions.holds(after))
    here = milestone.join(account, at_account(milestone))
    return _summed(rows.select_from(here).where(is_in_book(scope), *reached), "earned", "earned_asked")


def won_by_referral(conditions: Conditions, since: Instant) -> Select[Any]:
    """The deals that came of an introduction and were won since, and what they are worth, by currency too."""
    calendar, scope = conditions.calendar, conditions.scope
    days = (deal.c.closed_on >= calendar.day(since).isoformat(), deal.c.closed_on <= calendar.day(scope.now).isoformat())
    won = (deal.c.connection == scope.connection, deal.c.status == DealStatus.WON.value, by_introduction(scope), *days)
    rep, segment = _of(_owner(deal), conditions)
    values = (deal.c.currency.label("currency"), func.coalesce(deal.c.amount, 0).label("amount"))
    rows = select(rep, segment, *values).select_from(deal.join(account, at_account(deal))).where(*won).subquery()
    by = (rows.c.rep, rows.c.segment, rows.c.currency)
    return select(*by, func.count().label("deals"), func.sum(rows.c.amount).label("revenue")).group_by(*by)


def introductions(conditions: Conditions, since: Instant) -> Select[Any]:
    """Return a SELECT of the introductions made since, one row each: rep, segment, made, status, status_since, thanked_by_call,
    thanked_by_email, thanked_by_note, told (times), and `followed`: when we first turned to the person introduced."""
    scope = conditions.scope
    names = ("made", "status", "status_since", "thanked_by_call", "thanked_by_email", "thanked_by_note", "told")
    values = (conditions.values.of(f"introduction.{name}").label(name) for name in names)
    made = introduction.c.made_at
    here = account.join(introduction, linked(introduction, "account_id", account, "id"))
    where = (introduction.c.connection == scope.connection, made >= since, made <= scope.now)
    rep, segment = _of(_owner(introduction), conditions)
    return select(rep, segment, *values, _followed(scope.now).label("followed")).select_from(here).where(*where)


def touches_by_rep(conditions: Conditions) -> Select[Any]:
    """The touches of our people of the last 30 days, by rep (`of`): touches, to_prospects."""
    return touches_by(tables.activity.c.owner_id, conditions.scope)


def touches_by_segment(conditions: Conditions) -> Select[Any]:
    """The same by segment: what went to several customers counts for the segment of each."""
    return touches_by(conditions.segment_number, conditions.scope)


def _of(rep: ColumnElement[Any], conditions: Conditions) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return rep.label("rep"), conditions.segment_number.label("segment")


def _owner(table: FromClause) -> ColumnElement[Any]:
    """Return who owns a record, else who owns its account."""
    return func.coalesce(func.nullif(table.c.owner_id, ""), account.c.owner_id, "")


def _one(expression: ColumnElement[bool]) -> ColumnElement[int]:
    return case((expression, 1), else_=0)


def _summed(rows: Select[Any], *names: str) -> Select[Any]:
    found = rows.subquery()
    sums = (cast(func.sum(found.c[name]), Integer).label(name) for name in names)
    return select(found.c.rep, found.c.segment, *sums).group_by(found.c.rep, found.c.segment)


def _is_silent(conditions: Conditions) -> ColumnElement[bool]:
    rows, cut, now = two_way(conditions.scope), conditions.scope.cut("long_silence"), conditions.scope.now
    looked_up = and_(some(rows, rows.at < cut), not_(some(rows, rows.at >= cut, rows.at <= now)))
    return by_last(rows, now, lambda last: last < cut, looked_up)


def _people_with_part() -> ColumnElement[int]:
    person = tables.contact.alias("person")
    stays = not_(func.coalesce(person.c.do_not_contact, False))
    return select(func.count()).where(at_account(person), stays, has_part(person)).correlate(account).scalar_subquery()


def _followed(now: Instant) -> ColumnElement[Any]:
    """When somebody of us first was in touch with the person introduced, or wrote to them, since the introduction."""
    activity, link = tables.activity, tables.activity_contact
    person = linked(link, "contact_id", introduction, "person_contact_id")
    wrote = and_(activity.c.kind == "email", activity.c.direction == "out", activity.c.status == "done")
    ours = and_(activity.c.task_key == "", or_(activity.c.not_touch == "", wrote))
    where = (person, ours, activity.c.at >= introduction.c.made_at, activity.c.at <= now)
    joined = link.join(activity, linked(activity, "id", link, "activity_id"))
    return select(func.min(activity.c.at)).select_from(joined).where(*where).correlate(introduction).scalar_subquery()
