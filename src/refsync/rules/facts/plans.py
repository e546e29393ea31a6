"""What lies ahead: meetings that are not cancelled, and tasks that somebody still has to do."""

from __future__ import annotations

from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Join, Select, Subquery, and_, false, func, or_, select, union_all

from refsync.model import ActivityKind, ActivityStatus
from refsync.rules.facts.sources import LIVE_STATES, Scope, linked
from refsync.store import tables
from refsync.store.database.hints import Few, Unsought


def meetings(scope: Scope) -> CompoundSelect[Any]:
    """Meetings that lie ahead and are not cancelled, with each account they are with."""
    return union_all(*_with_accounts(scope, *_meetings_ahead(scope)))


def meetings_with_people(scope: Scope) -> Select[Any]:
    """Meetings that lie ahead and are not cancelled, with each person they are with."""
    activity, link = tables.activity, tables.activity_contact
    joined, where = _with_links(), _plan(scope, *_meetings_ahead(scope))
    if scope.accounts:
        known = _known_at(scope)
        joined = joined.join(known, known.c.id == link.c.contact_id)
    return select(link.c.contact_id.label("of"), activity.c.id, activity.c.at).select_from(joined).where(*where)


def open_tasks(scope: Scope) -> CompoundSelect[Any]:
    """What people still have to do: planned and not overdue for so long that nobody means it, or written by other rules."""
    activity = tables.activity
    stale = scope.company.calendar.ago(scope.now, scope.company.stale_task)
    planned = activity.c.status == ActivityStatus.PLANNED.value
    task = (activity.c.kind == ActivityKind.TASK.value, planned, activity.c.task_key == "")
    meant, undated = Few(activity.c.at >= stale), Few(activity.c.at.is_(None))
    # apart, where they lead to the tasks: together they could not use the index
    ways = (or_(meant, undated),) if scope.accounts else (meant, undated)
    tasks = (_with_accounts(scope, *task, when) for when in ways)
    return union_all(*chain.from_iterable(tasks), _other_findings(scope))


def _meetings_ahead(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    activity = tables.activity
    stands = activity.c.status.in_((ActivityStatus.PLANNED.value, ActivityStatus.DONE.value))
    return activity.c.kind == ActivityKind.MEETING.value, stands, Few(activity.c.at > scope.now)


def _plan(scope: Scope, *wanted: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """Return what makes an activity a plan that is wanted."""
    here = tables.activity.c.connection == scope.connection
    if scope.accounts:  # found from the accounts: within coalesce nothing of it leads to an index
        return here, func.coalesce(and_(tables.is_plan, *wanted), false())
    return here, tables.is_plan, *wanted


def _with_links() -> Join:
    activity, link = tables.activity, tables.activity_contact
    return activity.join(link, linked(link, "activity_id", activity, "id"))


def _with_accounts(scope: Scope, *wanted: ColumnElement[bool]) -> tuple[Select[Any], ...]:
    """Return activities with each account they are with: their own, else their deal's, and all those of their people."""
    activity, deal, link, person = tables.activity, tables.deal, tables.activity_contact, tables.contact
    further = tables.account_contact
    columns = (activity.c.id.label("id"), activity.c.at.label("at"))
    where = _plan(scope, *wanted)
    if scope.accounts:
        known = _known_at(scope)
        of_deal = deal.join(activity, linked(activity, "deal_id", deal, "id"))
        of_known = _with_links().join(known, known.c.id == link.c.contact_id)
        no_own = Unsought(activity.c.account_id).is_(None)
        return (
            select(activity.c.account_id.label("of"), *columns).where(*where, *_asked(activity.c.account_id, scope)),
            select(deal.c.account_id, *columns).select_from(of_deal).where(*where, no_own, *_asked(deal.c.account_id, scope)),
            select(known.c.of, *columns).select_from(of_known).where(*where),
        )
    of = func.coalesce(activity.c.account_id, deal.c.account_id, "")  # never NULL, for NOT IN
    with_deal = activity.outerjoin(deal, linked(deal, "id", activity, "deal_id"))
    with_theirs = _with_links().join(person, linked(person, "id", link, "contact_id"))
    with_others = _with_links().join(further, linked(further, "contact_id", link, "contact_id"))
    return (
        select(of.label("of"), *columns).select_from(with_deal).where(*where),
        select(func.coalesce(person.c.account_id, ""), *columns).select_from(with_theirs).where(*where),
        select(further.c.account_id, *columns).select_from(with_others).where(*where),
    )


def _known_at(scope: Scope) -> Subquery:
    """Return the people of the accounts that the statement is about, those of other accounts that are known there, too."""
    person, further = tables.contact, tables.account_contact
    own = select(person.c.account_id.label("of"), person.c.id.label("id"))
    others = select(further.c.account_id, further.c.contact_id)
    return union_all(
        own.where(person.c.connection == scope.connection, *_asked(person.c.account_id, scope)),
        others.where(further.c.connection == scope.connection, *_asked(further.c.account_id, scope)),
    ).subquery("known")


def _asked(account_id: ColumnElement[Any], scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Return that it is one of the accounts that the statement is about; nothing when it is about all."""
    return (Few(account_id.in_(scope.accounts)),) if scope.accounts else ()


def _other_findings(scope: Scope) -> Select[Any]:
    finding = tables.finding
    live, other = finding.c.state.in_(LIVE_STATES), finding.c.rule.not_in(scope.own_rules)
    where = (finding.c.connection == scope.connection, live, other, *_asked(finding.c.account_id, scope))
    of = func.coalesce(finding.c.account_id, "")
    return select(of.label("of"), finding.c.key.label("id"), finding.c.due_at.label("at")).where(*where)
