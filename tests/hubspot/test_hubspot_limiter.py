"""The limits are kept in any stretch of time, by all processes together, and follow what HubSpot says of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.errors import RateLimited
from refsync.meter import LocalMeter
from refsync.model import Instant
from refsync_hubspot.budget import Budget, BudgetSpent
from refsync_hubspot.limiter import Clocks, Limiter, Pace


class Passing:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def limiter(self, meter: LocalMeter) -> Limiter:
        return Limiter("calls", meter, Clocks(clock=lambda: self.at, now=self.now, sleep=self.sleep))

    def now(self) -> Instant:
        return round(self.at * 1000)

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@given(calls=st.integers(1, 5), pauses=st.lists(st.floats(0, 3), max_size=40))
def test_never_more_than_so_many_calls_in_any_stretch(calls: int, pauses: list[float]) -> None:
    """Whatever the pauses between calls, no window of a second holds more than allowed."""
    time = Passing()
    limiter, times = time.limiter(LocalMeter()), []
    for pause in pauses:
        time.at += pause
        limiter.wait(calls, 1000)
        times.append(time.at)

    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(times, times[calls:], strict=False))


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0, 0.5)), max_size=60))
def test_two_processes_share_the_calls_of_a_window(turns: list[tuple[int, float]]) -> None:
    """Two limiters on one meter never pass more in a window than is allowed for both."""
    time, meter = Passing(), LocalMeter()
    limiters = [time.limiter(meter), time.limiter(meter)]
    passed = Counter[int]()
    for which, pause in turns:
        time.at += pause
        limiters[which].wait(3, 1000)
        passed[time.now() // 1000] += 1

    assert all(count <= 3 for count in passed.values())


@given(calls=st.integers(1, 5), lives=st.lists(st.lists(st.floats(0, 0.7), min_size=1, max_size=8), max_size=8))
def test_restarts_leave_no_stretch_with_more_calls(calls: int, lives: list[list[float]]) -> None:
    """Whoever begins counts the calls of whoever ended a moment ago: no stretch holds more than allowed, however many began."""
    time, meter, times = Passing(), LocalMeter(), list[float]()
    for pauses in lives:
        limiter = time.limiter(meter)
        for pause in pauses:
            time.at += pause
            limiter.wait(calls, 1000)
            times.append(time.at)

    assert all(later - earlier >= 1 - 1e-2 for earlier, later in zip(times, times[calls:], strict=False))


def test_no_call_left_by_other_processes_is_said_so() -> None:
    """When others take every call of two windows, nothing is sent and the run is told to wait."""
    time, meter = Passing(), LocalMeter()
    limiter = Limiter("calls", meter, Clocks(clock=lambda: time.at, now=lambda: 0, sleep=time.sleep))
    meter.take("calls 0", 3, allowed=3, window_ms=1000, now=0)

    with pytest.raises(RateLimited):
        limiter.wait(3, 1000)


def test_no_limit_never_waits(ticking: Any) -> None:
    """0 calls mean no limit."""
    limiter = Limiter("calls", LocalMeter(), ticking.clocks)
    for _ in range(1000):
        limiter.wait(0, 10_000)

    assert ticking.slept == []


def told(most: int, left: int | None = None, interval: int = 10_000) -> dict[str, str]:
    """Return the headers in which HubSpot tells its limit."""
    headers = {"x-hubspot-ratelimit-max": str(most), "x-hubspot-ratelimit-interval-milliseconds": str(interval)}
    return headers if left is None else headers | {"x-hubspot-ratelimit-remaining": str(left)}


@pytest.mark.parametrize(
    ("usual", "fixed", "headers", "allowed"),
    [
        (50, False, {}, 50),
        (50, False, told(190), 95),
        (50, False, told(190, 150), 95),
        (50, False, told(190, 30), 30),
        (50, False, told(190, 0), 1),
        (50, False, told(1), 1),
        (20, True, told(190, 150), 20),
        (20, True, told(190, 5), 5),
        (0, False, told(190, 5), 0),
        (50, False, {"x-hubspot-ratelimit-max": "many"}, 50),
    ],
)
def test_pace_follows_what_hubspot_says(usual: int, fixed: bool, headers: dict[str, str], allowed: int) -> None:
    """Half of the account's calls unless a number was chosen, and never more than are left of the interval."""
    pace = Pace(usual, fixed=fixed)
    pace.learn(headers)

    assert allowed == pace.allowed


def test_pace_rises_again() -> None:
    """A low remainder slows refsync down only as long as it lasts."""
    pace = Pace(50)
    pace.learn(told(100, 3, interval=5000))
    low = pace.allowed
    pace.learn(told(100, 90, interval=5000))

    assert (3, 50, 5000) == (low, pace.allowed, pace.interval_ms)


def budget(time: Passing, meter: LocalMeter, chosen: int = 0, *, watches_failures: bool = False) -> Budget:
    """Return a budget on this clock."""
    return Budget(chosen, meter, now=time.now, watches_failures=watches_failures)


def stops(budget: Budget) -> tuple[bool, bool]:
    """Return whether reading and writing stop."""
    found = []
    for writing in (False, True):
        try:
            budget.check(writing=writing)
            found.append(False)
        except BudgetSpent:
            found.append(True)
    return found[0], found[1]


@pytest.mark.parametrize(
    ("used", "expected"), [(799, (False, False)), (800, (True, False)), (949, (True, False)), (950, (True, True))]
)
def test_day_of_the_account(used: int, expected: tuple[bool, bool]) -> None:
    """Reading stops at 80 % of the day's calls, writing at 95 %, as HubSpot counts them; with midnight both go on."""
    time = Passing()
    found = budget(time, LocalMeter())
    found.learn({"x-hubspot-ratelimit-daily": "1000", "x-hubspot-ratelimit-daily-remaining": str(1000 - used)}, lambda: 60.0)
    before = stops(found)
    time.at += 61

    assert (expected, (False, False)) == (before, stops(found))


def test_share_of_the_day_is_counted_for_all_processes() -> None:
    """A connection's own share of the day counts the calls of every process."""
    time, meter = Passing(), LocalMeter()
    mine, other = (budget(time, meter, 10) for _ in range(2))
    for each in (mine, other):
        for _ in range(4):
            each.count()

    assert (True, False) == stops(mine)


def test_too_many_failed_calls_stop_reading() -> None:
    """When one call in twenty of a day fails, reading stops and says so; of few calls no share means anything."""
    time, meter = Passing(), LocalMeter()
    found = budget(time, meter, watches_failures=True)
    for n in range(6000):
        found.count()
        if n < 300:
            found.count_failure()
    early = stops(found)
    found.count_failure()

    assert ((False, False), (True, False)) == (early, stops(found))
