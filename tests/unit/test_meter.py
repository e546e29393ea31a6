"""Calls are counted in fixed windows."""

from __future__ import annotations

from refsync.meter import LocalMeter


def test_a_window_holds_no_more_than_is_allowed() -> None:
    """Calls pass until the window is full; then the meter says when the next one begins, and counts nothing."""
    meter = LocalMeter()
    asked = [meter.take("calls", 2, allowed=5, window_ms=1000, now=at) for at in (3000, 3001, 3999, 4000)]

    assert [3000, 3001, 4000, 4000] == asked
    assert (0, 2) == (meter.spent("calls", window_ms=1000, now=3999), meter.spent("calls", window_ms=1000, now=4999))


def test_limits_are_counted_apart() -> None:
    """Two limits, and two windows of one limit, do not share their calls."""
    meter = LocalMeter()
    for limit, window_ms in (("calls", 1000), ("calls", 86_400_000), ("searches", 1000)):
        assert 5 == meter.take(limit, 1, allowed=1, window_ms=window_ms, now=5)


def test_a_smaller_limit_counts_at_once() -> None:
    """When fewer calls are allowed than before, those that were counted stay counted."""
    meter = LocalMeter()
    meter.take("calls", 3, allowed=10, window_ms=1000, now=0)

    assert (1000, 3) == (
        meter.take("calls", 1, allowed=3, window_ms=1000, now=1),
        meter.spent("calls", window_ms=1000, now=1),
    )
