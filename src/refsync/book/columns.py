"""What the files of a book hold, and how a cell becomes a value and back.

Law: what `show` writes, `read` reads back as the same value; an empty cell is always "unknown" and never reaches `read`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from refsync.errors import did_you_mean
from refsync.model import (
    AccountStatus,
    ActivityKind,
    ActivityStatus,
    DealStatus,
    Direction,
    Instant,
    IntroductionStatus,
    Stream,
    iso,
    parse_instant,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class BadCell(ValueError):
    """The cell does not hold what its column must hold."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Kind:
    """How the cells of a column are read (raising BadCell) and written."""

    read: Callable[[str], Any] | None
    """None: the text itself."""
    show: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    required: bool = False
    """Whether an empty cell sets the row aside."""
    leads_to: Stream | None = None
    """The stream whose ids the cell holds."""
    clears: bool = False
    """Whether a link to nowhere is emptied with a warning; otherwise the row is set aside."""
    optional: bool = False
    """Whether a file may do without it: nothing is known of it, then."""


def _instant(text: str) -> Instant:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None and 1900 < found.year < 9999:
            return (found - _EPOCH) // _MILLISECOND
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise BadCell(f'"{text}" is no instant such as 2024-03-01T10:00:00Z ({_first_line(error)})') from None


