"""Closing tasks, giving them to somebody else and taking them away, after reading them, and only if no person was faster.

One property is sent, never more. HubSpot knows no conditional update, so between the reading and the writing a person could still
be faster by a moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from refsync.connector import Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain
from refsync.model import TaskStatus, iso
from refsync_hubspot import fetch
from refsync_hubspot.client import Client
from refsync_hubspot.replies import Json
from refsync_hubspot.task_owners import barred, nobody
from refsync_hubspot.task_record import KIND, TaskRecord

_GONE = frozenset({"404", "OBJECT_NOT_FOUND"})


def change(client: Client, record: TaskRecord, changes: Sequence[TaskChange]) -> list[Outcome]:
    """Close, reassign or remove tasks; one outcome each, in order. Raises when they cannot be read: then nothing is changed."""
    ids = list(dict.fromkeys(one.task_id for one in changes))
    seen = {row["id"]: row for row in fetch.by_ids(client, record.kind, ids).rows}
    absent = barred(client, {one.owner_id for one in changes if one.owner_id})
    return [_change(client, record, one, seen.get(one.task_id), absent) for one in changes]


def _change(client: Client, record: TaskRecord, change: TaskChange, row: Json | None, absent: frozenset[str]) -> Outcome:
    """Carry out one change of a task that shows this (None: it is gone); owners who are `absent` are given nothing."""
    state = None if row is None else record.state(row)
    edited = row is not None and change.written is not None and not record.is_as_written(change.written, row)
    if decided := _decided(change, state) or ("a person edited it" if edited and not change.close else ""):
        return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason=decided)
    if change.owner_id in absent and not change.close:
        return Outcome(kind=OutcomeKind.REJECTED, task_id=change.task_id, reason=nobody(change.owner_id or ""))
    kind, reason = OutcomeKind.WRITTEN, ""
    try:
        if change.remove:
            client.archive(client.paths.objects(KIND, change.task_id))
        elif wanted := _wanted(change, state):
            if change.text and not edited:
                wanted |= record.text(change.key, change.text)
            client.write("PATCH", client.paths.objects(KIND, change.task_id), {"properties": wanted})
    except RequestUncertain as error:
        kind, reason = OutcomeKind.UNCERTAIN, str(error)
    except RecordRejected as error:
        kind, reason = OutcomeKind.CONFLICT if error.code in _GONE else OutcomeKind.REJECTED, str(error)
    except ConnectorError as error:
        kind, reason = OutcomeKind.UNSENT, str(error)
    return Outcome(kind=kind, task_id=change.task_id, reason=reason)


def _wanted(change: TaskChange, state: TaskState | None) -> Json:
    """Return the one property to write; nothing when the task is as it should be."""
    if change.close:
        return {"hs_task_status": "COMPLETED"}
    as_wanted = change.owner_id is None or (state is not None and state.owner_id == change.owner_id)
    dated = {"hs_timestamp": iso(change.due_at)} if change.due_on else {}
    return {} if as_wanted else {"hubspot_owner_id": change.owner_id} | dated


def _decided(change: TaskChange, state: TaskState | None) -> str:
    """Return what a person has decided about the task, in words; empty when it is as refsync left it."""
    if state is None or state.status is TaskStatus.DELETED:
        return "the task is no longer there"
    if state.key != change.key:
        return "the task does not carry our key"
    if state.status is TaskStatus.DONE:
        return "the task is completed"
    if change.remove and state.status is TaskStatus.SNOOZED:
        return "a person put it off"
    if change.remove and change.written and state.owner_id != change.written.owner_id:
        return "the task has been given to somebody else"
    if change.owner_id and state.owner_id not in (change.owner_id, change.owner_was):
        return "the task has been given to somebody else"
    return ""
