"""What Salesforce works out when a record is written: full names, closed flags, the account of an activity.

Law: pure; they look only at the record as it will be and as it was, and at the accounts of what it points at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from refsync_sandbox.salesforce.objects import TASK_STATUSES
from refsync_sandbox.salesforce.wire import parse_stamp, stamp

Row = Mapping[str, Any]
AccountOf = Callable[[str | None], str | None]
"""Returns the account that a record belongs to; an account belongs to itself."""

_CLOSED_STAGES = {"closed won": 1, "closed lost": 0}


def derived(subject: str, row: Row, before: Row | None, now: datetime, account_of: AccountOf) -> dict[str, Any]:
    """Return the fields of a record that follow from others."""
    match subject:
        case "Account" if row["IsPersonAccount"]:
            return _person(row, before)
        case "Contact" | "User" | "Lead":
            return {"Name": " ".join(part for part in (row["FirstName"], row["LastName"]) if part)}
        case "Task":
            return _task(row, before, now) | _account(row, account_of)
        case "Event":
            return _event(row) | _account(row, account_of)
        case "Opportunity":
            return _opportunity(row, before, now)
        case "Case":
            return _case(row, before, now)
    return {}


def _person(row: Row, before: Row | None) -> dict[str, Any]:
    """The name of a person account is put together from its parts; one that is given whole is taken apart."""
    if before is not None and row["Name"] != before["Name"]:
        first, _, last = row["Name"].rpartition(" ")
        return {"FirstName": first or None, "LastName": last}
    return {"Name": " ".join(part for part in (row["FirstName"], row["LastName"]) if part)}


def _account(row: Row, account_of: AccountOf) -> dict[str, Any]:
    return {"AccountId": account_of(row["WhatId"]) or account_of(row["WhoId"])}


def _task(row: Row, before: Row | None, now: datetime) -> dict[str, Any]:
    closed = int(TASK_STATUSES.get(row["Status"], False))
    completed = row["CompletedDateTime"] if closed else None
    if closed and completed is None and not (before and before["IsClosed"]):
        completed = stamp(now)
    return {"IsClosed": closed, "CompletedDateTime": completed, "IsHighPriority": int(row["Priority"] == "High")}


def _event(row: Row) -> dict[str, Any]:
    start = row["StartDateTime"] or row["ActivityDateTime"]
    if start is None:
        return {}
    end = row["EndDateTime"] or stamp(parse_stamp(start) + timedelta(minutes=row["DurationInMinutes"] or 0))
    minutes = (parse_stamp(end) - parse_stamp(start)) // timedelta(minutes=1)
    return {
        "StartDateTime": start,
        "ActivityDateTime": start,
        "ActivityDate": start[:10],
        "EndDateTime": end,
        "DurationInMinutes": minutes,
    }


def _opportunity(row: Row, before: Row | None, now: datetime) -> dict[str, Any]:
    """Stages of a book keep the flags they were loaded with; a new stage is closed only by one of the standard names.

    When a stage was entered is known of those that changed since the book was loaded, as in orgs that are older than the field.
    """
    if before is not None and before["StageName"] == row["StageName"]:
        return {}
    won = _CLOSED_STAGES.get(row["StageName"].lower().replace("_", " "))
    changed = {"LastStageChangeDate": stamp(now)} if before is not None else {}
    return {"IsClosed": int(won is not None), "IsWon": won or 0, **changed}


def _case(row: Row, before: Row | None, now: datetime) -> dict[str, Any]:
    if before is not None and before["Status"] == row["Status"]:
        return {}
    closed = int((row["Status"] or "").lower() == "closed")
    return {"IsClosed": closed, "ClosedDate": (row["ClosedDate"] or stamp(now)) if closed else None}
