"""Salesforce rows as refsync's values. Pure: a row and the org's words in, a value out.

Law: a row that cannot be read raises `Unreadable` with the field and what is wrong; nothing is guessed from a subject. A row
that is no record of its own (a series, an invitee's copy of a meeting) is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from refsync.model import (
    Account,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Instant,
    User,
    iso,
)
from refsync_salesforce.words import Terms, Words

Row: TypeAlias = Mapping[str, Any]
Custom: TypeAlias = tuple[tuple[str, Callable[[Any], str]], ...]
"""Further fields to carry along, each with what makes a text of its value."""

ACCOUNT, CONTACT, DEAL = "001", "003", "006"
"""The first three characters of the ids of these objects, the same in every org."""

SYSTEM_NAMES = frozenset(
    {
        "automated process",
        "platform integration user",
        "integration user",
        "security user",
        "analytics cloud integration user",
        "analytics cloud security user",
        "insights integration user",
        "insights security user",
        "sales insights integration user",
        "data.com clean",
        "chatter expert",
    }
)
"""Users, and profiles of users, that the platform has made for itself: active, but nobody."""
PROGRAMS = "api only"
"""Stands in the names of the profiles that are for programs."""

SUBTYPES: Mapping[str, ActivityKind] = MappingProxyType(
    {
        "Call": ActivityKind.CALL,
        "Email": ActivityKind.EMAIL,
        "ListEmail": ActivityKind.EMAIL,
        "Cadence": ActivityKind.EMAIL,
        "LinkedIn": ActivityKind.MESSAGE,
    }
)
TYPES: Mapping[str, ActivityKind] = MappingProxyType(
    {"Call": ActivityKind.CALL, "Email": ActivityKind.EMAIL, "Meeting": ActivityKind.MEETING}
)
DIRECTIONS: Mapping[str, Direction] = MappingProxyType({"Inbound": Direction.IN, "Outbound": Direction.OUT})
AUTOMATED_SUBTYPES = frozenset({"ListEmail", "Cadence"})
DRAFT = "5"
"""EmailMessage.Status of a mail that was not sent."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NOON = 12 * 3_600_000
_EARLIEST = -2_208_988_800_000  # 1900-01-01: before it a stamp is a mistake


class Unreadable(ValueError):
    """A row is not as its object's rows are."""


def stamp(text: object) -> Instant:
    """Return the instant of `2020-10-22T21:03:23.000+0000` or another ISO text with an offset. Raises Unreadable."""
    try:
        at = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise Unreadable("not a time with an offset") from None
    if at < _EARLIEST:
        raise Unreadable("a time before 1900")
    return at


def user(row: Row, custom: Custom = ()) -> User:
    """Return a user; users of the platform itself are never active."""
    name = _text(row, "Name")
    profile = row["Profile"].get("Name") if isinstance(row.get("Profile"), dict) else None
    human = (
        isinstance(profile, str)
        and PROGRAMS not in profile.lower()
        and SYSTEM_NAMES.isdisjoint({name.lower(), profile.lower()})
        and row.get("UserType") in (None, "Standard")
    )
    return User(
        id=_id(row),
        name=name,
        email=_text(row, "Email"),
        active=human and _flag(row, "IsActive") is True,
        manager_id=_reference(row, "ManagerId"),
        time_zone=_text(row, "TimeZoneSidKey"),
        custom=_custom(row, custom),
    )


def account(row: Row, terms: Terms, custom: Custom = ()) -> Account:
    """Return an account."""
    word = _text(row, terms.fields.account_status).lower()
    return Account(
        id=_id(row),
        name=_text(row, "Name"),
        owner_id=_reference(row, "OwnerId"),
        parent_id=_reference(row, "ParentId"),
        status=next((status for start, status in terms.words.account_status.items() if word.startswith(start)), None),
        tier=_text(row, terms.fields.account_tier),
        industry=_text(row, "Industry"),
        annual_revenue=_number(row, "AnnualRevenue"),
        created_at=_instant(row, "CreatedDate"),
        do_not_contact=_flag(row, terms.fields.account_do_not_contact),
        custom=_custom(row, custom),
    )


