"""What there is in a small world of customers: activities, people, deals, introductions, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An activity."""

    kind: str
    direction: str | None = None
    status: str | None = "done"
    at: datetime | None = None
    automated: bool = False
    account: str | None = None
    deal: str | None = None
    owner: str | None = None
    people: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """A user."""

    id: str
    name: str
    active: bool
    manager: str | None


@dataclass(frozen=True, kw_only=True)
class Customer:
    """An account in its group."""

    id: str
    name: str = ""
    parent: str | None = None
    owner: str | None = None
    status: str | None = None
    tier: str = ""
    industry: str = ""
    revenue: float | None = None
    created: datetime | None = None
    do_not_contact: bool | None = None
    custom: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Human:
    id: str
    account: str | None
    title: str = ""
    opted_out: bool | None = None
    created: datetime | None = None
    parts: tuple[tuple[str, str], ...] = ()
    """Deal and role."""
    further: tuple[str, ...] = ()
    """Other accounts they belong to, too."""


@dataclass(frozen=True, kw_only=True)
class Sale:
    id: str
    account: str | None
    owner: str | None = None
    status: str | None = None
    closed: date | None = None
    created: datetime | None = None
    amount: float | None = None
    currency: str = ""
    stage: str = ""
    referred: bool = False


@dataclass(frozen=True, kw_only=True)
class Brought:
    """An introduction."""

    id: str
    account: str | None
    source: str | None = None
    source_name: str = ""
    person: str | None = None
    person_name: str = ""
    owner: str | None = None
    deal: str | None = None
    status: str | None = None
    since: datetime | None = None
    made: datetime | None = None
    kind: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A milestone."""

    id: str
    account: str
    kind: str
    at: datetime
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class Escalated:
    """A support case."""

    account: str
    escalated: bool
    closed: datetime | None


@dataclass(frozen=True, kw_only=True)
class Did:
    """A task of ours that was done, or stands."""

    account: str
    about: str
    rule: str
    kind: str
    do: str
    state: str
    opened: datetime
    closed: datetime | None
    person: str | None
    owner: str = ""
