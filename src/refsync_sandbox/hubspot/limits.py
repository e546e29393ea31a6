"""How many calls HubSpot allows, really counted: ten seconds and a day for each app, a second of searches for the account.

Law: a call that is refused is counted as refused and takes no room; what was allowed never exceeds a limit in any stretch of its
length. Windows and days go by the portal's clock.
Sources: HubSpot's usage guidelines and its changelog "Increasing our API limits"; the bodies follow hubspot-api-python#117.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from refsync.model import Instant, instant, iso, moment
from refsync_sandbox.hubspot.call import Refusal

SECOND, TEN_SECONDS = 1_000, 10_000


class App(StrEnum):
    """Who calls; each app has limits of its own."""

    PRIVATE = "private_app"
    """A service key or private app."""
    OAUTH = "oauth_app"
    """An app with refresh tokens; it has no daily limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many calls are allowed. A stand-in on loopback need not slow anybody down, so these limits are hardly any."""

    private_app: int = 100_000
    """Of a private app in ten seconds."""
    oauth_app: int = 100_000
    """Of an OAuth app in ten seconds."""
    search: int = 100_000
    """Searches of the whole account in one second."""
    daily: int = 1_000_000_000
    """Of all private apps in a day of the account's zone."""


PROFESSIONAL = Limits(private_app=190, oauth_app=110, search=5, daily=650_000)
"""What HubSpot allows an account of the tier Professional."""


class Policy(StrEnum):
    """The name of a limit in the body of a refusal."""

    SECONDLY = "SECONDLY"
    TEN_SECONDLY_ROLLING = "TEN_SECONDLY_ROLLING"
    DAILY = "DAILY"


def too_many(policy: Policy) -> Refusal:
    """Return the refusal of a call that is one too many."""
    return Refusal(
        429,
        "",
        f"You have reached your {policy.lower()} limit.",
        errorType="RATE_LIMIT",
        policyName=policy.value,
        groupName=f"publicapi:private-app-api-calls-{policy.lower().replace('_', '-')}",
    )


class Window:
    """The calls of one limit within its length of time."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.calls, self.refused, self.most = 0, 0, 0
        self._inside: deque[Instant] = deque()

    def inside(self, now: Instant) -> int:
        """Return how many calls there were in the stretch that ends now."""
        if self._inside and self._inside[-1] > now:  # somebody has put the clock back
            self._inside.clear()
        while self._inside and self._inside[0] <= now - self.length:
            self._inside.popleft()
        return len(self._inside)

    def add(self, now: Instant) -> None:
        """Count one call."""
        self._inside.append(now)
        self.calls += 1
        self.most = max(self.most, len(self._inside))

    def as_json(self, allowed: int) -> dict[str, Any]:
        """Return the calls and refusals so far, and the highest number of calls in any stretch of this length."""
        shown = {"allowed": allowed, "calls": self.calls, "refused": self.refused, "most": self.most}
        return {"window_ms": self.length, **shown}


class Day:
    """The calls of one day of the account's zone."""

    def __init__(self, zone: str) -> None:
        self.calls, self.refused, self.most = 0, 0, 0
        self.midnight: Instant = 0
        """When the day ends that `inside` was last asked about."""
        self._zone = ZoneInfo(zone)
        self._dawn: Instant = 0
        self._today = 0

    def inside(self, now: Instant) -> int:
        """Return how many calls there were on the day that it is now."""
        if not self._dawn <= now < self.midnight:
            day = moment(now).astimezone(self._zone).date()
            self._dawn, self.midnight = (self._start(one) for one in (day, day + timedelta(days=1)))
            self._today = 0
        return self._today

    def add(self, _now: Instant) -> None:
        """Count one call."""
        self._today += 1
        self.calls += 1
        self.most = max(self.most, self._today)

    def as_json(self, allowed: int) -> dict[str, Any]:
        """Return the same as a window does, and when the day ends."""
        shown = {"allowed": allowed, "calls": self.calls, "refused": self.refused, "most": self.most, "today": self._today}
        return {**shown, "resets_at": iso(self.midnight)}

    def _start(self, day: date) -> Instant:
        return instant(datetime(day.year, day.month, day.day, tzinfo=self._zone))


class Meter:
    """Counts the calls to one account."""

    def __init__(self, limits: Limits, zone: str) -> None:
        self.limits = limits
        self._zone = zone
        self.reset()

    def reset(self) -> None:
        """Begin to count from zero."""
        self._apps = {app: Window(TEN_SECONDS) for app in App}
        self._search = Window(SECOND)
        self._day = Day(self._zone)

    def take(self, app: App, now: Instant, *, searching: bool) -> dict[str, str]:
        """Count one call and return the headers of its reply: those of a search say nothing of limits. Raises Refusal (429)."""
        asked = list(self._asked(app, searching=searching))
        for policy, window, allowed in asked:
            if window.inside(now) >= allowed:
                window.refused += 1
                raise too_many(policy)
        for _, window, _ in asked:
            window.add(now)
        return {} if searching else self._headers(app, now)

    def today(self, now: Instant) -> tuple[int, Instant]:
        """Return the calls of private apps on this day, and when it ends."""
        return self._day.inside(now), self._day.midnight

    def as_json(self) -> dict[str, Any]:
        """Return what was counted, by limit."""
        apps = {app.value: self._apps[app].as_json(self._allowed(app)) for app in App}
        return {**apps, "search": self._search.as_json(self.limits.search), "daily": self._day.as_json(self.limits.daily)}

    def _asked(self, app: App, *, searching: bool) -> Iterator[tuple[Policy, Window | Day, int]]:
        """Yield the limits that a call counts against, the shortest first."""
        if searching:
            yield Policy.SECONDLY, self._search, self.limits.search
        else:
            yield Policy.TEN_SECONDLY_ROLLING, self._apps[app], self._allowed(app)
        if app is App.PRIVATE:
            yield Policy.DAILY, self._day, self.limits.daily

    def _allowed(self, app: App) -> int:
        return self.limits.private_app if app is App.PRIVATE else self.limits.oauth_app

    def _headers(self, app: App, now: Instant) -> dict[str, str]:
        allowed = self._allowed(app)
        headers = {
            "x-hubspot-ratelimit-max": str(allowed),
            "x-hubspot-ratelimit-remaining": str(allowed - self._apps[app].inside(now)),
            "x-hubspot-ratelimit-interval-milliseconds": str(TEN_SECONDS),
        }
        if app is App.PRIVATE:
            headers["x-hubspot-ratelimit-daily"] = str(self.limits.daily)
            headers["x-hubspot-ratelimit-daily-remaining"] = str(self.limits.daily - self._day.inside(now))
        return headers
