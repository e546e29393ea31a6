"""HubSpot's calls, e-mails, meetings, notes, messages and tasks as activities. Pure.

The time of an activity is `hs_timestamp`, never that of its creation: activities are logged and imported years later.
Sources: HubSpot's engagement references (developers.hubspot.com, CRM activities).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from refsync.model import Activity, ActivityKind, ActivityStatus, Direction
from refsync_hubspot import values
from refsync_hubspot.task_body import key_in
from refsync_hubspot.translate import Json, Links, Translate, Vocabulary, link_ids

KINDS: Mapping[str, ActivityKind] = {
    "calls": ActivityKind.CALL,
    "emails": ActivityKind.EMAIL,
    "meetings": ActivityKind.MEETING,
    "notes": ActivityKind.NOTE,
    "communications": ActivityKind.MESSAGE,
    "tasks": ActivityKind.TASK,
}

CALL_OUTCOMES: Mapping[str, ActivityStatus] = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": ActivityStatus.DONE,  # Connected
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": ActivityStatus.DONE,  # Left live message
    "b2cf5968-551e-4856-9783-52b3da59a7d0": ActivityStatus.NO_SHOW,  # Left voicemail: nobody was spoken to
    "73a0d17f-1163-4015-bdd5-ec830791da20": ActivityStatus.NO_SHOW,  # No answer
    "9d9162e7-6cf3-4944-bf63-4dff82258764": ActivityStatus.NO_SHOW,  # Busy
    "17b47fee-58de-441e-a44c-c6300d46f273": ActivityStatus.NO_SHOW,  # Wrong number
}
"""HubSpot's own call dispositions; a portal adds its own (option `call_outcomes`)."""

_CALL_STATUS: Mapping[str, ActivityStatus] = {
    "SCHEDULED": ActivityStatus.PLANNED,
    "QUEUED": ActivityStatus.PLANNED,
    "CONNECTING": ActivityStatus.PLANNED,
    "RINGING": ActivityStatus.PLANNED,
    "CALLING_CRM_USER": ActivityStatus.PLANNED,
    "IN_PROGRESS": ActivityStatus.PLANNED,
    "CANCELED": ActivityStatus.CANCELLED,
    "BUSY": ActivityStatus.NO_SHOW,
    "FAILED": ActivityStatus.BOUNCED,
    "MISSED": ActivityStatus.NO_SHOW,
    "NO_ANSWER": ActivityStatus.NO_SHOW,
}
_EMAIL_STATUS: Mapping[str, ActivityStatus] = {
    "BOUNCED": ActivityStatus.BOUNCED,
    "FAILED": ActivityStatus.BOUNCED,
    "SCHEDULED": ActivityStatus.PLANNED,
    "SENDING": ActivityStatus.PLANNED,
}
_MEETING_OUTCOME: Mapping[str, ActivityStatus] = {
    "COMPLETED": ActivityStatus.DONE,
    "NO_SHOW": ActivityStatus.NO_SHOW,
    "CANCELED": ActivityStatus.CANCELLED,
    "RESCHEDULED": ActivityStatus.CANCELLED,
}
_DIRECTION: Mapping[str, Direction] = {
    "INBOUND": Direction.IN,
    "INCOMING": Direction.IN,
    "IN": Direction.IN,
    "INCOMING_EMAIL": Direction.IN,
    "OUTBOUND": Direction.OUT,
    "OUTGOING": Direction.OUT,
    "OUT": Direction.OUT,
    "EMAIL": Direction.OUT,
}
"""FORWARDED_EMAIL has none: a forwarded mail may be anybody's."""


def activity_of(kind: str) -> Translate:
    """Return what turns a record of an activity's object type into an activity."""
    details, model_kind = _DETAILS[kind], KINDS[kind]

    def activity(raw: Json, links: Links, vocabulary: Vocabulary) -> Iterator[Activity]:
        properties = raw["properties"]
        companies, deals = link_ids(links.get("companies", ())), link_ids(links.get("deals", ()))
        yield Activity(
            id=raw["id"],
            kind=model_kind,
            at=values.at(properties.get("hs_timestamp")),
            automated=properties.get("hs_object_source") in vocabulary.options.automated_sources,
            owner_id=properties.get("hubspot_owner_id") or None,
            account_id=companies[0] if companies else None,
            deal_id=deals[0] if deals else None,
            contact_ids=tuple(link_ids(links.get("contacts", ()))),
            **details(properties, vocabulary),
        )

    return activity


def _call(properties: Json, vocabulary: Vocabulary) -> dict[str, Any]:
    status = _CALL_STATUS.get(properties.get("hs_call_status") or "")
    if status is None:
        outcome = properties.get("hs_call_disposition") or ""
        status = vocabulary.options.call_outcomes.get(outcome) or CALL_OUTCOMES.get(outcome, ActivityStatus.DONE)
    return {
        "direction": _direction(properties.get("hs_call_direction")),
        "status": status,
        "subject": properties.get("hs_call_title") or "",
    }


def _email(properties: Json, vocabulary: Vocabulary) -> dict[str, Any]:
    """An empty status means done: HubSpot fills it for some outgoing mail only."""
    status = properties.get("hs_email_status") or ""
    return {
        "direction": _direction(properties.get("hs_email_direction")),
        "status": vocabulary.options.email_statuses.get(status) or _EMAIL_STATUS.get(status, ActivityStatus.DONE),
        "subject": properties.get("hs_email_subject") or "",
    }


def _meeting(properties: Json, vocabulary: Vocabulary) -> dict[str, Any]:
    """A meeting stays SCHEDULED until somebody says how it went; whether it then counts is the company's touch policy."""
    outcome = properties.get("hs_meeting_outcome") or ""
    chosen = vocabulary.options.meeting_outcomes.get(outcome)
    return {
        "status": chosen or _MEETING_OUTCOME.get(outcome, ActivityStatus.PLANNED),
        "ended_at": values.at(properties.get("hs_meeting_end_time")),
        "subject": properties.get("hs_meeting_title") or "",
    }


def _note(_properties: Json, _vocabulary: Vocabulary) -> dict[str, Any]:
    return {"status": ActivityStatus.DONE}


def _communication(properties: Json, vocabulary: Vocabulary) -> dict[str, Any]:
    name = vocabulary.options.properties.communication_direction
    return {"direction": _direction(properties.get(name)), "status": ActivityStatus.DONE}


def _task(properties: Json, vocabulary: Vocabulary) -> dict[str, Any]:
    done = properties.get("hs_task_status") == "COMPLETED"
    return {
        "status": ActivityStatus.DONE if done else ActivityStatus.PLANNED,
        "subject": properties.get("hs_task_subject") or "",
        "task_key": properties.get(vocabulary.options.key_property) or key_in(properties.get("hs_task_body") or ""),
    }


def _direction(value: object) -> Direction | None:
    return _DIRECTION.get(str(value).upper())


_DETAILS: Mapping[str, Callable[[Json, Vocabulary], dict[str, Any]]] = {
    "calls": _call,
    "emails": _email,
    "meetings": _meeting,
    "notes": _note,
    "communications": _communication,
    "tasks": _task,
}
