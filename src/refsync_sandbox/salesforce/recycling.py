"""What becomes of records that are deleted: the recycle bin, its emptying, and merges.

Law: what was deleted together comes back together; what was removed for good is in no query, and getDeleted still tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.rows import Row, Rows
from refsync_sandbox.salesforce.schema import Schema, SObject


class Recycling:
    """Deletes, restores, purges and merges rows with their children."""

    def __init__(self, rows: Rows, schema: Schema) -> None:
        self._rows, self._schema = rows, schema

    def bury(self, subject: SObject, record_id: str, marks: Mapping[str, Any]) -> None:
        """Mark a record deleted, and the children that go with it."""
        self._rows.set(subject, record_id, {"IsDeleted": 1, "LastModifiedDate": self._rows.stamp(), **marks})
        for target, row in self._owned(subject, record_id):
            if not row["IsDeleted"]:
                self.bury(target, row["Id"], marks)

    def restore(self, subject: SObject, found: Row, marks: Mapping[str, Any]) -> None:
        """Mark a record live again, and the children that were deleted in the same second. Raises Refused."""
        if not found.get("IsDeleted"):
            raise Refused("UNDELETE_FAILED", "Entity is not in the recycle bin")
        for target, row in self._owned(subject, found["Id"]):
            if row["IsDeleted"] and row["SystemModstamp"] == found["SystemModstamp"]:
                self.restore(target, row, marks)
        alone = {"MasterRecordId": None} if "MasterRecordId" in subject.fields else {}
        self._rows.set(subject, found["Id"], {"IsDeleted": 0, "LastModifiedDate": self._rows.stamp(), **alone, **marks})

    def purge(self, subject: SObject, found: Row) -> None:
        """Remove a record for good, deleted or not, and what goes with it."""
        for target, row in self._owned(subject, found["Id"]):
            self.purge(target, row)
        at = found["SystemModstamp"] if found.get("IsDeleted") else self._rows.stamp()
        self._rows.remove(subject, found["Id"], at)

    def merge(self, subject: SObject, gone: str, survivor: str, by: str) -> None:
        """Merge a record into another: its children move there, and it stays behind deleted. Raises Refused."""
        self._rows.live(subject, gone)
        self._rows.live(subject, survivor)
        for child in subject.children:
            self._rows.move(child.object, child.field, gone, survivor)
        if subject.name == "Account":
            for name in ("Task", "Event"):
                self._rows.move(name, "AccountId", gone, survivor)
        now = self._rows.stamp()
        self._rows.set(subject, gone, {"IsDeleted": 1, "MasterRecordId": survivor, "LastModifiedDate": now})
        self._rows.set(subject, survivor, {"LastModifiedDate": now, "LastModifiedById": by})

    def _owned(self, subject: SObject, record_id: str) -> Iterator[tuple[SObject, Row]]:
        for child in subject.children:
            if child.cascade:
                target = self._schema.objects[child.object]
                for row in self._rows.matching(target, child.field, record_id):
                    yield target, row
