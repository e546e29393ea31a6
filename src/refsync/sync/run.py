"""One run of a connection: what its steps share, and the fence round everything they write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from refsync.company import MilestoneField
from refsync.connector import Connector
from refsync.model import Instant, Stream
from refsync.rules.rule import RuleSet
from refsync.store import lease
from refsync.store.engine import Database, Store
from refsync.sync.retry import Patience, Stopped

CALL_MS = 30_000
"""What the lease must still last before a call that writes to the CRM: longer than the call."""


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
        """Raise Stopped or LeaseLost when the CRM must not be written to: called before every attempt, repeated ones too."""
        self.check_stop()
        now = self.clock()
        with self.store.write() as db:
            lease.fence(db, self.connection, self.token, now, time_left=CALL_MS)
