"""The books that the reading tests serve, and records as a stub sends them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from refsync.model import (
    Account,
    AccountContact,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Introduction,
    IntroductionStatus,
    Record,
    Stream,
    User,
    parse_instant,
)
from refsync_hubspot import HubSpot

T = parse_instant
Connect = Callable[..., HubSpot]
Serve = Callable[..., Any]
MirrorOf = Callable[[HubSpot], Any]

BOOK: tuple[Record, ...] = (
    User(id="U1", name="Ada Byron", email="ada@us.example", time_zone="Europe/Berlin"),
    User(id="U2", name="Bob Gone", email="bob@us.example", active=False),
    Account(
        id="A1",
        name="Acme",
        owner_id="U1",
        status=AccountStatus.CUSTOMER,
        tier="A",
        industry="Rail",
        annual_revenue=1.5e6,
        created_at=T("2023-01-01T00:00:00Z"),
        do_not_contact=False,
        custom={"implemented_on": "2024-02-01"},
    ),
    Account(id="A2", name="Beta", parent_id="A1", status=AccountStatus.FORMER, created_at=T("2023-02-01T00:00:00Z")),
    Contact(
        id="C1",
        account_id="A1",
        name="Cleo Stone",
        email="cleo@acme.example",
        phone="+1",
        title="CTO",
        owner_id="U1",
        created_at=T("2023-01-02T00:00:00Z"),
        do_not_contact=True,
    ),
    Contact(id="C2", account_id="A2", name="Dee", created_at=T("2023-01-03T00:00:00Z")),
    Contact(id="C3", account_id="A1", name="Eve Lone", created_at=T("2023-01-03T00:00:00Z")),
    Deal(
        id="D1",
        account_id="A1",
        name="Big",
        stage="Proposal",
        status=DealStatus.WON,
        amount=1000.5,
        currency="EUR",
        owner_id="U1",
        created_at=T("2023-05-01T00:00:00Z"),
        closed_on=date(2023, 7, 1),
        referred_by_contact_id="C2",
    ),
    Deal(id="D2", account_id="A2", name="Open", stage="Demo", status=DealStatus.OPEN, created_at=T("2024-05-01T00:00:00Z")),
    DealContact(id="D1:C1:champion", deal_id="D1", contact_id="C1", role="champion", is_primary=True),
    DealContact(id="D1:C2:", deal_id="D1", contact_id="C2"),
    AccountContact(id="A2:C1", account_id="A2", contact_id="C1"),
    Introduction(
        id="I1",
        source_contact_id="C2",
        person_name="Eve Lone",
        person_contact_id="C3",
        account_id="A2",
        status=IntroductionStatus.IN_CONTACT,
        status_since=T("2024-04-05T06:07:00Z"),
        made_at=T("2023-01-03T00:00:00Z"),
    ),
    Case(
        id="S1",
        account_id="A1",
        subject="Broken",
        priority="HIGH",
        status="Waiting",
        escalated=True,
        opened_at=T("2024-06-01T00:00:00Z"),
    ),
    Activity(
        id="X1",
        kind=ActivityKind.CALL,
        direction=Direction.OUT,
        at=T("2024-03-01T10:00:00Z"),
        status=ActivityStatus.DONE,
        subject="Call",
        owner_id="U1",
        account_id="A1",
        deal_id="D1",
        contact_ids=("C1", "C3"),
    ),
    Activity(
        id="X2", kind=ActivityKind.CALL, direction=Direction.IN, at=T("2024-03-02T10:00:00Z"), status=ActivityStatus.NO_SHOW
    ),
    Activity(
        id="X3",
        kind=ActivityKind.EMAIL,
        direction=Direction.IN,
        at=T("2024-03-03T10:00:00Z"),
        status=ActivityStatus.DONE,
        automated=True,
        account_id="A1",
    ),
    Activity(
        id="X4",
        kind=ActivityKind.MEETING,
        at=T("2024-11-01T10:00:00Z"),
        ended_at=T("2024-11-01T11:00:00Z"),
        status=ActivityStatus.PLANNED,
        contact_ids=("C1",),
    ),
    Activity(id="X5", kind=ActivityKind.NOTE, at=T("2024-03-05T10:00:00Z"), status=ActivityStatus.DONE, account_id="A2"),
    Activity(
        id="X6", kind=ActivityKind.MESSAGE, direction=Direction.OUT, at=T("2024-03-06T10:00:00Z"), status=ActivityStatus.DONE
    ),
    Activity(id="X7", kind=ActivityKind.TASK, at=T("2024-12-06T10:00:00Z"), status=ActivityStatus.PLANNED, subject="Do it"),
)
CUSTOM = {Stream.ACCOUNTS: frozenset({"implemented_on"})}


def many(count: int, *, with_calls: bool = True) -> list[Record]:
    """Return a book of so many contacts, each with a call."""
    created = T("2023-01-01T00:00:00Z")
    contacts = [Contact(id=f"C{n}", account_id="A1", name=f"Person {n}", created_at=created) for n in range(count)]
    return [Account(id="A1", name="Acme", created_at=created), *contacts, *(call(n) for n in range(count) if with_calls)]


def call(n: int) -> Activity:
    """Return a call with one of those contacts."""
    at, done = T("2024-03-01T10:00:00Z"), ActivityStatus.DONE
    return Activity(id=f"X{n}", kind=ActivityKind.CALL, at=at, status=done, contact_ids=(f"C{n}",))
