"""Taking back what a run wrote, as far as nobody has touched it.

Laws: a task that a person completed, put off, gave away, rewrote or deleted stays as it is. What was taken back comes again
only as [repeat] of its rule allows after a dismissal, or when a person says so. The intent is committed before the call, so that
a task that is gone after a crash is known to have been taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from refsync.connector import Outcome, OutcomeKind, TaskChange, TaskWriter
from refsync.finding import WITH_TASK, Finding, State
from refsync.model import Instant, iso
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.store.runs import RunKind, RunOutcome
from refsync.store.tasks import history
from refsync.sync.review.apply import Stale
from refsync.sync.run import Run
from refsync.sync.turn import Turn
from refsync.sync.write_back.calls import changed, chunks
from refsync.sync.write_back.push import recover

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was taken back, and what was left alone."""

    connection: str
    run: str
    now: Instant
    of: str
    """The run whose tasks they were."""
    removed: tuple[Finding, ...] = ()
    left: Sequence[tuple[Finding, str]] = field(default_factory=tuple)
    """Tasks that stay, and why."""

    @property
    def outcome(self) -> RunOutcome:
        return RunOutcome.PARTIAL if self.left else RunOutcome.DONE

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "connection": self.connection,
            "run": self.run,
            "now": iso(self.now),
            "of": self.of,
            "outcome": self.outcome.value,
            "removed": [_task(found) for found in self.removed],
            "left": [{**_task(found), "why": why} for found, why in self.left],
        }


def undo(turn: Turn, of: str) -> Undone:
    """Delete the tasks of a run that are as they were written. Raises Stale when nothing can be written, and as a tick does."""
    return turn.take(RunKind.UNDO, partial(_undo, of=of))


def _undo(run: Run, *, of: str) -> Undone:
    writer = run.connector.tasks
    if writer is None:
        raise Stale("the connector cannot write tasks: see refsync check")
    recover(run, writer)
    with run.store.read() as db:
        written = [found for found in ledger.in_state(db, run.connection, *State) if found.run == of and found.task_id]
        story = history.of_keys(db, run.connection, [found.key for found in written])
    adopted = {one.key for one in story if one.why == ledger.ADOPTED}
    why = {found.key: _touched(found, adopted) for found in written}
    ours = [found for found in written if not why[found.key]]
    for some in chunks(ours):
        why |= _taken_back(run, writer, some)
        run.progress("take back", len(some))
    return Undone(
        connection=run.connection,
        run=run.id,
        now=run.now,
        of=of,
        removed=tuple(found for found in ours if not why[found.key]),
        left=[(found, why[found.key]) for found in written if why[found.key] and found.state is not State.UNDONE],
    )


def _touched(found: Finding, adopted: set[str]) -> str:
    """Return why a task is left alone, as far as the ledger knows; empty: it does not know of a reason."""
    if found.key in adopted:
        return "it was there before this run"
    if found.state not in WITH_TASK:
        return f"{found.state.value}: {found.reason}"
    if found.state is State.SNOOZED:
        return "a person put it off"
    if found.state is State.SENDING:
        return "whether it arrived is not known yet: undo the run again in some minutes"
    return f"a person changed its {' and '.join(found.edited.split())}" if found.edited else ""


def _taken_back(run: Run, writer: TaskWriter, some: Sequence[Finding]) -> Mapping[str, str]:
    """Delete tasks and return by key why one stays; empty: it is gone."""
    with run.write() as db:
        for found in some:
            ledger.aim(db, run.connection, found.key, State.UNDONE, "taken back")
    changes = [TaskChange(key=one.key, task_id=one.task_id, remove=True, written=one.task) for one in some]
    outcomes = dict(zip((one.key for one in some), changed(run, writer, changes), strict=True))
    with run.write() as db:
        for found in some:
            _record(run, db, found, outcomes[found.key])
    return {key: "" if outcome.kind is OutcomeKind.WRITTEN else _why(outcome) for key, outcome in outcomes.items()}


def _record(run: Run, db: Database, found: Finding, outcome: Outcome) -> None:
    if outcome.kind is OutcomeKind.WRITTEN:
        ledger.close(db, run.connection, found.key, State.UNDONE, "taken back", run.now, run.id)
        log.info("task_taken_back", key=found.key[:12], rule=found.rule)
    elif outcome.kind is not OutcomeKind.UNCERTAIN:  # of what is not known the intent stays
        ledger.aim(db, run.connection, found.key, None)


def _why(outcome: Outcome) -> str:
    return outcome.reason or outcome.kind.value


def _task(found: Finding) -> dict[str, Any]:
    return {
        "key": found.key,
        "rule": found.rule,
        "account_id": found.account_id,
        "owner_id": found.owner_id,
        "subject": found.subject,
        "task_id": found.task_id,
    }
