"""The out-of-office messages of users: one a person, from the first day to the last.

Law: a message that is set or taken back changes no stamp of the user it tells of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refsync.model import Instant, instant
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.schema import Schema
from refsync_sandbox.salesforce.translate import Fields
from refsync_sandbox.salesforce.wire import parse_stamp, stamp_of

MESSAGE = "OutOfOffice"
_DAY = 86_400_000
_COLUMNS = ("away_from", "away_until")


def message(user_id: str, away_from: Instant, away_until: Instant) -> Fields:
    """Return the message of a user who is away from one instant to before another; Salesforce keeps the last day."""
    last = max(away_from, away_until - _DAY)
    return {"UserId": user_id, "StartDate": stamp_of(away_from), "EndDate": stamp_of(last), "IsEnabled": 1}


def set_absence(records: Records, schema: Schema, user_id: str, values: Mapping[str, Any], actor: Actor) -> None:
    """Let a user's message say what changed columns say: set it, move it, or take it back when one of them is empty."""
    if values.keys().isdisjoint(_COLUMNS):
        return
    subject = schema.objects[MESSAGE]
    known = next((row for row in records.matching(subject, "UserId", user_id) if not row["IsDeleted"]), None)
    stood = (_instant(known["StartDate"]), _instant(known["EndDate"]) + _DAY) if known else (None, None)
    away_from, away_until = (values.get(name, before) for name, before in zip(_COLUMNS, stood, strict=True))
    if away_from is None or away_until is None:
        if known:
            records.delete(subject, known["Id"], actor)
    elif known:
        records.change(subject, known, message(user_id, away_from, away_until), actor)
    else:
        records.insert(subject, message(user_id, away_from, away_until), actor)


def _instant(text: str) -> Instant:
    return instant(parse_stamp(text))
