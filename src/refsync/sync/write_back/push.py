"""From the plan into the CRM.

Laws: the ledger row is committed as `sending` before the call and settled after it; nothing is sent twice before its key has been
searched for and the plan wants it again; a task is created once and never overwritten; only our own tasks are closed, and only
while nobody changed them.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from refsync.connector import Outcome, OutcomeKind, TaskState, TaskWriter
from refsync.finding import ESCALATION, Finding, State
from refsync.model import TaskStatus
from refsync.plan import Drawn, Plan, Wish
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.store.tasks import adoption, draws
from refsync.store.tasks.draws import Draw
from refsync.sync.run import Run
from refsync.sync.write_back import calls, change
from refsync.sync.write_back.calls import Pushed
from refsync.sync.write_back.telling import told_of
from refsync.sync.write_back.words import findings_of

__all__ = ["Pushed", "note", "push", "recover", "write"]

log = structlog.get_logger()


def recover(run: Run, writer: TaskWriter) -> Pushed:
    """Find out what became of tasks that were being sent when a run ended, and return what was adopted.

    A task that the CRM does not know is pending again: if the plan still wants it, it is sent under the same key. How long after
    the call the CRM is asked, and whether one look is enough, is the CRM's own: until then the task stays `sending`.
    """
    pushed, now, absence = Pushed(), run.clock(), writer.absence
    with run.store.read() as db:
        unknown = ledger.in_state(db, run.connection, State.SENDING)
    due = [finding for finding in unknown if abs(now - (finding.missed_at or finding.sent_at or 0)) >= absence.wait_ms]
    for some in calls.chunks(due):
        there, looked_at = calls.found(run, writer, some), run.clock()
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
    """Carry out a plan: first endings, then what goes to other owners, then new tasks. Returns `pushed` with what was written."""
    change.end(run, writer, plan.end, pushed)
    change.move(run, writer, plan.move, pushed)
    note(run, plan.notice, plan.forget, pushed)
    with run.write() as db:
        pushed.waiting += len(ledger.wait(db, run.connection, plan.wait))
        draws.remember(db, run.connection, [_draw(one) for one in plan.drawn], at=run.now)
    for some in calls.chunks(plan.write):
        with run.store.read() as db:
            findings = findings_of(db, run, some)
        write(run, writer, findings, [finding for wish in some for finding in wish.behind], pushed)
        run.progress("write tasks", pushed.created)
    for told in calls.chunks(plan.escalate):
        with run.store.read() as db:
            findings = told_of(db, run, told)
        write(run, writer, findings, (), pushed)
    return pushed


def _draw(one: Drawn) -> Draw:
    rule, match = one.wish.rule, one.wish.match
    return Draw(
        key=one.wish.key,
        rule=rule.name,
        kind=rule.kind.value,
        account_id=match.account_id,
        contact_id=(match.contact_id or "") if match.subject_kind == "contact" else "",
        left_out=one.left_out,
    )


def write(run: Run, writer: TaskWriter, findings: Sequence[Finding], behind: Sequence[Finding], pushed: Pushed) -> None:
    """Create these tasks in these very words, let others wait for them, and add to `pushed` what was written."""
    sent_at = run.clock()
    with run.write() as db:
        new = ledger.intend(db, run.connection, [finding._replace(sent_at=sent_at) for finding in findings])
        known = [finding._replace(sent_at=sent_at) for finding in findings if finding.key not in new]
        ready = new | ledger.send(db, run.connection, known)
        pushed.waiting += len(ledger.wait(db, run.connection, behind))
    _send(run, writer, [finding for finding in findings if finding.key in ready], pushed)


def _send(run: Run, writer: TaskWriter, findings: Sequence[Finding], pushed: Pushed) -> None:
    """Create the tasks whose keys the CRM does not know, take over the others, and record each outcome."""
    if not findings:
        return
    there = dict(calls.found(run, writer, findings))
    absent = [finding for finding in findings if finding.key not in there]
    outcomes = dict(zip((finding.key for finding in absent), calls.created(run, writer, absent), strict=True))
    met = [finding for finding in absent if outcomes[finding.key].kind is OutcomeKind.ADOPTED]
    there |= calls.found(run, writer, met) if met else {}
    with run.write() as db:
        for finding in findings:
            if state := there.get(finding.key):
                _adopt(db, run, finding, state)
                rule = run.rules.rule(finding.rule)
                due = rule.task.due if rule else None
                adoption.take_over(db, run.connection, finding, state, run.rules.company, due, run.now)
                pushed.adopted += 1
            else:
                outcome = outcomes[finding.key]
                ledger.settle(db, run.connection, finding.key, outcome, at=run.clock(), run=run.id)
                calls.count(pushed, outcome)
                pushed.escalated += outcome.kind is OutcomeKind.WRITTEN and finding.kind == ESCALATION
                log.info("task_written", key=finding.key[:12], rule=finding.rule, outcome=outcome.kind, task=outcome.task_id)


def _adopt(db: Database, run: Run, finding: Finding, state: TaskState) -> None:
    """Take note of a task that is there already; what a person did to it stands."""
    outcome = Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id)
    ledger.settle(db, run.connection, finding.key, outcome, at=run.clock(), run=run.id)
    if state.status in {TaskStatus.DELETED, TaskStatus.DONE}:
        change.decided(db, run, finding, state)
    log.info("task_adopted", key=finding.key[:12], rule=finding.rule, status=state.status, task=state.task_id)


def note(run: Run, notice: Sequence[Wish], forget: Sequence[str], pushed: Pushed) -> None:
    """Keep what has yet to settle, and drop what did not."""
    if not notice and not forget:
        return
    with run.store.read() as db:
        pending = [finding._replace(state=State.PENDING) for finding in findings_of(db, run, notice)]
    with run.write() as db:
        pushed.waiting += len(ledger.intend(db, run.connection, pending))
        ledger.forget(db, run.connection, forget, run.now, run.id)
