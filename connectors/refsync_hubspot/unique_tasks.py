"""Writes tasks into a portal whose tasks have a unique property for refsync's key: HubSpot itself keeps them from being doubled.

HubSpot has no idempotency header, and its upsert would overwrite what a person edited and takes no associations. So a task is
created with its key, and whatever leaves doubt is looked up by that key before anything is said to have failed.
Sources: developers.hubspot.com, batch create (`objectWriteTraceId`), unique properties; a key that exists answers CONFLICT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain
from refsync.model import Task
from refsync_hubspot import fetch, replies, task_changes, task_links
from refsync_hubspot.client import Client
from refsync_hubspot.linked_tasks import LinkedTasks
from refsync_hubspot.replies import Answer, Json
from refsync_hubspot.task_owners import barred, nobody
from refsync_hubspot.task_record import KIND, TaskRecord

Outcomes = dict[str, Outcome]
"""By key."""
_PASSING = frozenset({"RATE_LIMIT", "RATE_LIMITS", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"})
"""Categories of a row's error that say nothing against the row."""


@dataclass(frozen=True, slots=True)
class UniqueTasks:
    """Writes tasks of which at most one carries a key: HubSpot itself makes sure of it."""

    client: Client
    record: TaskRecord
    earlier: LinkedTasks | None = None
    """Finds tasks whose keys are in their bodies: the portal may have kept them there before it had the property."""

    @property
    def absence(self) -> Absence:
        """One look: HubSpot reads its own unique values, and refuses a second task of a key."""
        return Absence()

    def find(self, tasks: Sequence[Task]) -> dict[str, TaskState]:
        """Return the state of each task that exists, archived ones too."""
        found: dict[str, TaskState] = {}
        for archived in (False, True):
            missing = [key for key in dict.fromkeys(task.key for task in tasks) if key not in found]
            for some in fetch.chunks(missing, fetch.BATCH):
                found |= self._find(some, archived=archived)
        missing_tasks = [task for task in tasks if task.key not in found]
        return found | (self.earlier.find(missing_tasks) if self.earlier else {})

    def create(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Create tasks; one outcome each, in order. Raises when nothing at all was sent."""
        distinct = list({task.key: task for task in tasks}.values())
        absent = barred(self.client, {task.owner_id for task in distinct})
        outcomes = {
            task.key: Outcome(kind=OutcomeKind.REJECTED, reason=nobody(task.owner_id))
            for task in distinct
            if task.owner_id in absent
        }
        trouble: ConnectorError | None = None
        for some in fetch.chunks([task for task in distinct if task.key not in outcomes], fetch.BATCH):
            trouble = trouble or self._create(some, outcomes)
        if trouble and not outcomes:
            raise trouble
        unsent = Outcome(kind=OutcomeKind.UNSENT, reason=str(trouble))
        return [outcomes.get(task.key, unsent) for task in tasks]

    def change(self, changes: Sequence[TaskChange]) -> list[Outcome]:
        """Close or reassign tasks after reading them; one outcome each, in order. Raises when they cannot be read."""
        return task_changes.change(self.client, self.record, changes)

    def _find(self, keys: Sequence[str], *, archived: bool) -> dict[str, TaskState]:
        names = list(self.record.kind.properties)
        body = {"idProperty": self.record.key_property, "properties": names, "inputs": [{"id": key} for key in keys]}
        query = {"archived": "true"} if archived else None
        answer = self.client.ask(self.client.paths.objects(KIND, "batch", "read"), body, query)
        rows = replies.records(answer)
        missing = set(keys) - {self.record.key(row) for row in rows}
        if not answer.accounts_for(missing):  # left out without a word: only a 404 proves that there is no such task
            rows += [row for key in sorted(missing) if (row := self._find_one(key, archived=archived))]
        states = (self.record.state(row, archived=archived) for row in rows)
        return {state.key: state for state in states}

    def _find_one(self, key: str, *, archived: bool) -> Json | None:
        query = {
            "idProperty": self.record.key_property,
            "properties": ",".join(self.record.kind.properties),
            "archived": str(archived).lower(),
        }
        found = self.client.find(self.client.paths.objects(KIND, key), query)
        return replies.records(Answer(body={"results": [found]}))[0] if found else None

    def _create(self, tasks: Sequence[Task], outcomes: Outcomes) -> ConnectorError | None:
        """Create tasks in one call and note what became of them; return what kept those without an outcome from being sent."""
        body = {"inputs": [{"objectWriteTraceId": task.key} | self.record.input(task) for task in tasks]}
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
        self._note(tasks, written, outcomes)
        return self._left_over([task for task in tasks if task.key not in written], answer, outcomes)

    def _written(self, answer: Answer) -> dict[str, str]:
        """Return the new ids by key."""
        rows = replies.records(answer, write=True)
        return {self.record.key(row) or str(row.get("objectWriteTraceId")): row["id"] for row in rows}

    def _note(self, tasks: Sequence[Task], written: dict[str, str], outcomes: Outcomes) -> None:
        """Note which tasks were written, after a look at their links."""
        created = {written[task.key]: task for task in tasks if task.key in written}
        reason = task_links.complete(self.client, created)
        outcomes |= {
            task.key: Outcome(kind=OutcomeKind.WRITTEN, task_id=task_id, reason=reason) for task_id, task in created.items()
        }

    def _refused(self, tasks: Sequence[Task], refused: RecordRejected, outcomes: Outcomes) -> ConnectorError | None:
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

    def _left_over(self, tasks: Sequence[Task], answer: Answer, outcomes: Outcomes) -> ConnectorError | None:
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

    def _adopted(self, tasks: Sequence[Task], outcomes: Outcomes) -> dict[str, TaskState]:
        """Note those tasks that are there already as adopted, and return them by key."""
        found = self.find(tasks)
        outcomes |= {key: Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id) for key, state in found.items()}
        return found


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
