"""Instants and days as Salesforce writes them: `2024-03-01T10:00:00.000+0000` and `2024-03-01`.

Law: stamps are kept as this text, whole seconds in UTC, so their order as text is their order in time and a row needs no
conversion when it is sent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

from refsync.model import Instant


def stamp(at: datetime) -> str:
    """Return an aware datetime as a stamp; parts of a second are cut."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@lru_cache(maxsize=256)
def stamp_of(at: Instant) -> str:
    """Return an instant as a stamp."""
    days, second = divmod(at // 1000, 86_400)
    return f"{_day(days)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000+0000"


def day_of(at: Instant) -> str:
    """Return the UTC day of an instant."""
    return _day(at // 86_400_000)


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return date.fromordinal(_EPOCH + days).isoformat()


_EPOCH = date(1970, 1, 1).toordinal()


def parse_stamp(text: str) -> datetime:
    """Return the datetime of an ISO text with an offset, also one without a colon. Raises ValueError for anything else."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found.astimezone(UTC)


def parse_day(text: str) -> date:
    """Return the day of `2024-03-01`. Raises ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
