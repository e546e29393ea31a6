"""A task of ours as HubSpot keeps it: the properties and associations that are sent, and what a record shows. Pure.

Types of association from a task: to a contact 204, a company 192, a deal 216 (HubSpot's reference of association types).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refsync.connector import TaskState, same_words
from refsync.model import Instant, Task, TaskStatus, iso
from refsync_hubspot import task_body, values
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.replies import Json

KIND = "tasks"
ENDS = (("contact_id", "contacts", 204), ("account_id", "companies", 192), ("deal_id", "deals", 216))
"""What a task is linked to: its attribute, the object type, and the type of association."""
_TYPE = {"call": "CALL", "email": "EMAIL"}
_PRIORITY = {"urgent": "HIGH", "high": "HIGH", "normal": "MEDIUM", "low": "LOW"}
_STATUS = {"COMPLETED": TaskStatus.DONE, "DEFERRED": TaskStatus.SNOOZED, "WAITING": TaskStatus.SNOOZED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """How this portal keeps our tasks."""

    key_property: str
    in_body: bool = False
    """Whether the key is the last line of the body, for want of a property."""
    host: str = ""
    """Where the portal's own pages are: links in a text may lead there."""

    @property
    def kind(self) -> ObjectType:
        """The object type with all that is read of a task."""
        names = (self.key_property, "hs_task_status", "hubspot_owner_id", "hs_timestamp", "hs_task_subject", "hs_task_body")
        return ObjectType(name=KIND, properties=names)

    def input(self, task: Task) -> Json:
        """Return the body of a create: the properties, and every record that the task is linked to."""
        properties = {
            "hs_task_subject": task_body.subject(task.subject),
            **self.text(task.key, task.text),
            "hs_timestamp": iso(task.due_at),
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": _PRIORITY.get(task.priority, "NONE"),
            "hs_task_type": _TYPE.get(task.do, "TODO"),
            "hubspot_owner_id": task.owner_id,
        }
        keyed = {} if self.in_body else {self.key_property: task.key}
        associations = [{"to": {"id": record_id}, "types": [association(number)]} for _, record_id, number in ends(task)]
        return {"properties": keyed | properties, "associations": associations}

    def text(self, key: str, text: str) -> Json:
        """Return the property that shows a text."""
        return {"hs_task_body": task_body.html(text, host=self.host, key=key if self.in_body else "")}

    def is_as_written(self, task: Task, row: Json) -> bool:
        """Say whether a task's subject, text and due time are still those that were sent."""
        sent, shown = self.input(task)["properties"], row["properties"]
        return (
            same_words(sent["hs_task_subject"], shown.get("hs_task_subject"))
            and task_body.words(sent["hs_task_body"]) == task_body.words(shown.get("hs_task_body") or "")
            and _due_at(shown) == task.due_at
        )

    def key(self, row: Json) -> str:
        """Return the key that a task carries, wherever this portal kept keys when it was written; empty: it is not ours."""
        properties = row["properties"]
        return str(properties.get(self.key_property) or task_body.key_in(str(properties.get("hs_task_body") or "")))

    def state(self, row: Json, *, archived: bool = False) -> TaskState:
        """Return what HubSpot shows of a task."""
        properties = row["properties"]
        status = _STATUS.get(str(properties.get("hs_task_status")), TaskStatus.OPEN)
        return TaskState(
            key=self.key(row),
            task_id=row["id"],
            status=TaskStatus.DELETED if archived or row.get("archived") is True else status,
            owner_id=properties.get("hubspot_owner_id") or None,
            due_at=_due_at(properties),
        )


def ends(task: Task) -> Iterator[tuple[str, str, int]]:
    """Yield what a task is linked to: object type, id, and type of association."""
    for attribute, kind, number in ENDS:
        if record_id := getattr(task, attribute):
            yield kind, record_id, number


def association(number: int) -> Json:
    """Return a type of association as HubSpot names it."""
    return {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}


def _due_at(properties: Json) -> Instant | None:
    try:
        return values.at(properties.get("hs_timestamp"))
    except ValueError:
        return None  # a person, or another app, may have entered anything
