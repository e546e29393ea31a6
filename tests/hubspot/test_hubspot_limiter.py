"""The limits are kept in any stretch of time; cursors survive storing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.errors import UnexpectedReply
from refsync_hubspot.cursor import Listing, Seen, State, Window, dumped, loaded
from refsync_hubspot.limiter import Limiter

INSTANTS = st.integers(0, 4_000_000_000_000)
STATES: st.SearchStrategy[State] = st.one_of(
    st.builds(Listing, start=INSTANTS, after=st.one_of(st.none(), st.text(), st.integers(0, 2**53))),
    st.builds(Window, lower=INSTANTS, upper=INSTANTS, last=st.text("0123456789")),
    st.builds(Seen, upper=INSTANTS),
)


@given(calls=st.integers(1, 5), pauses=st.lists(st.floats(0, 3), max_size=40))
def test_never_more_than_so_many_calls_in_any_stretch(calls: int, pauses: list[float]) -> None:
    """Whatever the pauses between calls, no window of a second holds more than allowed."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    limiter = Limiter(calls, 1.0, clock=lambda: now[0], sleep=sleep)
    times = []
    for pause in pauses:
        now[0] += pause
        limiter.wait()
        times.append(now[0])

    assert all(later - earlier >= 1 - 1e-9 for earlier, later in zip(times, times[calls:], strict=False))


def test_no_limit_never_waits(ticking: Any) -> None:
    """0 calls mean no limit."""
    limiter = Limiter(0, 10, clock=ticking, sleep=ticking.sleep)
    for _ in range(1000):
        limiter.wait()

    assert ticking.slept == []


@given(st.dictionaries(st.sampled_from(["calls", "emails", "tasks"]), STATES))
def test_states_come_back_as_they_were_stored(states: dict[str, State]) -> None:
    """A stored cursor gives the same states."""
    assert states == loaded(dumped(states))


@pytest.mark.parametrize("text", ["", "[]", "x", '{"calls": {"in": "nowhere"}}', '{"calls": {"in": "seen", "lower": 1}}'])
def test_foreign_cursor_is_refused(text: str) -> None:
    """A text that is no cursor of ours is not read as "from the beginning"."""
    with pytest.raises(UnexpectedReply):
        loaded(text)
