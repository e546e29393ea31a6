"""Writing tasks into an org without the key field: the key stands in CallObject, which Salesforce does not keep unique.

Law: nothing is sent before the key has been searched for, one call follows the other, and a twin that came about all the same
(a create that was believed lost and landed late) goes as long as nobody has touched it: the younger one, never the older.

A task is searched for by its key among those that our own user created, not by what it is about: people move tasks to other
records. The search is by `queryAll`, so that what people deleted is not written again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from refsync.connector import Outcome, TaskState
from refsync.errors import ConnectorError
from refsync.model import Task
from refsync_salesforce.client import Client, Row
from refsync_salesforce.outcomes import ROWS_A_CALL, adopted
from refsync_salesforce.tasks import KEYS_A_CALL, Descriptions, SalesforceTasks
from refsync_salesforce.words import MARKER


class MarkedTasks(SalesforceTasks):
    """The task writer of one org that has no key field and where a marker is allowed."""

    def __init__(self, client: Client, schema: Descriptions) -> None:
        super().__init__(client, schema, MARKER)

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return the state of each task that exists, deleted and archived ones too; untouched younger twins go."""
        rows = self._with_keys([task.key for task in tasks])
        found = self._standing(rows)
        with suppress(ConnectorError):  # a twin that stays is found again
            self._sweep(rows, found)
        return found

    def _with_keys(self, keys: Sequence[str]) -> list[Row]:
        if not keys:
            return []
        return list(self._rows(MARKER, keys, KEYS_A_CALL, also=f"CreatedById = '{self._client.user_id}' AND "))

    @property
    def _columns(self) -> tuple[str, ...]:
        return (*super()._columns, "LastModifiedById")

    def _create(self, tasks: Sequence[Task]) -> dict[str, Outcome]:
        there = {key: adopted(state.task_id) for key, state in self.find(tasks).items()}
        absent = [task for task in tasks if task.key not in there]
        written = super()._create(absent) if absent else {}
        with suppress(ConnectorError):  # what was written must be told
            older = {key: adopted(state.task_id) for key, state in self.find(absent).items()}
            written |= {key: older[key] for key, one in written.items() if key in older and one.task_id != older[key].task_id}
        return there | written

    def _sweep(self, rows: Sequence[Row], kept: Mapping[str, TaskState]) -> None:
        """Delete the twins of the tasks that stand, unless a person has changed, closed or deleted them."""
        me = self._client.user_id
        twins = [
            row["Id"]
            for row in rows
            if row["Id"] != kept[row[MARKER]].task_id
            and not (row["IsDeleted"] or row["IsClosed"])
            and row.get("LastModifiedById") == me
        ]
        if twins:
            self._client.remove(twins[:ROWS_A_CALL])
