"""From the columns of a book to HubSpot's properties. Pure.

Law: each column stands for itself, so a whole row and the few columns that a person changes go the same way; a column that is
not there leaves its property alone, an empty one empties it. What points at other records is no property but an association:
`account_id`, `deal_id` and `contact_ids` are left to the caller, and so are the times of creation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from refsync.model import AccountStatus, ActivityKind, ActivityStatus, Direction
from refsync_sandbox.changes import COLUMNS
from refsync_sandbox.hubspot.instants import shown
from refsync_sandbox.hubspot.kinds import (
    CALL,
    COMMUNICATION,
    COMPANY,
    CONTACT,
    DEAL,
    EMAIL,
    MEETING,
    NOTE,
    TASK,
    TICKET,
    Kind,
)
from refsync_sandbox.hubspot.owners import split_name

Values: TypeAlias = dict[str, str | None]
IdOf: TypeAlias = Callable[[str, str], str | None]
"""Returns the CRM id of a row of the book, given its table and book id."""

KIND_OF_TABLE: Mapping[str, Kind] = {"accounts": COMPANY, "contacts": CONTACT, "deals": DEAL, "cases": TICKET}
TABLE_OF_KIND: Mapping[Kind, str] = {kind: table for table, kind in KIND_OF_TABLE.items()}
KIND_OF_ACTIVITY: Mapping[ActivityKind, Kind] = {
    ActivityKind.CALL: CALL,
    ActivityKind.EMAIL: EMAIL,
    ActivityKind.MEETING: MEETING,
    ActivityKind.NOTE: NOTE,
    ActivityKind.MESSAGE: COMMUNICATION,
    ActivityKind.TASK: TASK,
}
ACTIVITY_OF_KIND: Mapping[Kind, ActivityKind] = {kind: activity for activity, kind in KIND_OF_ACTIVITY.items()}

LIFECYCLE: Mapping[AccountStatus, str] = {
    AccountStatus.CUSTOMER: "customer",
    AccountStatus.PROSPECT: "opportunity",
    AccountStatus.FORMER: "former_customer",
}
"""HubSpot has no stage for former customers: this portal added one."""

CONNECTED, NO_ANSWER = "f240bbac-87c9-4f6e-bf70-924b57d47db7", "73a0d17f-1163-4015-bdd5-ec830791da20"
"""HubSpot's own call dispositions."""

_CALL_STATUS: Mapping[ActivityStatus, tuple[str, str | None]] = {
    ActivityStatus.DONE: ("COMPLETED", CONNECTED),
    ActivityStatus.PLANNED: ("SCHEDULED", None),
    ActivityStatus.CANCELLED: ("CANCELED", None),
    ActivityStatus.NO_SHOW: ("COMPLETED", NO_ANSWER),
    ActivityStatus.BOUNCED: ("FAILED", None),
}
_EMAIL_STATUS = {ActivityStatus.DONE: "SENT", ActivityStatus.PLANNED: "SCHEDULED", ActivityStatus.BOUNCED: "BOUNCED"}
_EMAIL_DIRECTION = {Direction.OUT: "EMAIL", Direction.IN: "INCOMING_EMAIL"}
_MEETING_OUTCOME = {
    ActivityStatus.DONE: "COMPLETED",
    ActivityStatus.PLANNED: "SCHEDULED",
    ActivityStatus.CANCELLED: "CANCELED",
    ActivityStatus.NO_SHOW: "NO_SHOW",
}
_TASK_STATUS = {ActivityStatus.DONE: "COMPLETED", ActivityStatus.CANCELLED: "DEFERRED"}
_SUBJECT = {
    CALL: "hs_call_title",
    EMAIL: "hs_email_subject",
    MEETING: "hs_meeting_title",
    NOTE: "hs_note_body",
    COMMUNICATION: "hs_communication_body",
    TASK: "hs_task_subject",
}

_TEXTS: Mapping[Kind, Mapping[str, str]] = {
    COMPANY: {"name": "name", "tier": "tier", "industry": "industry"},
    CONTACT: {"email": "email", "phone": "phone", "title": "jobtitle"},
    DEAL: {"name": "dealname", "currency": "deal_currency_code"},
    TICKET: {"subject": "subject", "priority": "hs_ticket_priority"},
}


