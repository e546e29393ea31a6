"""Tasks, events and mails of Salesforce as activities. Pure.

Law: nothing is guessed from a subject; a row that is no activity of its own (the head of a series, an invitee's copy of a
meeting) is None; a row that cannot be read raises `Unreadable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from refsync.model import Activity, ActivityKind, ActivityStatus, Direction
from refsync_salesforce.values import Row, Unreadable, flag, noon, record_id, reference, text, time
from refsync_salesforce.words import MARKER, Terms, Words

ACCOUNT, CONTACT, DEAL = "001", "003", "006"
"""The first three characters of the ids of these objects, the same in every org."""

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
# by names of their own: in Python 3.11 each look at a member of an Enum takes as long as a call, and here it is once a row
IN, OUT = Direction.IN, Direction.OUT
CALL, EMAIL, MEETING, TASK = ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.MEETING, ActivityKind.TASK
DONE, PLANNED, CANCELLED, BOUNCED = (
    ActivityStatus.DONE,
    ActivityStatus.PLANNED,
    ActivityStatus.CANCELLED,
    ActivityStatus.BOUNCED,
)
SERIES = "3"
"""Event.GroupEventType of the pattern of a Lightning series ("Recurring Activities", Change Data Capture guide)."""
DRAFT = "5"
"""EmailMessage.Status of a mail that was not sent."""


def task_activity(row: Row, terms: Terms) -> Activity | None:
    """Return a Task row as the call, mail, message or task that it is; None for the head of a series."""
    if row.get("IsRecurrence") is True:
        return None
    key = our_key(row, terms)
    subtype = text(row, "TaskSubtype")
    kind = TASK if key else _task_kind(row, subtype)
    closed = flag(row, "IsClosed")
    at = time(row, "CompletedDateTime") if closed else None
    account_id, deal_id = _subjects(row, "WhatId")
    return Activity(
        id=record_id(row),
        kind=kind,
        direction=DIRECTIONS.get(text(row, "CallType")),
        at=noon(row, "ActivityDate") if at is None else at,
        status=_task_status(row, terms.words, closed),
        automated=subtype in AUTOMATED_SUBTYPES,
        subject=text(row, "Subject"),
        owner_id=reference(row, "OwnerId"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(row.get("WhoId"), row.get("TaskRelations")),
        task_key=key,
    )


def event_activity(row: Row, terms: Terms) -> Activity | None:
    """Return an Event row as a meeting; None for the head of a series and for an invitee's copy."""
    if row.get("IsChild") is True or row.get("IsRecurrence") is True or row.get("GroupEventType") == SERIES:
        return None
    outcome = text(row, terms.fields.meeting_outcome).strip().lower()
    account_id, deal_id = _subjects(row, "WhatId")
    at = time(row, "StartDateTime")
    return Activity(
        id=record_id(row),
        kind=MEETING,
        at=noon(row, "ActivityDate") if at is None else at,
        ended_at=time(row, "EndDateTime"),
        status=terms.words.meeting_outcome.get(outcome) if outcome else DONE,
        subject=text(row, "Subject"),
        owner_id=reference(row, "OwnerId"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(row.get("WhoId"), row.get("EventRelations")),
    )


def email_activity(row: Row) -> Activity | None:
    """Return an EmailMessage row as a mail; a draft is planned."""
    incoming = flag(row, "Incoming")
    account_id, deal_id = _subjects(row, "RelatedToId")
    status = PLANNED if row.get("Status") == DRAFT else BOUNCED if flag(row, "IsBounced") else DONE
    return Activity(
        id=record_id(row),
        kind=EMAIL,
        direction=None if incoming is None else IN if incoming else OUT,
        at=time(row, "MessageDate"),
        status=status,
        automated=row.get("AutomationType") == "AiAutomated",
        subject=text(row, "Subject"),
        owner_id=reference(row, "CreatedById"),
        account_id=account_id,
        deal_id=deal_id,
        contact_ids=_people(None, row.get("EmailMessageRelations")),
    )


def our_key(row: Row, terms: Terms) -> str:
    """Return our key from its field, or from CallObject where the org has none; a call centre's own words are no key."""
    if key := text(row, terms.fields.task_key):
        return key
    marked = text(row, MARKER)
    return marked if marked and re.fullmatch("[0-9a-f]{64}", marked) else ""


def _task_kind(row: Row, subtype: str) -> ActivityKind:
    """Say what a Task was: by its subtype, else by the older Type if the org has it, else by a call's own field."""
    if kind := SUBTYPES.get(subtype) or TYPES.get(text(row, "Type")):
        return kind
    return CALL if row.get("CallType") else TASK


def _task_status(row: Row, words: Words, closed: bool | None) -> ActivityStatus | None:
    if not closed:
        return None if closed is None else PLANNED
    if text(row, "Status").lower() in words.cancelled_task:
        return CANCELLED
    result = text(row, "CallDisposition")
    return words.call_result.get(result.strip().lower(), DONE) if result else DONE


def _subjects(row: Row, name: str) -> tuple[str | None, str | None]:
    """Return the account and the deal that an activity belongs to; the platform derives AccountId on Task and Event."""
    related, account_id = text(row, name), text(row, "AccountId")
    kind = related[:3]
    return account_id or (related if kind == ACCOUNT else None), related if kind == DEAL else None


def _people(first: object, relations: Iterable[Row | str] | None) -> tuple[str, ...]:
    """Return the contacts of an activity, the primary one first, each once."""
    ids: dict[str, None] = {}
    if type(first) is str and first[:3] == CONTACT:
        ids[first] = None
    for one in relations or ():
        if type(one) is str:  # its id alone, as a job has it
            ids[one] = None
            continue
        if type(one) is not dict:
            raise Unreadable("a link to a person is no object")
        id_ = one.get("RelationId")
        if type(id_) is str and id_[:3] == CONTACT and one.get("IsDeleted") is not True:
            ids[id_] = None
    return tuple(ids)
