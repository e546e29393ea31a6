"""Tasks to write into a sandbox."""

from __future__ import annotations

from datetime import date
from typing import Any

from refsync.connector import TaskWriter
from refsync.model import Task
from tests.salesforce.sandboxed import Hands

LOST = {"kind": "close", "endpoint": "POST composite/sobjects", "when": "after", "times": 1}
"""A create that is carried out and whose reply never comes."""


def wanted(hands: Hands, number: int = 1, **changed: Any) -> Task:
    """Return a task about the first account, for the first user."""
    values: dict[str, Any] = {
        "key": f"{number:064x}",
        "rule": "reconnect",
        "subject": "Call Ann",
        "text": "Nobody has called for 90 days.",
        "do": "call",
        "priority": "urgent",
        "due_on": date(2026, 11, 25),
        "due_at": 0,
        "owner_id": next(iter(hands.ids("users").values())),
        "account_id": next(iter(hands.ids("accounts").values())),
    }
    return Task(**values | changed)


def writer(hands: Hands, **options: Any) -> TaskWriter:
    """Return the writer of a connector that has just started."""
    found = hands.connect(**options).tasks
    assert found is not None
    return found


def marker(hands: Hands) -> TaskWriter:
    """Return the writer of a connector in an org that has no key field."""
    return writer(hands, allow_marker=True, fields={"task_key": "Nowhere__c"})
