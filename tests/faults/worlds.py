"""The CRMs in which lives are lived: one in memory and both stand-ins, with people at work there and things that go wrong.

Records and their ids are those of the book, whichever CRM holds them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import requests

from refsync.book import Book, BookWriter
from refsync.company import custom_fields
from refsync.connector import ConnectionSettings, Connector, Outcome, OutcomeKind, Secret
from refsync.errors import RateLimited, TransientError, UnexpectedReply
from refsync.model import RECORD_OF, Instant, Record, Stream, Task, TaskStatus, User, iso, moment
from refsync.registry import connect
from refsync.rules.rule import RuleSet
from refsync.testing.memory import MemoryConnector, MemoryCrm, MemoryTasks
from refsync_sandbox.changes import read_changes
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import TOKEN, HubSpot
from refsync_sandbox.salesforce import Salesforce, Secrets
from refsync_sandbox.server import Sandbox

STREAM_OF: Mapping[type[Record], Stream] = {kind: stream for stream, kind in RECORD_OF.items()}
FURTHER_COLUMNS = {Stream.ACCOUNTS: ("go_live_on", "roi_proven_on", "thanked_on", "value_added_on")}
"""The CRM fields that shipped rules read: a rule is held while the CRM does not have them."""
INSTANTS = frozenset({"at", "ended_at", "created_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A task of ours as people see it."""

    key: str
    status: TaskStatus
    owner_id: str
    subject: str
    text: str
    due_on: date | None
    copies: int
    """How many tasks with this key were ever created."""


class World(Protocol):
    """A CRM, the people in it, and the way to it."""

    name: str
    connector: Connector
    deletes_show_after: Instant
    """How long it may take until the connector is told of a deleted task."""

    def put(self, *records: Record) -> None:
        """Let people add records, or change those with these ids."""

    def edit(self, key: str, **cells: Any) -> None:
        """Let a person change a task: status, owner_id, subject, text, due_on."""

    def delete(self, key: str) -> None:
        """Let a person delete a task."""

    def tasks(self) -> dict[str, Shown]:
        """Return our tasks by key, deleted ones too."""

    def book_id(self, stream: Stream, crm_id: str) -> str:
        """Return the id under which a record was put."""

    def wind(self, now: Instant) -> None:
        """Set the CRM's clock."""

    def lose(self, replies: int, requests: int) -> None:
        """Let replies to creates be lost, and requests."""

    def refuse(self, times: int) -> None:
        """Let the CRM refuse tasks."""

    def cut_off(self, stream: Stream, pages: int) -> None:
        """Let the reading of a stream end early."""

    def fail(self, errors: Sequence[str], nth: int) -> None:
        """Let calls fail from the nth on: `reset`, `busy` or `html` each."""

    def calm(self) -> None:
        """Let everything go well again."""

    def close(self) -> None: ...


class CarelessTasks(MemoryTasks):
    """Writes every task it is given, also one that is there already: as a CRM without a unique key."""

    def _create(self, task: Task) -> Outcome:
        if task.key in self._crm.tasks:
            self._crm.creates[task.key] += 1
            return Outcome(kind=OutcomeKind.WRITTEN, task_id=self._crm.tasks[task.key].task_id)
        return super()._create(task)


class MemoryWorld:
    """A CRM in memory that is worse than real ones: every create that refsync repeats shows as a second task."""

    name = "memory"
    deletes_show_after: Instant = 0

    def __init__(self, _rules: RuleSet, users: Iterable[User], now: Instant) -> None:
        self.crm = MemoryCrm(users)
        connector = MemoryConnector(self.crm, page=3)
        connector.tasks = CarelessTasks(self.crm)
        self.connector: Connector = connector

    def put(self, *records: Record) -> None:
        for record in records:
            self.crm.put(record)

    def edit(self, key: str, **cells: Any) -> None:
        match cells:
            case {"status": "done"}:
                self.crm.complete(key)
            case {"owner_id": owner_id}:
                self.crm.give(key, owner_id)
            case {"due_on": date() as due_on}:
                self.crm.edit(key, due_on=due_on, due_at=int(moment_of(due_on)))
            case _:
                self.crm.edit(key, **cells)

    def delete(self, key: str) -> None:
        self.crm.delete(key)

    def tasks(self) -> dict[str, Shown]:
        return {
            key: Shown(
                key=key,
                status=written.status,
                owner_id=written.owner_id,
                subject=written.task.subject,
                text=written.task.text,
                due_on=written.task.due_on,
                copies=self.crm.creates[key],
            )
            for key, written in self.crm._tasks.items()
        }

    def book_id(self, stream: Stream, crm_id: str) -> str:
        return crm_id

    def wind(self, now: Instant) -> None: ...

    def lose(self, replies: int, requests: int) -> None:
        self.crm.faults.lost_replies, self.crm.faults.lost_requests = replies, requests

    def refuse(self, times: int) -> None:
        left = iter(range(times))
        self.crm.faults.reject = lambda _task: "no" if next(left, None) is not None else ""

    def cut_off(self, stream: Stream, pages: int) -> None:
        self.crm.faults.partial[stream] = pages

    def fail(self, errors: Sequence[str], nth: int) -> None:
        made = {"reset": TransientError("reset"), "busy": RateLimited("busy", retry_after=0), "html": UnexpectedReply("HTML")}
        self.crm.faults.calls = [*[None] * (nth - 1), *(made[error] for error in errors)]

    def calm(self) -> None:
        self.crm.faults = type(self.crm.faults)()

    def close(self) -> None: ...


