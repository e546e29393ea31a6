"""One tick of one connection, under its lease: pull, evaluate, plan, push, and a report that is kept."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from refsync.connector import Connector
from refsync.errors import RateLimited
from refsync.model import Instant, Stream, iso
from refsync.plan import Plan
from refsync.rules.rule import RuleSet
from refsync.store.engine import Store
from refsync.store.runs import RunKind, RunOutcome
from refsync.sync import allowed
from refsync.sync.evaluate import Judged, evaluate
from refsync.sync.pull import Pulled, pull
from refsync.sync.retry import Patience
from refsync.sync.review import planned
from refsync.sync.run import Paused, Run
from refsync.sync.turn import AlreadyRunning, Turn
from refsync.sync.write_back.push import Pushed, push, recover

__all__ = ["AlreadyRunning", "Report", "tick"]

SHOWN = 100
"""So many tasks of rules that only watch stand in the record of a run; the counts tell of all."""


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
    plan: str = ""
    """The id of the plan that waits for an approval; empty: none does."""

    @property
    def outcome(self) -> RunOutcome:
        if self.pulled.partial or self.no_writer or self.plan or (self.judged and self.judged.held_rules):
            return RunOutcome.PARTIAL
        return RunOutcome.PARTIAL if self.pushed and (self.pushed.rejected or self.pushed.uncertain) else RunOutcome.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        judged, pushed = self.judged, self.pushed or Pushed()
        made = judged.plan if judged else Plan()
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
            "planned": len(made.write),
            "created": pushed.created,
            "adopted": pushed.adopted + (judged.taken_over if judged else 0),
            "closed": pushed.closed,
            "rejected": pushed.rejected,
            "uncertain": pushed.uncertain,
            "waiting": pushed.waiting,
            "held": len(made.held),
            "held_by": made.held_by,
            "first_matches": dict(Counter(held.rule for held in made.held if held.reason in allowed.REASONS.values())),
            "plan": self.plan,
            "stopped_by": made.stopped_by,
            "watched": watched(judged) if judged else {},
            "not_written": self.no_writer,
        }


def watched(judged: Judged) -> dict[str, Any]:
    """Return what the rules that only watch would have done: counts by rule, and the first tasks."""
    would = judged.watched
    counts = Counter(wish.match.rule for wish in would.write)
    held = Counter(one.rule for one in would.held)
    tasks = [
        {
            "rule": wish.rule.name,
            "account_id": wish.match.account_id,
            "account": wish.match.account_name,
            "owner_id": wish.owner_id,
            "due_on": wish.due_on.isoformat(),
        }
        for wish in would.write[:SHOWN]
    ]
    rules = {rule: {"would_write": counts[rule], "would_hold": held[rule]} for rule in sorted({*counts, *held})}
    return {"rules": rules, "tasks": tasks}


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

    `approved`: whoever calls has approved whatever is written, however much it is, and what rules match that are live for the
    first time; `confirmed_deletes`: streams whose missing records may go past the brake.

    Raises AlreadyRunning, ConnectorError (the CRM could not be used), StoreError, and Stopped when `stop` was set meanwhile.
    """
    turn = Turn(
        store=store,
        connection=connection,
        connector_name=connector_name,
        connector=connector,
        rules=rules,
        now=now,
        stop=stop or threading.Event(),
        confirmed_deletes=frozenset(confirmed_deletes),
        patience=patience or Patience(),
        progress=progress,
        clock=clock,
    )
    return ticked(turn, dry_run=dry_run, approved=approved)


def ticked(turn: Turn, *, dry_run: bool = False, approved: bool = False) -> Report:
    """Run one tick of a connection whose turn it is: see `tick`."""
    kind = RunKind.DRY_RUN if dry_run else RunKind.SYNC
    return turn.take(kind, partial(_tick, dry_run=dry_run, approved=approved))


def _tick(run: Run, *, dry_run: bool, approved: bool) -> Report:
    report = Report(connection=run.connection, run=run.id, now=run.now, pulled=pull(run))
    try:
        return _carried_on(run, report, dry_run=dry_run, approved=approved)
    except RateLimited as limit:
        if not report.pulled.partial:
            raise
        return replace(report, no_writer=str(limit))  # the limit that ended the reads leaves no call for tasks either


def _carried_on(run: Run, report: Report, *, dry_run: bool, approved: bool) -> Report:
    """Return the report of what follows a pull: judging, planning, writing."""
    paused = run.paused.get("")
    writer = None if dry_run or paused else run.connector.tasks
    pushed = recover(run, writer) if writer else None
    judged = evaluate(run, allowed.allowed(run, everything=approved))
    allowed.settle(run, judged)
    report = replace(report, judged=judged)
    if dry_run:
        return report
    if judged.plan.stopped:
        report = replace(report, plan=planned.keep(run, judged).id)
    if paused:
        return replace(report, no_writer=f"{paused}: refsync resume lets it go on")
    if writer is None or pushed is None:
        return replace(report, no_writer="the connector cannot write tasks: see refsync check" if judged.plan.write else "")
    try:
        push(run, writer, judged.plan, pushed)
    except Paused as error:
        return replace(report, pushed=pushed, no_writer=f"{error}: refsync resume lets it go on")
    return replace(report, pushed=pushed)
