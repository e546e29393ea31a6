"""Calls, mails, meetings, messages and tasks of HubSpot as activities."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Direction,
)
from refsync_hubspot.activities import activity_of
from tests.hubspot.raw import NOON, PLAIN, PRIMARY, VOCABULARY, row, to


def activity(kind: str, links: dict[str, Any] | None = None, /, **properties: Any) -> Activity:
    """Return the one activity that a record is."""
    (found,) = activity_of(kind)(row(hs_timestamp="2024-03-01T12:00:00Z", **properties), links or {}, VOCABULARY)
    assert isinstance(found, Activity)
    return found


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"hs_call_status": "COMPLETED", "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7"}, ActivityStatus.DONE),
        ({"hs_call_status": "COMPLETED", "hs_call_disposition": "73a0d17f-1163-4015-bdd5-ec830791da20"}, ActivityStatus.NO_SHOW),
        ({"hs_call_disposition": "b2cf5968-551e-4856-9783-52b3da59a7d0"}, ActivityStatus.NO_SHOW),
        ({"hs_call_status": None}, ActivityStatus.DONE),
        ({"hs_call_status": "SCHEDULED"}, ActivityStatus.PLANNED),
        ({"hs_call_status": "CANCELED"}, ActivityStatus.CANCELLED),
        ({"hs_call_status": "NO_ANSWER"}, ActivityStatus.NO_SHOW),
    ],
)
def test_calls(properties: dict[str, str | None], status: ActivityStatus) -> None:
    """A call counts as done when somebody was reached."""
    assert (ActivityKind.CALL, status) == ((found := activity("calls", **properties)).kind, found.status)


@pytest.mark.parametrize(
    ("direction", "status", "expected"),
    [
        ("EMAIL", "SENT", (Direction.OUT, ActivityStatus.DONE)),
        ("EMAIL", "BOUNCED", (Direction.OUT, ActivityStatus.BOUNCED)),
        ("EMAIL", "FAILED", (Direction.OUT, ActivityStatus.BOUNCED)),
        ("EMAIL", "SCHEDULED", (Direction.OUT, ActivityStatus.PLANNED)),
        ("INCOMING_EMAIL", None, (Direction.IN, ActivityStatus.DONE)),
        ("FORWARDED_EMAIL", "", (None, ActivityStatus.DONE)),
    ],
)
def test_emails(direction: str, status: str | None, expected: tuple[Direction | None, ActivityStatus]) -> None:
    """Bounced and scheduled mail is no touch; an empty status means done."""
    found = activity("emails", hs_email_direction=direction, hs_email_status=status)

    assert expected == (found.direction, found.status)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("COMPLETED", ActivityStatus.DONE),
        ("SCHEDULED", ActivityStatus.PLANNED),
        ("RESCHEDULED", ActivityStatus.CANCELLED),
        ("CANCELED", ActivityStatus.CANCELLED),
        ("NO_SHOW", ActivityStatus.NO_SHOW),
        (None, ActivityStatus.PLANNED),
    ],
)
def test_meetings(outcome: str | None, status: ActivityStatus) -> None:
    """A meeting that nobody has confirmed stays planned."""
    found = activity("meetings", hs_meeting_outcome=outcome, hs_meeting_end_time="2024-03-01T13:00:00Z")

    assert (status, NOON + 3_600_000) == (found.status, found.ended_at)


def test_links_of_an_activity() -> None:
    """People come once each whatever their labels, in one order."""
    links = {"contacts": [to(12, PLAIN), to(9, PLAIN), to(12, PRIMARY)], "companies": [to(30, PLAIN)], "deals": [to(40, PLAIN)]}
    found = activity("notes", links, hubspot_owner_id="7", hs_object_source="CRM_UI")

    assert (("9", "12"), "30", "40", "7", False) == (
        found.contact_ids,
        found.account_id,
        found.deal_id,
        found.owner_id,
        found.automated,
    )


def test_own_task_carries_its_key() -> None:
    """A task that refsync wrote can be told from all others."""
    found = activity("tasks", hs_task_status="WAITING", refsync_key="f" * 64, hs_task_subject="Call")

    assert (ActivityStatus.PLANNED, "f" * 64, "Call") == (found.status, found.task_key, found.subject)


def test_messages_and_automation() -> None:
    """The direction of a message comes from a property of the portal's own; automated activities are marked."""
    found = activity("communications", hs_communication_direction="INBOUND", hs_object_source="AUTOMATION_PLATFORM")

    assert (ActivityKind.MESSAGE, Direction.IN, True) == (found.kind, found.direction, found.automated)
