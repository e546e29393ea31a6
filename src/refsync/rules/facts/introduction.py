"""The facts about introductions: who introduced whom, how far it has come, and whether the source was thanked and told.

The status follows the deal that came of an introduction: once that is won or lost, so is the introduction, from that day on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func, select, true

from refsync.model import ActivityStatus, DealStatus, Direction, IntroductionStatus, Stream
from refsync.rules.facts.fact import ACTIVITIES, TEXT, TIME, USERS, fact
from refsync.rules.facts.sources import (
    Clock,
    Dated,
    Field,
    Latest,
    Moment,
    Rows,
    Scope,
    account,
    at_account,
    introduction,
    linked,
    named,
    of,
)
from refsync.store import tables
from refsync.store.database.hints import Few

DECIDED = (DealStatus.WON.value, DealStatus.LOST.value)
OUTCOMES = (IntroductionStatus.MET.value, IntroductionStatus.WON.value, IntroductionStatus.LOST.value)
HERE = (account, introduction)


def status(scope: Scope) -> ColumnElement[Any]:
    decided = _of_deal("status")
    return case((decided.in_(DECIDED), decided), else_=introduction.c.status)


def status_since(_scope: Scope) -> tuple[Moment, ...]:
    decided = func.coalesce(_of_deal("status"), "").in_(DECIDED)
    return (
        Moment(column=_of_deal("closed_on"), clock=Clock.DAY, if_=decided),
        Moment(column=introduction.c.status_since),
    )


def touches(_scope: Scope) -> Rows:
    touch = tables.touch
    return Rows(touch, touch.c.at, (linked(touch, "contact_id", introduction, "person_contact_id"),), (introduction,))


def _of_deal(column: str) -> ColumnElement[Any]:
    deal = tables.deal.alias("came_of_it")
    where = linked(deal, "id", introduction, "deal_id")
    return select(deal.c[column]).where(where).correlate(introduction).scalar_subquery()


def _thanks(*wanted: ColumnElement[bool]) -> Rows:
    """The thanks for this introduction that were done as tasks."""
    finding = tables.finding
    of_this = (finding.c.subject_kind == "introduction", Few(finding.c.subject_id == introduction.c.id))
    done = (finding.c.kind == "thanks", finding.c.state == "done")
    at = func.coalesce(finding.c.closed_at, finding.c.opened_at)
    return Rows(finding, at, (at_account(finding), *of_this, *done, *wanted), HERE)


def thanked(do: str) -> Callable[[Scope], Rows]:
    """The thanks of one kind that were done as tasks."""
    return lambda _scope: _thanks(tables.finding.c.do == do)


def called(_scope: Scope) -> Rows:
    """Calls with the source since the introduction."""
    touch = tables.touch
    return _since_made(touch, touch.c.at, touch.c.channel == "call")


def written(_scope: Scope) -> Rows:
    """Mails that we sent to the source since the introduction; they are no touches, so the activities themselves are asked."""
    activity, link = tables.activity, tables.activity_contact
    joined = link.join(activity, linked(activity, "id", link, "activity_id"))
    sent = (
        activity.c.kind == "email",
        activity.c.direction == Direction.OUT.value,
        activity.c.status == ActivityStatus.DONE.value,
    )
    ours = (activity.c.automated != true(), activity.c.task_key == "")
    source = linked(link, "contact_id", introduction, "source_contact_id")
    return Rows(joined, activity.c.at, (source, *sent, *ours, activity.c.at >= introduction.c.made_at), HERE)


def told_by_task(_scope: Scope) -> Rows:
    """Thanks that were done after the introduction had come to something."""
    finding = tables.finding
    return _thanks(_has_outcome(), func.coalesce(finding.c.opened_at, 0) >= func.coalesce(introduction.c.status_since, 0))


def told(_scope: Scope) -> Rows:
    """Conversations with the source since the introduction had come to something."""
    touch = tables.touch
    since = touch.c.at >= func.coalesce(introduction.c.status_since, introduction.c.made_at)
    return _since_made(touch, touch.c.at, touch.c.two_way == 1, _has_outcome(), since)


def _has_outcome() -> ColumnElement[bool]:
    return introduction.c.status.in_(OUTCOMES)


def _since_made(table: FromClause, at: ColumnElement[Any], *wanted: ColumnElement[bool]) -> Rows:
    source = linked(table, "contact_id", introduction, "source_contact_id")
    return Rows(table, at, (source, at >= introduction.c.made_at, *wanted), HERE)


def _name(column: str, pointer: str) -> Field:
    """Return a name from the person's own record, else the one that the introduction says."""
    person = tables.contact.alias("person")
    record = select(person.c.name).where(linked(person, "id", introduction, pointer)).correlate(introduction).scalar_subquery()
    return Field(lambda _scope: func.coalesce(record, introduction.c[column]))


MADE = frozenset({Stream.INTRODUCTIONS})
DEALS = frozenset({Stream.DEALS})
PEOPLE = frozenset({Stream.CONTACTS})

INTRODUCTION_FACTS = (
    fact("introduction.made", TIME, of(introduction, "made_at"), "when it was made"),
    fact("introduction.status", TEXT, Field(status), "how far it has come", [one.value for one in IntroductionStatus], DEALS),
    fact("introduction.status_since", TIME, Dated(status_since), "since when it has its status", streams=DEALS),
    fact("introduction.kind", TEXT, of(introduction, "kind"), "other division, peer elsewhere, or the CRM's own word"),
    fact("introduction.note", TEXT, of(introduction, "note"), "what was noted about it"),
    fact("introduction.source.name", TEXT, _name("source_name", "source_contact_id"), "who introduced somebody", (), PEOPLE),
    fact("introduction.person.name", TEXT, _name("person_name", "person_contact_id"), "who was introduced", (), PEOPLE),
    fact("introduction.rep.name", TEXT, named(tables.user, "name", introduction, "owner_id"), "who of us received it", (), USERS),
    fact("introduction.last_touch", TIME, Latest(touches), "the last touch with the person introduced", streams=ACTIVITIES),
    fact(
        "introduction.thanked_by_call",
        TIME,
        Latest(thanked("call"), called),
        "when the source was called since, or such a task was done",
        streams=ACTIVITIES,
    ),
    fact(
        "introduction.thanked_by_email",
        TIME,
        Latest(thanked("email"), written),
        "when we wrote to the source since, or such a task was done",
        streams=ACTIVITIES,
    ),
    fact(
        "introduction.thanked_by_note",
        TIME,
        Latest(thanked("handwritten note")),
        "when the task of a handwritten note was done",
    ),
    fact(
        "introduction.told",
        TIME,
        Latest(told_by_task, told),
        "the last conversation with the source, or thanks done, since it came to something",
        streams=ACTIVITIES | DEALS,
    ),
)