def contact(row: Row, terms: Terms, custom: Custom = ()) -> Contact:
    """Return a contact; one opt-out of any kind is an opt-out."""
    refusals = [
        _flag(row, name) for name in (terms.fields.contact_do_not_contact, "HasOptedOutOfEmail", "DoNotCall") if name in row
    ]
    return Contact(
        id=_id(row),
        account_id=_reference(row, "AccountId"),
        name=" ".join(part for part in (_text(row, "FirstName"), _text(row, "LastName")) if part),
        email=_text(row, "Email"),
        phone=_text(row, "Phone"),
        title=_text(row, "Title"),
        owner_id=_reference(row, "OwnerId"),
        created_at=_instant(row, "CreatedDate"),
        do_not_contact=_any(refusals),
        custom=_custom(row, custom),
    )


def deal(row: Row, terms: Terms, custom: Custom = ()) -> Deal:
    """Return a deal; won and lost by the flags, not by the stage's label."""
    closed, won = _flag(row, "IsClosed"), _flag(row, "IsWon")
    return Deal(
        id=_id(row),
        account_id=_reference(row, "AccountId"),
        name=_text(row, "Name"),
        stage=_text(row, "StageName"),
        status=None if closed is None else DealStatus.OPEN if not closed else DealStatus.WON if won else DealStatus.LOST,
        amount=_number(row, "Amount"),
        currency=_text(row, "CurrencyIsoCode"),
        owner_id=_reference(row, "OwnerId"),
        created_at=_instant(row, "CreatedDate"),
        closed_on=_date(row, "CloseDate") if closed else None,
        referred_by_contact_id=_reference(row, terms.fields.deal_referred_by),
        custom=_custom(row, custom),
    )


def deal_contact(row: Row) -> DealContact:
    """Return the part a person has in a deal."""
    deal_id, contact_id = _reference(row, "OpportunityId"), _reference(row, "ContactId")
    if deal_id is None or contact_id is None:
        raise Unreadable("OpportunityId or ContactId is missing")
    return DealContact(
        id=_id(row),
        deal_id=deal_id,
        contact_id=contact_id,
        role=_text(row, "Role"),
        is_primary=_flag(row, "IsPrimary") is True,
    )


def case(row: Row, custom: Custom = ()) -> Case:
    """Return a support case."""
    return Case(
        id=_id(row),
        account_id=_reference(row, "AccountId"),
        subject=_text(row, "Subject"),
        priority=_text(row, "Priority"),
        status=_text(row, "Status"),
        escalated=_flag(row, "IsEscalated") is True,
        opened_at=_instant(row, "CreatedDate"),
        closed_at=_instant(row, "ClosedDate") if _flag(row, "IsClosed") else None,
        custom=_custom(row, custom),
    )


