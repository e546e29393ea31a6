"""When a task was written, as far as its due day tells."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from refsync.calendar import Calendar, Duration, Unit
from refsync.model import instant
from refsync.store.tasks.adoption import written_at

FRIDAY = date(2026, 11, 20)
CALENDAR = Calendar(zone="UTC")


@pytest.mark.parametrize(("today", "written"), [(0, 0), (1, 1), (2, 2), (3, 2), (10, 2)])
def test_task_of_a_weekend_counts_for_its_latest_day(today: int, written: int) -> None:
    """Friday, Saturday and Sunday lead to one due day: of those that have come, the latest is meant, so that caps hold."""
    now = instant(datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=today))
    expected = CALENDAR.midnight(FRIDAY + timedelta(days=written))

    assert expected == written_at(date(2026, 11, 25), Duration(3, Unit.BUSINESS_DAYS), CALENDAR, now)


def test_task_due_in_hours_was_written_on_its_day() -> None:
    """Hours tell no other day than the due day itself."""
    now = instant(datetime(2026, 11, 27, 12, tzinfo=UTC))

    assert CALENDAR.midnight(FRIDAY) == written_at(FRIDAY, Duration(4, Unit.HOURS), CALENDAR, now)
