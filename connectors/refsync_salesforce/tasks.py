"""Writing tasks: found by our key, created once, closed or reassigned only as long as nobody else has decided.

Law: a task is never created over another (a create, not an upsert, which would re-open what a person closed and re-create what a
person deleted), and never touched without our key. Each row of a call has its own outcome; a reply that does not tell of every
row makes them all uncertain. "Create Multiple Records" of the REST API: at most 200 rows a call, results in the order sent.

A rep reaches the account, the person and the deal from the task: WhatId is the deal, from which the platform derives AccountId,
or else the account; WhoId is the person. A deal of another account is left out: the task about a customer's introduction stands
with that customer, where their rep looks, and not with the one who was introduced. A task names one person, so TaskRelation has
nothing to add.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from simple_salesforce.format import format_soql

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState, same_words
from refsync.errors import ConnectorError, UnexpectedReply
from refsync.model import Task, TaskStatus
from refsync_salesforce import translate
from refsync_salesforce.client import IDS_A_CALL, Client, Row, chunks
from refsync_salesforce.description import Description, Field
from refsync_salesforce.outcomes import (
    DELETED,
    DUPLICATE,
    adopted,
    conflict,
    in_turn,
    may_not_write,
    outcome,
    refused_with,
    repeated,
)
from refsync_salesforce.window import is_shown

KEYS_A_CALL = 150
"""So many keys of 64 characters fit into the address of a query."""
LONGEST_SUBJECT = 255
LONGEST_TEXT = 32_000
PRIORITIES: Mapping[str, str] = MappingProxyType({"urgent": "High", "high": "High", "normal": "Normal", "low": "Low"})
WORDS = ("Subject", "Description", "Status")
"""What people edit of a task, beside its owner and its day."""
COLLECTIONS = "composite/sobjects"
PERSON = ("Id", "Name", "IsActive", "Profile.Name", "UserType")
"""What tells a user who may own a task from one who has left or is nobody."""


class Descriptions(Protocol):
    """What the org describes of its objects."""

    def of(self, name: str) -> Description | None: ...

    def forget(self, *names: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Statuses:
    """The org's own values of Task.Status that refsync writes."""

    open: str
    closed: str


