"""Date literals such as TODAY, LAST_N_DAYS:30 or THIS_YEAR: which days they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import TypeAlias

Days: TypeAlias = tuple[date, date]
"""The first day and the day after the last."""


def _month(today: date, shift: int) -> Days:
    first = _first_of_month(today.year * 12 + today.month - 1 + shift)
    return first, _first_of_month(first.year * 12 + first.month)


def _first_of_month(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def _year(today: date, shift: int) -> Days:
    return date(today.year + shift, 1, 1), date(today.year + shift + 1, 1, 1)


def _week(today: date, shift: int) -> Days:
    sunday = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=shift)
    return sunday, sunday + timedelta(weeks=1)


def _day(today: date, shift: int) -> Days:
    return today + timedelta(days=shift), today + timedelta(days=shift + 1)


_PLAIN: Mapping[str, Callable[[date], Days]] = MappingProxyType(
    {
        "TODAY": lambda today: _day(today, 0),
        "YESTERDAY": lambda today: _day(today, -1),
        "TOMORROW": lambda today: _day(today, 1),
        "THIS_WEEK": lambda today: _week(today, 0),
        "LAST_WEEK": lambda today: _week(today, -1),
        "NEXT_WEEK": lambda today: _week(today, 1),
        "THIS_MONTH": lambda today: _month(today, 0),
        "LAST_MONTH": lambda today: _month(today, -1),
        "NEXT_MONTH": lambda today: _month(today, 1),
        "THIS_YEAR": lambda today: _year(today, 0),
        "LAST_YEAR": lambda today: _year(today, -1),
        "NEXT_YEAR": lambda today: _year(today, 1),
    }
)
_COUNTED: Mapping[str, Callable[[date, int], Days]] = MappingProxyType(
    {
        "LAST_N_DAYS": lambda today, n: (today - timedelta(days=n), today + timedelta(days=1)),
        "NEXT_N_DAYS": lambda today, n: (today + timedelta(days=1), today + timedelta(days=n + 1)),
        "N_DAYS_AGO": lambda today, n: _day(today, -n),
    }
)


def days_of(word: str, today: date) -> Days | None:
    """Return the days of a date literal in capitals, None when there is no such literal. Weeks begin on Sunday."""
    name, _, number = word.partition(":")
    if number:
        counted = _COUNTED.get(name)
        return counted(today, int(number)) if counted else None
    plain = _PLAIN.get(name)
    return plain(today) if plain else None
