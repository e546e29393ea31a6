"""The CRM's clock: the one place where the sandbox learns what time it is.

It starts at a chosen instant (or now) and runs on at the pace of the real clock, so a book of the past can be served as if
today were its last day.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from refsync.model import Instant, instant


class Clock:
    """A clock that runs on from `start`; the real time when it is None. Raises ValueError for a start without an offset."""

    def __init__(self, start: datetime | None = None) -> None:
        self.skew = timedelta(0)
        """How far the `Date` header is ahead of the CRM's own time, as when the web servers in front have another clock."""
        self.move_to(start or datetime.now(UTC))

    def now(self) -> datetime:
        """Return the CRM's present time, aware, in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def instant(self) -> Instant:
        """Return the CRM's present time as an instant."""
        return instant(self.now())

    def http_date(self) -> str:
        """Return the present time as the `Date` header gives it."""
        return format_datetime(self.now() + self.skew, usegmt=True)

    def move_to(self, moment: datetime) -> None:
        """Go on from `moment`, forwards or backwards."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        self._start = moment.astimezone(UTC)
        self._began = time.monotonic()
