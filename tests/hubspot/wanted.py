"""Tasks to write into a HubSpot sandbox, in each of the three ways in which a portal may keep refsync's key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from refsync.connector import OutcomeKind, TaskWriter
from refsync.model import Account, Contact, Deal, Record, Task, User, parse_instant
from refsync_hubspot import HubSpot

T = parse_instant
Connect = Callable[..., HubSpot]
Serve = Callable[..., Any]

WAYS = ("unique", "property", "body")
"""A unique property, one that is not unique, and none: the key stands in the body."""
BATCH, SINGLE = "POST */tasks/batch/create", "POST */objects*/tasks"
PLAIN_PROPERTY = {"name": "refsync_key", "label": "x", "type": "string", "fieldType": "text", "groupName": "taskinformation"}

BOOK: tuple[Record, ...] = (
    User(id="U1", name="Ada Byron", email="ada@us.example"),
    User(id="U2", name="Bob Stone", email="bob@us.example"),
    Account(id="A1", name="Acme", owner_id="U1", created_at=T("2023-01-01T00:00:00Z")),
    Contact(id="C1", account_id="A1", name="Cleo Stone", created_at=T("2023-01-02T00:00:00Z")),
    Deal(id="D1", account_id="A1", name="Big", created_at=T("2023-05-01T00:00:00Z")),
)


def portal_of(serve: Serve, way: str, **settings: Any) -> Any:
    """Return a portal with the small book that keeps keys in one of the ways."""
    portal = serve(BOOK, **({} if way == "unique" else {"key_property": ""}), **settings)
    if way == "property":
        portal.post("/crm/v3/properties/tasks", PLAIN_PROPERTY)
    return portal


def writer_of(connector: HubSpot) -> TaskWriter:
    """Return what writes the tasks of a connector, which must have it."""
    assert connector.tasks is not None
    return connector.tasks


def wanted(portal: Any, n: int = 1, **changed: Any) -> Task:
    """Return the n-th task, about everything that the small book holds."""
    values: dict[str, Any] = {
        "key": f"{n:064x}",
        "rule": "reconnect",
        "subject": f"Call Cleo ({n})",
        "text": "90 days quiet\n<script>&",
        "do": "call",
        "priority": "high",
        "due_on": date(2024, 10, 2),
        "due_at": T("2024-10-02T15:00:00Z"),
        "owner_id": portal.ids("users")["U1"],
        "account_id": portal.ids("accounts")["A1"],
        "contact_id": portal.ids("contacts")["C1"],
        "deal_id": portal.ids("deals")["D1"],
    }
    return Task(**values | changed)


def kinds(outcomes: Any) -> list[OutcomeKind]:
    """Return the kinds of outcomes."""
    return [outcome.kind for outcome in outcomes]
