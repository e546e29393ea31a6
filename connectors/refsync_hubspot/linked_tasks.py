"""Writes tasks into a portal that does not keep two of them from carrying one key: in a plain property, or in the body.

HubSpot cannot be asked for such a key, and its search proves nothing, for the index lags. So a task is looked for among all tasks
of the records that it is about, then among those that people deleted, which no association leads to. Right after a create even
that may miss it: what ended unclear is looked for twice, five minutes after the call and five minutes after that. And each task
is a call of its own, so that one lost reply leaves one task in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState
from refsync.errors import ConnectorError, RecordRejected, RequestUncertain
from refsync.model import Task
from refsync_hubspot import fetch, replies, task_changes, task_links
from refsync_hubspot.client import Client
from refsync_hubspot.replies import Answer, Json
from refsync_hubspot.task_owners import barred, nobody
from refsync_hubspot.task_record import KIND, TaskRecord, ends

WAIT_MS = 300_000
"""After the call, and between two looks."""
UNLINKED = "it is about no record of HubSpot's, so that it could not be found again"


@dataclass(frozen=True, slots=True)
class LinkedTasks:
    """Writes tasks one by one, and finds them by what they are linked to."""

    client: Client
    record: TaskRecord

    @property
    def absence(self) -> Absence:
        """Two looks, for what was created a moment ago may not show yet."""
        return Absence(wait_ms=WAIT_MS, twice=True)

    def find(self, tasks: Sequence[Task]) -> dict[str, TaskState]:
        """Return the state of each task that exists, archived ones too; the older one where there are two of a key."""
        wanted = {task.key for task in tasks}
        if not wanted:
            return {}
        living = fetch.by_ids(self.client, self.record.kind, task_links.tasks_of(self.client, tasks)).rows
        found = self._of(wanted, living, archived=False)
        if missing := wanted - set(found):
            found |= self._of(missing, self._deleted(), archived=True)
        return found

    def create(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Create those tasks that are not found; one outcome each, in order. Raises when nothing at all was sent."""
        distinct = {task.key: task for task in tasks}
        there = self.find(list(distinct.values()))
        outcomes = {key: Outcome(kind=OutcomeKind.ADOPTED, task_id=state.task_id) for key, state in there.items()}
        absent = barred(self.client, {task.owner_id for task in tasks})
        trouble: ConnectorError | None = None
        for task in distinct.values():
            if task.key not in outcomes and trouble is None:
                trouble = self._create(task, absent, outcomes)
        if trouble and not outcomes:
            raise trouble
        self._complete(distinct, outcomes)
        unsent = Outcome(kind=OutcomeKind.UNSENT, reason=str(trouble))
        return [outcomes.get(task.key, unsent) for task in tasks]

    def change(self, changes: Sequence[TaskChange]) -> list[Outcome]:
        """Close or reassign tasks after reading them; one outcome each, in order. Raises when they cannot be read."""
        return task_changes.change(self.client, self.record, changes)

    def _create(self, task: Task, absent: frozenset[str], outcomes: dict[str, Outcome]) -> ConnectorError | None:
        """Create a task and note what became of it; return what keeps the next ones from being sent."""
        if reason := nobody(task.owner_id) if task.owner_id in absent else "" if list(ends(task)) else UNLINKED:
            outcomes[task.key] = Outcome(kind=OutcomeKind.REJECTED, reason=reason)
            return None
        try:
            answer = self.client.write("POST", self.client.paths.objects(KIND), self.record.input(task))
            task_id = replies.records(Answer(body={"results": [answer.body]}), write=True)[0]["id"]
        except RequestUncertain as error:
            outcomes[task.key] = Outcome(kind=OutcomeKind.UNCERTAIN, reason=str(error))
            return error
        except RecordRejected as error:
            outcomes[task.key] = Outcome(kind=OutcomeKind.REJECTED, reason=str(error))
            return None
        except ConnectorError as error:
            return error
        outcomes[task.key] = Outcome(kind=OutcomeKind.WRITTEN, task_id=task_id)
        return None

    def _complete(self, tasks: Mapping[str, Task], outcomes: dict[str, Outcome]) -> None:
        """Look whether what was written is linked as it should be: else nobody would find it again."""
        written = {key: outcome for key, outcome in outcomes.items() if outcome.kind is OutcomeKind.WRITTEN}
        reason = task_links.complete(self.client, {outcome.task_id: tasks[key] for key, outcome in written.items()})
        outcomes |= {key: replace(outcome, reason=reason) for key, outcome in written.items()}

    def _of(self, keys: set[str], rows: Iterable[Json], *, archived: bool) -> dict[str, TaskState]:
        """Return the state of the tasks among these that carry one of the keys."""
        found: dict[str, TaskState] = {}
        for row in sorted(rows, key=lambda row: (str(row.get("createdAt")), row["id"])):
            if (key := self.record.key(row)) in keys:
                found.setdefault(key, self.record.state(row, archived=archived))
        return found

    def _deleted(self) -> Iterable[Json]:
        query = {"limit": fetch.LIST_PAGE, "archived": "true", "properties": ",".join(self.record.kind.properties)}
        for page, _after in self.client.pages(self.client.paths.objects(KIND), query):
            yield from replies.records(page)
