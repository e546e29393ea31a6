"""The org's daily API limit: how many calls of the last 24 hours count, and when they are refused.

Law: a call counts for 24 hours by the CRM's clock, also one that ends in an error; one that the limit refuses does not. Header
forms: recorded (typed/headers of the wire examples); the refusal: "TotalRequests Limit exceeded." (REST API guide, status 403).
"""

from __future__ import annotations

from datetime import timedelta

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.refusals import Refused

DAILY_CALLS = 100_000
_DAY = timedelta(hours=24)


class Usage:
    """Counts calls against a daily limit, and those of one connected app against its own if it has one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: dict[int, int] = {}
        self.most = DAILY_CALLS
        self.app = ""
        """The name of the connected app whose share is told in the header; empty for none."""
        self.most_of_app = 0

    @property
    def used(self) -> int:
        """How many calls of the last 24 hours count."""
        now = self._clock.now()
        first, last = int((now - _DAY).timestamp()) // 60, int(now.timestamp()) // 60
        for minute in [minute for minute in self._minutes if not first < minute <= last]:
            del self._minutes[minute]  # a clock that was moved back forgets what is now its future
        return sum(self._minutes.values())

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)

    def take(self) -> None:
        """Count one call. Raises Refused when the limit is reached, of the org or of the app."""
        used = self.used
        if used >= self.most or (self.app and used >= self.most_of_app):
            raise Refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        self.add(1)

    def add(self, calls: int) -> None:
        """Count calls without asking, such as those of other integrations."""
        minute = int(self._clock.now().timestamp()) // 60
        self._minutes[minute] = self._minutes.get(minute, 0) + calls

    def header(self) -> str:
        """Return the value of `Sforce-Limit-Info`."""
        used = self.used
        app = f"; per-app-api-usage={used}/{self.most_of_app}(appName={self.app})" if self.app else ""
        return f"api-usage={used}/{self.most}{app}"
