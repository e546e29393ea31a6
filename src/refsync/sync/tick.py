"""One tick of one connection, under its lease: pull, evaluate, plan, push, and a report that is kept."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from refsync.company import milestone_fields
from refsync.connector import Connector
from refsync.errors import RefsyncError, StoreError
from refsync.model import Instant, Stream, iso
from refsync.rules.rule import RuleSet
from refsync.store import lease, runs
from refsync.store.engine import Store
from refsync.store.runs import RunOutcome
from refsync.sync.evaluate import Judged, evaluate
from refsync.sync.pull import Pulled, pull
from refsync.sync.push import Pushed, push, recover
from refsync.sync.retry import Patience, Stopped
from refsync.sync.run import Run

log = structlog.get_logger()

LEASE_MS = 60_000
RENEW_S = 20.0


class AlreadyRunning(RefsyncError):
    """Another process runs this connection now; nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one tick did."""

    connection: str
    run: str
    now: Instant
    pulled: Pulled = field(default_factory=Pulled)
    judged: Judged | None = None
    pushed: Pushed | None = None
    """None: nothing was to be written, in a dry run or because the connector cannot write."""
    no_writer: str = ""
    """Why tasks were not written although there were some."""

    @property
    def outcome(self) -> RunOutcome:
        if self.pulled.partial or self.no_writer or (self.judged and self.judged.held_rules):
            return RunOutcome.PARTIAL
        return RunOutcome.PARTIAL if self.pushed and (self.pushed.rejected or self.pushed.uncertain) else RunOutcome.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        judged, pushed = self.judged, self.pushed or Pushed()
        held = judged.plan.held if judged else ()
        return {
            "connection": self.connection,
            "run": self.run,
            "now": iso(self.now),
            "outcome": self.outcome.value,
            "pulled": {stream.value: rows for stream, rows in self.pulled.rows.items()},
            "changed": {stream.value: rows for stream, rows in self.pulled.changed.items()},
            "gone": self.pulled.gone,
            "set_aside": self.pulled.set_aside,
            "partial": {stream.value: reason for stream, reason in self.pulled.partial.items()},
            "matches": {rule: len(found) for rule, found in judged.matches.items()} if judged else {},
            "held_rules": dict(judged.held_rules) if judged else {},
            "planned": len(judged.plan.write) if judged else 0,
            "created": pushed.created,
            "adopted": pushed.adopted,
            "closed": pushed.closed,
            "rejected": pushed.rejected,
            "uncertain": pushed.uncertain,
            "waiting": pushed.waiting,
            "held": len(held),
            "held_by": judged.plan.held_by if judged else {},
            "not_written": self.no_writer,
        }


def tick(
    store: Store,
    connection: str,
    connector_name: str,
    connector: Connector,
    rules: RuleSet,
    *,
    now: Instant,
    stop: threading.Event | None = None,
    dry_run: bool = False,
    approved: bool = False,
    confirmed_deletes: Collection[Stream] = (),
    patience: Patience | None = None,
    progress: Callable[[str, int], None] = lambda _step, _done: None,
    clock: Callable[[], Instant] = lambda: time.time_ns() // 1_000_000,
) -> Report:
    """Run one tick and return its report, which is also kept in the store.

    `approved`: even more tasks than the limit of a run; `confirmed_deletes`: streams whose missing records may go past the brake.

    Raises AlreadyRunning, ConnectorError (the CRM could not be used), StoreError, and Stopped when `stop` was set meanwhile.
    """
    stop = stop or threading.Event()
    milestones = milestone_fields(rules.company, connector_name)
    token = lease.acquire(store, connection, f"pid {os.getpid()}", LEASE_MS, lease.clock(store, clock()))
    if token is None:
        raise AlreadyRunning
    run = Run(
        id=f"{iso(now)}-{secrets.token_hex(3)}",
        connection=connection,
        store=store,
        connector=connector,
        rules=rules,
        milestones=milestones,
        now=now,
        token=token,
        clock=lambda: lease.clock(store, clock()),
        stop=stop,
        confirmed_deletes=frozenset(confirmed_deletes),
        patience=patience or Patience(),
        progress=progress,
    )
    try:
        with structlog.contextvars.bound_contextvars(connection=connection, run=run.id), _renewed(run):
            return _recorded(run, dry_run=dry_run, approved=approved)
    finally:
        with suppress(StoreError):
            lease.release(store, connection, token)


def _recorded(run: Run, *, dry_run: bool, approved: bool) -> Report:
    with run.write() as db:
        runs.begin(db, run.connection, run.id, began_at=run.clock(), now=run.now)
    log.info("tick_began")
    try:
        report = _tick(run, dry_run=dry_run, approved=approved)
    except BaseException as error:
        reason = "stopped" if isinstance(error, Stopped) else str(error) or type(error).__name__
        _keep(run, RunOutcome.FAILED, {"error": reason})
        raise
    _keep(run, report.outcome, report.as_json())
    log.info("tick_ended", **{key: value for key, value in report.as_json().items() if key not in {"connection", "run"}})
    return report


def _tick(run: Run, *, dry_run: bool, approved: bool) -> Report:
    report = Report(connection=run.connection, run=run.id, now=run.now)
    report = replace(report, pulled=pull(run))
    writer = None if dry_run else run.connector.tasks
    pushed = recover(run, writer) if writer else None
    judged = evaluate(run, approved=approved)
    report = replace(report, judged=judged)
    if writer is None or pushed is None:
        wanted = judged.plan.write and not dry_run
        return replace(report, no_writer="the connector cannot write tasks: see refsync check" if wanted else "")
    return replace(report, pushed=push(run, writer, judged.plan, pushed))


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
