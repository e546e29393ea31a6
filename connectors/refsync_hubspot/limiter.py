"""How often HubSpot may be called: never more than so many calls in any stretch of so many seconds.

The clock and the sleep are handed in. HubSpot counts general calls in 10 seconds, and searches, apart from them, in one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Limiter:
    """Lets at most `calls` pass in any `seconds`; 0 calls mean no limit."""

    def __init__(self, calls: int, seconds: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._passed: deque[float] = deque(maxlen=calls)

    def wait(self) -> None:
        """Return when the next call may go out."""
        if not self._passed.maxlen:
            return
        if len(self._passed) == self._passed.maxlen and (left := self._passed[0] + self._seconds - self._clock()) > 0:
            self._sleep(left)
        self._passed.append(self._clock())
