"""Writing tasks: found by our key, created once, closed or reassigned only as long as nobody else has decided.

Law: a task is never created over another (a create, not an upsert, which would re-open what a person closed and re-create what a
person deleted), and never touched without our key. Each row of a call has its own outcome; a reply that does not tell of every
row makes them all uncertain. "Create Multiple Records" of the REST API: at most 200 rows a call, results in the order sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from simple_salesforce.format import format_soql

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain, UnexpectedReply
from refsync.model import Task, TaskStatus
from refsync_salesforce.client import IDS_A_CALL, Client, Row, chunks
from refsync_salesforce.failures import BUSY, complaints
from refsync_salesforce.schema import Description, Field

Item = TypeVar("Item", Task, TaskChange)

ROWS_A_CALL = 200
KEYS_A_CALL = 150
"""So many keys of 64 characters fit into the address of a query."""
LONGEST_SUBJECT = 255
LONGEST_TEXT = 32_000
PRIORITIES: Mapping[str, str] = MappingProxyType({"urgent": "High", "high": "High", "normal": "Normal", "low": "Low"})
COLLECTIONS = "composite/sobjects"

DUPLICATE = "DUPLICATE_VALUE"
PASSING = BUSY | {"REQUEST_LIMIT_EXCEEDED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"}
"""Codes of rows that were not written and may be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statuses:
    """The org's own values of Task.Status that refsync writes."""

    open: str
    closed: str


def key_field_problem(name: str, described: Description | None) -> str:
    """Return why our key cannot be kept on tasks, in words for people; empty when it can."""
    if described is None:
        return "Salesforce does not show Task to the user that refsync signs in as"
    field = described.fields.get(name)
    if field is None:
        return f"Task has no field {name}, or the user that refsync signs in as may not see it"
    needs = {
        "an External ID": field.external_id,
        "unique": field.unique,
        "filterable": field.filterable,
        "editable for the user that refsync signs in as": field.createable,
    }
    lacking = [need for need, met in needs.items() if not met]
    return f"the field {name} of Task is not {' and not '.join(lacking)}" if lacking else ""


class SalesforceTasks:
    """The task writer of one org whose tasks have a unique key field."""

    absence = Absence()

    def __init__(self, client: Client, fields: Mapping[str, Field], key_field: str) -> None:
        self._client = client
        self._fields = fields
        self._key_field = key_field

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return the state of each task that exists, deleted and archived ones too."""
        return self._found([task.key for task in tasks])

    def _found(self, keys: Sequence[str]) -> dict[str, TaskState]:
        found: dict[str, TaskState] = {}
        for row in self._rows(self._key_field, keys, KEYS_A_CALL):
            state = self._state(row)
            held = found.get(state.key)
            if held is None or held.status is TaskStatus.DELETED:  # a task in the bin does not hide a live one
                found[state.key] = state
        return found

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Create tasks and return one outcome each, in order. Raises only when nothing at all was sent."""
        single: dict[str, Task] = {}
        first = [task.key not in single and single.setdefault(task.key, task) is task for task in tasks]
        outcomes = _in_turn(list(single.values()), self._post)
        return [outcomes[task.key] if new else _repeated(outcomes[task.key]) for task, new in zip(tasks, first, strict=True)]

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        """Close or reassign tasks after reading them; only that one field is sent. Raises only when nothing was sent."""
        outcomes = _in_turn(changes, self._read_and_patch)
        return [outcomes[change.key] for change in changes]

    def _post(self, tasks: Sequence[Task]) -> dict[str, Outcome]:
        replies = self._client.send("POST", COLLECTIONS, [self._row(task) for task in tasks])
        by_key = {task.key: reply for task, reply in zip(tasks, replies, strict=True)}
        doubled = [key for key, reply in by_key.items() if any(one.code == DUPLICATE for one in complaints(reply.get("errors")))]
        return {key: _outcome(reply) for key, reply in by_key.items()} | self._adopted(doubled)

    def _adopted(self, keys: Sequence[str]) -> dict[str, Outcome]:
        """Return the tasks that hold these keys already; a key that only a hidden record holds keeps its refusal."""
        try:
            found = self._found(keys)
        except ConnectorError as error:
            reason = f"a task with this key exists and could not be read: {error}"
            return {key: Outcome(kind=OutcomeKind.UNCERTAIN, reason=reason) for key in keys}
        return {key: Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id) for key, state in found.items()}

    def _read_and_patch(self, changes: Sequence[TaskChange]) -> dict[str, Outcome]:
        shown = {row.get("Id"): row for row in self._rows("Id", [change.task_id for change in changes], IDS_A_CALL)}
        wanted = {change.key: self._wanted(change, shown.get(change.task_id)) for change in changes}
        outcomes = {key: row for key, row in wanted.items() if isinstance(row, Outcome)}
        rows = {key: row for key, row in wanted.items() if not isinstance(row, Outcome)}
        if rows:
            replies = self._client.send("PATCH", COLLECTIONS, list(rows.values()))
            outcomes |= {key: _outcome(reply) for key, reply in zip(rows, replies, strict=True)}
        return outcomes

    def _wanted(self, change: TaskChange, row: Row | None) -> Row | Outcome:
        """Return the one field to send, or what speaks against it."""
        state = None if row is None else self._state(row)
        if state is None or state.status is TaskStatus.DELETED:
            return _conflict(change, "the task was deleted")
        if state.key != change.key:
            return _conflict(change, "the task no longer carries our key")
        if state.status is TaskStatus.DONE:
            return _conflict(change, "the task is closed already")
        head = {"attributes": {"type": "Task"}, "id": change.task_id}
        if change.close:
            return head | {"Status": self._statuses.closed}
        if change.owner_id is None or state.owner_id == change.owner_id:
            return Outcome(kind=OutcomeKind.WRITTEN, task_id=change.task_id)
        if state.owner_id != change.owner_was:
            return _conflict(change, "a person gave the task to somebody else")
        return head | {"OwnerId": change.owner_id}

    def _row(self, task: Task) -> Row:
        values = {
            "Subject": _cut(task.subject, LONGEST_SUBJECT),
            "Description": _cut(task.text, LONGEST_TEXT),
            "ActivityDate": task.due_on.isoformat(),
            "Status": self._statuses.open,
            "Priority": self._priority(task.priority),
            "OwnerId": task.owner_id,
            "WhatId": task.deal_id or task.account_id,
            "WhoId": task.contact_id,
            self._key_field: task.key,
        }
        return {"attributes": {"type": "Task"}} | {name: value for name, value in values.items() if value}

    def _priority(self, priority: str) -> str | None:
        """Return the org's word for a priority; None, its own default, where it has no such word."""
        word, field = PRIORITIES.get(priority, "Normal"), self._fields.get("Priority")
        return word if field is not None and word in field.values else None

    def _rows(self, column: str, values: Sequence[str], size: int) -> Iterator[Row]:
        select = f"SELECT Id, {self._key_field}, OwnerId, IsClosed, IsDeleted, ActivityDate FROM Task"  # noqa: S608 # described
        for some in chunks(list(dict.fromkeys(values)), size):
            yield from self._client.rows(f"{select} WHERE {column} IN {format_soql('{}', some)}")

    def _state(self, row: Row) -> TaskState:
        """Return what a row shows of one of our tasks. Raises UnexpectedReply for a row that lacks what was asked for."""
        try:
            status = TaskStatus.DONE if row["IsClosed"] else TaskStatus.OPEN
            return TaskState(
                key=row[self._key_field] or "",
                task_id=row["Id"],
                status=TaskStatus.DELETED if row["IsDeleted"] else status,
                owner_id=row["OwnerId"],
                due_on=date.fromisoformat(row["ActivityDate"]) if row["ActivityDate"] else None,
            )
        except (KeyError, ValueError, TypeError):
            raise UnexpectedReply("Salesforce: a row of Task has not the fields that were asked for") from None

    @cached_property
    def _statuses(self) -> Statuses:
        """The org's first closed status, and its default open one. Raises UnexpectedReply when it has none."""
        rows = self._client.rows("SELECT ApiName, IsClosed, IsDefault FROM TaskStatus ORDER BY SortOrder")
        closed = [row["ApiName"] for row in rows if row.get("IsClosed") is True and row.get("ApiName")]
        opened = [row for row in rows if row.get("IsClosed") is False and row.get("ApiName")]
        if not closed or not opened:
            raise UnexpectedReply("Salesforce shows no status that opens and closes a task")
        default = next((row for row in opened if row.get("IsDefault") is True), opened[0])
        return Statuses(open=default["ApiName"], closed=closed[0])


