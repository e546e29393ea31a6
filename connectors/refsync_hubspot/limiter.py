"""How often HubSpot may be called: never more than so many calls in any stretch of so many seconds, all processes together.

HubSpot counts the calls of ten seconds, and searches, apart from them, in one second (five, shared by all apps of an account). Of
either refsync takes a share. Within a process no stretch holds more than that share, and a process that begins takes for its own
what was called before it; the meter, which the store keeps, does the same for processes side by side, window by window.
Sources: developers.hubspot.com, usage guidelines and the search guide; the headers are those of recorded replies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from refsync.errors import RateLimited
from refsync.meter import Meter, window
from refsync.model import Instant

SHARE = 0.5
"""Of the account's calls in an interval: the other half is for other apps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The time, and how to let it pass."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, for stretches of time."""
    now: Callable[[], Instant] = lambda: time.time_ns() // 1_000_000
    """The host's time, for what processes share."""
    sleep: Callable[[float], None] = time.sleep


class Limiter:
    """Lets calls pass, at most so many in any window."""

    def __init__(self, name: str, meter: Meter, clocks: Clocks) -> None:
        self._name = name
        self._meter = meter
        self._clocks = clocks
        self._passed: deque[float] = deque()
        self._begun = False

    def wait(self, allowed: int, window_ms: int) -> None:
        """Return when the next call may go out; 0 allowed calls mean no limit.

        Raises RateLimited when other processes leave no call for a whole window; nothing was sent then.
        """
        if not allowed:
            return
        seconds = window_ms / 1000
        if not self._begun:
            self._begin(window_ms)
        while self._passed and self._passed[0] <= self._clocks.clock() - seconds:
            self._passed.popleft()
        if len(self._passed) >= allowed:
            self._pause(self._passed[-allowed] + seconds - self._clocks.clock())
        self._share(allowed, window_ms)
        self._passed.append(self._clocks.clock())

    def _begin(self, window_ms: int) -> None:
        """Take the calls of processes before this one, which may have ended a moment ago, as late as they can have been."""
        self._begun, now, clock = True, self._clocks.now(), self._clocks.clock()
        since = (now - window(now, window_ms)) / 1000
        for ago, at in ((window_ms, clock - since), (0, clock)):
            then = now - ago
            self._passed.extend([at] * self._meter.spent(self._counted(then, window_ms), window_ms=window_ms, now=then))

    def _counted(self, now: Instant, window_ms: int) -> str:
        """Return under which name a window is counted: two take turns, so that the one before is not forgotten yet."""
        return f"{self._name} {now // window_ms % 2}"

    def _share(self, allowed: int, window_ms: int) -> None:
        """Take a call from those that all processes share."""
        for _ in range(2):
            now = self._clocks.now()
            again = self._meter.take(self._counted(now, window_ms), 1, allowed=allowed, window_ms=window_ms, now=now)
            if again <= now:
                return
            self._pause(min(again - now, window_ms) / 1000)
        raise RateLimited("other processes of refsync use up the calls to HubSpot", retry_after=window_ms / 1000)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._clocks.sleep(seconds)


class Pace:
    """How many calls an interval allows, learnt from what HubSpot's replies say of the account."""

    def __init__(self, usual: int, *, fixed: bool = False) -> None:
        self.allowed = usual
        """Calls in an interval; 0: no limit."""
        self.interval_ms = 10_000
        self._usual = usual
        self._fixed = fixed

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the account's limit from a reply: half of it unless the number is fixed, and never more than is left.

        What is left of the interval falls below half when other apps call as well: then refsync steps back.
        """
        most, left, interval = (
            number(headers.get(f"x-hubspot-ratelimit-{name}")) for name in ("max", "remaining", "interval-milliseconds")
        )
        if not self._usual or most is None:
            return
        self.interval_ms = interval or self.interval_ms
        usual = self._usual if self._fixed else max(int(most * SHARE), 1)
        self.allowed = usual if left is None else max(min(usual, left), 1)


def number(text: str | None) -> int | None:
    """Return the number that a header holds, if it holds one."""
    return int(text) if text and text.isdecimal() else None