def property_name(column: str) -> str:
    """Return the property in which a further column of the book is kept: the same name, as far as HubSpot takes it."""
    name = re.sub(r"[^a-z0-9_]+", "_", column.lower()).strip("_")
    return name if name[:1].isalpha() else f"column_{name}"


def record_values(kind: Kind, columns: Mapping[str, Any], id_of: IdOf) -> Values:
    """Return the properties of a company, contact, deal or ticket for some columns of its row, read as the model holds them.

    The stage of deals and tickets is not among them: it depends on the portal's pipelines.
    """
    values: Values = {}
    for column, value in columns.items():
        if column in _TEXTS[kind]:
            values[_TEXTS[kind][column]] = value or None
        elif column == "owner_id":
            values["hubspot_owner_id"] = _linked(id_of, "users", value)
        elif column == "do_not_contact":
            values["do_not_contact"] = _truth(value)
        elif column == "name":
            first, last = split_name(value or "")
            values |= {"firstname": first or None, "lastname": last or None}
        elif column == "parent_id":
            values["hs_parent_company_id"] = _linked(id_of, "accounts", value)
        elif column == "annual_revenue":
            values["annualrevenue"] = number(value)
        elif column == "amount":
            values["amount"] = number(value)
        elif column == "closed_on":
            values["closedate"] = f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else None
        elif column == "referred_by_contact_id":
            values["referred_by_contact_id"] = _linked(id_of, "contacts", value)
        elif column == "escalated":
            values["escalated"] = _truth(value)
        elif column == "closed_at":
            values["closed_date"] = _time(value)
        elif column == "status" and kind == COMPANY:
            values["lifecyclestage"] = LIFECYCLE[value] if value else None
        elif is_custom(kind, column):
            values[property_name(column)] = value or None
    return values


def is_custom(kind: Kind, column: str) -> bool:
    """Whether a column is none that every book has."""
    return column != "id" and column not in COLUMNS[TABLE_OF_KIND[kind]]


def activity_values(kind: Kind, columns: Mapping[str, Any], id_of: IdOf) -> Values:
    """Return the properties of an engagement for some columns of its row, read as the model holds them."""
    values: Values = {}
    if "at" in columns:
        values["hs_timestamp"] = _time(columns["at"])
        if kind == MEETING:
            values["hs_meeting_start_time"] = values["hs_timestamp"]
    if "ended_at" in columns and kind == MEETING:
        values["hs_meeting_end_time"] = _time(columns["ended_at"])
    if "owner_id" in columns:
        values["hubspot_owner_id"] = _linked(id_of, "users", columns["owner_id"])
    if "subject" in columns:
        values[_SUBJECT[kind]] = columns["subject"] or None
    if "automated" in columns:
        values["hs_object_source"] = "AUTOMATION_PLATFORM" if columns["automated"] else "CRM_UI"
    if "direction" in columns:
        values |= _direction(kind, columns["direction"])
    if "status" in columns:
        values |= _status(kind, columns["status"])
    return values


def _direction(kind: Kind, direction: Direction | None) -> Values:
    if kind == EMAIL:
        return {"hs_email_direction": _EMAIL_DIRECTION.get(direction, "FORWARDED_EMAIL") if direction else "FORWARDED_EMAIL"}
    name = {CALL: "hs_call_direction", COMMUNICATION: "hs_communication_direction"}.get(kind)
    if name is None:
        return {}
    return {name: None if direction is None else "INBOUND" if direction is Direction.IN else "OUTBOUND"}


def _status(kind: Kind, status: ActivityStatus | None) -> Values:
    if kind == CALL:
        call, disposition = _CALL_STATUS[status] if status else (None, None)
        return {"hs_call_status": call, "hs_call_disposition": disposition}
    if kind == EMAIL:
        return {"hs_email_status": _EMAIL_STATUS.get(status, "FAILED") if status else None}
    if kind == MEETING:
        return {"hs_meeting_outcome": _MEETING_OUTCOME.get(status) if status else None}
    if kind == TASK:
        return {"hs_task_status": _TASK_STATUS.get(status, "NOT_STARTED") if status else "NOT_STARTED"}
    return {}


def number(value: float | None) -> str | None:
    """Return a number as HubSpot shows it: without a point where it has no fraction."""
    if value is None:
        return None
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _linked(id_of: IdOf, table: str, value: str | None) -> str | None:
    return id_of(table, value) if value else None


def _time(value: int | None) -> str | None:
    return None if value is None else shown(value)


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()