def _show_instant(at: Instant) -> str:
    """Return `iso(at)`, quickly for whole seconds."""
    days, rest = divmod(at, 86_400_000)
    if rest % 1000:
        return iso(at)
    minutes, seconds = divmod(rest // 1000, 60)
    return f"{_show_day(days)}T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z"


@lru_cache(maxsize=4096)
def _show_day(days: int) -> str:
    return (_EPOCH.date() + timedelta(days=days)).isoformat()


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadCell(f'"{text}" is no date such as 2024-03-01 ({_first_line(error)})') from None
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise BadCell(f'"{text}" is no date such as 2024-03-01', f'did you mean "{found.isoformat()}"?')
    if found.year < 1900:
        raise BadCell(f'"{text}" is a year before 1900')
    return found


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        raise BadCell(f'"{text}" is no number such as 1250000 or 99.5') from None
    if "_" in text or not math.isfinite(found):
        raise BadCell(f'"{text}" is no number such as 1250000 or 99.5')
    return found


class _YesNo(dict[str, bool]):
    def __missing__(self, text: str) -> bool:
        if (found := self.get(text.lower())) is None:
            raise BadCell(f'"{text}" is neither true nor false')
        return found


def _ids(text: str) -> tuple[str, ...]:
    if ";" not in text:
        return (text,)
    return tuple(dict.fromkeys(part for part in text.split(";") if part))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class _Words(dict[str, StrEnum]):
    """The words of an enumeration; a lookup costs no call of ours unless the word is unknown."""

    def __missing__(self, text: str) -> StrEnum:
        raise BadCell(f'"{text}" is none of {", ".join(self)}', did_you_mean(text.strip().lower(), self))


def _words(enum: type[StrEnum]) -> Kind:
    return Kind(_Words({word.value: word for word in enum}).__getitem__, str)


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


TEXT = Kind(None, str)
INSTANT = Kind(_instant, _show_instant)
DATE = Kind(_date, date.isoformat)
NUMBER = Kind(_number, _plain)
YES_NO = Kind(_YesNo(true=True, false=False).__getitem__, lambda yes: "true" if yes else "false")
IDS = Kind(_ids, ";".join)


def _link(name: str, leads_to: Stream, *, required: bool = False) -> Column:
    return Column(name, TEXT, required=required, leads_to=leads_to)


def _hint(name: str, leads_to: Stream) -> Column:
    return Column(name, TEXT, leads_to=leads_to, clears=True)


_ID = Column("id", TEXT, required=True)
_NAME = Column("name", TEXT)
_OWNER = _hint("owner_id", Stream.USERS)
_ACCOUNT = _link("account_id", Stream.ACCOUNTS)
_CREATED = Column("created_at", INSTANT)
_OPTED_OUT = Column("do_not_contact", YES_NO)

LAYOUT: Mapping[Stream, tuple[Column, ...]] = MappingProxyType(
    {
        Stream.USERS: (
            _ID,
            _NAME,
            Column("email", TEXT),
            Column("active", YES_NO),
            _hint("manager_id", Stream.USERS),
            Column("time_zone", TEXT),
            Column("away_from", INSTANT, optional=True),
            Column("away_until", INSTANT, optional=True),
        ),
        Stream.ACCOUNTS: (
            _ID,
            _NAME,
            _OWNER,
            _hint("parent_id", Stream.ACCOUNTS),
            Column("status", _words(AccountStatus)),
            Column("tier", TEXT),
            Column("industry", TEXT),
            Column("annual_revenue", NUMBER),
            _CREATED,
            _OPTED_OUT,
        ),
        Stream.CONTACTS: (
            _ID,
            _ACCOUNT,
            _NAME,
            Column("email", TEXT),
            Column("phone", TEXT),
            Column("title", TEXT),
            _OWNER,
            _CREATED,
            _OPTED_OUT,
        ),
        Stream.ACCOUNT_CONTACTS: (
            _ID,
            _link("account_id", Stream.ACCOUNTS, required=True),
            _link("contact_id", Stream.CONTACTS, required=True),
            Column("role", TEXT),
        ),
        Stream.DEALS: (
            _ID,
            _ACCOUNT,
            _NAME,
            Column("stage", TEXT),
            Column("status", _words(DealStatus)),
            Column("amount", NUMBER),
            Column("currency", TEXT),
            _OWNER,
            _CREATED,
            Column("closed_on", DATE),
            _hint("referred_by_contact_id", Stream.CONTACTS),
        ),
        Stream.DEAL_CONTACTS: (
            _link("deal_id", Stream.DEALS, required=True),
            _link("contact_id", Stream.CONTACTS, required=True),
            Column("role", TEXT),
            Column("is_primary", YES_NO),
        ),
        Stream.INTRODUCTIONS: (
            _ID,
            _hint("source_contact_id", Stream.CONTACTS),
            Column("source_name", TEXT),
            Column("person_name", TEXT),
            _hint("person_contact_id", Stream.CONTACTS),
            _ACCOUNT,
            _hint("deal_id", Stream.DEALS),
            _OWNER,
            Column("status", _words(IntroductionStatus)),
            Column("status_since", INSTANT),
            Column("made_at", INSTANT),
            Column("kind", TEXT),
            Column("note", TEXT),
        ),
        Stream.CASES: (
            _ID,
            _ACCOUNT,
            Column("subject", TEXT),
            Column("priority", TEXT),
            Column("status", TEXT),
            Column("escalated", YES_NO),
            Column("opened_at", INSTANT),
            Column("closed_at", INSTANT),
        ),
        Stream.ACTIVITIES: (
            _ID,
            Column("kind", _words(ActivityKind), required=True),
            Column("direction", _words(Direction)),
            Column("at", INSTANT),
            Column("ended_at", INSTANT),
            Column("status", _words(ActivityStatus)),
            Column("automated", YES_NO),
            Column("subject", TEXT),
            _OWNER,
            _ACCOUNT,
            _link("deal_id", Stream.DEALS),
            Column("contact_ids", IDS, leads_to=Stream.CONTACTS),
        ),
    }
)
"""The columns of each stream's file, in the order in which they are written."""

COLUMNS: Mapping[Stream, tuple[str, ...]] = MappingProxyType(
    {stream: tuple(column.name for column in columns) for stream, columns in LAYOUT.items()}
)
"""The names of the columns that each stream's file has."""

NEEDED: Mapping[Stream, tuple[str, ...]] = MappingProxyType(
    {stream: tuple(column.name for column in columns if not column.optional) for stream, columns in LAYOUT.items()}
)
"""The names of those without which it cannot be read."""

WITHOUT_CUSTOM: frozenset[Stream] = frozenset({Stream.ACCOUNT_CONTACTS, Stream.DEAL_CONTACTS, Stream.ACTIVITIES})
"""Streams whose records keep no further fields."""


def file_name(stream: Stream) -> str:
    """Return the name of a stream's file in the folder."""
    return f"{stream.value}.csv"
