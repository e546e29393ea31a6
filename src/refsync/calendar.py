"""Days as a company counts them: cut-offs, working days, due times. Pure; `now` is an argument.

"90 days ago" is a calendar day, not 90 x 24 hours: its cut-off is local midnight in the company's zone, so that a touch at any
hour of that day counts as within.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays as public_holidays

from refsync.model import Instant, instant, moment

MS_PER_HOUR = 3_600_000


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time as people say it: 90 days, 2 business days, 6 months."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        unit = self.unit.value
        return f"{self.count} {unit[:-1] if self.count == 1 else unit}"


def parse_duration(text: str) -> Duration:
    """Return the duration of `90 days`, `1 business day`, `2 years`. Raises ValueError for anything else."""
    count, _, unit = text.strip().partition(" ")
    name = unit.strip() if unit.strip().endswith("s") else unit.strip() + "s"
    if not count.isdecimal() or name not in set(Unit):
        raise ValueError(f'"{text}" is not a duration such as "90 days", "5 business days" or "2 years"')
    if len(count) > 5:
        raise ValueError(f'"{text}" is too long')
    return Duration(int(count), Unit(name))


@dataclass(frozen=True)
class Calendar:
    """The days of one company in its own time zone."""

    zone: str = "UTC"
    working_days: frozenset[int] = frozenset(range(5))
    """Weekdays, Monday = 0."""
    holidays: tuple[str, ...] = ()
    """Countries or subdivisions such as `DE` or `DE-BY`, whose public holidays are not worked."""
    closed: frozenset[date] = field(default_factory=frozenset)
    """Further days on which the company is closed."""

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def day(self, at: Instant) -> date:
        """Return the local day of an instant."""
        return moment(at).astimezone(self.tz).date()

    def midnight(self, day: date) -> Instant:
        """Return the instant at which a local day begins."""
        return instant(datetime.combine(day, time(), self.tz))

    def end(self, day: date) -> Instant:
        """Return the instant at which a local day is over."""
        return self.midnight(day + timedelta(days=1))

    def is_working(self, day: date) -> bool:
        return day.weekday() in self.working_days and day not in self.closed and not self._is_holiday(day)

    def back(self, day: date, length: Duration) -> date:
        """Return the day that lies `length` before; months and years clamp to the end of the month."""
        return self._moved(day, length, -1)

    def ahead(self, day: date, length: Duration) -> date:
        """Return the day that lies `length` after; months and years clamp to the end of the month."""
        return self._moved(day, length, 1)

    def ago(self, now: Instant, length: Duration) -> Instant:
        """Return the cut-off of "in the last <length>": the first instant that still counts as within."""
        if length.unit is Unit.HOURS:
            return now - length.count * MS_PER_HOUR
        return self.midnight(self.back(self.day(now), length))

    def until(self, now: Instant, length: Duration) -> Instant:
        """Return the first instant that no longer counts as "in the next <length>"."""
        if length.unit is Unit.HOURS:
            return now + length.count * MS_PER_HOUR
        return self.end(self.ahead(self.day(now), length))

    def due(self, now: Instant, length: Duration) -> date:
        """Return the working day on which something is due `length` from now; today may be no working day."""
        day = self.day(now + length.count * MS_PER_HOUR) if length.unit is Unit.HOURS else self.ahead(self.day(now), length)
        while not self.is_working(day):
            day += timedelta(days=1)
        return day

    def _moved(self, day: date, length: Duration, sign: int) -> date:
        match length.unit:
            case Unit.BUSINESS_DAYS:
                return self._business(day, length.count, sign)
            case Unit.MONTHS | Unit.YEARS:
                months = length.count * (12 if length.unit is Unit.YEARS else 1)
                index = day.year * 12 + day.month - 1 + sign * months
                year, month = divmod(index, 12)
                if year < 1:
                    return date.min
                return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
            case Unit.HOURS:
                raise ValueError("hours are counted from an instant, not from a day")
            case Unit.DAYS | Unit.WEEKS:
                return day + timedelta(days=sign * length.count * (7 if length.unit is Unit.WEEKS else 1))

    def _business(self, day: date, count: int, sign: int) -> date:
        begun = day, count, sign
        if begun not in self._counted:
            while count:
                day += timedelta(days=sign)
                count -= self.is_working(day)
            self._counted[begun] = day
        return self._counted[begun]

    @cached_property
    def _counted(self) -> dict[tuple[date, int, int], date]:
        """Where a count of working days led: a run asks the same of thousands of tasks."""
        return {}

    def _is_holiday(self, day: date) -> bool:
        return any(day in known for known in self._public)

    @cached_property
    def _public(self) -> tuple[public_holidays.HolidayBase, ...]:
        return tuple(_public_holidays(name) for name in self.holidays)


def _public_holidays(name: str) -> public_holidays.HolidayBase:
    country, _, subdivision = name.partition("-")
    return public_holidays.country_holidays(country, subdiv=subdivision or None)


def unknown_holidays(names: Iterable[str]) -> list[str]:
    """Return those names that are no country or subdivision with known public holidays."""
    unknown = []
    for name in names:
        try:
            _public_holidays(name)
        except NotImplementedError:
            unknown.append(name)
    return unknown


def at_hour(day: date, hour: time, zone: str) -> Instant:
    """Return the instant of a local hour on a day; an hour that a DST night skips becomes the one after it."""
    return instant(datetime.combine(day, hour, ZoneInfo(zone)).astimezone(UTC))