def moment_of(day: date) -> Instant:
    """Return noon of a day."""
    return int((day - date(1970, 1, 1)).days) * 86_400_000 + 43_200_000


CREATES: Mapping[str, str] = {"salesforce": "POST composite/sobjects", "hubspot": "POST *tasks/batch/create"}
REFUSING: Mapping[str, str] = {"salesforce": "some_rows_locked", "hubspot": "some-fail"}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "reset": {"kind": "reset"},
    "busy": {"kind": "status", "status": 429, "headers": {"Retry-After": "60"}},
    "html": {"kind": "html"},
    "cut": {"kind": "cut"},
}


class ServedWorld:
    """A stand-in CRM behind HTTP, in a thread of this process."""

    def __init__(self, name: str, rules: RuleSet, users: Iterable[User], now: Instant) -> None:
        self.name = name
        self.deletes_show_after: Instant = 7 * 3_600_000 if name == "hubspot" else 0
        self._open = ExitStack()
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        with BookWriter(folder, FURTHER_COLUMNS) as written:
            for user in users:
                written.write(user)
        self._clock = Clock(moment(now))
        self._latest = now
        book, secrets = Book.open(folder), Secrets()
        options: dict[str, Any] = {}
        if name == "salesforce":
            self._side: Salesforce | HubSpot = Salesforce.load(book, self._clock, secrets)
            signing_in = {"client_id": secrets.client_id, "client_secret": Secret(secrets.client_secret)}
            options = {"domain": "sandbox.my", "settle_seconds": 0, **signing_in}
        else:
            self._side = HubSpot.load(book, self._clock)
            ids = self._side.ids()["users"]
            managers = {ids[user.id]: {"manager": ids.get(user.manager_id or "", "")} for user in users}
            options = {"token": Secret(TOKEN), "users": managers}
        self._served = self._open.enter_context(Sandbox(self._side, self._clock))
        settings = ConnectionSettings(
            id=name, options=options | {"url": self._served.url}, custom_fields=custom_fields(rules.company, name)
        )
        self.connector = connect(name, settings)
        self._open.callback(self.connector.close)
        self._there: set[tuple[Stream, str]] = {(Stream.USERS, user.id) for user in users}

    def put(self, *records: Record) -> None:
        self._change(*(self._put(record) for record in records))

    def _put(self, record: Record) -> dict[str, Any]:
        stream, cells = STREAM_OF[type(record)], dict(_cells(record))
        identity = cells.pop("id")
        if (stream, identity) in self._there:
            cells.pop("created_at", None)
            return {"op": "change", "table": stream.value, "id": identity, "set": cells}
        self._there.add((stream, identity))
        return {"op": "add", "table": stream.value, "row": cells | ({} if stream is Stream.DEAL_CONTACTS else {"id": identity})}

    def edit(self, key: str, **cells: Any) -> None:
        self._change({"op": "change", "table": "tasks", "key": key, "set": {name: _cell(cell) for name, cell in cells.items()}})

    def delete(self, key: str) -> None:
        self._change({"op": "delete", "table": "tasks", "key": key})

    def tasks(self) -> dict[str, Shown]:
        ours = [task for task in self._side.tasks() if task.key]
        copies = Counter(task.key for task in ours)
        people = {crm_id: book_id for book_id, crm_id in self._side.ids()["users"].items()}
        return {
            task.key: Shown(
                key=task.key,
                status=TaskStatus.DELETED if task.deleted else TaskStatus.DONE if task.status == "done" else TaskStatus.OPEN,
                owner_id=people.get(task.owner.id, task.owner.id) if task.owner else "",
                subject=task.subject,
                text=task.text,
                due_on=date.fromisoformat(str(task.due)[:10]) if task.due else None,
                copies=copies[task.key],
            )
            for task in ours
        }

    def book_id(self, stream: Stream, crm_id: str) -> str:
        found = {there: book_id for book_id, there in self._side.ids()[stream.value].items()}
        return found[crm_id]

    def wind(self, now: Instant) -> None:
        self._latest = max(now, self._latest + 1000)
        self._clock.move_to(moment(self._latest))

    def lose(self, replies: int, requests: int) -> None:
        for when, times in (("after", replies), ("before", requests)):
            if times:
                self._arm(kind="close", endpoint=CREATES[self.name], when=when, times=times)

    def refuse(self, times: int) -> None:
        if times:
            self._arm(kind="own", name=REFUSING[self.name], endpoint=CREATES[self.name], times=times)

    def cut_off(self, stream: Stream, pages: int) -> None:
        self._arm(kind="status", status=500, nth=3 * pages + len(stream.value))

    def fail(self, errors: Sequence[str], nth: int) -> None:
        for more, error in enumerate(errors):
            self._arm(**FAULTS[error], nth=nth, when="after" if more % 2 else "before")

    def calm(self) -> None:
        requests.delete(f"{self._served.url}/_sandbox/faults", timeout=10).raise_for_status()

    def close(self) -> None:
        self._open.close()

    def _change(self, *changes: Mapping[str, Any]) -> None:
        self._side.change(read_changes({"changes": list(changes)}))

    def _arm(self, **fault: Any) -> None:
        reply = requests.post(f"{self._served.url}/_sandbox/faults", json={"faults": [fault]}, timeout=10)
        assert reply.ok, reply.text


def _cells(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield what a record says, as cells of the book."""
    for one in fields(record):
        value = getattr(record, one.name)
        if one.name not in {"custom", "task_key"} and value not in {None, "", ()}:
            yield one.name, iso(value) if one.name in INSTANTS else _cell(value)


def _cell(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
