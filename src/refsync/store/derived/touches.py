"""The touches: which activities count as being in touch, by the company's policy, and with whom.

The law: a function of the mirror and the policy. What does not count keeps the reason, in words for people. An activity counts
for its own account (else its deal's), for the account of each of its people, and for the further accounts they belong to:
whoever sits on two boards was spoken to on behalf of both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    Join,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from refsync.company import KindAndDirection, TouchPolicy
from refsync.model import ActivityKind, ActivityStatus, Direction
from refsync.store.database.lists import among, chunks
from refsync.store.tables import account_contact, activity, activity_contact, contact, deal, touch

Traits: TypeAlias = tuple[str, str | None, str | None, bool, bool, bool]
"""What decides whether an activity counts: kind, direction, status, automated, our own task, its time is known."""

COLUMNS = ("connection", "activity_id", "contact_id", "account_id", "at", "channel", "direction", "two_way")


@cache
def not_touch(policy: TouchPolicy, traits: Traits) -> str:
    """Return why an activity does not count as being in touch; empty when it does."""
    kind, direction, status, automated, ours, timed = traits
    if ours:
        return "our own task"
    if not timed:
        return "no time"
    if status == ActivityStatus.CANCELLED:
        return "cancelled"
    if automated and "automated" in policy.ignore:
        return "automated"
    if status in policy.ignore:
        return str(status)
    if not counts(policy.kinds, kind, direction):
        return _wrong_kind(policy, kind, direction)
    if status == ActivityStatus.PLANNED and not (policy.unconfirmed_meetings and kind == ActivityKind.MEETING):
        return "planned"
    return "" if status else "status unknown"


def counts(kinds: frozenset[KindAndDirection], kind: str, direction: str | None) -> bool:
    """Return whether a kind of activity is among those that the policy names."""
    return any(kind == wanted and way in (None, direction) for wanted, way in kinds)


def _wrong_kind(policy: TouchPolicy, kind: str, direction: str | None) -> str:
    name = {"email": "e-mail"}.get(kind, kind)
    if not any(kind == wanted for wanted, _way in policy.kinds):
        return f"{name}s are no contact"
    match direction:
        case Direction.OUT:
            return f"{name} we sent"
        case Direction.IN:
            return f"{name} we received"
        case _:
            return f"{name} of unknown direction"


@dataclass(frozen=True, slots=True)
class Met:
    """The accounts and the people whose touches came or went."""

    accounts: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)


def refresh(db: Connection, connection: str, policy: TouchPolicy, ids: Collection[str], *, new: Collection[str] = ()) -> Met:
    """Derive the touches of these activities again, and those of `new` ones, which cannot have any yet."""
    met = Met()
    for some in chunks(sorted(ids)):
        _note(db, connection, some, met)
        db.execute(delete(touch).where(touch.c.connection == connection, among(touch.c.activity_id, some)))
    statements = _inserts(policy, everything=False, further=_has_further_accounts(db, connection))
    for some in chunks(sorted({*ids, *new})):
        for statement in statements:
            db.execute(statement, {"the_connection": connection, "ids": some})
        _note(db, connection, some, met)
    return met


def _note(db: Connection, connection: str, ids: Collection[str], met: Met) -> None:
    """Take in who is in the touches of these activities as they are now."""
    of = (touch.c.connection == connection, among(touch.c.activity_id, ids))
    for account_id, contact_id in db.execute(select(touch.c.account_id, touch.c.contact_id).where(*of).distinct()):
        met.accounts.add(account_id)
        met.people.add(contact_id)


def rebuild(db: Connection, connection: str, policy: TouchPolicy, *, judged: bool = False) -> None:
    """Derive all touches, and why the other activities are none, unless they were `judged` by this very policy when stored."""
    if not judged:
        _judge(db, connection, policy)
    db.execute(delete(touch).where(touch.c.connection == connection))
    for statement in _inserts(policy, everything=True, further=_has_further_accounts(db, connection)):
        db.execute(statement, {"the_connection": connection})


def _judge(db: Connection, connection: str, policy: TouchPolicy) -> None:
    # few combinations exist, so each is judged once in Python and all rows in one UPDATE
    traits = (
        activity.c.kind,
        activity.c.direction,
        activity.c.status,
        activity.c.automated,
        activity.c.task_key != "",
        activity.c.at.is_not(None),
    )
    found = db.execute(select(*traits).where(activity.c.connection == connection).distinct()).all()
    if not found:
        return
    reasons: dict[str, list[ColumnElement[bool]]] = {}
    for row in found:
        same = and_(*(trait.is_not_distinct_from(value) for trait, value in zip(traits, row, strict=True)))
        reasons.setdefault(not_touch(policy, tuple(row)), []).append(same)
    reason = case(*((or_(*same), literal(text)) for text, same in reasons.items()), else_=literal(""))
    db.execute(
        update(activity).where(activity.c.connection == connection, activity.c.not_touch != reason).values(not_touch=reason)
    )


def _has_further_accounts(db: Connection, connection: str) -> bool:
    """Return whether anybody belongs to more than one account: most CRMs need no look at each person for that."""
    return db.execute(select(literal(1)).where(account_contact.c.connection == connection).limit(1)).first() is not None


@cache
def _inserts(policy: TouchPolicy, *, everything: bool, further: bool) -> tuple[Insert, ...]:
    own: BindParameter[str] = bindparam("the_connection")
    of = [activity.c.connection == own, activity.c.not_touch == ""]
    found = [_by_person(policy), *([_by_further_account(policy)] if further else []), _by_account(policy)]
    if not everything:
        of.append(among(activity.c.id, "ids"))
    elif further:  # they are few: a database that is told so begins with them
        few = select(account_contact.c.contact_id).where(account_contact.c.connection == own)
        found[1] = found[1].where(activity_contact.c.contact_id.in_(few))
    return tuple(insert(touch).from_select(COLUMNS, rows.where(*of)) for rows in found)


def _by_person(policy: TouchPolicy) -> Select[tuple[object, ...]]:
    """One row per person whose record is known, at that person's account."""
    return _row(policy, contact.c.id, func.coalesce(contact.c.account_id, "")).select_from(_with_people())


