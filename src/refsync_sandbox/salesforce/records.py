"""The records of an org: created, changed, deleted and merged.

Law: a write that is refused leaves nothing behind; each write moves SystemModstamp to the clock; who wrote a task, and how
often, is remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.checks import checked
from refsync_sandbox.salesforce.database import stored
from refsync_sandbox.salesforce.derived import derived
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.schema import Field, Kind, Schema, SObject
from refsync_sandbox.salesforce.wire import stamp

Row = dict[str, Any]

_ACTIVE_OWNER = frozenset({"Task", "Event", "Contact"})
"""Objects whose owner must be active; accounts and opportunities may keep one who left (salesforce.md 4, Owners)."""
_RELATION = {"Task": "TaskRelation", "Event": "EventRelation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who writes."""

    user_id: str
    kind: str
    """integration or person."""


class Records:
    """Reads and writes single records."""

    def __init__(self, database: sqlite3.Connection, schema: Schema, clock: Clock, counters: Mapping[str, int]) -> None:
        self._database, self._schema, self._clock = database, schema, clock
        self._counters = dict(counters)
        database.execute("CREATE TABLE _writes (task TEXT, writer TEXT)")

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

    # -- reading ---------------------------------------------------------------------------------------------------------------

    def find(self, subject: SObject, record_id: str) -> Row | None:
        """Return a record, deleted ones too; None when there is none."""
        return self._one(subject, "Id = ?", record_id)

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
        rows = self._rows(subject, f'"{field.name}" = ?', value)
        return [row for row in rows if not row.get("IsDeleted")]

    def _one(self, subject: SObject, condition: str, value: Any) -> Row | None:
        return next(self._rows(subject, condition, value), None)

    def _rows(self, subject: SObject, condition: str, value: Any) -> Iterator[Row]:
        cursor = self._database.execute(f'SELECT * FROM "{subject.name}" WHERE {condition}', (value,))  # noqa: S608
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())

    # -- writing ---------------------------------------------------------------------------------------------------------------

    def create(self, subject: SObject, body: Mapping[str, Any], actor: Actor) -> str:
        """Create a record from an API body and return its id. Raises Refused."""
        if not subject.createable:
            raise Refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {subject.name}")
        return self.insert(subject, checked(self._schema, subject, body, creating=True), actor)

    def update(self, subject: SObject, record_id: str, body: Mapping[str, Any], actor: Actor) -> None:
        """Change a record by an API body. Raises Refused."""
        before = self.live(subject, record_id)
        self.change(subject, before, checked(self._schema, subject, body, creating=False), actor)

    def insert(self, subject: SObject, values: Mapping[str, Any], actor: Actor) -> str:
        """Add a record from stored values, also those that only Salesforce writes; return its id. Raises Refused."""
        now = stamp(self._clock.now())
        row: Row = {one.name: self._default(one, actor) for one in stored(subject)}
        row |= {"_book": None, "CreatedDate": now, "CreatedById": actor.user_id, "IsDeleted": 0, **values}
        row |= {**derived(subject.name, row, None, self._clock.now(), self._account_of), **values}
        row |= {"LastModifiedDate": now, "LastModifiedById": actor.user_id, "SystemModstamp": now}
        self._guard(subject, row, values)
        number = self._counters.get(subject.name, 0)
        row["Id"] = nth_id(subject.prefix, number)
        self._counters[subject.name] = number + 1
        names = [one.name for one in stored(subject)] + ["_book"]
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{subject.name}" ({columns}) VALUES ({places})'  # noqa: S608 - names from the schema
        self._database.execute(statement, [row[name] for name in names])
        self._wrote(subject, row["Id"], actor)
        if row.get("WhoId"):
            self.relate(subject, row["Id"], row["WhoId"], actor)
        return str(row["Id"])

    def change(self, subject: SObject, before: Row, values: Mapping[str, Any], actor: Actor) -> None:
        """Change stored values of a record as it was just read, also those only Salesforce writes. Raises Refused."""
        row: Row = {**before, **values}
        row |= {name: value for name, value in self._derived(subject, row, before).items() if name not in values}
        self._guard(subject, row, values)
        row |= {"LastModifiedDate": stamp(self._clock.now()), "LastModifiedById": actor.user_id}
        changed = {name: value for name, value in row.items() if value != before[name]}
        self._set(subject, row["Id"], changed)
        self._wrote(subject, row["Id"], actor)
        if row.get("WhoId") != before.get("WhoId"):
            self._unrelate(subject, row["Id"], before["WhoId"])
            if row["WhoId"]:
                self.relate(subject, row["Id"], row["WhoId"], actor)

    def delete(self, subject: SObject, record_id: str, actor: Actor) -> None:
        """Delete a record and what goes with it. Raises Refused."""
        if not subject.deletable:
            raise Refused("INSUFFICIENT_ACCESS_OR_READONLY", f"entity type cannot be deleted: {subject.name}")
        self.live(subject, record_id)
        self._bury(subject, record_id, {"LastModifiedById": actor.user_id})
        self._wrote(subject, record_id, actor)

    def merge(self, subject: SObject, gone: str, survivor: str, actor: Actor) -> None:
        """Merge a record into another: its children move there, and it stays behind deleted. Raises Refused."""
        self.live(subject, gone)
        self.live(subject, survivor)
        for child in subject.children:
            self._move(child.object, child.field, gone, survivor)
        if subject.name == "Account":
            for name in ("Task", "Event"):
                self._move(name, "AccountId", gone, survivor)
        marks = {"IsDeleted": 1, "MasterRecordId": survivor, "LastModifiedDate": stamp(self._clock.now())}
        self._set(subject, gone, marks)
        self._set(subject, survivor, {"LastModifiedDate": stamp(self._clock.now()), "LastModifiedById": actor.user_id})

    def relate(self, subject: SObject, record_id: str, person: str, actor: Actor, **more: Any) -> None:
        """Say that a person takes part in an activity, unless that is said already."""
        name = _RELATION.get(subject.name, f"{subject.name}Relation")
        relation = self._schema.objects.get(name)
        if relation is None:
            return
        known = self._rows(relation, f'"{subject.name}Id" = ?', record_id)
        if not any(row["RelationId"] == person and not row["IsDeleted"] for row in known):
            self.insert(relation, {f"{subject.name}Id": record_id, "RelationId": person, **more}, actor)

    def related(self, subject: SObject, record_id: str) -> list[str]:
        """Return the people of an activity, in order of entry."""
        relation = self._schema.objects[f"{subject.name}Relation"]
        return [row["RelationId"] for row in self._rows(relation, f'"{subject.name}Id" = ?', record_id) if not row["IsDeleted"]]

    def unrelate_all(self, subject: SObject, record_id: str) -> None:
        """Take everybody off an activity."""
        for person in self.related(subject, record_id):
            self._unrelate(subject, record_id, person)

    def writers(self, task_id: str) -> list[str]:
        """Return who has written a task since the book was loaded, one entry a write."""
        rows = self._database.execute("SELECT writer FROM _writes WHERE task = ? ORDER BY rowid", (task_id,))
        return [writer for (writer,) in rows]

    # -- steps -----------------------------------------------------------------------------------------------------------------

    def _default(self, found: Field, actor: Actor) -> Any:
        if found.name == "OwnerId":
            return actor.user_id
        return int(found.default) if found.kind is Kind.BOOLEAN else found.default

    def _derived(self, subject: SObject, row: Row, before: Row) -> Row:
        return derived(subject.name, row, before, self._clock.now(), self._account_of)

    def _account_of(self, record_id: str | None) -> str | None:
        subject = self._schema.of_id(record_id) if record_id else None
        if record_id is None or subject is None or subject.name == "Account":
            return record_id if subject else None
        found = self.find(subject, record_id)
        return found.get("AccountId") if found else None

    def _guard(self, subject: SObject, row: Row, values: Mapping[str, Any]) -> None:
        """Raise Refused when what is written points nowhere, has an inactive owner, or repeats a unique value."""
        for name, value in values.items():
            found = subject.fields.get(name)
            if found is None or value is None:
                continue
            if found.kind is Kind.REFERENCE:
                self._reach(value)
            if found.unique:
                self._unrepeated(subject, found, row)
        if "OwnerId" in values and subject.name in _ACTIVE_OWNER:
            owner = self.find(self._schema.objects["User"], row["OwnerId"])
            if owner and not owner["IsActive"]:
                raise Refused(
                    "INACTIVE_OWNER_OR_USER",
                    f"operation performed with inactive user [{row['OwnerId'][:15]}] as owner of {subject.name.lower()}",
                )

    def _reach(self, record_id: str) -> None:
        subject = self._schema.of_id(record_id)
        found = self.find(subject, record_id) if subject else None
        if found is None or found.get("IsDeleted"):
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    def _unrepeated(self, subject: SObject, found: Field, row: Row) -> None:
        for other in self.with_key(subject, found, row[found.name]):
            if other["Id"] != row.get("Id"):
                raise Refused(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {found.name} duplicates value on record with id: {other['Id']}",
                )

    def _set(self, subject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        given = {**values, "SystemModstamp": stamp(self._clock.now())}
        sets = ", ".join(f'"{name}" = ?' for name in given)
        statement = f'UPDATE "{subject.name}" SET {sets} WHERE Id = ?'  # noqa: S608 - names from the schema
        self._database.execute(statement, (*given.values(), record_id))

    def _bury(self, subject: SObject, record_id: str, marks: Mapping[str, Any]) -> None:
        """Mark a record deleted, and the children that go with it."""
        self._set(subject, record_id, {"IsDeleted": 1, "LastModifiedDate": stamp(self._clock.now()), **marks})
        for child in subject.children:
            if child.cascade:
                target = self._schema.objects[child.object]
                for row in self._rows(target, f'"{child.field}" = ?', record_id):
                    if not row["IsDeleted"]:
                        self._bury(target, row["Id"], marks)

    def _move(self, name: str, field: str, gone: str, survivor: str) -> None:
        statement = f'UPDATE "{name}" SET "{field}" = ?, SystemModstamp = ? WHERE "{field}" = ?'  # noqa: S608
        self._database.execute(statement, (survivor, stamp(self._clock.now()), gone))

    def _unrelate(self, subject: SObject, record_id: str, person: str | None) -> None:
        relation = self._schema.objects.get(f"{subject.name}Relation")
        if relation is None or person is None:
            return
        for row in self._rows(relation, f'"{subject.name}Id" = ?', record_id):
            if row["RelationId"] == person and not row["IsDeleted"]:
                self._set(relation, row["Id"], {"IsDeleted": 1})

    def _wrote(self, subject: SObject, record_id: str, actor: Actor) -> None:
        if subject.name == "Task":
            self._database.execute("INSERT INTO _writes VALUES (?, ?)", (record_id, actor.kind))


def target_of(schema: Schema, record_id: str) -> SObject:
    """Return the object of an id. Raises the 404 of an id that belongs to none."""
    found = schema.of_id(record_id)
    if found is None:
        raise not_found()
    return found
