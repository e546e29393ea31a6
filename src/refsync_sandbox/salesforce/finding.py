"""Which record a change means, by book id, Salesforce id or refsync's key."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from refsync_sandbox.changes import COLUMNS, TASKS, Change
from refsync_sandbox.salesforce.custom import custom_name, custom_value
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.objects import KEY_FIELD
from refsync_sandbox.salesforce.records import Records
from refsync_sandbox.salesforce.rows import Row
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.translate import OBJECTS, Fields

OBJECTS_OF: Mapping[str, tuple[str, ...]] = {
    **{table: (name,) for table, name in OBJECTS.items()},
    "activities": ("Task", "Event", "EmailMessage"),
    TASKS: ("Task",),
}
"""The objects that hold the rows of a table."""

_LINKS = {
    "owner_id": "users",
    "manager_id": "users",
    "parent_id": "accounts",
    "account_id": "accounts",
    "contact_id": "contacts",
    "referred_by_contact_id": "contacts",
    "source_contact_id": "contacts",
    "person_contact_id": "contacts",
    "deal_id": "deals",
}


class Finder:
    """Finds records for changes."""

    def __init__(self, database: sqlite3.Connection, schema: Schema, records: Records) -> None:
        self._database, self._schema, self._records = database, schema, records

    def find(self, table: str, record_id: str, key: str = "") -> tuple[SObject, Row] | None:
        """Return the record that a book id, a Salesforce id or a key of ours names."""
        full = long_id(record_id)
        for name in OBJECTS_OF[table]:
            subject = self._schema.objects[name]
            column, value = (KEY_FIELD, key) if key else ("_book", record_id)
            statement = f'SELECT Id FROM "{name}" WHERE "{column}" = ? LIMIT 1'  # noqa: S608 - names from the schema
            found = self._database.execute(statement, (value,)).fetchone()
            if found or (full and self._schema.of_id(full) is subject and not key):
                row = self._records.find(subject, found[0] if found else str(full))
                if row:
                    return subject, row
        return None

    def named(self, change: Change, field: str = "id") -> tuple[SObject, Row]:
        """Return the record that a change names in `field`. Raises BadChange when there is none."""
        record_id = change.into if field == "into" else change.id
        found = self.find(change.table, record_id, "" if field == "into" else change.key)
        if found is None:
            named = f"the key {change.key!r}" if change.key else f"the id {record_id!r}"
            raise change.bad("key" if change.key else field, f"{change.table} has no record with {named}")
        return found

    def resolved(self, change: Change, where: str) -> Fields:
        """Return the change's values with book ids turned into Salesforce ids. Raises BadChange for one that leads nowhere."""
        values = dict(change.values)
        for name, table in _LINKS.items():
            if values.get(name):
                values[name] = self._target(change, f"{where}.{name}", table, values[name])
        if "contact_ids" in values:
            place = f"{where}.contact_ids"
            values["contact_ids"] = [self._target(change, place, "contacts", one) for one in values["contact_ids"]]
        return values

    def _target(self, change: Change, where: str, table: str, record_id: str) -> str:
        found = self.find(table, record_id)
        if found is None:
            raise change.bad(where, f"{table} has no record with the id {record_id!r}")
        return str(found[1]["Id"])

    def custom(self, change: Change, subject: SObject, where: str) -> Fields:
        """Return the values of further columns. Raises BadChange for one the org has no field for."""
        found: Fields = {}
        for name, text in change.values.items():
            if name in COLUMNS[change.table]:
                continue
            field = subject.fields.get(custom_name(name))
            if field is None:
                raise change.bad(
                    f"{where}.{name}", f"{change.table} has no column of this name, nor {subject.name} a field for it"
                )
            try:
                found[field.name] = custom_value(field, text)
            except ValueError as error:
                raise change.bad(f"{where}.{name}", str(error)) from None
        return found
