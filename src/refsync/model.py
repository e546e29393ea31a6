"""The values that refsync speaks of: what a CRM holds, and the task it is to hold.

All are frozen. Ids are the CRM's own, compared exactly as given (18-character Salesforce ids that differ only by case are
different records). An `Instant` is an integer: milliseconds since 1970 in UTC. A plain date has no zone. `None` and an empty
text mean unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from refsync.errors import Place

Instant: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00Z."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Instant = 253_402_300_799_999
"""The end of the year 9999, after which nothing can be shown as a date."""


class Stream(StrEnum):
    """What a connector can read, in the order in which it is pulled: a record comes after those it points at."""

    USERS = "users"
    ACCOUNTS = "accounts"
    CONTACTS = "contacts"
    ACCOUNT_CONTACTS = "account_contacts"
    DEALS = "deals"
    DEAL_CONTACTS = "deal_contacts"
    INTRODUCTIONS = "introductions"
    CASES = "cases"
    ACTIVITIES = "activities"


class AccountStatus(StrEnum):
    CUSTOMER = "customer"
    PROSPECT = "prospect"
    FORMER = "former"


class DealStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class IntroductionStatus(StrEnum):
    """How far an introduction has come."""

    NEW = "new"
    NO_ANSWER = "no answer"
    IN_CONTACT = "in contact"
    MET = "met"
    WON = "won"
    LOST = "lost"
    DECLINED = "declined"


class ActivityKind(StrEnum):
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    NOTE = "note"
    MESSAGE = "message"
    TASK = "task"


class Direction(StrEnum):
    """Who began: `in` came from the customer."""

    IN = "in"
    OUT = "out"


class ActivityStatus(StrEnum):
    DONE = "done"
    """It took place, or will at `at` if nobody cancels it (a CRM that keeps no outcome says `done` for future meetings)."""
    PLANNED = "planned"
    """Nobody has confirmed that it took place."""
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of ours who can own records and tasks."""

    id: str
    name: str = ""
    email: str = ""
    active: bool = True
    """False for people who left and for system users, who must never get a task."""
    manager_id: str | None = None
    time_zone: str = ""
    """An IANA name such as `Europe/Berlin`; empty: the company's zone."""
    away_from: Instant | None = None
    away_until: Instant | None = None
    """Their present or next absence, as the CRM knows it: from the one instant to before the other; None: none is known."""
    custom: Mapping[str, str] = field(default_factory=dict)

    def is_away(self, start: Instant, end: Instant) -> bool:
        """Return whether they are away at `start`, and all the time to before `end`."""
        if self.away_from is None or self.away_until is None:
            return False
        return self.away_from <= start < self.away_until and end <= self.away_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A company we sell to."""

    id: str
    name: str = ""
    owner_id: str | None = None
    parent_id: str | None = None
    status: AccountStatus | None = None
    tier: str = ""
    industry: str = ""
    annual_revenue: float | None = None
    created_at: Instant | None = None
    do_not_contact: bool | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    """Further CRM fields by their CRM name, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at an account."""

    id: str
    account_id: str | None = None
    name: str = ""
    email: str = ""
    phone: str = ""
    title: str = ""
    owner_id: str | None = None
    created_at: Instant | None = None
    do_not_contact: bool | None = None
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountContact:
    """A further account that a person belongs to, beside the one of their own record. Ended ones are not kept."""

    id: str
    """The CRM's id of the link, or `account:contact` where links have none."""
    account_id: str
    contact_id: str
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A sale, open or decided."""

    id: str
    account_id: str | None = None
    name: str = ""
    stage: str = ""
    status: DealStatus | None = None
    amount: float | None = None
    currency: str = ""
    owner_id: str | None = None
    created_at: Instant | None = None
    closed_on: date | None = None
    """The day it was won or lost, a plain date; for an open deal the planned day, if the CRM keeps one."""
    referred_by_contact_id: str | None = None
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealContact:
    """The part a person has in a deal."""

    id: str
    """The CRM's id of the link, or `deal:contact:role` where links have none."""
    deal_id: str
    contact_id: str
    role: str = ""
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """Somebody whom a customer introduced to us."""

    id: str
    source_contact_id: str | None = None
    """The person who introduced them."""
    source_name: str = ""
    """The source's name where the CRM keeps no record of them."""
    person_name: str = ""
    """The one who was introduced."""
    person_contact_id: str | None = None
    """Their own record, once there is one."""
    account_id: str | None = None
    """The account of the source."""
    deal_id: str | None = None
    """The deal that came of it."""
    owner_id: str | None = None
    """Who of us received it."""
    status: IntroductionStatus | None = None
    status_since: Instant | None = None
    made_at: Instant | None = None
    kind: str = ""
    """`other division`, `peer elsewhere`, or the CRM's own word."""
    note: str = ""
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A support case."""

    id: str
    account_id: str | None = None
    subject: str = ""
    priority: str = ""
    status: str = ""
    escalated: bool = False
    opened_at: Instant | None = None
    closed_at: Instant | None = None
    """None while the case is open."""
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Activity:
    """Something that happened, or is to happen, between us and a customer. Also every task, anybody's.

    As little to be changed as the other records. It is not frozen because there are millions of them, and a frozen one takes
    nearly three times as long to make.
    """

    id: str
    kind: ActivityKind
    direction: Direction | None = None
    at: Instant | None = None
    """When it took place or is to take place: the start of a meeting, the due time of a task. A CRM that keeps only a day
    gives noon UTC of that day."""
    ended_at: Instant | None = None
    status: ActivityStatus | None = None
    automated: bool = False
    subject: str = ""
    owner_id: str | None = None
    account_id: str | None = None
    deal_id: str | None = None
    contact_ids: tuple[str, ...] = ()
    task_key: str = ""
    """Our own key, when refsync wrote this task: such a row is never a touch."""


Record: TypeAlias = User | Account | Contact | AccountContact | Deal | DealContact | Introduction | Case | Activity

RECORD_OF: Mapping[Stream, type[Record]] = MappingProxyType(
    {
        Stream.USERS: User,
        Stream.ACCOUNTS: Account,
        Stream.CONTACTS: Contact,
        Stream.ACCOUNT_CONTACTS: AccountContact,
        Stream.DEALS: Deal,
        Stream.DEAL_CONTACTS: DealContact,
        Stream.INTRODUCTIONS: Introduction,
        Stream.CASES: Case,
        Stream.ACTIVITIES: Activity,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that could not be read: kept with its reason, never silently dropped."""

    id: str
    reason: str
    raw: str = ""
    """The record as it came, as text."""
    place: Place | None = None


