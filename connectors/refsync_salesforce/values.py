"""Single values out of Salesforce rows. Pure.

Law: a value that is not of its field's type raises `Unreadable` with the field's name; a missing or null one is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from refsync.model import Instant, iso

Row: TypeAlias = Mapping[str, Any]
Custom: TypeAlias = tuple[tuple[str, Callable[[Any], str]], ...]
"""Further fields to carry along, each with what makes a text of its value."""

YEARS = range(1900, 9000)
"""Years that a record can speak of; others are mistakes."""
LARGEST = 1e300

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NOON = 12 * 3_600_000
_EARLIEST, _LATEST = ((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND for year in (YEARS.start, YEARS.stop))


class Unreadable(ValueError):
    """A row is not as its object's rows are."""


def stamp(text: object) -> Instant:
    """Return the instant of `2020-10-22T21:03:23.000+0000` or another ISO text with an offset. Raises Unreadable."""
    try:
        at = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise Unreadable("not a time with an offset") from None
    if not _EARLIEST <= at < _LATEST:
        raise Unreadable("a time outside the years 1900 to 8999")
    return at


def as_text(type_: str) -> Callable[[Any], str]:
    """Return what makes a text of the values of a described field type."""
    match type_:
        case "datetime":
            return lambda value: iso(stamp(value))
        case "boolean":
            return lambda value: "true" if value is True else "false"
        case "double" | "currency" | "percent" | "int":
            return lambda value: str(int(value)) if float(value).is_integer() else repr(float(value))
        case _:
            return str


def custom_texts(row: Row, custom: Custom) -> dict[str, str]:
    """Return the further fields that have a value, as text."""
    found = {}
    for name, as_words in custom:
        if (value := row.get(name)) not in (None, ""):
            try:
                found[name] = as_words(value)
            except (ValueError, TypeError, OverflowError):
                raise Unreadable(f"{name} is not of the described type") from None
    return found


def record_id(row: Row) -> str:
    """Return the row's own id."""
    found = row.get("Id")
    if not isinstance(found, str) or not found:
        raise Unreadable("Id is missing")
    return found


def text(row: Row, name: str) -> str:
    """Return a text; empty when it is unknown."""
    value = row.get(name)
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise Unreadable(f"{name} is of the type {type(value).__name__} and not a text")


def reference(row: Row, name: str) -> str | None:
    """Return the id of another record."""
    return text(row, name) or None


def flag(row: Row, name: str) -> bool | None:
    """Return the value of a checkbox."""
    value = row.get(name)
    if value is None or value is True or value is False:
        return value
    raise Unreadable(f"{name} is neither true nor false")


def any_of(flags: Iterable[bool | None]) -> bool | None:
    """Return whether one of the known flags is set; None when none is known."""
    known = [one for one in flags if one is not None]
    return any(known) if known else None


def number(row: Row, name: str) -> float | None:
    """Return a number of any kind."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return float(value)
    raise Unreadable(f"{name} is not a number")


def time(row: Row, name: str) -> Instant | None:
    """Return the instant of a time."""
    value = row.get(name)
    if value is None:
        return None
    try:
        return stamp(value)
    except Unreadable as error:
        raise Unreadable(f"{name}: {error}") from None


def day(row: Row, name: str) -> date | None:
    """Return a plain date."""
    value = row.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise Unreadable(f"{name} is not a date such as 2024-03-01") from None


def noon(row: Row, name: str) -> Instant | None:
    """Return noon UTC of a plain date: a day has no zone."""
    found = day(row, name)
    if found is None:
        return None
    if found.year not in YEARS:
        raise Unreadable(f"{name} is outside the years 1900 to 8999")
    return (found.toordinal() - _EPOCH.toordinal()) * 86_400_000 + _NOON
