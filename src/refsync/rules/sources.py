"""Where the facts come from: the rows of the mirror and the ledger behind each of them, as SQLAlchemy Core expressions.

The law: a fact is worked out from the mirror and the ledger as they are, never from a roll-up of the CRM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping

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

    connection: str
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
class Count:
    """How many rows there are at the account: a SELECT of account_id and id, looked up account by account."""

    rows: Callable[[Scope], Select[Any]]


@dataclass(frozen=True, slots=True)
class PlanCount:
    """How many plans there are for the account. Plans are few: a SELECT of account_id, id and at, worked out once for all."""

    plans: Callable[[Scope], CompoundSelect[Any]]


@dataclass(frozen=True, slots=True)
class NextPlan:
    """When the first plan for the account will be."""

    plans: Callable[[Scope], CompoundSelect[Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value for texts alone."""

    value: Callable[[Scope], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A value that is known only when the task is written."""


Source: TypeAlias = Field | Latest | Count | PlanCount | NextPlan | Shown | Filled


class Few(Grouping[bool]):
    """A condition that few rows fulfil, and SQLite is told so.

    Without such hints, and without statistics, SQLite takes the connection that leads each key for as selective as the id after
    it, and reads a whole table for each account (likelihood(): https://www.sqlite.org/lang_corefunc.html#likelihood).
    """

    inherit_cache = True
    share = "0.00001"


class NearlyAll(Few):
    """A condition that nearly all rows fulfil."""

    inherit_cache = True
    share = "1.0"


@compiles(Few)
def _plainly(element: Few, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.element, **kw)


@compiles(Few, "sqlite")
def _as_hint(element: Few, compiler: SQLCompiler, **kw: Any) -> str:
    return f"likelihood({compiler.process(element.element, **kw)}, {element.share})"


def of_connection(table: FromClause, connection_id: str) -> ColumnElement[bool]:
    """Return that a row is of a connection; for the table that leads a statement."""
    return NearlyAll(table.c.connection == connection_id)


def linked(table: FromClause, column: str, other: FromClause, other_column: str) -> ColumnElement[bool]:
    """Return the condition of a join or correlation by id, led by the connection."""
    return and_(NearlyAll(table.c.connection == other.c.connection), Few(table.c[column] == other.c[other_column]))


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


def meetings(scope: Scope) -> CompoundSelect[Any]:
    """Meetings that lie ahead and are not cancelled."""
    activity = tables.activity
    stands = activity.c.status.in_((ActivityStatus.PLANNED.value, ActivityStatus.DONE.value))
    ahead = (activity.c.kind == ActivityKind.MEETING.value, stands, Few(activity.c.at > scope.now))
    return union_all(*_with_accounts(scope, *ahead))


def open_tasks(scope: Scope) -> CompoundSelect[Any]:
    """What people still have to do: planned and not overdue for so long that nobody means it, or written by other rules."""
    activity = tables.activity
    stale = scope.company.calendar.ago(scope.now, scope.company.stale_task)
    planned = activity.c.status == ActivityStatus.PLANNED.value
    task = (activity.c.kind == ActivityKind.TASK.value, planned, activity.c.task_key == "")
    meant, undated = Few(activity.c.at >= stale), Few(activity.c.at.is_(None))  # apart: together they could not use the index
    tasks = (_with_accounts(scope, *task, when) for when in (meant, undated))
    return union_all(*chain.from_iterable(tasks), _other_findings(scope))


def _with_accounts(scope: Scope, *wanted: ColumnElement[bool]) -> tuple[Select[Any], ...]:
    """Return activities with each account they are with: their own, else their deal's, and all those of their people."""
    activity, deal, link, person = tables.activity, tables.deal, tables.activity_contact, tables.contact
    further = tables.account_contact
    own = func.coalesce(activity.c.account_id, deal.c.account_id, "")  # never NULL, for NOT IN
    columns = (activity.c.id.label("id"), activity.c.at.label("at"))
    where = (activity.c.connection == scope.connection, tables.is_plan, *wanted)
    with_deal = activity.outerjoin(deal, linked(deal, "id", activity, "deal_id"))
    with_people = activity.join(link, linked(link, "activity_id", activity, "id")).join(
        person, linked(person, "id", link, "contact_id")
    )
    theirs = func.coalesce(person.c.account_id, "")
    return (
        select(own.label("account_id"), *columns).select_from(with_deal).where(*where),
        select(theirs.label("account_id"), *columns).select_from(with_people).where(*where),
        select(further.c.account_id, *columns)
        .select_from(with_people.join(further, linked(further, "contact_id", person, "id")))
        .where(*where),
    )


def _other_findings(scope: Scope) -> Select[Any]:
    finding = tables.finding
    live, other = finding.c.state.in_(LIVE_STATES), finding.c.rule.not_in(scope.own_rules)
    where = (finding.c.connection == scope.connection, live, other)
    of = func.coalesce(finding.c.account_id, "")
    return select(of.label("account_id"), finding.c.key.label("id"), finding.c.due_at.label("at")).where(*where)


def open_escalations(_scope: Scope) -> Select[Any]:
    case_ = tables.case
    return select(case_.c.account_id, case_.c.id).where(case_.c.escalated == true(), case_.c.closed_at.is_(None))


def open_deals(_scope: Scope) -> Select[Any]:
    deal = tables.deal
    return select(deal.c.account_id, deal.c.id).where(deal.c.status == DealStatus.OPEN.value)


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


def at_the_account(rows: Select[Any]) -> Select[Any]:
    """Return those rows that belong to the account of the statement around them."""
    return rows.where(at_account(rows.get_final_froms()[0])).correlate(account)


def latest(rows: Rows, now: Instant) -> ColumnElement[Any]:
    """Return when the last row was, up to now."""
    where = (*rows.where, rows.at <= now)
    return select(func.max(rows.at)).select_from(rows.table).where(*where).correlate(account).scalar_subquery()
