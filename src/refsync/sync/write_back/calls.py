"""Calls to what writes tasks, repeated while nothing was sent, and the count of what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from refsync.connector import Outcome, OutcomeKind, TaskChange, TaskState, TaskWriter
from refsync.finding import Finding
from refsync.sync.retry import attempts
from refsync.sync.run import Run

CHUNK = 100
"""Tasks per transaction and call; a connector splits further where its CRM takes fewer."""

Item = TypeVar("Item")


@dataclass(slots=True)
class Pushed:
    """What was written."""

    created: int = 0
    adopted: int = 0
    closed: int = 0
    moved: int = 0
    """Tasks that were given to another owner."""
    escalated: int = 0
    """Of what was created, tasks that tell of an overdue one."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Refused tasks, by the CRM's words."""
    uncertain: int = 0
    waiting: int = 0
    """Findings noted as waiting behind another's task, or as pending."""


def found(run: Run, writer: TaskWriter, findings: Sequence[Finding]) -> Mapping[str, TaskState]:
    """Return what the CRM shows of the tasks of these findings, by key."""
    for attempt in attempts(run.patience, run.stop):
        with attempt:
            return writer.find([finding.task for finding in findings])
    raise AssertionError("attempts end with a result or an error")


def created(run: Run, writer: TaskWriter, findings: Sequence[Finding]) -> Sequence[Outcome]:
    """Create the tasks of these findings and return the outcomes, in order."""
    if not findings:
        return ()
    for attempt in attempts(run.patience, run.stop):  # raises only when nothing at all was sent
        with attempt:
            run.check_may_write()
            return writer.create([finding.task for finding in findings])
    raise AssertionError("attempts end with a result or an error")


def changed(run: Run, writer: TaskWriter, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
    """Carry out changes and return the outcomes, in order."""
    for attempt in attempts(run.patience, run.stop):
        with attempt:
            run.check_may_write()
            return writer.change(changes)
    raise AssertionError("attempts end with a result or an error")


def count(pushed: Pushed, outcome: Outcome) -> None:
    """Count what came of a create, or of a change that was not carried out."""
    match outcome.kind:
        case OutcomeKind.WRITTEN:
            pushed.created += 1
        case OutcomeKind.ADOPTED:
            pushed.adopted += 1
        case OutcomeKind.REJECTED | OutcomeKind.CONFLICT:
            pushed.rejected[outcome.reason] = pushed.rejected.get(outcome.reason, 0) + 1
        case OutcomeKind.UNCERTAIN | OutcomeKind.UNSENT:
            pushed.uncertain += 1


def chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Return the items in parts that make a transaction and a call each."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
