"""The facts about reps: how much of their book is in touch, and how many of their touches go to prospects.

A rep's book is the customers they own. In touch is a customer with a touch, by whoever of us, within `reconnect_after` of its
segment. The law: each figure comes from one SELECT grouped by rep, which the rules and the coverage report share.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from refsync.calendar import Duration, Unit
from refsync.model import AccountStatus, Stream
from refsync.rules.facts.account import touches
from refsync.rules.facts.fact import ACTIVITIES, NUMBER, TEXT, fact
from refsync.rules.facts.sources import Figure, Scope, account, lately, linked, of, of_connection, user
from refsync.store import tables

RECENT = Duration(30, Unit.DAYS)
"""How far back the touches of `rep.prospect_share` go."""


def is_in_book(scope: Scope) -> ColumnElement[bool]:
    """Return whether an account belongs to a rep's book: a customer that somebody owns."""
    owned = func.coalesce(account.c.owner_id, "") != ""
    return of_connection(account, scope.connection) & (account.c.status == AccountStatus.CUSTOMER.value) & owned


def is_in_touch(scope: Scope) -> ColumnElement[bool]:
    """Return whether somebody was in touch with an account within `reconnect_after` of its segment."""
    return lately(touches(scope), scope.cut("reconnect_after"), scope.now)


def book(scope: Scope) -> Select[Any]:
    """How many customers each rep owns, how many of them are in touch, and that in per cent, rounded down."""
    warm = func.sum(case((is_in_touch(scope), 1), else_=0))
    counted = select(account.c.owner_id.label("of"), func.count().label("book"), warm.label("in_touch"))
    rows = counted.where(is_in_book(scope)).group_by(account.c.owner_id).subquery()
    return select(rows, _per_cent(rows.c.in_touch, rows.c.book).label("coverage"))


def prospect_share(scope: Scope) -> Select[Any]:
    """How many per cent of each rep's touches went to prospects, rounded down. A meeting with three people is one touch."""
    counted = touches_by(tables.activity.c.owner_id, scope).subquery()
    return select(counted.c.of, _per_cent(counted.c.to_prospects, counted.c.touches).label("share"))


def touches_by(of: ColumnElement[Any], scope: Scope) -> Select[Any]:
    """Return a SELECT of the touches of our people lately and how many of them went to prospects, by what `of` says of each."""
    touch, activity = tables.touch, tables.activity
    made = touch.join(activity, linked(activity, "id", touch, "activity_id")).join(
        account, linked(account, "id", touch, "account_id")
    )
    since = scope.company.calendar.ago(scope.now, RECENT)
    where = (touch.c.connection == scope.connection, touch.c.at >= since, touch.c.at <= scope.now)
    ours = func.coalesce(activity.c.owner_id, "") != ""
    prospect = case((account.c.status == AccountStatus.PROSPECT.value, activity.c.id))
    counts = (func.count(activity.c.id.distinct()).label("touches"), func.count(prospect.distinct()).label("to_prospects"))
    return select(of.label("of"), *counts).select_from(made).where(*where, ours).group_by(of)


def _per_cent(part: ColumnElement[int], whole: ColumnElement[int]) -> ColumnElement[int]:
    return part * 100 // whole


REP_FACTS = (
    fact("rep.name", TEXT, of(user, "name"), "the name of the person of ours"),
    fact("rep.book", NUMBER, Figure(book, user, "book", none=0), "how many customers the rep owns", streams={Stream.ACCOUNTS}),
    replace(
        fact(
            "rep.in_touch",
            NUMBER,
            Figure(book, user, "in_touch", none=0),
            "how many of them had a touch within {reconnect_after}",
            streams=ACTIVITIES | {Stream.ACCOUNTS},
        ),
        parameters=("reconnect_after",),
    ),
    replace(
        fact(
            "rep.coverage",
            NUMBER,
            Figure(book, user, "coverage"),
            "that in per cent of the book, rounded down; unknown without customers",
            streams=ACTIVITIES | {Stream.ACCOUNTS},
        ),
        parameters=("reconnect_after",),
    ),
    replace(
        fact(
            "rep.prospect_share",
            NUMBER,
            Figure(prospect_share, user, "share"),
            "how many per cent of the rep's touches of 30 days went to prospects, rounded down; unknown without touches",
            streams=ACTIVITIES | {Stream.ACCOUNTS},
        ),
        looks_back=RECENT,
    ),
)
