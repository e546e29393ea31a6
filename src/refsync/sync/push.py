"""From the plan into the CRM.

Laws: the ledger row is committed as `sending` before the call and settled after it; nothing is sent twice before its key has been
searched for and the plan wants it again; a task is created once and never overwritten; only our own tasks are closed, and only
while nobody changed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from refsync.connector import Outcome, OutcomeKind, TaskChange, TaskState, TaskWriter
from refsync.finding import Finding, State
from refsync.model import TaskStatus
from refsync.plan import Ending, Plan, Wish
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.sync.retry import attempts
from refsync.sync.run import Run
from refsync.sync.words import findings_of

log = structlog.get_logger()

CHUNK = 100
"""Tasks per transaction and call; a connector splits further where its CRM takes fewer."""

Item = TypeVar("Item")


@dataclass(slots=True)
class Pushed:
    """What was written."""

    created: int = 0
    adopted: int = 0
    closed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Refused tasks, by the CRM's words."""
    uncertain: int = 0
    waiting: int = 0
    """Findings noted as waiting behind another's task, or as pending."""


def recover(run: Run, writer: TaskWriter) -> Pushed:
    """Find out what became of tasks that were being sent when a run ended, and return what was adopted.

    A task that the CRM does not know is pending again: if the plan still wants it, it is sent under the same key. How long after
    the call the CRM is asked, and whether one look is enough, is the CRM's own: until then the task stays `sending`.
    """
    pushed, now, absence = Pushed(), run.clock(), writer.absence
    with run.store.read() as db:
        unknown = ledger.in_state(db, run.connection, State.SENDING)
    due = [finding for finding in unknown if abs(now - (finding.missed_at or finding.sent_at or 0)) >= absence.wait_ms]
    for some in _chunks(due):
        there, looked_at = _found(run, writer, some), run.clock()
        with run.write() as db:
            for finding in some:
                if state := there.get(finding.key):
                    _adopt(db, run, finding, state)
                    pushed.adopted += 1
                elif absence.twice and finding.missed_at is None:
                    ledger.miss(db, run.connection, finding.key, at=looked_at)
                    pushed.uncertain += 1
                else:
                    unsent = Outcome(kind=OutcomeKind.UNSENT, reason="it did not arrive")
                    ledger.settle(db, run.connection, finding.key, unsent, at=now, run=run.id)
    return pushed


def push(run: Run, writer: TaskWriter, plan: Plan, pushed: Pushed) -> Pushed:
    """Carry out a plan, first endings, then new tasks, and return `pushed` with what was written."""
    _end(run, writer, plan.end, pushed)
    _note(run, plan.notice, plan.forget, pushed)
    for some in _chunks(plan.write):
        _create(run, writer, some, pushed)
        run.progress("write tasks", pushed.created)
    return pushed


def _create(run: Run, writer: TaskWriter, wishes: Sequence[Wish], pushed: Pushed) -> None:
    with run.store.read() as db:
        findings = findings_of(db, run, wishes)
    behind = [finding for wish in wishes for finding in wish.behind]
    sent_at = run.clock()
    with run.write() as db:
        new = ledger.intend(db, run.connection, [replace(finding, sent_at=sent_at) for finding in findings])
        known = [replace(finding, sent_at=sent_at) for finding in findings if finding.key not in new]
        ready = new | ledger.send(db, run.connection, known)
        pushed.waiting += len(ledger.wait(db, run.connection, behind))
    _send(run, writer, [finding for finding in findings if finding.key in ready], pushed)


def _send(run: Run, writer: TaskWriter, findings: Sequence[Finding], pushed: Pushed) -> None:
    """Create the tasks whose keys the CRM does not know, adopt the others, and record each outcome."""
    if not findings:
        return
    there = _found(run, writer, findings)
    absent = [finding for finding in findings if finding.key not in there]
    outcomes = dict(zip((finding.key for finding in absent), _created(run, writer, absent), strict=True))
    with run.write() as db:
        for finding in findings:
            if state := there.get(finding.key):
                _adopt(db, run, finding, state)
                pushed.adopted += 1
            else:
                outcome = outcomes[finding.key]
                ledger.settle(db, run.connection, finding.key, outcome, at=run.clock(), run=run.id)
                _count(pushed, outcome)
                log.info("task_written", key=finding.key[:12], rule=finding.rule, outcome=outcome.kind, task=outcome.task_id)