class TaskStatus(StrEnum):
    """What became of a task in the CRM."""

    OPEN = "open"
    SNOOZED = "snoozed"
    """A person put it off: it is still to be done."""
    DONE = "done"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as refsync wants a rep to see it."""

    key: str
    """64 hex digits, derived from CRM facts only; at most one task carries it."""
    rule: str
    subject: str
    text: str
    """Plain text; a connector whose CRM shows HTML escapes it."""
    do: str
    """call, email, handwritten note, meeting or to-do."""
    priority: str
    """urgent, high, normal or low."""
    due_on: date
    due_at: Instant
    """The end of the working hours of `due_on` in the rep's zone, for CRMs whose tasks are due at a time."""
    owner_id: str
    account_id: str | None = None
    contact_id: str | None = None
    deal_id: str | None = None


def instant(moment: datetime) -> Instant:
    """Return an aware datetime as an instant, milliseconds rounded down."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment(at: Instant) -> datetime:
    """Return an instant as an aware datetime in UTC."""
    return datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)


def iso(at: Instant) -> str:
    """Return an instant as `2024-03-01T10:00:00Z`, with milliseconds only where there are some.

    A run writes one for each lapse: worked out from whole numbers, that takes less than half the time of a datetime.
    """
    seconds, ms = divmod(at, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    text = f"{_day(days)}T{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{ms:03}Z" if ms else f"{text}Z"


@lru_cache(maxsize=36_525)  # of a century
def _day(number: int) -> str:
    return (EPOCH.date() + timedelta(days=number)).isoformat()


def parse_instant(text: str) -> Instant:
    """Return the instant of an ISO 8601 text with an offset.

    Raises ValueError for anything else, also for a time without an offset and for years before 1900 or after 9999.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an offset such as Z or +02:00 is missing")
    if found.year < 1900:
        raise ValueError("a year before 1900")
    at = instant(found)
    if at > LATEST:
        raise ValueError("later than the year 9999 in UTC")
    return at
