"""What HubSpot adds up about a customer from the activities logged with it.

Law: nothing here is stored, so that it changes without a write and without moving the modified date. What is counted is HubSpot's
idea of a contact, which is no proof of one: a meeting counts although it is only planned, and a task that was overdue when it was
created counts as of its due time (both seen on real portals). Which statuses count is unverified.
"""

from __future__ import annotations

from refsync.model import Instant, iso
from refsync_sandbox.hubspot.kinds import CALL, COMMUNICATION, EMAIL, MEETING, NOTE, TASK

_AT = "rtrim(json_extract(e.properties, '$.hs_timestamp'), 'Z')"
_LOGGED = (
    "coalesce(json_extract(e.properties, '$.hs_call_status'), '') <> 'SCHEDULED' "
    "AND coalesce(json_extract(e.properties, '$.hs_email_status'), '') <> 'SCHEDULED'"
)
_CONTACT = f"e.kind IN ({CALL.number}, {COMMUNICATION.number}, {EMAIL.number}, {MEETING.number}) AND {_LOGGED}"
_OPEN_TASK = f"e.kind = {TASK.number} AND json_extract(e.properties, '$.hs_task_status') = 'NOT_STARTED'"
_CREATED = "strftime('%Y-%m-%dT%H:%M:%SZ', e.created / 1000.0, 'unixepoch')"
_LATE_TASK = f"{_OPEN_TASK} AND json_extract(e.properties, '$.hs_timestamp') < {_CREATED}"
_NOTE = f"e.kind = {NOTE.number}"

_SUMS = {
    "notes_last_contacted": (f"max({_AT}) || 'Z'", _CONTACT),
    "notes_last_updated": (f"max({_AT}) || 'Z'", f"({_CONTACT}) OR {_NOTE}"),
    "hs_engagements_last_contacted": (f"max({_AT}) || 'Z'", f"({_CONTACT}) OR ({_LATE_TASK})"),
    "num_notes": ("CAST(count(DISTINCT e.id) AS TEXT)", f"({_CONTACT}) OR {_NOTE}"),
    "notes_next_activity_date": (f"min({_AT}) || 'Z'", f"(({_OPEN_TASK}) OR e.kind = {MEETING.number}) AND {_AT} > :now"),
}

ROLLUPS = frozenset(_SUMS)
"""The properties of companies, contacts, deals and tickets that are sums."""


def rollup(name: str, now: Instant) -> str:
    """Return the SQL expression of a sum about the row of `record` that a query is at."""
    what, which = _SUMS[name]
    which = which.replace(":now", f"'{iso(now).rstrip('Z')}'")  # a time of our own clock, never the caller's text
    return (
        f"(SELECT {what} FROM link JOIN record AS e ON e.id = link.target AND e.archived IS NULL "  # noqa: S608
        f"WHERE link.origin = record.id AND ({which}))"
    )
