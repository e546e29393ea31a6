"""Times as the database gives them: instants, days, and either of them as text."""

from __future__ import annotations

from datetime import date, datetime

from refsync.calendar import Calendar
from refsync.model import Instant, instant


def instant_of(found: object, calendar: Calendar) -> Instant | None:
    """Return the instant of a time fact's value; a day begins at the company's midnight; None: it is no time."""
    if isinstance(found, int):
        return found
    text = str(found)
    try:
        if text.lstrip("-").isdecimal():
            return int(text)
        if len(text) == len("2026-11-20"):
            return calendar.midnight(date.fromisoformat(text))
        return instant(datetime.fromisoformat(f"{text}+00:00"))
    except ValueError:
        return None
