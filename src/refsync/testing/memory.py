"""A CRM in memory with its connector: people change it, it fails on demand, and it remembers every write.

Law: it keeps the whole promise of connector.py, so that sync can be tested against it as against a real CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from refsync.connector import Absence, Batch, Cursor, Merge, Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, Problem
from refsync.model import (
    RECORD_OF,
    Activity,
    ActivityKind,
    ActivityStatus,
    Record,
    Stream,
    Task,
    TaskStatus,
)

_STREAM_OF = {kind: stream for stream, kind in RECORD_OF.items()}


@dataclass(slots=True)
class Faults:
    """What goes wrong next. Counts go down as they are used up."""

    errors: list[ConnectorError] = field(default_factory=list)
    """Raised by the next calls, one each, before anything is done."""
    calls: list[ConnectorError | None] = field(default_factory=list)
    """What the next calls meet, one each, where no error stands before: an error, or nothing."""
    partial: dict[Stream, int] = field(default_factory=dict)
    """Per stream, after how many batches each read ends early."""
    reject: Callable[[Task], str] = lambda _task: ""
    """Why a task is refused; an empty text: it is not."""
    lost_replies: int = 0
    """So many creates are carried out and yet look uncertain."""
    lost_requests: int = 0
    """So many creates are not carried out and look uncertain."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Something that happened to a record; its number is its place in the log, from 1."""

    stream: Stream
    id: str
    survivor: str = ""


@dataclass(slots=True)
class _Written:
    task: Task
    id: str
    status: TaskStatus
    owner_id: str


class MemoryCrm:
    """What the CRM holds. Its methods are what people do in it."""

    def __init__(self, records: Iterable[Record] = (), *, org: str = "memory") -> None:
        self.org = org
        self.faults = Faults()
        self.creates: dict[str, int] = {}
        """How often a task of each key was created: never more than once, if all is well."""
        self._records: dict[Stream, dict[str, Record]] = {stream: {} for stream in Stream}
        self._log: list[_Change] = []
        self._tasks: dict[str, _Written] = {}
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Add a record or change the one with its id."""
        stream = _STREAM_OF[type(record)]
        self._records[stream][record.id] = record
        self._log.append(_Change(stream, record.id))

    def remove(self, stream: Stream, identity: str) -> None:
        """Delete a record."""
        del self._records[stream][identity]
        self._log.append(_Change(stream, identity))

    def purge(self, stream: Stream, identity: str) -> None:
        """Delete a record without a trace: only who lists what is there can notice."""
        del self._records[stream][identity]
        self._log = [_Change(change.stream, "") if change.id == identity else change for change in self._log]

    def merge(self, stream: Stream, gone: str, survivor: str) -> None:
        """Merge one record into another."""
        del self._records[stream][gone]
        self._log.append(_Change(stream, gone, survivor))

    def complete(self, key: str) -> None:
        """Tick off a task."""
        self._edit(key, status=TaskStatus.DONE)

    def delete(self, key: str) -> None:
        """Throw a task away."""
        self._edit(key, status=TaskStatus.DELETED)

    def give(self, key: str, owner_id: str) -> None:
        """Give a task to somebody else."""
        self._edit(key, owner_id=owner_id)

    def edit(self, key: str, **words: Any) -> None:
        """Change what a task says, or when it is due: attributes of a `Task`."""
        self._tasks[key].task = replace(self._tasks[key].task, **words)
        self.put(_activity(self._tasks[key]))

    def reword(self, key: str, subject: str) -> None:
        """Write another subject over a task's."""
        self.edit(key, subject=subject)

    @property
    def tasks(self) -> dict[str, TaskState]:
        """The tasks by key, deleted ones too."""
        return {key: _state(written) for key, written in self._tasks.items()}

    def write(self, task: Task) -> str:
        """Create a task and return its id."""
        written = _Written(task, f"T-{len(self._tasks) + 1}", TaskStatus.OPEN, task.owner_id)
        self._tasks[task.key] = written
        self.creates[task.key] = self.creates.get(task.key, 0) + 1
        self.put(_activity(written))
        return written.id

    def read(self, stream: Stream, since: int) -> Iterator[tuple[int, Record]]:
        """Yield what was changed after a place in the log and still exists, in the order of its last change."""
        last = {change.id: place for place, change in self._changes(stream, since)}
        for identity, place in last.items():
            if record := self._records[stream].get(identity):
                yield place, record

    def gone(self, stream: Stream, since: int) -> Iterator[_Change]:
        """Yield what was deleted or merged away after a place in the log and has not come back."""
        for _, change in self._changes(stream, since):
            if change.id not in self._records[stream]:
                yield change

    def decided(self, written: Task, *, remove: bool) -> str:
        """Return what a person made of a task since it was written, in words; empty: it is as it was."""
        task, owner_id = self._tasks[written.key].task, self._tasks[written.key].owner_id
        if remove and owner_id != written.owner_id:
            return "somebody gave it to another owner"
        now, then = (task.subject, task.text, task.due_on), (written.subject, written.text, written.due_on)
        return "" if now == then else "a person edited it"

    @property
    def place(self) -> int:
        """The end of the log."""
        return len(self._log)

    def _changes(self, stream: Stream, since: int) -> Iterator[tuple[int, _Change]]:
        seen: dict[str, tuple[int, _Change]] = {}
        for place, change in enumerate(self._log[since:], start=since + 1):
            if change.stream is stream:
                seen.pop(change.id, None)  # so that the order is that of the last change
                seen[change.id] = (place, change)
        yield from seen.values()

    def _edit(self, key: str, status: TaskStatus | None = None, owner_id: str | None = None) -> None:
        written = self._tasks[key]
        written.status = status or written.status
        written.owner_id = owner_id or written.owner_id
        if written.status is TaskStatus.DELETED:
            self.remove(Stream.ACTIVITIES, written.id)
        else:
            self.put(_activity(written))