def _in_turn(items: Sequence[Item], carry_out: Callable[[Sequence[Item]], dict[str, Outcome]]) -> dict[str, Outcome]:
    """Return the outcome for each key, call by call until one fails; the rest is unsent.

    Raises when the first call fails and certainly carried out nothing.
    """
    outcomes: dict[str, Outcome] = {}
    for some in chunks(items, ROWS_A_CALL):
        try:
            outcomes |= carry_out(some)
            continue
        except RequestUncertain as error:
            outcomes |= {item.key: Outcome(kind=OutcomeKind.UNCERTAIN, reason=str(error)) for item in some}
            reason = "not sent, since the call before it ended unclear"
        except RecordRejected as error:
            outcomes |= {item.key: Outcome(kind=OutcomeKind.REJECTED, reason=str(error)) for item in some}
            continue
        except ConnectorError as error:
            if not outcomes:
                raise
            reason = str(error)
        return {item.key: Outcome(kind=OutcomeKind.UNSENT, reason=reason) for item in items} | outcomes
    return outcomes


def _outcome(reply: Row) -> Outcome:
    """Return what became of one row of a collections call."""
    task_id = reply.get("id")
    if reply.get("success") is True and isinstance(task_id, str) and task_id:
        return Outcome(kind=OutcomeKind.WRITTEN, task_id=task_id)
    errors = complaints(reply.get("errors"))
    if reply.get("success") is not False or not errors:
        return Outcome(kind=OutcomeKind.UNCERTAIN, reason="the reply does not say what became of it")
    passing = any(error.code in PASSING for error in errors)
    kind = OutcomeKind.UNSENT if passing else OutcomeKind.REJECTED
    return Outcome(kind=kind, reason="; ".join(str(error) for error in errors))


def _repeated(outcome: Outcome) -> Outcome:
    """Return the outcome of a key that stood in the same batch before."""
    written = outcome.kind is OutcomeKind.WRITTEN
    return Outcome(kind=OutcomeKind.ADOPTED, task_id=outcome.task_id) if written else outcome


def _conflict(change: TaskChange, reason: str) -> Outcome:
    return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason=reason)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
