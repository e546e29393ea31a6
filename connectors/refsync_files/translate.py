"""Between the rows of tasks.csv and the values of the model. Pure.

Law: no cell that we write begins a formula, and reading gives back the text as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, time
from types import MappingProxyType

from refsync.calendar import at_hour
from refsync.connector import TaskState
from refsync.model import Activity, ActivityKind, ActivityStatus, Instant, Task, TaskStatus, iso

TASK_COLUMNS = (
    "key",
    "id",
    "rule",
    "subject",
    "text",
    "do",
    "priority",
    "due_on",
    "owner_id",
    "account_id",
    "contact_id",
    "deal_id",
    "status",
    "created_at",
    "closed_at",
)
"""The columns of tasks.csv. People may add columns and rows of their own."""

STATUS_OF: Mapping[str, TaskStatus] = MappingProxyType(
    {
        "": TaskStatus.OPEN,
        "open": TaskStatus.OPEN,
        "done": TaskStatus.DONE,
        "closed": TaskStatus.DONE,
        "completed": TaskStatus.DONE,
        "deleted": TaskStatus.DELETED,
    }
)
"""What people may write as a status, in any case; any other word leaves a task open."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet may run a cell that begins with one of these (OWASP, CSV Injection)."""


def guarded(text: str) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def unguarded(cell: str) -> str:
    """Return what `guarded` was given; what people typed stays as it is."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


def task_id(key: str) -> str:
    """Return the id of the row of one of our tasks."""
    return f"T-{key[:16]}"


def task_row(task: Task, created_at: Instant) -> dict[str, str]:
    """Return a new task as the cells of its row."""
    plain = {
        "key": task.key,
        "id": task_id(task.key),
        "rule": task.rule,
        "subject": task.subject,
        "text": task.text,
        "do": task.do,
        "priority": task.priority,
        "due_on": task.due_on.isoformat(),
        "owner_id": task.owner_id,
        "account_id": task.account_id or "",
        "contact_id": task.contact_id or "",
        "deal_id": task.deal_id or "",
        "status": TaskStatus.OPEN.value,
        "created_at": iso(created_at),
        "closed_at": "",
    }
    return {name: guarded(text) for name, text in plain.items()}


def task_state(row: Mapping[str, str]) -> TaskState:
    """Return what a row says of one of our tasks."""
    return TaskState(
        key=unguarded(row["key"]),
        task_id=unguarded(row["id"]),
        status=row_status(row),
        owner_id=unguarded(row["owner_id"]) or None,
        due_on=_date(row["due_on"]),
    )


def row_status(row: Mapping[str, str]) -> TaskStatus:
    """Return the status of a row."""
    return STATUS_OF.get(row["status"].strip().lower(), TaskStatus.OPEN)


def task_activity(row: Mapping[str, str]) -> Activity:
    """Return a row, ours or a person's, as the activity that other rules see: a task, planned or done."""
    due_on = _date(row["due_on"])
    contact = unguarded(row["contact_id"])
    return Activity(
        id=unguarded(row["id"]) or f"T-{hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:16]}",
        kind=ActivityKind.TASK,
        at=at_hour(due_on, time(12), "UTC") if due_on else None,
        status=ActivityStatus.DONE if row_status(row) is TaskStatus.DONE else ActivityStatus.PLANNED,
        subject=unguarded(row["subject"]),
        owner_id=unguarded(row["owner_id"]) or None,
        account_id=unguarded(row["account_id"]) or None,
        deal_id=unguarded(row["deal_id"]) or None,
        contact_ids=(contact,) if contact else (),
        task_key=unguarded(row["key"]),
    )


def _date(cell: str) -> date | None:
    try:
        return date.fromisoformat(unguarded(cell))
    except ValueError:
        return None