class MemoryConnector:
    """The way to a CRM in memory. A cursor is a place in its log.

    Sweeps of the streams in `lists` list everything that is there, each time; those of others tell what was deleted and merged.
    """

    streams = frozenset(Stream)

    def __init__(self, crm: MemoryCrm, *, page: int = 100, lists: Iterable[Stream] = ()) -> None:
        self.crm = crm
        self._lists = frozenset(lists)
        self.tasks = MemoryTasks(crm)
        self._page = page

    @property
    def org(self) -> str:
        return self.crm.org

    def check(self) -> Iterable[Problem]:
        """Yield a hint that this is no real CRM."""
        _fail(self.crm)
        yield Problem(message="this CRM lives in memory and forgets", severity="hint")

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor, oldest first, in pages; nothing when nothing is."""
        end, rows = self.crm.place, list(self.crm.read(stream, int(since or 0)))
        pages = [rows[start : start + self._page] for start in range(0, len(rows), self._page)]
        if since is None:
            pages = pages or [[]]
        for number, page in enumerate(pages, start=1):
            _fail(self.crm)
            if self.crm.faults.partial.get(stream, number) < number:
                yield Batch(partial="the CRM in memory was told to stop here")
                return
            last = number == len(pages)
            records = tuple(record for _, record in page)
            yield Batch(records=records, cursor=str(end if last else page[-1][0]), whole=last and since is None)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what was deleted or merged away since the cursor, or what is there; nothing when there is no news."""
        _fail(self.crm)
        end, gone = self.crm.place, list(self.crm.gone(stream, int(since or 0)))
        if stream in self._lists:
            yield from self._listed(stream)
        elif gone or since is None:
            yield Batch(
                deleted=tuple(change.id for change in gone if not change.survivor),
                merged=tuple(Merge(gone=change.id, survivor=change.survivor) for change in gone if change.survivor),
                cursor=str(end),
            )

    def _listed(self, stream: Stream) -> Iterator[Batch]:
        ids, cursor = [record.id for _, record in self.crm.read(stream, 0)], str(self.crm.place)
        for start in range(0, len(ids), self._page):
            _fail(self.crm)
            yield Batch(present=tuple(ids[start : start + self._page]))
        yield Batch(cursor=cursor, whole=True)

    def close(self) -> None:
        pass


