"""The values that refsync speaks of: instants as texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.model import LATEST, instant, iso, moment, parse_instant

FIRST = instant(datetime(1900, 1, 1, tzinfo=UTC))


@given(st.integers(FIRST, LATEST))
def test_an_instant_is_written_as_the_datetime_it_is(at: int) -> None:
    """From 1900 to 9999, before 1970 too, the text is Python's own, and reads back as the same instant."""
    text = moment(at).isoformat(timespec="milliseconds" if at % 1000 else "seconds")

    assert iso(at) == text.replace("+00:00", "Z")
    assert parse_instant(iso(at)) == at


@pytest.mark.parametrize("at", [-1, 0, 999, 1000, FIRST, LATEST, 951_782_399_999, 951_782_400_000])
def test_the_edges_of_seconds_days_and_ages(at: int) -> None:
    """A millisecond before 1970, the ends of a second, of the first and the last day, and of February 28, 2000."""
    assert instant(datetime.fromisoformat(iso(at))) == at
