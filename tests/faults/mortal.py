"""Failpoints: a process that dies at a chosen step of a run, be it a commit or a call to the CRM; and people who are faster.

Law: the dead do nothing. Once a process has died, none of its commits and calls is carried out until a new one begins, so that
its lease stays taken as after a real kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from refsync.connector import Absence, Batch, Cursor, Outcome, TaskChange, TaskState, TaskWriter
from refsync.model import Stream, Task
from refsync.store.engine import Database, Store


class Killed(BaseException):
    """The process is gone."""


class Fate:
    """How long a process still lives, in steps: each commit and each call has one before it and one after it."""

    def __init__(self) -> None:
        self.calm()

    def calm(self) -> None:
        """Let it live for ever."""
        self._left: int | None = None
        self._once_writing = self._writing = self._dead = False

    def die_in(self, steps: int, *, once_writing: bool = False) -> None:
        """Let it die after so many steps, counted from now or from its first call about tasks."""
        self._left, self._once_writing, self._writing = steps, once_writing, False

    def step(self, *, of_tasks: bool = False) -> None:
        """Raise Killed when its time has come."""
        self._writing |= of_tasks
        if self._dead:
            raise Killed
        if self._left is None or (self._once_writing and not self._writing):
            return
        self._left -= 1
        if self._left < 0:
            self._dead = True
            raise Killed


class MortalStore(Store):
    """A store whose process may die before a commit, just before its end, or after it."""

    def __init__(self, store: Store, fate: Fate) -> None:
        self._store, self._fate = store, fate

    @property
    def dialect(self) -> Any:
        return self._store.dialect

    @property
    def shares(self) -> bool:
        return self._store.shares

    @contextmanager
    def write(self) -> Iterator[Database]:
        self._fate.step()
        with self._store.write() as db:
            yield db
            self._fate.step()
        self._fate.step()

    @contextmanager
    def read(self) -> Iterator[Database]:
        with self._store.read() as db:
            yield db

    def close(self) -> None:
        self._store.close()


class MortalTasks:
    """Writes tasks until its process dies; somebody may act just before a call that writes."""

    def __init__(self, writer: TaskWriter, fate: Fate) -> None:
        self._writer, self._fate = writer, fate
        self.meanwhile: list[Callable[[], None]] = []
        """What people do before the next call that writes."""

    @property
    def absence(self) -> Absence:
        return self._writer.absence

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        self._fate.step(of_tasks=True)
        found = self._writer.find(tasks)
        self._fate.step()
        return found

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        self._fate.step(of_tasks=True)
        outcomes = self._writer.create(tasks)
        self._fate.step()
        return outcomes

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        self._fate.step(of_tasks=True)
        while self.meanwhile:
            self.meanwhile.pop()()
        outcomes = self._writer.change(changes)
        self._fate.step()
        return outcomes


class MortalConnector:
    """A connector whose process may die before a read and after each of its batches."""

    def __init__(self, connector: Any, fate: Fate) -> None:
        self._connector, self._fate = connector, fate
        self.tasks = MortalTasks(connector.tasks, fate)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        return self._until_death(self._connector.read(stream, since))

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        return self._until_death(self._connector.sweep(stream, since))

    def _until_death(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        self._fate.step()
        for batch in batches:
            self._fate.step()
            yield batch
