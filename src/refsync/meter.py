"""Counting calls against a limit in fixed windows of time, alone or together with other processes.

The law: within a window, which begins at a multiple of its length since 1970, no more calls are counted than were allowed. What
is to happen when none is left (wait, or end the read as partial) is the caller's to decide: counting never waits for calls to
come free.
"""

from __future__ import annotations

from threading import Lock
from typing import Protocol

from refsync.model import Instant


class Meter(Protocol):
    """Counts the calls of one connection. May be used by several threads."""

    def take(self, limit: str, calls: int, *, allowed: int, window_ms: int, now: Instant) -> Instant:
        """Count so many calls against a limit and return `now`; or count nothing and return when to ask again.

        `limit` names what is counted (`hubspot searches`), `allowed` is how many calls a window of `window_ms` milliseconds may
        hold, `now` the caller's clock. Raises StoreError where the count is shared and the store cannot be used.
        """
        ...

    def spent(self, limit: str, *, window_ms: int, now: Instant) -> int:
        """Return how many calls were counted in the window that holds `now`; those that others hold ready count as well."""
        ...


class LocalMeter:
    """Counts the calls of this process alone."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, int], tuple[Instant, int]] = {}
        self._lock = Lock()

    def take(self, limit: str, calls: int, *, allowed: int, window_ms: int, now: Instant) -> Instant:
        """Count calls against a limit; see Meter."""
        with self._lock:
            begins, spent = window(now, window_ms), self._spent(limit, window_ms, now)
            if spent + calls > allowed:
                return begins + window_ms
            self._counted[limit, window_ms] = (begins, spent + calls)
            return now

    def spent(self, limit: str, *, window_ms: int, now: Instant) -> int:
        """Return the calls of this window."""
        with self._lock:
            return self._spent(limit, window_ms, now)

    def _spent(self, limit: str, window_ms: int, now: Instant) -> int:
        begins, spent = self._counted.get((limit, window_ms), (0, 0))
        return spent if begins == window(now, window_ms) else 0


def window(now: Instant, window_ms: int) -> Instant:
    """Return when the window began that holds this instant."""
    return now - now % window_ms
