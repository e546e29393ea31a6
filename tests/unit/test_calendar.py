"""Days as a company counts them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.calendar import Calendar, Duration, Unit, at_hour, parse_duration, unknown_holidays
from refsync.model import instant, iso, parse_instant

BERLIN = Calendar(zone="Europe/Berlin", holidays=("DE-BY",), closed=frozenset({date(2026, 12, 24)}))


def at(text: str) -> int:
    return parse_instant(text)


def test_cut_off_is_local_midnight() -> None:
    """The day 90 days ago counts as within, at any hour of it, in the company's zone."""
    assert at("2026-08-21T22:00:00Z") == BERLIN.ago(at("2026-11-20T23:30:00+01:00"), Duration(90, Unit.DAYS))


def test_hours_are_counted_from_now() -> None:
    """Hours are exact, unlike days."""
    assert at("2026-11-20T03:00:00Z") == BERLIN.ago(at("2026-11-20T09:00:00Z"), Duration(6, Unit.HOURS))


@pytest.mark.parametrize(
    ("day", "length", "back"),
    [
        (date(2026, 3, 31), Duration(1, Unit.MONTHS), date(2026, 2, 28)),
        (date(2024, 2, 29), Duration(1, Unit.YEARS), date(2023, 2, 28)),
        (date(2026, 11, 20), Duration(2, Unit.WEEKS), date(2026, 11, 6)),
        (date(2026, 11, 23), Duration(1, Unit.BUSINESS_DAYS), date(2026, 11, 20)),
    ],
)
def test_back(day: date, length: Duration, back: date) -> None:
    """Months and years clamp to the end of the month; business days skip the weekend."""
    assert back == BERLIN.back(day, length)


def test_holidays_and_closed_days_are_not_worked() -> None:
    """Business days skip public holidays of the subdivision and the company's own closed days."""
    assert date(2026, 12, 28) == BERLIN.ahead(date(2026, 12, 23), Duration(1, Unit.BUSINESS_DAYS))


def test_due_falls_on_a_working_day() -> None:
    """A due day that is none moves to the next working day."""
    assert date(2026, 11, 23) == BERLIN.due(at("2026-11-20T09:00:00Z"), Duration(1, Unit.DAYS))


def test_midnight_over_a_clock_change() -> None:
    """Local midnight follows summer time."""
    assert "2026-10-24T22:00:00Z" == iso(BERLIN.midnight(date(2026, 10, 25)))
    assert "2026-10-25T23:00:00Z" == iso(BERLIN.midnight(date(2026, 10, 26)))


def test_hour_of_a_day_in_the_reps_zone() -> None:
    """Five in the evening in New York is ten in UTC in winter."""
    assert "2026-11-20T22:00:00Z" == iso(at_hour(date(2026, 11, 20), time(17), "America/New_York"))


@pytest.mark.parametrize("text", ["90", "days", "ninety days", "-3 days", "3 fortnights", "999999 days", "1.5 days"])
def test_what_is_no_duration(text: str) -> None:
    """Anything but a whole number and a known unit is refused."""
    with pytest.raises(ValueError, match=r"duration|too long"):
        parse_duration(text)


@given(st.builds(Duration, st.integers(0, 9999), st.sampled_from(Unit)))
def test_durations_round_trip(length: Duration) -> None:
    """What a duration says is read as that duration."""
    assert length == parse_duration(str(length))


def test_unknown_holidays_are_named() -> None:
    """Countries without known holidays are found out."""
    assert ["Atlantis"] == unknown_holidays(["DE-BY", "Atlantis"])


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 400),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_within_is_by_local_day(moment: datetime, days: int, zone: str) -> None:
    """An instant is within the last N days exactly when its local day is no more than N days before today."""
    calendar, now = Calendar(zone=zone), instant(moment)
    cut_off = calendar.ago(now, Duration(days, Unit.DAYS))

    assert days == (calendar.day(now) - calendar.day(cut_off)).days
    assert days + 1 == (calendar.day(now) - calendar.day(cut_off - 1)).days
