"""Rows back into book words: what an activity says of its kind, status and time.

Only as far as changing one column needs the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refsync.model import ActivityKind, ActivityStatus, Instant, instant
from refsync_sandbox.salesforce.wire import parse_stamp

_OUTCOMES = {
    "Completed": ActivityStatus.DONE,
    "Planned": ActivityStatus.PLANNED,
    "Cancelled": ActivityStatus.CANCELLED,
    "No show": ActivityStatus.NO_SHOW,
}
_DISPOSITIONS = {"No answer": ActivityStatus.NO_SHOW, "Bounced": ActivityStatus.BOUNCED}


def kind_of(subject: str, row: Mapping[str, Any]) -> ActivityKind:
    """Return the kind of activity that a row is."""
    if subject != "Task":
        return ActivityKind.EMAIL if subject == "EmailMessage" else ActivityKind.MEETING
    return {"Call": ActivityKind.CALL, "LinkedIn": ActivityKind.MESSAGE}.get(row["TaskSubtype"], ActivityKind.TASK)


def timing_of(subject: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `status`, `at` and `ended_at` of an activity."""
    match subject:
        case "Event":
            status = _OUTCOMES.get(row["Outcome__c"], ActivityStatus.DONE)
            return {"status": status, "at": _at(row["StartDateTime"]), "ended_at": _at(row["EndDateTime"])}
        case "EmailMessage":
            draft = row["Status"] == "5"
            status = ActivityStatus.PLANNED if draft else ActivityStatus.BOUNCED if row["IsBounced"] else ActivityStatus.DONE
            return {"status": status, "at": _at(row["MessageDate"]), "ended_at": None}
    day = row["ActivityDate"]
    at = _at(row["CompletedDateTime"]) if row["CompletedDateTime"] else _at(f"{day}T12:00:00.000+0000" if day else None)
    return {"status": _task_status(row), "at": at, "ended_at": None}


def _task_status(row: Mapping[str, Any]) -> ActivityStatus:
    if not row["IsClosed"]:
        return ActivityStatus.PLANNED
    if row["Status"] == "Cancelled":
        return ActivityStatus.CANCELLED
    return _DISPOSITIONS.get(row["CallDisposition"], ActivityStatus.DONE)


def _at(text: str | None) -> Instant | None:
    return instant(parse_stamp(text)) if text else None
