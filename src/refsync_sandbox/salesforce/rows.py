"""Rows of the org's tables: found, kept, set, removed.

Law: this module knows tables and stamps, and nothing of what Salesforce makes of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from refsync_sandbox.salesforce.database import PURGED, stored
from refsync_sandbox.salesforce.policies import Policies
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import Field, SObject
from refsync_sandbox.salesforce.wire import stamp

Row: TypeAlias = dict[str, Any]


class Rows:
    """Reads and writes rows of one database."""

    def __init__(self, database: sqlite3.Connection, policies: Policies) -> None:
        self._database, self._policies = database, policies

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all writes inside, or none when an exception leaves it; may be nested."""
        nested = self._database.in_transaction
        self._database.execute("SAVEPOINT step" if nested else "BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK TO step" if nested else "ROLLBACK")
            if nested:
                self._database.execute("RELEASE step")
            raise
        self._database.execute("RELEASE step" if nested else "COMMIT")

    def stamp(self) -> str:
        """Return what a row that is written now is stamped with."""
        return stamp(self._policies.now())

    # -- reading ---------------------------------------------------------------------------------------------------------------

    def find(self, subject: SObject, record_id: str) -> Row | None:
        """Return a record, deleted ones too; None when there is none."""
        return next(self.matching(subject, "Id", record_id), None)

    def live(self, subject: SObject, record_id: str) -> Row:
        """Return a record that is not deleted. Raises Refused."""
        found = self.find(subject, record_id)
        if found is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if found.get("IsDeleted"):
            raise Refused("ENTITY_IS_DELETED", "entity is deleted")
        return found

    def with_key(self, subject: SObject, field: Field, value: Any) -> list[Row]:
        """Return the live records that carry a value in a field."""
        return [row for row in self.matching(subject, field.name, value) if not row.get("IsDeleted")]

    def matching(self, subject: SObject, field: str, value: Any) -> Iterator[Row]:
        """Yield the records that carry a value in a field, deleted ones too, oldest first."""
        cursor = self._database.execute(f'SELECT * FROM "{subject.name}" WHERE "{field}" = ?', (value,))  # noqa: S608
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())

    def deleted(self, subject: SObject) -> list[str]:
        """Return the ids of the deleted records of an object."""
        if "IsDeleted" not in subject.fields:
            return []
        rows = self._database.execute(f'SELECT Id FROM "{subject.name}" WHERE IsDeleted ORDER BY Id')  # noqa: S608
        return [record_id for (record_id,) in rows]

    # -- writing ---------------------------------------------------------------------------------------------------------------

    def add(self, subject: SObject, row: Mapping[str, Any]) -> None:
        """Keep a new record, which has all stored fields."""
        names = [one.name for one in stored(subject)] + ["_book"]
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{subject.name}" ({columns}) VALUES ({places})'  # noqa: S608 - names from the schema
        self._database.execute(statement, [row[name] for name in names])

    def set(self, subject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set values of a record and move its stamp."""
        self.overwrite(subject, record_id, {**values, "SystemModstamp": self.stamp()})

    def overwrite(self, subject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set values of a record and nothing else: no stamp moves."""
        sets = ", ".join(f'"{name}" = ?' for name in values)
        statement = f'UPDATE "{subject.name}" SET {sets} WHERE Id = ?'  # noqa: S608 - names from the schema
        self._database.execute(statement, (*values.values(), record_id))

    def move(self, name: str, field: str, gone: str, survivor: str) -> None:
        """Let every record that points at one record point at another, and move its stamp."""
        statement = f'UPDATE "{name}" SET "{field}" = ?, SystemModstamp = ? WHERE "{field}" = ?'  # noqa: S608
        self._database.execute(statement, (survivor, self.stamp(), gone))

    def remove(self, subject: SObject, record_id: str, deleted_at: str) -> None:
        """Remove a record for good and remember when it was deleted."""
        self._database.execute(f'DELETE FROM "{subject.name}" WHERE Id = ?', (record_id,))  # noqa: S608 - from the schema
        self._database.execute(f"INSERT INTO {PURGED} VALUES (?, ?, ?)", (subject.name, record_id, deleted_at))  # noqa: S608
