"""The whole promise between refsync and a CRM.

A connector reads streams in batches and writes tasks. It raises `ConnectorError`s only, never retries by itself (sync/retry.py
does), gives every call a total deadline, and imports nothing of refsync above this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from refsync.errors import ConfigError, Place, Problem, did_you_mean
from refsync.meter import LocalMeter, Meter
from refsync.model import Instant, Record, SetAside, Stream, Task, TaskStatus

Cursor: TypeAlias = str
"""Where to go on reading a stream: the connector's own text, stored and given back unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A record that was merged away, and the one that lives on."""

    gone: str
    survivor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one step of a read brought; stored together with its cursor in one transaction."""

    records: tuple[Record, ...] = ()
    deleted: tuple[str, ...] = ()
    """Ids of which the CRM itself says that they are gone."""
    merged: tuple[Merge, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    cursor: Cursor | None = None
    """Where a later read goes on; None leaves the stored cursor where it is."""
    whole_for: tuple[str, ...] = ()
    """For streams of links: those whose complete set of links is in `records`, so that others of theirs are gone: deals for the
    people in a deal, people for their further accounts."""
    present: tuple[str, ...] = ()
    """In a sweep: ids that the CRM lists, of records that are not sent again. They are kept together with the cursor: a sweep
    that breaks off goes on from the cursor of a batch before, with all that it had listed, or else begins its list anew."""
    whole: bool = False
    """On the last batch of a read or sweep: what it brought or listed since it began is everything the CRM holds of this stream.
    What is missing in a whole read goes at once; what is missing in two whole sweeps in turn goes with the second."""
    lacking: frozenset[str] | None = None
    """What the CRM does not show us of this stream although it is wanted: attributes of the record (`status`) or custom fields
    (`Go_Live_Date__c`). Rules that read them are held. None: nothing new is known; a read says it in its first batch."""
    partial: str = ""
    """Why this read ends early, in words for people; empty when it did not."""
    complete_since: Instant | None = None
    """History is whole only from this instant on; None: from the beginning."""


class OutcomeKind(StrEnum):
    WRITTEN = "written"
    ADOPTED = "adopted"
    """A task with this key was there already; it was left as it is."""
    REJECTED = "rejected"
    """The CRM refuses it; the reason is in the CRM's words."""
    UNCERTAIN = "uncertain"
    """It may or may not have happened: find it by key before anything is sent again."""
    UNSENT = "unsent"
    """Certainly not carried out; it may be sent again later."""
    CONFLICT = "conflict"
    """A person has changed what was to be changed; it was left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one task or change."""

    kind: OutcomeKind
    task_id: str = ""
    """The CRM's id, when it is known."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """What the CRM shows of one of our tasks."""

    key: str
    task_id: str
    status: TaskStatus
    owner_id: str | None = None
    due_on: date | None = None
    """None where the CRM keeps an instant instead of a day."""
    due_at: Instant | None = None
    """None where the CRM keeps a day instead of an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """Close one of our tasks, give it to somebody else, or take it away again, unless a person was faster."""

    key: str
    task_id: str
    close: bool = False
    owner_id: str | None = None
    """The new owner, when it is to be given to somebody else."""
    owner_was: str | None = None
    """The owner refsync gave it; another one now means that a person decided."""
    remove: bool = False
    """Delete it, provided that it is open and still belongs to whom `written` says; needs `written`."""
    written: Task | None = None
    """The task as refsync wrote it: when its subject, text or due day now say something else, a person decided (CONFLICT).

    What is over is over: with `close` an edited task is closed all the same, without the note.
    """
    due_on: date | None = None
    """Its new due day, when it is given to somebody else after the old one has passed."""
    due_at: Instant = 0
    """The same as an instant."""
    note: str = ""
    """To be added below the text, to say why; needs `written`."""

    @property
    def text(self) -> str:
        """The text with the note, for a task that still says what was written; empty: it is to stay as it is."""
        return f"{self.written.text}\n\n{self.note}" if self.written and self.note else ""


