"""What keeps the numbered bugs of HubSpot tools away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refsync.connector import Outcome, OutcomeKind, TaskState
from refsync.model import ActivityKind, ActivityStatus, Direction, Task
from refsync_hubspot import activities, task_changes
from refsync_hubspot.linked_tasks import LinkedTasks
from refsync_hubspot.task_record import TaskRecord
from refsync_hubspot.unique_tasks import UniqueTasks
from tests.cures.cure import Cure, both, replaced

NUMBERS = range(1, 31)
"""The bugs that the design lists."""

_input, _find_tasks = TaskRecord.input, UniqueTasks._find


# -- tasks -----------------------------------------------------------------------------------------------------------------


def _upsert(writer: UniqueTasks, tasks: Sequence[Task]) -> list[Outcome]:
    name = writer.record.key_property
    inputs = [{"idProperty": name, "id": task.key, "properties": _input(writer.record, task)["properties"]} for task in tasks]
    writer.client.write("POST", writer.client.paths.objects("tasks", "batch", "upsert"), {"inputs": inputs})
    return [Outcome(kind=OutcomeKind.WRITTEN) for _ in tasks]


def _create_each(writer: LinkedTasks, tasks: Sequence[Task]) -> list[Outcome]:
    outcomes: dict[str, Outcome] = {}
    for task in tasks:
        writer._create(task, frozenset(), outcomes)
    return [outcomes[task.key] for task in tasks]


def _without_key(record: TaskRecord, task: Task) -> dict[str, Any]:
    sent = _input(record, task)
    properties = {name: value for name, value in sent["properties"].items() if name != record.key_property}
    return sent | {"properties": properties | {"hs_task_body": task.text}}


def _living_only(writer: UniqueTasks, keys: Sequence[str], *, archived: bool) -> dict[str, TaskState]:
    return {} if archived else _find_tasks(writer, keys, archived=archived)


def _as_call(properties: Mapping[str, Any], _vocabulary: object) -> dict[str, Any]:
    done = properties.get("hs_task_status") == "COMPLETED"
    return {"status": ActivityStatus.DONE if done else ActivityStatus.PLANNED, "direction": Direction.OUT}


CURES: Mapping[int, Cure] = {
    22: Cure(
        bug="upsert of one id twice fails half done",
        gone="creates, nor sends each key once",
        remove=both(replaced(UniqueTasks, "create", _upsert), replaced(LinkedTasks, "create", _create_each)),
    ),
    24: Cure(
        bug="create whose reply is lost is sent again",
        gone="writes its key into the task",
        remove=replaced(TaskRecord, "input", _without_key),
    ),
    25: Cure(
        bug="finished task opened, deleted one made again",
        gone="looks at what a person did, nor into the recycle bin",
        remove=both(
            replaced(task_changes, "_decided", lambda _change, _state: ""),
            replaced(UniqueTasks, "_find", _living_only),
            replaced(LinkedTasks, "_deleted", lambda _writer: ()),
        ),
    ),
    26: Cure(
        bug="own tasks count as contact",
        gone="tells tasks from calls, nor reads its own key",
        remove=both(
            replaced(activities, "KINDS", {**activities.KINDS, "tasks": ActivityKind.CALL}),
            replaced(activities, "_DETAILS", {**activities._DETAILS, "tasks": _as_call}),
        ),
    ),
}
