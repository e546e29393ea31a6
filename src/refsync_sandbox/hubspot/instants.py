"""Instants as HubSpot writes them, quickly: a page of a list shows 200, and a book holds millions."""

from __future__ import annotations

from functools import lru_cache

from refsync.model import Instant, iso

_DAY = 86_400_000


def shown(at: Instant) -> str:
    """Return the same as `iso(at)`, in half the time or less."""
    days, rest = divmod(at, _DAY)
    seconds, milliseconds = divmod(rest, 1000)
    time = _time(seconds)
    return f"{_day(days)}T{time}.{milliseconds:03}Z" if milliseconds else f"{_day(days)}T{time}Z"


@lru_cache(maxsize=8192)
def _day(days: int) -> str:
    return iso(days * _DAY)[:10]


@lru_cache(maxsize=86_400)
def _time(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"