def _found(run: Run, writer: TaskWriter, findings: Sequence[Finding]) -> Mapping[str, TaskState]:
    for attempt in attempts(run.patience, run.stop):
        with attempt:
            return writer.find([finding.task for finding in findings])
    raise AssertionError("attempts end with a result or an error")


def _created(run: Run, writer: TaskWriter, findings: Sequence[Finding]) -> Sequence[Outcome]:
    if not findings:
        return ()
    for attempt in attempts(run.patience, run.stop):  # raises only when nothing at all was sent
        with attempt:
            run.check_may_write()
            return writer.create([finding.task for finding in findings])
    raise AssertionError("attempts end with a result or an error")


def _adopt(db: Database, run: Run, finding: Finding, state: TaskState) -> None:
    """Take over a task that is there already; what a person did to it stands."""
    outcome = Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id)
    ledger.settle(db, run.connection, finding.key, outcome, at=run.clock(), run=run.id)
    if state.status is TaskStatus.DELETED:
        ledger.close(db, run.connection, finding.key, State.DISMISSED, "deleted in the CRM", run.now, run.id)
    elif state.status is TaskStatus.DONE:
        ledger.close(db, run.connection, finding.key, State.DONE, "done in the CRM", run.now, run.id)
    log.info("task_adopted", key=finding.key[:12], rule=finding.rule, status=state.status, task=state.task_id)


def _end(run: Run, writer: TaskWriter, endings: Sequence[Ending], pushed: Pushed) -> None:
    with run.write() as db:
        for ending in endings:
            if not ending.finding.task_id:
                ledger.close(db, run.connection, ending.finding.key, ending.state, ending.reason, run.now, run.id)
    for some in _chunks([ending for ending in endings if ending.finding.task_id]):
        changes = [TaskChange(key=one.finding.key, task_id=one.finding.task_id, close=True) for one in some]
        outcomes = {one.finding.key: outcome for one, outcome in zip(some, _changed(run, writer, changes), strict=True)}
        conflicts = [one.finding for one in some if outcomes[one.finding.key].kind is OutcomeKind.CONFLICT]
        theirs = _found(run, writer, conflicts) if conflicts else {}
        with run.write() as db:
            for ending in some:
                _record_end(db, run, ending, outcomes[ending.finding.key], theirs.get(ending.finding.key), pushed)


def _changed(run: Run, writer: TaskWriter, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
    for attempt in attempts(run.patience, run.stop):
        with attempt:
            run.check_may_write()
            return writer.change(changes)
    raise AssertionError("attempts end with a result or an error")


def _record_end(db: Database, run: Run, ending: Ending, outcome: Outcome, theirs: TaskState | None, pushed: Pushed) -> None:
    """Record the end of a finding: ours when we closed its task, a person's when they were faster; else the next run tries."""
    key = ending.finding.key
    if outcome.kind is OutcomeKind.WRITTEN:
        ledger.close(db, run.connection, key, ending.state, ending.reason, run.now, run.id)
        pushed.closed += 1
        log.info("task_closed", key=key[:12], rule=ending.finding.rule, state=ending.state)
    elif outcome.kind is OutcomeKind.CONFLICT and (theirs is None or theirs.status is TaskStatus.DELETED):
        ledger.close(db, run.connection, key, State.DISMISSED, "deleted in the CRM", run.now, run.id)
    elif outcome.kind is OutcomeKind.CONFLICT and theirs is not None and theirs.status is TaskStatus.DONE:
        ledger.close(db, run.connection, key, State.DONE, "done in the CRM", run.now, run.id)
    else:
        _count(pushed, outcome)


def _note(run: Run, notice: Sequence[Wish], forget: Sequence[str], pushed: Pushed) -> None:
    if not notice and not forget:
        return
    with run.store.read() as db:
        pending = [replace(finding, state=State.PENDING) for finding in findings_of(db, run, notice)]
    with run.write() as db:
        pushed.waiting += len(ledger.intend(db, run.connection, pending))
        ledger.forget(db, run.connection, forget, run.now, run.id)


def _count(pushed: Pushed, outcome: Outcome) -> None:
    match outcome.kind:
        case OutcomeKind.WRITTEN:
            pushed.created += 1
        case OutcomeKind.ADOPTED:
            pushed.adopted += 1
        case OutcomeKind.REJECTED | OutcomeKind.CONFLICT:
            pushed.rejected[outcome.reason] = pushed.rejected.get(outcome.reason, 0) + 1
        case OutcomeKind.UNCERTAIN | OutcomeKind.UNSENT:
            pushed.uncertain += 1


def _chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
