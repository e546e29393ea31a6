"""What a portal does by itself later: tasks move their own modified date.

Law: a task moves half a second after it was created, and once more when it falls due and is not done (recorded lists show 0.3 to
0.9 s). Nothing is late: whoever calls next finds it done, with the time at which it was due.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from refsync.model import Instant

ECHO = 500
"""Milliseconds after its creation at which HubSpot touches a task once more."""


class Agenda:
    """Times at which tasks may have to be touched."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Instant, int]] = []

    def add(self, at: Instant, task: int) -> None:
        """Look at a task again at a time; one that turns out to be wrong does no harm."""
        heapq.heappush(self._waiting, (at, task))

    def due(self, now: Instant) -> Iterator[tuple[Instant, int]]:
        """Yield what is due, earliest first, and forget it."""
        while self._waiting and self._waiting[0][0] <= now:
            yield heapq.heappop(self._waiting)