def same_words(written: str, shown: str | None) -> bool:
    """Say whether a text is as it was written: CRMs change line ends and spaces, people change words."""
    return written.split() == (shown or "").split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What proves that a task whose create ended unclear is not there, so that it may be sent again."""

    wait_ms: Instant = 60_000
    """How long after the call `find` is asked."""
    twice: bool = False
    """Whether a second look, so long after the first, must show no task either."""


class TaskWriter(Protocol):
    """Writes tasks. Absent in a dry run."""

    @property
    def absence(self) -> Absence:
        """What proves that a task which `find` does not show is not there."""
        ...

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return, by key, the state of each of these tasks that exists, deleted ones too; a key that is missing has none.

        A task is meant by its key; what it is about is there for a CRM that cannot be asked for a key.
        """
        ...

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Create tasks and return one outcome each, in order. Never overwrites. Raises only when nothing at all was sent."""
        ...

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        """Close or reassign tasks by their id after reading them; one outcome each, in order."""
        ...


class Connector(Protocol):
    """One signed-in way to one CRM. Used by one thread at a time."""

    @property
    def org(self) -> str:
        """The CRM's own id of the organisation (org id, portal id): part of every task key. May sign in."""
        ...

    @property
    def streams(self) -> frozenset[Stream]: ...

    @property
    def tasks(self) -> TaskWriter | None:
        """Return what writes tasks, or None when the CRM is not prepared for it (`check` says why). May call the CRM."""
        ...

    def check(self) -> Iterable[Problem]:
        """Yield what a person should know: rights, fields, limits, whether tasks can be written."""
        ...

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor, oldest first; everything when it is None."""
        ...

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what reads cannot see: deletes, merges, changed links, calculated values.

        It is asked for in every tick that read the stream to its end; the connector decides by the sweep's own cursor what is
        due, and yields nothing, without a call, when nothing is. The first sweep follows the first whole read.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class SetsUp(Protocol):
    """A connector that can prepare its CRM for tasks (`refsync check --setup`)."""

    def set_up(self, folder: Path) -> Iterable[Problem]:
        """Create what tasks need in the CRM or, where that takes an admin, write it into `folder`; yield what is left to do."""
        ...


class Secret:
    """A secret that does not show itself; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """What a connector is told about its connection."""

    id: str
    """The local name from config.toml; never part of a task key."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The connector's own keys. A secret given by reference is already a `Secret` here."""
    custom_fields: Mapping[Stream, frozenset[str]] = field(default_factory=dict)
    """Further CRM fields, by their CRM name, that rules and milestones read."""
    base: Path = field(default_factory=Path)
    """The folder of config.toml: relative paths in options start here."""
    place: Callable[[tuple[str, ...]], Place | None] = lambda _path: None
    """Where an option stands in config.toml."""
    kept: MutableMapping[str, Any] = field(default_factory=dict)
    """What a connector keeps from one connect of this connection to the next while the process lives: no secrets."""
    meter: Meter = field(default_factory=LocalMeter)
    """Where calls are counted against limits; a tick's counts are kept in the store, for all processes together."""


class Connect(Protocol):
    """The entry point of a connector. Checks its options (ConfigError with all problems) and calls nobody yet."""

    def __call__(self, settings: ConnectionSettings) -> Connector: ...


class Options(BaseModel):
    """The base of a connector's options: unknown keys are refused, secrets come by reference only."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


AnyOptions = TypeVar("AnyOptions", bound=Options)


def options(kind: type[AnyOptions], settings: ConnectionSettings) -> AnyOptions:
    """Return the connection's options as `kind`. Raises ConfigError with every problem and its place."""
    try:
        return kind.model_validate(dict(settings.options))
    except ValidationError as error:
        raise ConfigError(_problem(kind, settings, dict(found)) for found in error.errors()) from None


def _problem(kind: type[Options], settings: ConnectionSettings, found: Mapping[str, Any]) -> Problem:
    path = tuple(str(step) for step in found["loc"])
    name = ".".join(path)
    message, hint = f"{name}: {found['msg'].removeprefix('Value error, ')}", ""
    if found["type"] == "extra_forbidden":
        message = f'connection "{settings.id}" has no option "{name}"'
        hint = did_you_mean(path[-1], {*kind.model_fields, "connector", "every"})
    elif found["type"] == "missing":
        message = f'connection "{settings.id}" needs the option "{name}"'
    elif found["type"] == "is_instance_of" and found.get("ctx", {}).get("class") == "Secret":
        message = f"{name} is a secret and must not stand in this file"
        hint = f'refer to it: {path[-1]} = {{ env = "NAME" }} or {{ file = "/path" }} or {{ credential = "name" }}'
    return Problem(message=message, hint=hint, place=settings.place(path) or settings.place(()))
