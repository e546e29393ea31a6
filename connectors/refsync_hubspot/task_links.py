"""The associations of tasks: those that a new task must have, and the tasks that a record has.

HubSpot lets nobody ask for a task by a property that is not unique, and a search proves nothing: its index lags behind. What a
record is associated with is read from the records themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from refsync.errors import ConnectorError
from refsync.model import Task
from refsync_hubspot import fetch
from refsync_hubspot.client import Client
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.task_record import ENDS, KIND, association, ends


def tasks_of(client: Client, tasks: Iterable[Task]) -> list[str]:
    """Return the ids of all tasks, anybody's, of the records that these tasks are about."""
    records: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        for kind, record_id, _ in ends(task):
            records[kind].add(record_id)
    found: set[str] = set()
    for kind, ids in records.items():
        for linked in fetch.links(client, ObjectType(name=kind, links=(KIND,)), sorted(ids)).values():
            found.update(str(entry["toObjectId"]) for entry in linked.get(KIND, ()))
    return sorted(found, key=int)


def complete(client: Client, created: Mapping[str, Task]) -> str:
    """Make sure that new tasks, by id, have the associations they were created with.

    Returns why that is not certain, in words; an empty text when it is. Never raises: the tasks are there.
    """
    try:
        for kind, missing in _missing(client, created).items():
            for some in fetch.chunks(missing, fetch.BATCH):
                client.write("POST", client.paths.new_links(KIND, kind), {"inputs": list(some)})
    except ConnectorError as error:
        return f"whether it is linked to everything is not known: {error}"
    return ""


def _missing(client: Client, created: Mapping[str, Task]) -> dict[str, Sequence[dict[str, object]]]:
    """Return what is to be associated, as inputs of a batch, by object type."""
    kinds = tuple(kind for attribute, kind, _ in ENDS if any(getattr(task, attribute) for task in created.values()))
    shown = fetch.links(client, ObjectType(name=KIND, links=kinds), list(created))
    missing: dict[str, list[dict[str, object]]] = defaultdict(list)
    for task_id, task in created.items():
        for kind, record_id, number in ends(task):
            if record_id not in {str(entry["toObjectId"]) for entry in shown[task_id].get(kind, ())}:
                missing[kind].append({"from": {"id": task_id}, "to": {"id": record_id}, "types": [association(number)]})
    return dict(missing)
