"""Book words to Salesforce fields, and nothing else: pure functions of values whose ids are Salesforce ids already.

Law: they take any part of a row, so that loading a book and changing one column of one record say the same thing.
What Salesforce cannot hold is dropped: notes, and the automated flag of anything but e-mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from refsync.model import (
    AccountStatus,
    ActivityKind,
    ActivityStatus,
    DealStatus,
    Direction,
    Instant,
    IntroductionStatus,
)
from refsync_sandbox.salesforce.wire import day_of, stamp_of

Fields = dict[str, Any]

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "users": "User",
        "accounts": "Account",
        "contacts": "Contact",
        "account_contacts": "AccountContactRelation",
        "deals": "Opportunity",
        "deal_contacts": "OpportunityContactRole",
        "introductions": "Lead",
        "cases": "Case",
    }
)
"""The object of each table but activities, which are of several."""

OBJECT_OF_KIND: Mapping[ActivityKind, str] = MappingProxyType(
    {
        ActivityKind.CALL: "Task",
        ActivityKind.MESSAGE: "Task",
        ActivityKind.TASK: "Task",
        ActivityKind.EMAIL: "EmailMessage",
        ActivityKind.MEETING: "Event",
    }
)
"""The object of each kind of activity; notes have none."""

_SUBTYPES = {ActivityKind.CALL: "Call", ActivityKind.MESSAGE: "LinkedIn", ActivityKind.TASK: "Task"}
_ACCOUNT_TYPES = {
    AccountStatus.CUSTOMER: "Customer - Direct",
    AccountStatus.PROSPECT: "Prospect",
    AccountStatus.FORMER: "Former Customer",
}
_CALL_TYPES = {Direction.IN: "Inbound", Direction.OUT: "Outbound"}
_OUTCOMES = {
    ActivityStatus.DONE: "Completed",
    ActivityStatus.PLANNED: "Planned",
    ActivityStatus.CANCELLED: "Cancelled",
    ActivityStatus.NO_SHOW: "No show",
    ActivityStatus.BOUNCED: "Completed",
}
_DISPOSITIONS = {ActivityStatus.NO_SHOW: "No answer", ActivityStatus.BOUNCED: "Bounced"}
_STAGES = {DealStatus.WON: "Closed Won", DealStatus.LOST: "Closed Lost", DealStatus.OPEN: "Prospecting"}
_LEAD_STATUSES = {
    IntroductionStatus.NEW: "Open - Not Contacted",
    IntroductionStatus.NO_ANSWER: "Working - No Answer",
    IntroductionStatus.IN_CONTACT: "Working - Contacted",
    IntroductionStatus.MET: "Closed - Converted",
    IntroductionStatus.WON: "Closed - Converted",
    IntroductionStatus.LOST: "Closed - Not Converted",
    IntroductionStatus.DECLINED: "Closed - Not Converted",
}
_OPEN_FOR = timedelta(days=90)


def names(name: str | None) -> Fields:
    """Return the name fields of a person; one word is a last name."""
    first, _, last = (name or "").strip().rpartition(" ")
    full = " ".join(part for part in (first, last) if part)
    return {"FirstName": first or None, "LastName": last or "[unknown]", "Name": full or "[unknown]"}


def _flag(field: str) -> Callable[[Any], Fields]:
    return lambda value: {field: int(bool(value))}


def _plain(field: str) -> Callable[[Any], Fields]:
    return lambda value: {field: value if value not in ("", None) else None}


def _text(field: str) -> Callable[[Any], Fields]:
    return lambda value: {field: value or "[unknown]"}


def _stamp(field: str) -> Callable[[Any], Fields]:
    return lambda value: {} if value is None and field == "CreatedDate" else {field: None if value is None else stamp_of(value)}


def _introduced(value: IntroductionStatus | None) -> Fields:
    status = _LEAD_STATUSES[value or IntroductionStatus.NEW]
    return {"Status": status, "IsConverted": int(status == "Closed - Converted")}


def _status(value: DealStatus | None) -> Fields:
    closed = value in (DealStatus.WON, DealStatus.LOST)
    return {"IsClosed": int(closed), "IsWon": int(value is DealStatus.WON)}


_COLUMNS: Mapping[str, Mapping[str, Callable[[Any], Fields]]] = MappingProxyType(
    {
        "users": {
            "name": names,
            "email": _plain("Email"),
            "active": _flag("IsActive"),
            "manager_id": _plain("ManagerId"),
            "time_zone": _plain("TimeZoneSidKey"),
        },
        "accounts": {
            "name": _text("Name"),
            "owner_id": _plain("OwnerId"),
            "parent_id": _plain("ParentId"),
            "status": lambda value: {"Type": _ACCOUNT_TYPES.get(value)},
            "tier": _plain("Tier__c"),
            "industry": _plain("Industry"),
            "annual_revenue": _plain("AnnualRevenue"),
            "created_at": _stamp("CreatedDate"),
            "do_not_contact": _flag("Do_Not_Contact__c"),
        },
        "contacts": {
            "account_id": _plain("AccountId"),
            "name": names,
            "email": lambda value: {"Email": (value or "").lower() or None},
            "phone": _plain("Phone"),
            "title": _plain("Title"),
            "owner_id": _plain("OwnerId"),
            "created_at": _stamp("CreatedDate"),
            "do_not_contact": _flag("Do_Not_Contact__c"),
        },
        "deals": {
            "account_id": _plain("AccountId"),
            "name": _text("Name"),
            "stage": _text("StageName"),
            "status": _status,
            "amount": _plain("Amount"),
            "currency": _plain("CurrencyIsoCode"),
            "owner_id": _plain("OwnerId"),
            "created_at": _stamp("CreatedDate"),
            "closed_on": lambda value: {"CloseDate": value.isoformat() if value else None},
            "referred_by_contact_id": _plain("Referred_By__c"),
        },
        "deal_contacts": {
            "deal_id": _plain("OpportunityId"),
            "contact_id": _plain("ContactId"),
            "role": _plain("Role"),
            "is_primary": _flag("IsPrimary"),
        },
        "account_contacts": {
            "account_id": _plain("AccountId"),
            "contact_id": _plain("ContactId"),
            "role": _plain("Roles"),
        },
        "introductions": {
            "source_contact_id": _plain("Referred_By__c"),
            "person_name": names,
            "person_contact_id": _plain("ConvertedContactId"),
            "deal_id": _plain("ConvertedOpportunityId"),
            "owner_id": _plain("OwnerId"),
            "status": _introduced,
            "status_since": lambda value: {"ConvertedDate": None if value is None else day_of(value)},
            "made_at": _stamp("CreatedDate"),
            "kind": _plain("LeadSource"),
            "note": _plain("Description"),
        },
        "cases": {
            "account_id": _plain("AccountId"),
            "subject": _plain("Subject"),
            "priority": _plain("Priority"),
            "status": _plain("Status"),
            "escalated": _flag("IsEscalated"),
            "opened_at": _stamp("CreatedDate"),
            "closed_at": lambda value: {"IsClosed": int(value is not None), **_stamp("ClosedDate")(value)},
        },
    }
)


def fields_of(table: str, values: Mapping[str, Any]) -> Fields:
    """Return the fields that some columns of a row mean; custom columns are left out."""
    found: Fields = {}
    for name, value in values.items():
        if translate := _COLUMNS[table].get(name):
            found |= translate(value)
    return found


def deal_fields(values: Mapping[str, Any], created: datetime) -> Fields:
    """Return the fields of a whole deal: Salesforce demands a stage and a close date even while it is open."""
    found = fields_of("deals", values)
    status = values.get("status")
    if not values.get("stage"):
        found["StageName"] = _STAGES[status or DealStatus.OPEN]
    if not found.get("CloseDate"):
        day = created if found["IsClosed"] else created + _OPEN_FOR
        found["CloseDate"] = day.date().isoformat()
    return found


def lead_fields(values: Mapping[str, Any]) -> Fields:
    """Return the fields of a whole introduction: a lead whose person or deal is known by now has been converted."""
    found = fields_of("introductions", values)
    if values.get("deal_id") and values.get("status") is IntroductionStatus.LOST:
        found |= _introduced(IntroductionStatus.MET)
    if not found["IsConverted"]:
        found["ConvertedDate"] = None
    return {"Company": "[not provided]", **found}


def subtype_of(kind: ActivityKind) -> str:
    """Return the TaskSubtype of a kind that is kept as a Task."""
    return _SUBTYPES[kind]


def task_fields(status: ActivityStatus | None, at: Instant | None) -> Fields:
    """Return what a Task says of whether and when it happened. A task whose status is unknown is still to be done."""
    open_still = status in (ActivityStatus.PLANNED, None)
    word = "Not Started" if open_still else "Cancelled" if status is ActivityStatus.CANCELLED else "Completed"
    return {
        "Status": word,
        "IsClosed": int(not open_still),
        "ActivityDate": None if at is None else day_of(at),
        "CompletedDateTime": None if open_still or at is None else stamp_of(at),
        "CallDisposition": _DISPOSITIONS.get(status) if status else None,
    }


def event_fields(status: ActivityStatus | None, at: Instant | None, ended_at: Instant | None) -> Fields:
    """Return what an Event says of whether and when it happens. A meeting without an end lasts no time."""
    end = ended_at if ended_at is not None else at
    return {
        "StartDateTime": None if at is None else stamp_of(at),
        "ActivityDateTime": None if at is None else stamp_of(at),
        "ActivityDate": None if at is None else day_of(at),
        "EndDateTime": None if end is None else stamp_of(end),
        "DurationInMinutes": None if end is None or at is None else max(0, end - at) // 60_000,
        "Outcome__c": _OUTCOMES[status or ActivityStatus.PLANNED],
    }


def email_fields(status: ActivityStatus | None, at: Instant | None) -> Fields:
    """Return what an EmailMessage says of whether and when it was sent; one that was not sent is a draft."""
    sent = status in (ActivityStatus.DONE, ActivityStatus.BOUNCED, ActivityStatus.NO_SHOW)
    return {
        "MessageDate": None if at is None else stamp_of(at),
        "Status": "3" if sent else "5",
        "IsBounced": int(status is ActivityStatus.BOUNCED),
    }


def direction_fields(kind: ActivityKind, direction: Direction | None) -> Fields:
    """Return who began, as the object of this kind says it."""
    if kind is ActivityKind.EMAIL:
        return {"Incoming": int(direction is Direction.IN)}
    if OBJECT_OF_KIND[kind] == "Task":
        return {"CallType": _CALL_TYPES.get(direction) if direction else None}
    return {}
