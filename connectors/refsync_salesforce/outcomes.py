"""What became of each row of a collections call, and of a list that takes several calls.

Law: each row has its own outcome; a row of which the reply does not tell is uncertain, and so is every row of a call whose reply
was lost. The codes are those of the REST API's "Status Codes and Error Responses" page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from refsync.connector import Outcome, OutcomeKind, TaskChange
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain
from refsync.model import Task
from refsync_salesforce.client import Row, chunks
from refsync_salesforce.failures import BUSY, Complaint, complaints

Item = TypeVar("Item", Task, TaskChange)

ROWS_A_CALL = 200

DUPLICATE = "DUPLICATE_VALUE"
DELETED = "ENTITY_IS_DELETED"
LOCKED = "UNABLE_TO_LOCK_ROW"
HIDDEN = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
"""Codes of a field that we may not write: a fault of the set-up, which every row meets."""
PASSING = BUSY | {"REQUEST_LIMIT_EXCEEDED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"}
"""Codes of rows that were not written and may be sent again. Every other code is a refusal that a person has to act on."""


def outcome(reply: Row) -> Outcome:
    """Return what became of one row."""
    task_id = reply.get("id")
    if reply.get("success") is True and isinstance(task_id, str) and task_id:
        return Outcome(kind=OutcomeKind.WRITTEN, task_id=task_id)
    errors = complaints(reply.get("errors"))
    if reply.get("success") is not False or not errors:
        return Outcome(kind=OutcomeKind.UNCERTAIN, reason="the reply does not say what became of it")
    kind = OutcomeKind.UNSENT if any(map(_passes, errors)) else OutcomeKind.REJECTED
    return Outcome(kind=kind, reason="; ".join(str(error) for error in errors))


def _passes(error: Complaint) -> bool:
    # a trigger that meets a lock answers with its own code and names the lock in its words
    return error.code in PASSING or LOCKED in error.message


def refused_with(reply: Row, code: str) -> bool:
    """Whether a row was refused with this code."""
    return any(error.code == code for error in complaints(reply.get("errors")))


def may_not_write(reply: Row, field: str) -> bool:
    """Whether a row was refused since we may no longer write this field."""
    return any(
        error.code in HIDDEN and (field in error.fields or field in error.message) for error in complaints(reply.get("errors"))
    )


def in_turn(items: Sequence[Item], carry_out: Callable[[Sequence[Item]], dict[str, Outcome]]) -> dict[str, Outcome]:
    """Return the outcome for each key, call by call until one fails; the rest is unsent.

    Raises when the first call fails and certainly carried out nothing.
    """
    outcomes: dict[str, Outcome] = {}
    for some in chunks(items, ROWS_A_CALL):
        try:
            outcomes |= carry_out(some)
            continue
        except RequestUncertain as error:
            outcomes |= {item.key: Outcome(kind=OutcomeKind.UNCERTAIN, reason=str(error)) for item in some}
            reason = "not sent, since the call before it ended unclear"
        except RecordRejected as error:
            outcomes |= {item.key: Outcome(kind=OutcomeKind.REJECTED, reason=str(error)) for item in some}
            continue
        except ConnectorError as error:
            if not outcomes:
                raise
            reason = str(error)
        return {item.key: Outcome(kind=OutcomeKind.UNSENT, reason=reason) for item in items} | outcomes
    return outcomes


def adopted(task_id: str) -> Outcome:
    """Return the outcome of a task that was there already."""
    return Outcome(kind=OutcomeKind.ADOPTED, task_id=task_id)


def repeated(first: Outcome) -> Outcome:
    """Return the outcome of a key that stood in the same batch before."""
    return adopted(first.task_id) if first.kind is OutcomeKind.WRITTEN else first


def conflict(change: TaskChange, reason: str) -> Outcome:
    """Return the outcome of a change that a person was faster than."""
    return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason=reason)
