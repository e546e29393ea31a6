"""A connection's turn: work under its lease, recorded as a run, whatever the work is.

Laws: one holder at a time; the lease is renewed while the work lasts; how a run ended is kept, also when it failed.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from refsync.company import milestone_fields
from refsync.connector import Connector
from refsync.errors import RefsyncError, StoreError
from refsync.model import Instant, Stream, iso
from refsync.rules.rule import RuleSet
from refsync.store import lease, runs
from refsync.store.decisions import pauses
from refsync.store.engine import Store
from refsync.store.runs import RunKind, RunOutcome
from refsync.sync.retry import Patience, Stopped
from refsync.sync.run import Run

log = structlog.get_logger()

LEASE_MS = 60_000
RENEW_S = 20.0


class AlreadyRunning(RefsyncError):
    """Another process runs this connection now; nothing was done."""


class Reported(Protocol):
    """What work says of itself when it has ended."""

    @property
    def outcome(self) -> RunOutcome: ...

    def as_json(self) -> dict[str, Any]: ...


Report = TypeVar("Report", bound=Reported)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a run of a connection needs before it has the lease."""

    store: Store
    connection: str
    connector_name: str
    connector: Connector
    rules: RuleSet
    now: Instant
    stop: threading.Event = field(default_factory=threading.Event)
    confirmed_deletes: Collection[Stream] = ()
    patience: Patience = field(default_factory=Patience)
    progress: Callable[[str, int], None] = lambda _step, _done: None
    clock: Callable[[], Instant] = lambda: time.time_ns() // 1_000_000

    def take(self, kind: RunKind, work: Callable[[Run], Report]) -> Report:
        """Do the work and return its report, which is also kept in the store.

        Raises AlreadyRunning, and whatever the work raises.
        """
        milestones = milestone_fields(self.rules.company, self.connector_name)
        token = lease.acquire(self.store, self.connection, f"pid {os.getpid()}", LEASE_MS, lease.clock(self.store, self.clock()))
        if token is None:
            raise AlreadyRunning
        with self.store.read() as db:
            paused = pauses.of(db, self.connection)
        run = Run(
            id=f"{iso(self.now)}-{secrets.token_hex(3)}",
            connection=self.connection,
            store=self.store,
            connector=self.connector,
            rules=self.rules,
            milestones=milestones,
            now=self.now,
            token=token,
            clock=lambda: lease.clock(self.store, self.clock()),
            stop=self.stop,
            confirmed_deletes=frozenset(self.confirmed_deletes),
            paused=paused,
            patience=self.patience,
            progress=self.progress,
        )
        try:
            with structlog.contextvars.bound_contextvars(connection=self.connection, run=run.id), _renewed(run):
                return _recorded(run, kind, work)
        finally:
            with suppress(StoreError):
                lease.release(self.store, self.connection, token)


def _recorded(run: Run, kind: RunKind, work: Callable[[Run], Report]) -> Report:
    with run.write() as db:
        runs.begin(db, run.connection, run.id, began_at=run.clock(), now=run.now, kind=kind)
    log.info("tick_began", kind=kind)
    try:
        report = work(run)
    except BaseException as error:
        reason = "stopped" if isinstance(error, Stopped) else str(error) or type(error).__name__
        _keep(run, RunOutcome.FAILED, {"error": reason})
        raise
    _keep(run, report.outcome, report.as_json())
    log.info("tick_ended", kind=kind, **{key: value for key, value in report.as_json().items() if key not in UNLOGGED})
    return report


UNLOGGED = frozenset({"connection", "run", "watched", "tasks"})


def _keep(run: Run, outcome: RunOutcome, report: Mapping[str, Any]) -> None:
    with suppress(StoreError), run.write() as db:
        runs.end(db, run.connection, run.id, ended_at=run.clock(), outcome=outcome, report=report)


@contextmanager
def _renewed(run: Run) -> Iterator[None]:
    """Renew the lease while the block runs; a lease that was lost shows at the next fence."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_S):
            try:
                lease.renew(run.store, run.connection, run.token, LEASE_MS, run.clock())
            except StoreError as error:
                log.warning("lease_not_renewed", error=str(error))

    thread = threading.Thread(target=renew, name=f"lease {run.connection}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