def task_activity(row: Row, terms: Terms) -> Activity | None:
    """Return a Task row as the call, mail, message or task that it is; None for the head of a series."""
    if row.get("IsRecurrence") is True:
        return None
    key = _text(row, terms.fields.task_key)
    subtype = _text(row, "TaskSubtype")
    kind = ActivityKind.TASK if key else _task_kind(row, subtype)
    closed = _flag(row, "IsClosed")
    at = _instant(row, "CompletedDateTime") if closed else None
    account_id, deal_id = _subjects(row, "WhatId")
    return Activity(
        id=_id(row),
        kind=kind,
        direction=DIRECTIONS.get(_text(row, "CallType")),
        at=_noon(row, "ActivityDate") if at is None else at,
        status=_task_status(row, terms.words, closed),
        automated=subtype in AUTOMATED_SUBTYPES,
        subject=_text(row, "Subject"),
        owner_id=_reference(row, "OwnerId"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(row.get("WhoId"), row.get("TaskRelations")),
        task_key=key,
    )


def event_activity(row: Row, terms: Terms) -> Activity | None:
    """Return an Event row as a meeting; None for the head of a series and for an invitee's copy."""
    if row.get("IsChild") is True or row.get("IsRecurrence") is True:
        return None
    outcome = _text(row, terms.fields.meeting_outcome).strip().lower()
    account_id, deal_id = _subjects(row, "WhatId")
    at = _instant(row, "StartDateTime")
    return Activity(
        id=_id(row),
        kind=ActivityKind.MEETING,
        at=_noon(row, "ActivityDate") if at is None else at,
        ended_at=_instant(row, "EndDateTime"),
        status=terms.words.meeting_outcome.get(outcome) if outcome else ActivityStatus.DONE,
        subject=_text(row, "Subject"),
        owner_id=_reference(row, "OwnerId"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(row.get("WhoId"), row.get("EventRelations")),
    )


def email_activity(row: Row) -> Activity | None:
    """Return an EmailMessage row as a mail; a draft is planned."""
    incoming = _flag(row, "Incoming")
    account_id, deal_id = _subjects(row, "RelatedToId")
    if row.get("Status") == DRAFT:
        status = ActivityStatus.PLANNED
    else:
        status = ActivityStatus.BOUNCED if _flag(row, "IsBounced") else ActivityStatus.DONE
    return Activity(
        id=_id(row),
        kind=ActivityKind.EMAIL,
        direction=None if incoming is None else Direction.IN if incoming else Direction.OUT,
        at=_instant(row, "MessageDate"),
        status=status,
        automated=row.get("AutomationType") == "AiAutomated",
        subject=_text(row, "Subject"),
        owner_id=_reference(row, "CreatedById"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(None, row.get("EmailMessageRelations")),
    )


def as_text(type_: str) -> Callable[[Any], str]:
    """Return what makes a text of the values of a described field type."""
    match type_:
        case "datetime":
            return lambda value: iso(stamp(value))
        case "boolean":
            return lambda value: "true" if value is True else "false"
        case "double" | "currency" | "percent" | "int":
            return lambda value: str(int(value)) if float(value).is_integer() else repr(float(value))
        case _:
            return str


def _task_kind(row: Row, subtype: str) -> ActivityKind:
    """Say what a Task was: by its subtype, else by the older Type if the org has it, else by a call's own field."""
    if kind := SUBTYPES.get(subtype) or TYPES.get(_text(row, "Type")):
        return kind
    return ActivityKind.CALL if row.get("CallType") else ActivityKind.TASK


def _task_status(row: Row, words: Words, closed: bool | None) -> ActivityStatus | None:
    if not closed:
        return None if closed is None else ActivityStatus.PLANNED
    if _text(row, "Status").lower() in words.cancelled_task:
        return ActivityStatus.CANCELLED
    result = _text(row, "CallDisposition")
    return words.call_result.get(result.strip().lower(), ActivityStatus.DONE) if result else ActivityStatus.DONE


def _subjects(row: Row, name: str) -> tuple[str | None, str | None]:
    """Return the account and the deal that an activity belongs to; the platform derives AccountId on Task and Event."""
    related, account_id = _text(row, name), _text(row, "AccountId")
    kind = related[:3]
    return account_id or (related if kind == ACCOUNT else None), related if kind == DEAL else None


def _people(first: object, relations: Iterable[Row] | None) -> tuple[str, ...]:
    """Return the contacts of an activity, the primary one first, each once."""
    ids: dict[str, None] = {}
    if type(first) is str and first[:3] == CONTACT:
        ids[first] = None
    for one in relations or ():
        id_ = one.get("RelationId")
        if type(id_) is str and id_[:3] == CONTACT and one.get("IsDeleted") is not True:
            ids[id_] = None
    return tuple(ids)


def _custom(row: Row, custom: Custom) -> dict[str, str]:
    found = {}
    for name, as_words in custom:
        if (value := row.get(name)) not in (None, ""):
            try:
                found[name] = as_words(value)
            except (ValueError, TypeError):
                raise Unreadable(f"{name} is not of the described type") from None
    return found


def _id(row: Row) -> str:
    found = row.get("Id")
    if not isinstance(found, str) or not found:
        raise Unreadable("Id is missing")
    return found


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if type(value) is str:
        return value
    raise Unreadable(f"{name} is of the type {type(value).__name__} and not a text")


def _reference(row: Row, name: str) -> str | None:
    return _text(row, name) or None


def _flag(row: Row, name: str) -> bool | None:
    value = row.get(name)
    if value is None or value is True or value is False:
        return value
    raise Unreadable(f"{name} is neither true nor false")


def _any(flags: Iterable[bool | None]) -> bool | None:
    known = [flag for flag in flags if flag is not None]
    return any(known) if known else None


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise Unreadable(f"{name} is not a number")


def _instant(row: Row, name: str) -> Instant | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        return stamp(value)
    except Unreadable as error:
        raise Unreadable(f"{name}: {error}") from None


def _date(row: Row, name: str) -> date | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise Unreadable(f"{name} is not a date such as 2024-03-01") from None


def _noon(row: Row, name: str) -> Instant | None:
    """Return noon UTC of a plain date: a day has no zone."""
    day = _date(row, name)
    return None if day is None else (day.toordinal() - 719_163) * 86_400_000 + _NOON
