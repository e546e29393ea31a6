"""Writes tasks into HubSpot, each once, by a task property whose values are unique.

HubSpot has no idempotency header, and its upsert would overwrite what a person edited. So a task is created with its key in the
unique property, and whatever leaves doubt is looked up by that key before anything is said to have failed. A task is closed or
given to somebody else only after it was read: it carries our key, is open, and belongs to whom refsync gave it.
Sources: developers.hubspot.com, tasks and batch create (`objectWriteTraceId`); a key that exists answers CONFLICT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain
from refsync.model import Task, TaskStatus, iso
from refsync_hubspot import fetch, replies, values
from refsync_hubspot.client import Client
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.replies import Answer, Json

KIND = "tasks"
_TO_CONTACT, _TO_COMPANY, _TO_DEAL = 204, 192, 216
_TYPE = {"call": "CALL", "email": "EMAIL"}
_PRIORITY = {"urgent": "HIGH", "high": "HIGH", "normal": "MEDIUM", "low": "LOW"}
_GONE = frozenset({"404", "OBJECT_NOT_FOUND"})
_PASSING = frozenset({"RATE_LIMIT", "RATE_LIMITS", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"})
"""Categories of a row's error that say nothing against the row."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Writes tasks of which at most one carries a key: HubSpot itself makes sure of it."""

    client: Client
    key_property: str
    absence = Absence()

    def find(self, tasks: Sequence[Task]) -> dict[str, TaskState]:
        """Return the state of each task that exists, archived ones too."""
        found: dict[str, TaskState] = {}
        for archived in (False, True):
            missing = [key for key in dict.fromkeys(task.key for task in tasks) if key not in found]
            for some in fetch.chunks(missing, fetch.BATCH):
                found |= self._find(some, archived=archived)
        return found

    def create(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Create tasks; one outcome each, in order. Raises when nothing at all was sent."""
        distinct = list({task.key: task for task in tasks}.values())
        outcomes: dict[str, Outcome] = {}
        trouble: ConnectorError | None = None
        for start in range(0, len(distinct), fetch.BATCH):
            trouble = trouble or self._create(distinct[start : start + fetch.BATCH], outcomes)
        if trouble and not outcomes:
            raise trouble
        unsent = Outcome(kind=OutcomeKind.UNSENT, reason=str(trouble))
        return [outcomes.get(task.key, unsent) for task in tasks]

    def change(self, changes: Sequence[TaskChange]) -> list[Outcome]:
        """Close or reassign tasks after reading them; one outcome each, in order. Raises when they cannot be read."""
        kind = ObjectType(name=KIND, properties=self._shown)
        ids = list(dict.fromkeys(change.task_id for change in changes))
        seen = {row["id"]: row["properties"] for row in fetch.by_ids(self.client, kind, ids).rows}
        return [self._change(change, seen.get(change.task_id)) for change in changes]

    @property
    def _shown(self) -> tuple[str, ...]:
        return (self.key_property, "hs_task_status", "hubspot_owner_id")

    def _find(self, keys: Sequence[str], *, archived: bool) -> dict[str, TaskState]:
        body = {"idProperty": self.key_property, "properties": self._shown, "inputs": [{"id": key} for key in keys]}
        query = {"archived": "true"} if archived else None
        answer = self.client.ask(self.client.paths.objects(KIND, "batch", "read"), body, query)
        rows = replies.records(answer)
        missing = set(keys) - {row["properties"].get(self.key_property) for row in rows}
        if not answer.accounts_for(missing):  # left out without a word: only a 404 proves that there is no such task
            rows += [row for key in sorted(missing) if (row := self._find_one(key, archived=archived))]
        states = (self._state(row, archived=archived) for row in rows)
        return {state.key: state for state in states}

    def _find_one(self, key: str, *, archived: bool) -> Json | None:
        query = {
            "idProperty": self.key_property,
            "properties": ",".join(self._shown),
            "archived": str(archived).lower(),
        }
        found = self.client.find(self.client.paths.objects(KIND, key), query)
        return replies.records(Answer(body={"results": [found]}))[0] if found else None

    def _state(self, row: Json, *, archived: bool) -> TaskState:
        properties = row["properties"]
        status = TaskStatus.DONE if properties.get("hs_task_status") == "COMPLETED" else TaskStatus.OPEN
        return TaskState(
            key=str(properties.get(self.key_property)),
            task_id=row["id"],
            status=TaskStatus.DELETED if archived or row.get("archived") is True else status,
            owner_id=properties.get("hubspot_owner_id") or None,
        )

    def _create(self, tasks: Sequence[Task], outcomes: dict[str, Outcome]) -> ConnectorError | None:
        """Create tasks in one call and note what became of them; return what kept those without an outcome from being sent."""
        body = {"inputs": [self._input(task) for task in tasks]}
        try:
            answer = self.client.write("POST", self.client.paths.objects(KIND, "batch", "create"), body)
            written = self._written(answer)
        except RequestUncertain as uncertain:
            outcomes |= {task.key: Outcome(kind=OutcomeKind.UNCERTAIN, reason=str(uncertain)) for task in tasks}
            return uncertain
        except RecordRejected as refused:
            return self._refused(tasks, refused, outcomes)
        except ConnectorError as error:
            return error
        outcomes |= {
            task.key: Outcome(kind=OutcomeKind.WRITTEN, task_id=written[task.key]) for task in tasks if task.key in written
        }
        return self._left_over([task for task in tasks if task.key not in written], answer, outcomes)

    def _written(self, answer: Answer) -> dict[str, str]:
        """Return the new ids by key."""
        rows = replies.records(answer, write=True)
        return {str(row["properties"].get(self.key_property) or row.get("objectWriteTraceId")): row["id"] for row in rows}

    def _refused(self, tasks: Sequence[Task], refused: RecordRejected, outcomes: dict[str, Outcome]) -> ConnectorError | None:
        """Deal with a call that was refused as a whole, perhaps because of one task, or of a key that is there already."""
        try:
            found = self._adopted(tasks, outcomes)
        except ConnectorError as error:
            return error
        rest = [task for task in tasks if task.key not in found]
        if found:
            return self._create(rest, outcomes) if rest else None
        if len(rest) == 1:
            outcomes[rest[0].key] = Outcome(kind=OutcomeKind.REJECTED, reason=str(refused))
            return None
        middle = len(rest) // 2
        return self._create(rest[:middle], outcomes) or self._create(rest[middle:], outcomes)

    def _left_over(self, tasks: Sequence[Task], answer: Answer, outcomes: dict[str, Outcome]) -> ConnectorError | None:
        """Deal with the tasks that a call did not create, by the errors of its reply, after looking for their keys."""
        if not tasks:
            return None
        try:
            found = self._adopted(tasks, outcomes)
        except ConnectorError as error:
            outcomes |= {task.key: Outcome(kind=OutcomeKind.UNCERTAIN, reason=str(error)) for task in tasks}
            return None
        reasons = {key: error for error in answer.errors for key in replies.context(error, "objectWriteTraceId")}
        trouble: ConnectorError | None = None
        for task in tasks:
            if task.key in found:
                continue
            if task.key in reasons:
                outcomes[task.key] = _row_outcome(reasons[task.key])
            elif len(tasks) == 1:
                reason = "HubSpot's reply does not say what became of it"
                outcomes[task.key] = Outcome(kind=OutcomeKind.UNCERTAIN, reason=reason)
            else:
                trouble = trouble or self._create([task], outcomes)
        return trouble

    def _adopted(self, tasks: Sequence[Task], outcomes: dict[str, Outcome]) -> dict[str, TaskState]:
        """Note those tasks that are there already as adopted, and return them by key."""
        found = self.find(tasks)
        outcomes |= {key: Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id) for key, state in found.items()}
        return found

    def _input(self, task: Task) -> Json:
        ends = ((task.contact_id, _TO_CONTACT), (task.account_id, _TO_COMPANY), (task.deal_id, _TO_DEAL))
        return {
            "objectWriteTraceId": task.key,
            "properties": {
                self.key_property: task.key,
                "hs_task_subject": values.plain_line(task.subject),
                "hs_task_body": values.html(task.text),
                "hs_timestamp": iso(task.due_at),
                "hs_task_status": "NOT_STARTED",
                "hs_task_priority": _PRIORITY.get(task.priority, "NONE"),
                "hs_task_type": _TYPE.get(task.do, "TODO"),
                "hubspot_owner_id": task.owner_id,
            },
            "associations": [
                {
                    "to": {"id": record_id},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}],
                }
                for record_id, number in ends
                if record_id
            ],
        }

    def _change(self, change: TaskChange, properties: Json | None) -> Outcome:
        """Carry out one change of a task that now has these properties (None: it is gone)."""
        if decided := self._decided(change, properties):
            return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason=decided)
        wanted = {"hs_task_status": "COMPLETED"} if change.close else {}
        if change.owner_id and properties and properties.get("hubspot_owner_id") != change.owner_id:
            wanted["hubspot_owner_id"] = change.owner_id
        kind, reason = OutcomeKind.WRITTEN, ""
        try:
            if wanted:
                self.client.write("PATCH", self.client.paths.objects(KIND, change.task_id), {"properties": wanted})
        except RequestUncertain as error:
            kind, reason = OutcomeKind.UNCERTAIN, str(error)
        except RecordRejected as error:
            kind, reason = OutcomeKind.CONFLICT if error.code in _GONE else OutcomeKind.REJECTED, str(error)
        except ConnectorError as error:
            kind, reason = OutcomeKind.UNSENT, str(error)
        return Outcome(kind=kind, task_id=change.task_id, reason=reason)

    def _decided(self, change: TaskChange, properties: Json | None) -> str:
        """Return what a person has decided about the task, in words; empty when it is as refsync left it."""
        if properties is None:
            return "the task is no longer there"
        if properties.get(self.key_property) != change.key:
            return "the task does not carry our key"
        if properties.get("hs_task_status") == "COMPLETED":
            return "the task is completed"
        owner = properties.get("hubspot_owner_id")
        if change.owner_id and owner not in (change.owner_id, change.owner_was):
            return "the task has been given to somebody else"
        return ""


def _row_outcome(error: Json) -> Outcome:
    """Return the outcome of a task that is not there after its creation failed for a reason."""
    category = str(error.get("category") or "")
    if category in _PASSING:
        kind = OutcomeKind.UNSENT
    elif category == "CONFLICT":  # a task with this key is there, but cannot be found yet
        kind = OutcomeKind.UNCERTAIN
    else:
        kind = OutcomeKind.REJECTED
    return Outcome(kind=kind, reason=f"HubSpot: {replies.words(error)}")
