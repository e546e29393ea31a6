"""Instants and days as Salesforce writes them: `2024-03-01T10:00:00.000+0000` and `2024-03-01`.

Law: stamps are kept as this text, whole seconds in UTC, so their order as text is their order in time and a row needs no
conversion when it is sent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from refsync.model import Instant, moment


def stamp(at: datetime) -> str:
    """Return an aware datetime as a stamp; parts of a second are cut."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def stamp_of(at: Instant) -> str:
    """Return an instant as a stamp."""
    return stamp(moment(at))


def parse_stamp(text: str) -> datetime:
    """Return the datetime of an ISO text with an offset, also one without a colon. Raises ValueError for anything else."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found.astimezone(UTC)


def parse_day(text: str) -> date:
    """Return the day of `2024-03-01`. Raises ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
