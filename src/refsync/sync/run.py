"""One run of a connection: what its steps share, and the fence round everything they write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from refsync.company import MilestoneField
from refsync.connector import Connector
from refsync.errors import RefsyncError
from refsync.model import Instant, Stream
from refsync.rules.rule import RuleSet
from refsync.store import lease
from refsync.store.decisions import pauses
from refsync.store.decisions.pauses import Pause
from refsync.store.engine import Database, Store
from refsync.sync.retry import Patience, Stopped

CALL_MS = 30_000
"""What the lease must still last before a call that writes to the CRM: longer than the call."""


class Paused(RefsyncError):
    """A person paused what was about to be written; what was written stays, the rest waits until they resume it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run under way, under a lease."""

    id: str
    connection: str
    store: Store
    connector: Connector
    rules: RuleSet
    milestones: tuple[MilestoneField, ...]
    now: Instant
    """The instant by which everything is judged; fixed for the run."""
    token: int
    """The fencing token of the lease."""
    clock: Callable[[], Instant]
    """The real time, for leases and for waiting."""
    stop: threading.Event
    confirmed_deletes: frozenset[Stream] = frozenset()
    """Streams whose missing records may go, however many they are: a person has said so for this run."""
    paused: Mapping[str, Pause] = field(default_factory=dict)
    """What was paused when it began, by rule; the whole connection under the empty name."""
    patience: Patience = field(default_factory=Patience)
    progress: Callable[[str, int], None] = lambda _step, _done: None

    @contextmanager
    def write(self) -> Iterator[Database]:
        """Give a transaction that only the holder of the lease may commit. Raises LeaseLost."""
        now = self.clock()
        with self.store.write() as db:
            lease.fence(db, self.connection, self.token, now)
            yield db

    def check_stop(self) -> None:
        """Raise Stopped when the run is to end: called between pages."""
        if self.stop.is_set():
            raise Stopped

    def check_may_write(self) -> None:
        """Raise Stopped, Paused or LeaseLost when the CRM must not be written to: called before every attempt, repeated ones too.

        A rule that was paused before the run began has nothing to write; one that is paused meanwhile ends it.
        """
        self.check_stop()
        now = self.clock()
        with self.store.write() as db:
            lease.fence(db, self.connection, self.token, now, time_left=CALL_MS)
            found = pauses.of(db, self.connection)
        if new := [pause for rule, pause in found.items() if rule not in self.paused]:
            raise Paused("; ".join(map(str, new)))