class MemoryTasks:
    """Writes tasks into a CRM in memory."""

    absence = Absence()

    def __init__(self, crm: MemoryCrm) -> None:
        self._crm = crm

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return the state of each task that exists, deleted ones too."""
        _fail(self._crm)
        keys = {task.key for task in tasks}
        return {key: state for key, state in self._crm.tasks.items() if key in keys}

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Create each task whose key is new, as far as the faults let it."""
        _fail(self._crm)
        return [self._create(task) for task in tasks]

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        """Close or reassign tasks, unless a person was faster."""
        _fail(self._crm)
        return [self._change(change) for change in changes]

    def _create(self, task: Task) -> Outcome:
        faults = self._crm.faults
        if state := self._crm.tasks.get(task.key):
            return Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id)
        if reason := faults.reject(task):
            return Outcome(kind=OutcomeKind.REJECTED, reason=reason)
        if faults.lost_requests:
            faults.lost_requests -= 1
            return Outcome(kind=OutcomeKind.UNCERTAIN, reason="the request was lost")
        task_id = self._crm.write(task)
        if faults.lost_replies:
            faults.lost_replies -= 1
            return Outcome(kind=OutcomeKind.UNCERTAIN, reason="the reply was lost")
        return Outcome(kind=OutcomeKind.WRITTEN, task_id=task_id)

    def _change(self, change: TaskChange) -> Outcome:
        done = Outcome(kind=OutcomeKind.WRITTEN, task_id=change.task_id)
        state = self._crm.tasks.get(change.key)
        if state is None or state.task_id != change.task_id or state.status is not TaskStatus.OPEN:
            return replace(done, kind=OutcomeKind.CONFLICT, reason="it is no longer open")
        if change.owner_id and change.owner_was and state.owner_id != change.owner_was:
            return replace(done, kind=OutcomeKind.CONFLICT, reason="somebody gave it to another owner")
        decided = self._crm.decided(change.written, remove=change.remove) if change.written else ""
        if decided and not change.close:
            return replace(done, kind=OutcomeKind.CONFLICT, reason=decided)
        if change.text and not decided:
            self._crm.edit(change.key, text=change.text)
        if change.remove:
            self._crm.delete(change.key)
        if change.owner_id:
            self._crm.give(change.key, change.owner_id)
        if change.owner_id and change.due_on:
            self._crm.edit(change.key, due_on=change.due_on, due_at=change.due_at)
        if change.close:
            self._crm.complete(change.key)
        return done


def _fail(crm: MemoryCrm) -> None:
    if crm.faults.errors:
        raise crm.faults.errors.pop(0)
    if crm.faults.calls and (error := crm.faults.calls.pop(0)):
        raise error


def _state(written: _Written) -> TaskState:
    return TaskState(
        key=written.task.key,
        task_id=written.id,
        status=written.status,
        owner_id=written.owner_id,
        due_on=written.task.due_on,
    )


def _activity(written: _Written) -> Activity:
    task = written.task
    return Activity(
        id=written.id,
        kind=ActivityKind.TASK,
        at=task.due_at,
        status=ActivityStatus.DONE if written.status is TaskStatus.DONE else ActivityStatus.PLANNED,
        subject=task.subject,
        owner_id=written.owner_id,
        account_id=task.account_id,
        deal_id=task.deal_id,
        contact_ids=(task.contact_id,) if task.contact_id else (),
        task_key=task.key,
    )