def _by_further_account(policy: TouchPolicy) -> Select[tuple[object, ...]]:
    """One row per such person and further account of theirs."""
    other = and_(
        account_contact.c.connection == activity.c.connection,
        account_contact.c.contact_id == contact.c.id,
        account_contact.c.account_id != func.coalesce(contact.c.account_id, ""),
    )
    rows = _row(policy, contact.c.id, account_contact.c.account_id)
    return rows.select_from(_with_people().join(account_contact, other)).distinct()


def _with_people() -> Join:
    links, people = activity_contact.c, contact.c
    return activity.join(
        activity_contact, and_(links.connection == activity.c.connection, links.activity_id == activity.c.id)
    ).join(contact, and_(people.connection == activity.c.connection, people.id == links.contact_id))


def _by_account(policy: TouchPolicy) -> Select[tuple[object, ...]]:
    """One row with nobody's name for the activity's own account, unless one of its people is known to be there.

    Who is there is told by the touches of people, which therefore come first.
    """
    own = func.coalesce(activity.c.account_id, deal.c.account_id)
    of_activity = (touch.c.connection == activity.c.connection, touch.c.activity_id == activity.c.id)
    person_there = exists(select(literal(1)).where(*of_activity, touch.c.account_id == own).correlate(activity, deal))
    with_deal = activity.outerjoin(deal, and_(deal.c.connection == activity.c.connection, deal.c.id == activity.c.deal_id))
    return _row(policy, literal(""), own).select_from(with_deal).where(own.is_not(None), ~person_there)


def _row(policy: TouchPolicy, person: ColumnElement[str], account: ColumnElement[str]) -> Select[tuple[object, ...]]:
    two_way = case((_among(policy.two_way), 1), else_=0)
    a = activity.c
    return select(a.connection, a.id, person, account, a.at, a.kind, a.direction, two_way)


def _among(kinds: frozenset[KindAndDirection]) -> ColumnElement[bool]:
    def same(kind: ActivityKind, way: Direction | None) -> ColumnElement[bool]:
        is_kind = activity.c.kind == kind.value
        return is_kind if way is None else and_(is_kind, activity.c.direction == way.value)

    return or_(false(), *(same(kind, way) for kind, way in sorted(kinds, key=lambda one: (one[0], one[1] or ""))))
