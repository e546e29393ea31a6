"""What facts are made of: the kinds of sources, and the SQLAlchemy Core with which their rows are found.

The law: a fact is worked out from the mirror and the ledger as they are, never from a roll-up of the CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, case, false, func, or_, select
from sqlalchemy.sql.selectable import SelectBase

from refsync.company import Company
from refsync.model import Instant
from refsync.store import tables
from refsync.store.database.hints import Few, NearlyAll

LIVE_STATES = ("sending", "open", "snoozed")
"""The states of a finding in which its task stands, or is about to stand, before a rep."""

account = tables.account
contact = tables.contact
deal = tables.deal
milestone = tables.milestone
introduction = tables.introduction
user = tables.user


def _no_cut(parameter: str) -> ColumnElement[int]:
    raise LookupError(f"no segments to ask for {parameter}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the SQL of a fact depends on besides the row it is about."""

    connection: str
    now: Instant
    company: Company
    own_rules: tuple[str, ...] = ()
    """The rule that asks and its `otherwise` rule: their own tasks are no plan that somebody else has."""
    accounts: tuple[str, ...] = ()
    """The few accounts that the statement is about, so that nothing is worked out for others; empty: all."""
    cut: Callable[[str], ColumnElement[int]] = field(default=_no_cut, compare=False)
    """The first instant within a length of time that each segment sets for itself, by the parameter's name."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Dated rows that belong to the records of the statement around them."""

    table: FromClause
    at: ColumnElement[Any]
    where: tuple[ColumnElement[bool], ...]
    of: tuple[FromClause, ...] = (account,)
    """The tables around that `where` speaks of."""
    last: ColumnElement[Any] | None = None
    """Where the record around keeps the largest `at` of these rows, those ahead included; NULL: there is none."""
    since: ColumnElement[Any] | None = None
    """What the record around says than which no row is earlier; NULL: there is none."""
    until: ColumnElement[Any] | None = None
    """What the record around says than which no row is later; NULL: there is none."""


class Clock(StrEnum):
    """How a time is written in a column."""

    INSTANT = "milliseconds"
    DAY = "a day as ISO text"
    TEXT = "an instant in UTC as ISO text, in seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time in the subject's row."""

    column: ColumnElement[Any]
    clock: Clock = Clock.INSTANT
    if_: ColumnElement[bool] | None = None
    """When it is this one that counts; None: always."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the subject's own row."""

    column: Callable[[Scope], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Dated:
    """A time of the subject's own row that is no plain instant: the first moment whose condition holds."""

    moments: Callable[[Scope], tuple[Moment, ...]]


@dataclass(frozen=True, slots=True)
class Latest:
    """When the last of some rows was, up to now. Rows of several kinds count alike."""

    rows: Callable[[Scope], Rows]
    also: Callable[[Scope], Rows] | None = None

    def parts(self, scope: Scope) -> tuple[Rows, ...]:
        return (self.rows(scope), self.also(scope)) if self.also else (self.rows(scope),)


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows belong to the account of the statement around: a SELECT that says so, looked up account by account."""

    rows: Callable[[Scope], Select[Any]]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows each record has, worked out once for all: a SELECT of the record's id as `of`, and `id`."""

    rows: Callable[[Scope], SelectBase]
    of: Table = account
    some: Callable[[Scope], ColumnElement[bool]] | None = None
    """Whether the record around has any, where that is quicker to look up than to work out for all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of each record, worked out once for all: a SELECT with one row a record, of its id as `of`, and of figures.

    Facts with the same SELECT share it: what it counts is counted once.
    """

    rows: Callable[[Scope], Select[Any]]
    of: Table
    column: str
    none: int | None = None
    """What it is for a record without a row; None: unknown."""


@dataclass(frozen=True, slots=True)
class NextPlan:
    """When the first plan for a record will be. Plans are few: a SELECT of `of`, `id` and `at`, worked out once for all."""

    plans: Callable[[Scope], SelectBase]
    of: Table = account


@dataclass(frozen=True, slots=True)
class Traits:
    """Which of a few words are true of the subject; it may be several, or none."""

    traits: Mapping[str, Callable[[Scope], ColumnElement[bool]]]


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of which a subject may have several: a SELECT of `word`, looked up subject by subject."""

    rows: Callable[[Scope], Select[Any]]
    of: Table


@dataclass(frozen=True, slots=True)
class Shown:
    """A value for texts alone."""

    value: Callable[[Scope], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A value that is known only when the task is written."""


Source: TypeAlias = Field | Dated | Latest | Count | Tally | Figure | NextPlan | Traits | Words | Shown | Filled


def of_connection(table: FromClause, connection_id: str) -> ColumnElement[bool]:
    """Return that a row is of a connection; for the table that leads a statement."""
    return NearlyAll(table.c.connection == connection_id)


def linked(table: FromClause, column: str, other: FromClause, other_column: str) -> ColumnElement[bool]:
    """Return the condition of a join or correlation by id, led by the connection."""
    return and_(NearlyAll(table.c.connection == other.c.connection), Few(table.c[column] == other.c[other_column]))


def at_account(table: FromClause) -> ColumnElement[bool]:
    """Return that a row belongs to the account of the statement around it."""
    return linked(table, "account_id", account, "id")


def of(table: FromClause, column: str) -> Field:
    """Return the source of a fact that a column of the subject's row says."""
    return Field(lambda _scope: table.c[column])


def named(table: FromClause, column: str, by: FromClause, pointer: str) -> Field:
    """Return the source of a fact that a record says to which the subject's row points."""
    alias = table.alias()
    where = linked(alias, "id", by, pointer)
    return Field(lambda _scope: select(alias.c[column]).where(where).correlate(by).scalar_subquery())


def some(rows: Rows, *bounds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether there is a row within the bounds."""
    around = (account, *rows.of)  # a bound that segments set speaks of the account, whatever the rows belong to
    return select(1).select_from(rows.table).where(*rows.where, *bounds).correlate(*around).exists()


def lately(rows: Rows, since: ColumnElement[Any] | Instant, now: Instant) -> ColumnElement[bool]:
    """Return whether there is a row within an instant and now."""
    return by_last(rows, now, lambda last: last >= since, some(rows, rows.at >= since, rows.at <= now))


def by_last(
    rows: Rows, now: Instant, holds: Callable[[ColumnElement[Any]], ColumnElement[bool]], looked_up: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return what holds of the last row up to now: `holds` says it of one that the record keeps, `looked_up` by looking.

    Looking is left for records whose last row lies ahead of now: few today, more when rules are played over past days.
    """
    if rows.last is None:
        return looked_up
    return case((rows.last > now, looked_up), else_=func.coalesce(holds(rows.last), false()))


def latest(parts: tuple[Rows, ...], now: Instant) -> ColumnElement[Any]:
    """Return when the last row was, up to now; of rows of two kinds the later one."""
    first, *more = (_last(rows, now) for rows in parts)
    for other in more:
        first = case((or_(first.is_(None), other > first), other), else_=first)
    return first


def _last(rows: Rows, now: Instant) -> ColumnElement[Any]:
    where = (*rows.where, rows.at <= now)
    found = select(func.max(rows.at)).select_from(rows.table).where(*where).correlate(*rows.of).scalar_subquery()
    return found if rows.last is None else case((rows.last > now, found), else_=rows.last)
