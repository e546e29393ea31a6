"""The records of an org: created, changed, deleted and merged.

Law: a write that is refused leaves nothing behind; each write moves SystemModstamp to the clock; who wrote a task, and how
often, is remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.checks import checked
from refsync_sandbox.salesforce.database import stored
from refsync_sandbox.salesforce.derived import derived
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.memberships import RELATION
from refsync_sandbox.salesforce.persons import other_half
from refsync_sandbox.salesforce.policies import Policies
from refsync_sandbox.salesforce.recycling import Recycling
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.rows import Row, Rows
from refsync_sandbox.salesforce.schema import Field, Kind, Schema, SObject

_ACTIVE_OWNER = frozenset({"Task", "Event", "Contact"})
"""Objects whose owner must be active; accounts and opportunities may keep one who left (salesforce.md 4, Owners)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who writes."""

    user_id: str
    kind: str
    """integration or person."""


class Records:
    """Reads and writes single records."""

    def __init__(
        self, database: sqlite3.Connection, schema: Schema, clock: Clock, counters: Mapping[str, int], policies: Policies
    ) -> None:
        self._database, self._schema, self._clock, self._policies = database, schema, clock, policies
        self._rows = Rows(database, policies)
        self._recycling = Recycling(self._rows, schema)
        self._counters = dict(counters)
        database.execute("CREATE TABLE _writes (task TEXT, writer TEXT)")

    def transaction(self) -> AbstractContextManager[None]:
        """Keep all writes inside, or none when an exception leaves it; may be nested."""
        return self._rows.transaction()

    # -- reading ---------------------------------------------------------------------------------------------------------------

    def find(self, subject: SObject, record_id: str) -> Row | None:
        """Return a record, deleted ones too; None when there is none."""
        return self._rows.find(subject, record_id)

    def live(self, subject: SObject, record_id: str) -> Row:
        """Return a record that is not deleted. Raises Refused."""
        return self._rows.live(subject, record_id)

    def with_key(self, subject: SObject, field: Field, value: Any) -> list[Row]:
        """Return the live records that carry a value in a field."""
        return self._rows.with_key(subject, field, value)

    def matching(self, subject: SObject, field: str, value: Any) -> Iterator[Row]:
        """Yield the records that carry a value in a field, deleted ones too, oldest first."""
        return self._rows.matching(subject, field, value)

    # -- writing ---------------------------------------------------------------------------------------------------------------

    def create(self, subject: SObject, body: Mapping[str, Any], actor: Actor) -> str:
        """Create a record from an API body and return its id. Raises Refused."""
        if not subject.createable:
            raise Refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {subject.name}")
        return self.insert(subject, checked(self._schema, subject, body, creating=True), actor)

    def update(self, subject: SObject, record_id: str, body: Mapping[str, Any], actor: Actor) -> None:
        """Change a record by an API body. Raises Refused."""
        before = self.live(subject, record_id)
        if before.get("IsConverted"):
            raise Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self.change(subject, before, checked(self._schema, subject, body, creating=False), actor)

    def insert(self, subject: SObject, values: Mapping[str, Any], actor: Actor) -> str:
        """Add a record from stored values, also those that only Salesforce writes; return its id. Raises Refused."""
        now = self._rows.stamp()
        row: Row = {one.name: self._default(one, actor) for one in stored(subject)}
        row |= {"_book": None, "CreatedDate": now, "CreatedById": actor.user_id, "IsDeleted": 0, **values}
        row |= {**derived(subject.name, row, None, self._clock.now(), self._account_of), **values}
        row |= {"LastModifiedDate": now, "LastModifiedById": actor.user_id, "SystemModstamp": now}
        self._guard(subject, row, values)
        number = self._counters.get(subject.name, 0)
        row["Id"] = nth_id(subject.prefix, number)
        self._counters[subject.name] = number + 1
        self._rows.add(subject, row)
        self._policies.judge(subject, row["Id"])
        self._join(subject, row, row, actor)
        self._wrote(subject, row["Id"], actor)
        if row.get("WhoId"):
            self.relate(subject, row["Id"], row["WhoId"], actor)
        return str(row["Id"])

    def change(self, subject: SObject, before: Row, values: Mapping[str, Any], actor: Actor) -> None:
        """Change stored values of a record as it was just read, also those only Salesforce writes. Raises Refused."""
        row: Row = {**before, **values}
        worked_out = derived(subject.name, row, before, self._clock.now(), self._account_of)
        row |= {name: value for name, value in worked_out.items() if name not in values}
        self._guard(subject, row, values)
        row |= {"LastModifiedDate": self._rows.stamp(), "LastModifiedById": actor.user_id}
        changed = {name: value for name, value in row.items() if value != before[name]}
        self._rows.set(subject, row["Id"], changed)
        self._policies.judge(subject, row["Id"])
        self._follow(subject, row, changed)
        self._join(subject, row, changed, actor)
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
        self._policies.reach([record_id])
        self._recycling.bury(subject, record_id, {"LastModifiedById": actor.user_id})
        self._wrote(subject, record_id, actor)

    def undelete(self, subject: SObject, found: Row, actor: Actor) -> None:
        """Take a record out of the recycle bin, and what was deleted with it. Raises Refused."""
        for one in subject.fields.values():
            if one.unique and found[one.name] is not None:
                self._unrepeated(subject, one, found)
        self._recycling.restore(subject, found, {"LastModifiedById": actor.user_id})
        self._wrote(subject, found["Id"], actor)

    def purge(self, subject: SObject, found: Row) -> None:
        """Remove a record for good, and what goes with it."""
        self._recycling.purge(subject, found)

    def empty_bin(self, subject: SObject) -> None:
        """Remove every deleted record of an object for good, and what goes with it."""
        for record_id in self._rows.deleted(subject):
            if found := self.find(subject, record_id):  # it may have gone with its parent
                self._recycling.purge(subject, found)

    def merge(self, subject: SObject, gone: str, survivor: str, actor: Actor) -> None:
        """Merge a record into another: its children move there, and it stays behind deleted. Raises Refused."""
        self._recycling.merge(subject, gone, survivor, actor.user_id)

    def overwrite(self, subject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set stored values of a record and nothing else: no stamp moves, nothing is worked out or judged."""
        self._rows.overwrite(subject, record_id, values)

    def _follow(self, subject: SObject, row: Row, changed: Mapping[str, Any]) -> None:
        """Change the other half of a person account along."""
        if (half := other_half(subject.name, row, changed)) is None:
            return
        name, record_id, fields = half
        target = self._schema.objects[name]
        if found := self.find(target, record_id):
            worked_out = derived(name, {**found, **fields}, found, self._clock.now(), self._account_of)
            self._rows.set(target, record_id, {**worked_out, **fields, "LastModifiedDate": self._rows.stamp()})

    def _join(self, subject: SObject, row: Row, changed: Mapping[str, Any], actor: Actor) -> None:
        """Keep the direct relation of a contact to its account, where people can belong to several."""
        relation = self._schema.objects[RELATION]
        if subject.name != "Contact" or "AccountId" not in changed or row["IsPersonAccount"] or not relation.visible:
            return
        for known in self._rows.matching(relation, "ContactId", row["Id"]):
            if known["IsDirect"] and not known["IsDeleted"]:
                self._rows.set(relation, known["Id"], {"IsDeleted": 1})
        if row["AccountId"]:
            link = {"ContactId": row["Id"], "AccountId": row["AccountId"]}
            self.insert(relation, {**link, "IsDirect": 1, "IsActive": 1}, actor)

    # -- who takes part in activities ------------------------------------------------------------------------------------------

    def relate(self, subject: SObject, record_id: str, person: str, actor: Actor, **more: Any) -> None:
        """Say that a person takes part in an activity, unless that is said already."""
        relation = self._schema.objects.get(f"{subject.name}Relation")
        if relation is not None and person not in [row["RelationId"] for row in self._parts(relation, subject, record_id)]:
            self.insert(relation, {f"{subject.name}Id": record_id, "RelationId": person, **more}, actor)

    def unrelate_all(self, subject: SObject, record_id: str) -> None:
        """Take everybody off an activity."""
        relation = self._schema.objects[f"{subject.name}Relation"]
        for row in self._parts(relation, subject, record_id):
            self._rows.set(relation, row["Id"], {"IsDeleted": 1})

    def _unrelate(self, subject: SObject, record_id: str, person: str | None) -> None:
        relation = self._schema.objects.get(f"{subject.name}Relation")
        if relation is None or person is None:
            return
        for row in self._parts(relation, subject, record_id):
            if row["RelationId"] == person:
                self._rows.set(relation, row["Id"], {"IsDeleted": 1})

    def _parts(self, relation: SObject, subject: SObject, record_id: str) -> list[Row]:
        return [row for row in self._rows.matching(relation, f"{subject.name}Id", record_id) if not row["IsDeleted"]]

    # -- steps -----------------------------------------------------------------------------------------------------------------

    def _default(self, found: Field, actor: Actor) -> Any:
        if found.name == "OwnerId":
            return actor.user_id
        return int(found.default) if found.kind is Kind.BOOLEAN else found.default

    def _account_of(self, record_id: str | None) -> str | None:
        subject = self._schema.of_id(record_id) if record_id else None
        if record_id is None or subject is None or subject.name == "Account":
            return record_id if subject else None
        found = self.find(subject, record_id)
        return found.get("AccountId") if found else None

    def _guard(self, subject: SObject, row: Row, values: Mapping[str, Any]) -> None:
        """Raise Refused when what is written points nowhere, is locked, has an inactive owner, or repeats a unique value."""
        self._policies.reach([*_links(subject, values), *([row["Id"]] if row.get("Id") else [])])
        for target in _links(subject, values):
            self._reach(target)
        for name, value in values.items():
            if name in subject.fields and subject.fields[name].unique and value is not None:
                self._unrepeated(subject, subject.fields[name], row)
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

    def _wrote(self, subject: SObject, record_id: str, actor: Actor) -> None:
        if subject.name == "Task":
            self._database.execute("INSERT INTO _writes VALUES (?, ?)", (record_id, actor.kind))


def _links(subject: SObject, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids that values point at."""
    for name, value in values.items():
        found = subject.fields.get(name)
        if found and found.kind is Kind.REFERENCE and value is not None:
            yield value