class SalesforceTasks:
    """The task writer of one org whose tasks have a unique key field."""

    absence = Absence()

    def __init__(self, client: Client, schema: Descriptions, key_field: str) -> None:
        self._client = client
        self._schema = schema
        self._key_field = key_field

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return the state of each task that exists, deleted and archived ones too."""
        return self._standing(self._with_keys([task.key for task in tasks]))

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Create tasks and return one outcome each, in order. Raises only when nothing at all was sent."""
        single: dict[str, Task] = {}
        first = [task.key not in single and single.setdefault(task.key, task) is task for task in tasks]
        outcomes = self._unowned(list(single.values()))
        outcomes |= in_turn([task for task in single.values() if task.key not in outcomes], self._create)
        return [outcomes[task.key] if new else repeated(outcomes[task.key]) for task, new in zip(tasks, first, strict=True)]

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        """Close or reassign tasks after reading them; only that one field is sent. Raises only when nothing was sent."""
        outcomes = in_turn(changes, self._read_and_patch)
        return [outcomes[change.key] for change in changes]

    # -- finding -----------------------------------------------------------------------------------------------------------

    def _with_keys(self, keys: Sequence[str]) -> list[Row]:
        return list(self._rows(self._key_field, keys, KEYS_A_CALL))

    def _standing(self, rows: Sequence[Row]) -> dict[str, TaskState]:
        """Return what stands for each key: the oldest live task; a task in the bin does not hide a live one."""
        found: dict[str, TaskState] = {}
        for row in rows:
            state = self._state(row)
            held = found.get(state.key)
            if held is None or (held.status is TaskStatus.DELETED and state.status is not TaskStatus.DELETED):
                found[state.key] = state
        return found

    def _rows(self, column: str, values: Sequence[str], size: int, also: str = "", *, words: bool = False) -> Iterator[Row]:
        """Yield tasks, with `words` also what they say; a field that the org hides from us is left out."""
        further = [name for name in WORDS if name in self._fields] if words else []
        select = f"SELECT {', '.join([*self._columns, *further])} FROM Task"  # noqa: S608 # described
        for some in chunks(list(dict.fromkeys(values)), size):
            yield from self._client.rows(f"{select} WHERE {also}{column} IN {format_soql('{}', some)} ORDER BY CreatedDate, Id")

    @property
    def _columns(self) -> tuple[str, ...]:
        return ("Id", self._key_field, "OwnerId", "IsClosed", "IsDeleted", "ActivityDate")

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

    # -- creating ----------------------------------------------------------------------------------------------------------

    def _unowned(self, tasks: Sequence[Task]) -> dict[str, Outcome]:
        """Return the refusal of each task whose owner is no active person: some orgs let programs give tasks to anybody."""
        people = self._people({task.owner_id for task in tasks}) if tasks else None
        nobody = Outcome(kind=OutcomeKind.REJECTED, reason="INACTIVE_OWNER_OR_USER: the owner is no active person of this org")
        return {task.key: nobody for task in tasks if people is not None and task.owner_id not in people}

    def _create(self, tasks: Sequence[Task]) -> dict[str, Outcome]:
        replies = self._client.send("POST", COLLECTIONS, [self._row(task) for task in self._placed(tasks)])
        by_key = {task.key: reply for task, reply in zip(tasks, replies, strict=True)}
        if all(may_not_write(reply, self._key_field) for reply in replies):
            self._schema.forget("Task")
            raise UnexpectedReply(f"Salesforce no longer lets us write the field {self._key_field} of Task: see refsync check")
        outcomes = {key: outcome(reply) for key, reply in by_key.items()}
        return outcomes | self._adopted({key: outcomes[key] for key, reply in by_key.items() if refused_with(reply, DUPLICATE)})

    def _placed(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks without those deals that belong to another account than the task, or are not shown to us."""
        both = {task.key: task for task in tasks if task.deal_id and task.account_id}
        account = self._accounts({str(task.deal_id) for task in both.values()})
        elsewhere = {key for key, task in both.items() if account.get(task.deal_id) != task.account_id}
        return [replace(task, deal_id=None) if task.key in elsewhere else task for task in tasks]

    def _accounts(self, deals: set[str]) -> Mapping[str | None, str]:
        """Return the accounts of those deals that can be seen."""
        described = self._schema.of("Opportunity") if deals else None
        if described is None or not described.shows("AccountId"):
            return {}
        ids = format_soql("{}", sorted(deals))
        rows = self._client.rows(f"SELECT Id, AccountId FROM Opportunity WHERE Id IN {ids} AND IsDeleted = false")  # noqa: S608
        return {row.get("Id"): row["AccountId"] for row in rows if row.get("AccountId")}

    def _adopted(self, doubled: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """Return the tasks that hold these keys already; a key that only a hidden record holds stays refused."""
        try:
            found = self._standing(self._with_keys(list(doubled)))
        except ConnectorError as error:
            reason = f"a task with this key exists and could not be read: {error}"
            return dict.fromkeys(doubled, Outcome(kind=OutcomeKind.UNCERTAIN, reason=reason))
        hidden = {key: replace(one, reason=f"{one.reason} (on a record that is hidden from us)") for key, one in doubled.items()}
        return hidden | {key: adopted(state.task_id) for key, state in found.items()}

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

    def _people(self, ids: set[str]) -> frozenset[str] | None:
        """Return which of these users are active people; None when the org does not show us its users."""
        described = self._schema.of("User")
        if described is None:
            return None
        columns = ", ".join(name for name in PERSON if is_shown(name, described))
        statement = f"SELECT {columns} FROM User WHERE Id IN {format_soql('{}', sorted(ids))}"  # noqa: S608 # described
        return frozenset(user.id for user in map(translate.user, self._client.rows(statement)) if user.active)

    @property
    def _fields(self) -> Mapping[str, Field]:
        described = self._schema.of("Task")
        return described.fields if described else {}

    @cached_property
    def _statuses(self) -> Statuses:
        """The org's first closed status, and its default open one. Raises UnexpectedReply when it has none."""
        rows = self._client.rows("SELECT ApiName, IsClosed, IsDefault FROM TaskStatus ORDER BY SortOrder")
        shown = self._fields.get("Status")
        usable = [row for row in rows if row.get("ApiName") and (not shown or not shown.values or row["ApiName"] in shown.values)]
        closed = [row["ApiName"] for row in usable if row.get("IsClosed") is True]
        opened = [row for row in usable if row.get("IsClosed") is False]
        if not closed or not opened:
            raise UnexpectedReply("Salesforce shows no status that opens and closes a task")
        default = next((row for row in opened if row.get("IsDefault") is True), opened[0])
        return Statuses(open=default["ApiName"], closed=closed[0])

    # -- changing ----------------------------------------------------------------------------------------------------------

    def _read_and_patch(self, changes: Sequence[TaskChange]) -> dict[str, Outcome]:
        """Patch tasks, or delete them: a call is for the one or for the other."""
        ids, words = [change.task_id for change in changes], any(change.written for change in changes)
        shown = {row.get("Id"): row for row in self._rows("Id", ids, IDS_A_CALL, words=words)}
        wanted = {change.key: self._wanted(change, shown.get(change.task_id)) for change in changes}
        outcomes = {key: row for key, row in wanted.items() if isinstance(row, Outcome)}
        gone = {change.key: conflict(change, "the task was deleted") for change in changes}
        removed = {change.key for change in changes if change.remove}
        rows = {key: row for key, row in wanted.items() if not isinstance(row, Outcome)}
        for write, some in (
            (self._patched, {key: row for key, row in rows.items() if key not in removed}),
            (self._removed, {key: row for key, row in rows.items() if key in removed}),
        ):
            for key, reply in zip(some, write(list(some.values())), strict=True):
                outcomes[key] = gone[key] if refused_with(reply, DELETED) else outcome(reply)
        return outcomes

    def _patched(self, rows: Sequence[Row]) -> list[Row]:
        return self._client.send("PATCH", COLLECTIONS, rows) if rows else []

    def _removed(self, rows: Sequence[Row]) -> list[Row]:
        return self._client.remove([row["id"] for row in rows]) if rows else []

    def _wanted(self, change: TaskChange, row: Row | None) -> Row | Outcome:
        """Return what to send: one field, and what comes with a new owner or a note; or what speaks against it."""
        state = None if row is None else self._state(row)
        if state is None or state.status is TaskStatus.DELETED:
            return conflict(change, "the task was deleted")
        if state.key != change.key:
            return conflict(change, "the task no longer carries our key")
        if state.status is TaskStatus.DONE:
            return conflict(change, "the task is closed already")
        decided = self._decided(change, change.written, row) if change.written and row is not None else ""
        if decided and not change.close:
            return conflict(change, decided)
        head = {"attributes": {"type": "Task"}, "id": change.task_id}
        noted = {"Description": _cut(change.text, LONGEST_TEXT)} if change.text and not decided and self._may_note else {}
        if change.remove:
            return head
        if change.close:
            return head | {"Status": self._statuses.closed} | noted
        if change.owner_id is None or state.owner_id == change.owner_id:
            return Outcome(kind=OutcomeKind.WRITTEN, task_id=change.task_id)
        if state.owner_id != change.owner_was:
            return conflict(change, "a person gave the task to somebody else")
        dated = {"ActivityDate": change.due_on.isoformat()} if change.due_on else {}
        return head | {"OwnerId": change.owner_id} | dated | noted

    @property
    def _may_note(self) -> bool:
        """Whether the org lets us read and write the text of a task: a field that may be edited may be created with a value."""
        text = self._fields.get("Description")
        return text is not None and text.createable

    def _decided(self, change: TaskChange, written: Task, row: Row) -> str:
        """Return what a person made of an open task since it was written, in words; empty: it is as it was."""
        if change.remove and row["OwnerId"] != written.owner_id:
            return "a person gave the task to somebody else"
        if change.remove and row.get("Status", self._statuses.open) != self._statuses.open:
            return "a person has begun it, or put it off"
        words = (("Subject", _cut(written.subject, LONGEST_SUBJECT)), ("Description", _cut(written.text, LONGEST_TEXT)))
        same = all(same_words(text, row[column]) for column, text in words if column in row)
        return "" if same and row["ActivityDate"] == written.due_on.isoformat() else "a person edited it"


def _cut(text: str, longest: int) -> str:
    """Return a text of at most so many UTF-16 units, by which Salesforce counts: an emoji takes two."""
    units = text.encode("utf-16-le", "replace")
    return text if len(units) <= 2 * longest else units[: 2 * (longest - 1)].decode("utf-16-le", "ignore") + "…"
