"""Tasks that are there: closed when their finding is over, given to somebody else when the owner changed.

Laws: what is about to happen is committed before the call, so that a run that is stopped in between does not take its own doing
for a person's; what a person did meanwhile stands; why it happened stands below the text, unless a person has written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from refsync.connector import Outcome, OutcomeKind, TaskChange, TaskState, TaskWriter
from refsync.finding import Finding, State
from refsync.model import Stream, TaskStatus
from refsync.plan import Ending, Move
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.store.records import directory
from refsync.store.tasks import shown
from refsync.sync.run import Run
from refsync.sync.write_back import calls
from refsync.sync.write_back.calls import Pushed

log = structlog.get_logger()

WHO: Mapping[str, str] = {
    "contact.owner": "who owns the contact",
    "account.owner": "who owns the account",
    "deal.owner": "who owns the deal",
    "introduction.rep": "who received the introduction",
    "account.owner.manager": "the manager of who owns the account",
}
"""Entries of `assign` in words."""
DONE = "done in the CRM"


def end(run: Run, writer: TaskWriter, endings: Sequence[Ending], pushed: Pushed) -> None:
    """Close the findings that are over, and their tasks."""
    with run.write() as db:
        for ending in endings:
            if not ending.finding.task_id:
                ledger.close(db, run.connection, ending.finding.key, ending.state, ending.reason, run.now, run.id)
    for some in calls.chunks([ending for ending in endings if ending.finding.task_id]):
        with run.write() as db:
            whole = _whole(db, run, [ending.finding for ending in some])
            for ending in some:
                ledger.aim(db, run.connection, ending.finding.key, ending.state, ending.reason)
        changes = [_close(ending, whole) for ending in some]
        outcomes = {change.key: outcome for change, outcome in zip(changes, calls.changed(run, writer, changes), strict=True)}
        theirs = _conflicting(run, writer, [ending.finding for ending in some], outcomes)
        with run.write() as db:
            for ending in some:
                _record_end(db, run, ending, outcomes[ending.finding.key], theirs.get(ending.finding.key), pushed)


def move(run: Run, writer: TaskWriter, moves: Sequence[Move], pushed: Pushed) -> None:
    """Give open tasks to their new owners."""
    for some in calls.chunks(moves):
        with run.write() as db:
            whole = _whole(db, run, [one.finding for one in some])
            owners = {owner_id for one in some for owner_id in (one.owner_id, one.finding.owner_id)}
            names = directory.names(db, run.connection, Stream.USERS, owners)
            for one in some:
                ledger.aim_owner(db, run.connection, one.finding.key, one.owner_id)
        changes = [_give(one, whole[one.finding.key], names) for one in some]
        outcomes = {change.key: outcome for change, outcome in zip(changes, calls.changed(run, writer, changes), strict=True)}
        theirs = _conflicting(run, writer, [one.finding for one in some], outcomes)
        with run.write() as db:
            for one, change in zip(some, changes, strict=True):
                _record_move(db, run, one, change, outcomes[change.key], theirs.get(change.key), pushed)


def _whole(db: Database, run: Run, findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the findings with their texts, by key."""
    return {one.key: one for one in ledger.of_keys(db, run.connection, [found.key for found in findings])}


def _close(ending: Ending, whole: Mapping[str, Finding]) -> TaskChange:
    found = whole.get(ending.finding.key, ending.finding)
    note = f"{ending.state.value.capitalize()} by refsync: {ending.reason}."
    return TaskChange(key=found.key, task_id=found.task_id, close=True, written=found.task, note=note)


def _give(one: Move, found: Finding, names: Mapping[str, str]) -> TaskChange:
    new, old = names.get(one.owner_id) or one.owner_id, names.get(found.owner_id) or found.owner_id
    note = f"Passed on by refsync from {old} to {new}, {WHO.get(one.assigned_as, 'who is next in the list')} now."
    moved = TaskChange(key=found.key, task_id=found.task_id, owner_id=one.owner_id, owner_was=found.owner_id)
    return replace(moved, written=found.task, note=note, due_on=one.due_on, due_at=one.due_at)


def _conflicting(
    run: Run, writer: TaskWriter, findings: Sequence[Finding], outcomes: Mapping[str, Outcome]
) -> Mapping[str, TaskState]:
    """Return what the CRM shows of those tasks that a person changed first."""
    theirs = [found for found in findings if outcomes[found.key].kind is OutcomeKind.CONFLICT]
    return calls.found(run, writer, theirs) if theirs else {}


def _record_end(db: Database, run: Run, ending: Ending, outcome: Outcome, theirs: TaskState | None, pushed: Pushed) -> None:
    """Record the end of a finding: ours when we closed its task, a person's when they were faster; else the next run tries."""
    found = ending.finding
    if outcome.kind is OutcomeKind.WRITTEN:
        ledger.close(db, run.connection, found.key, ending.state, ending.reason, run.now, run.id)
        pushed.closed += 1
        log.info("task_closed", key=found.key[:12], rule=found.rule, state=ending.state)
        return
    if outcome.kind is not OutcomeKind.UNCERTAIN:
        ledger.aim(db, run.connection, found.key, None)
    if outcome.kind is OutcomeKind.CONFLICT and found.ending and theirs and theirs.status is TaskStatus.DONE:
        ledger.close(db, run.connection, found.key, ending.state, ending.reason, run.now, run.id)  # an earlier try of ours
    elif outcome.kind is not OutcomeKind.CONFLICT or not decided(db, run, found, theirs):
        calls.count(pushed, outcome)


def _record_move(
    db: Database, run: Run, one: Move, change: TaskChange, outcome: Outcome, theirs: TaskState | None, pushed: Pushed
) -> None:
    found = one.finding
    if outcome.kind is OutcomeKind.WRITTEN:
        ledger.move(db, run.connection, change, at=run.now, run=run.id)
        shown.moved(db, run.connection, found.task_id, one.owner_id, one.due_at)
        pushed.moved += 1
        log.info("task_moved", key=found.key[:12], rule=found.rule, assigned_as=one.assigned_as)
        return
    if outcome.kind is not OutcomeKind.UNCERTAIN:
        ledger.aim_owner(db, run.connection, found.key, "")
    if outcome.kind is OutcomeKind.CONFLICT and (theirs is None or theirs.status not in {TaskStatus.DELETED, TaskStatus.DONE}):
        ledger.leave(db, run.connection, found.key, outcome.reason, at=run.now, run=run.id)
    elif outcome.kind is not OutcomeKind.CONFLICT or not decided(db, run, found, theirs):
        calls.count(pushed, outcome)


def decided(db: Database, run: Run, found: Finding, theirs: TaskState | None) -> bool:
    """Record that a person has deleted or completed a task, if that is what the CRM shows; return whether it is."""
    if theirs is None or theirs.status is TaskStatus.DELETED:
        return ledger.close(db, run.connection, found.key, State.DISMISSED, ledger.DELETED, run.now, run.id)
    if theirs.status is TaskStatus.DONE:
        return ledger.close(db, run.connection, found.key, State.DONE, DONE, run.now, run.id)
    return False
