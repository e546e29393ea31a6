"""Where the facts come from: the rows of the mirror and the ledger behind each of them, as SQLAlchemy Core expressions.

The law: a fact is worked out from the mirror and the ledger as they are, never from a roll-up of the CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Boolean, ColumnElement, FromClause, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import eq

from refsync.company import Company
from refsync.model import ActivityKind, ActivityStatus, DealStatus, Instant
from refsync.store import tables

LIVE_STATES = ("sending", "open", "snoozed")
"""The states of a finding in which its task stands, or is about to stand, before a rep."""

account = tables.account
milestone = tables.milestone


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the SQL of a fact depends on besides the row it is about."""

    now: Instant
    company: Company
    own_rules: tuple[str, ...] = ()
    """The rule that asks and its `otherwise` rule: their own tasks are no plan that somebody else has."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Dated rows that belong to the account of the statement around them."""

    table: FromClause
    at: ColumnElement[Any]
    where: tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the subject's own row."""

    column: Callable[[Scope], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Latest:
    """When the last of some rows was, up to now."""

    rows: Callable[[Scope], Rows]


@dataclass(frozen=True, slots=True)
class Next:
    """When the first of some rows will be, from now on."""

    rows: Callable[[Scope], Rows]


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are; each SELECT yields one id per row and none that another one yields."""

    rows: Callable[[Scope], tuple[Select[Any], ...]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value for texts alone."""

    value: Callable[[Scope], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A value that is known only when the task is written."""


Source: TypeAlias = Field | Latest | Next | Count | Shown | Filled


class Few(BinaryExpression[bool]):
    """An equality that few rows fulfil, and SQLite is told so.

    Without that hint, and without statistics, SQLite takes the leading connection of a key for as selective as the id after it,
    and reads a whole table for each account (likelihood(): https://www.sqlite.org/lang_corefunc.html#likelihood).
    """

    inherit_cache = True


@compiles(Few)
def _plainly(element: Few, compiler: SQLCompiler, **kw: Any) -> str:
    return str(compiler.visit_binary(element, **kw))  # type: ignore[no-untyped-call]


@compiles(Few, "sqlite")
def _as_hint(element: Few, compiler: SQLCompiler, **kw: Any) -> str:
    return f"likelihood({_plainly(element, compiler, **kw)}, 0.00001)"


def linked(table: FromClause, column: str, other: FromClause, other_column: str) -> ColumnElement[bool]:
    """Return the condition of a join or correlation by id, led by the connection."""
    few = Few(table.c[column], other.c[other_column], eq, type_=Boolean())
    return and_(table.c.connection == other.c.connection, few)


def at_account(table: FromClause) -> ColumnElement[bool]:
    """Return that a row belongs to the account of the statement around it."""
    return linked(table, "account_id", account, "id")


def touches(_scope: Scope) -> Rows:
    touch = tables.touch
    return Rows(touch, touch.c.at, (at_account(touch),))


def two_way(scope: Scope) -> Rows:
    rows = touches(scope)
    return Rows(rows.table, rows.at, (*rows.where, tables.touch.c.two_way == 1))


def asks(_scope: Scope) -> Rows:
    """An ask counts from when it was done; one that stands before a rep counts from when it was written."""
    finding = tables.finding
    done = finding.c.state == "done"
    at = case((done, func.coalesce(finding.c.closed_at, finding.c.opened_at)), else_=finding.c.opened_at)
    counts = or_(done, finding.c.state.in_(LIVE_STATES))
    return Rows(finding, at, (at_account(finding), finding.c.kind == "ask", counts))


def meetings(_scope: Scope) -> Rows:
    activity = tables.activity
    stands = activity.c.status.in_((ActivityStatus.PLANNED.value, ActivityStatus.DONE.value))
    meeting = activity.c.kind == ActivityKind.MEETING.value
    return Rows(activity, activity.c.at, (at_account(activity), meeting, stands))


def open_tasks(scope: Scope) -> tuple[Select[Any], ...]:
    return (_tasks_at_account(scope), _tasks_with_people(scope), _other_findings(scope))


def _is_open_task(scope: Scope) -> ColumnElement[bool]:
    """Planned by a person, and not overdue for so long that nobody means it any more."""
    activity = tables.activity
    stale = scope.company.calendar.ago(scope.now, scope.company.stale_task)
    return and_(
        activity.c.kind == ActivityKind.TASK.value,
        activity.c.status == ActivityStatus.PLANNED.value,
        activity.c.task_key == "",
        or_(activity.c.at >= stale, activity.c.at.is_(None)),
    )


def _tasks_at_account(scope: Scope) -> Select[Any]:
    activity = tables.activity
    return select(activity.c.id).where(at_account(activity), _is_open_task(scope)).correlate(account)


def _tasks_with_people(scope: Scope) -> Select[Any]:
    """Tasks on a person of the account that are not on the account itself."""
    activity, link, person = tables.activity, tables.activity_contact, tables.contact.alias("person")
    elsewhere = or_(activity.c.account_id.is_(None), activity.c.account_id != account.c.id)
    joined = person.join(link, linked(link, "contact_id", person, "id")).join(
        activity, linked(activity, "id", link, "activity_id")
    )
    return select(activity.c.id).select_from(joined).where(at_account(person), _is_open_task(scope), elsewhere).correlate(account)


def _other_findings(scope: Scope) -> Select[Any]:
    finding = tables.finding
    live, other = finding.c.state.in_(LIVE_STATES), finding.c.rule.not_in(scope.own_rules)
    return select(finding.c.key).where(at_account(finding), live, other).correlate(account)


def open_escalations(_scope: Scope) -> tuple[Select[Any], ...]:
    case_ = tables.case
    where = (at_account(case_), case_.c.escalated == true(), case_.c.closed_at.is_(None))
    return (select(case_.c.id).where(*where).correlate(account),)


def open_deals(_scope: Scope) -> tuple[Select[Any], ...]:
    deal = tables.deal
    where = (at_account(deal), deal.c.status == DealStatus.OPEN.value)
    return (select(deal.c.id).where(*where).correlate(account),)


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


def owner(column: str) -> Callable[[Scope], ColumnElement[Any]]:
    owner = tables.user
    where = linked(owner, "id", account, "owner_id")
    return lambda _scope: select(owner.c[column]).where(where).correlate(account).scalar_subquery()


def milestone_person(_scope: Scope) -> ColumnElement[Any]:
    person = tables.contact.alias("person")
    where = linked(person, "id", milestone, "contact_id")
    return select(person.c.name).where(where).correlate(milestone).scalar_subquery()


def of(table: FromClause, column: str) -> Field:
    return Field(lambda _scope: table.c[column])


def some(rows: Rows, *bounds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether there is a row within the bounds."""
    return select(1).select_from(rows.table).where(*rows.where, *bounds).correlate(account).exists()


def number(parts: Iterable[Select[Any]]) -> ColumnElement[int]:
    """Return how many rows there are in all."""
    counts = [part.with_only_columns(func.count(part.selected_columns[0].distinct())).scalar_subquery() for part in parts]
    total: ColumnElement[int] = counts[0]
    for count in counts[1:]:
        total = total + count
    return total


def any_row(parts: Iterable[Select[Any]]) -> ColumnElement[bool]:
    """Return whether there is any row at all."""
    return or_(*(part.exists() for part in parts))


def latest(rows: Rows, now: Instant) -> ColumnElement[Any]:
    """Return when the last row was, up to now."""
    return _extreme(rows, func.max(rows.at), rows.at <= now)


def first_ahead(rows: Rows, now: Instant) -> ColumnElement[Any]:
    """Return when the first row will be, after now."""
    return _extreme(rows, func.min(rows.at), rows.at > now)


def _extreme(rows: Rows, extreme: ColumnElement[Any], bound: ColumnElement[bool]) -> ColumnElement[Any]:
    return select(extreme).select_from(rows.table).where(*rows.where, bound).correlate(account).scalar_subquery()
