"""What people do to an org: changes in book terms, carried out as a rep would in Salesforce's own pages.

Law: all changes of a request or none; each is checked against the records as the changes before it left them; stamps move as in
any write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from refsync.model import ActivityStatus, DealStatus
from refsync_sandbox.changes import TASKS, Change, Op
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.absences import set_absence
from refsync_sandbox.salesforce.activities import own_fields, role_fields
from refsync_sandbox.salesforce.finding import Finder
from refsync_sandbox.salesforce.history import kind_of, timing_of
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.rows import Row
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.translate import (
    OBJECT_OF_KIND,
    OBJECTS,
    Fields,
    deal_fields,
    direction_fields,
    email_fields,
    event_fields,
    fields_of,
    lead_fields,
    task_fields,
)

_TASK_STATUS = {"done": "Completed", "open": "Not Started", "deferred": "Deferred"}
_TASK_FIELDS = {
    "due_on": "ActivityDate",
    "owner_id": "OwnerId",
    "subject": "Subject",
    "text": "Description",
    "priority": "Priority",
}


class Edits:
    """Carries out changes."""

    def __init__(self, finder: Finder, schema: Schema, records: Records, clock: Clock) -> None:
        self._finder, self._schema, self._records, self._clock = finder, schema, records, clock
        self._carry_out: Mapping[Op, Callable[[Change], str]] = {
            Op.ADD: self._add,
            Op.CHANGE: self._change,
            Op.DELETE: self._delete,
            Op.MERGE: self._merge,
        }

    def change(self, changes: Sequence[Change]) -> list[Mapping[str, Any]]:
        """Carry out all changes or none; return the Salesforce id of each record. Raises BadChange."""
        with self._records.transaction():
            return [{"op": change.op, "table": change.table, "id": self._one(change)} for change in changes]

    def _one(self, change: Change) -> str:
        try:
            return self._carry_out[change.op](change)
        except Refused as refused:
            raise change.bad("id" if change.op is not Op.ADD else "row", f"{refused.code}: {refused.message}") from None

    def _actor(self, owner: str | None) -> Actor:
        return Actor(user_id=owner or people.INTEGRATION_ID, kind="person")

    def _add(self, change: Change) -> str:
        if change.id and self._finder.find(change.table, change.id):
            raise change.bad("row.id", f"{change.table} already has a record with the id {change.id!r}")
        if change.table == "activities":
            return self._add_activity(change)
        subject = self._schema.objects[OBJECTS[change.table]]
        values = self._finder.resolved(change, "row")
        fields = fields_of(change.table, values) | self._finder.custom(change, subject, "row") | {"_book": change.id or None}
        if change.table == "users":
            fields = {
                "ProfileId": people.PERSON_PROFILE,
                "UserType": "Standard",
                "LastName": "[unknown]",
                "IsActive": 1,
                **fields,
            }
            fields.setdefault("Username", f"{change.id or 'new'}@sandbox.example.com".lower())
        if change.table == "deals":
            fields |= deal_fields({"status": None, **values}, self._clock.now())
        if change.table == "introductions":
            fields |= lead_fields({"person_name": "", "status": None, "status_since": None, **values})
        if change.table == "account_contacts":
            fields |= {"IsActive": 1, "IsDirect": 0}
        fields = {name: value for name, value in fields.items() if value is not None or name not in ("OwnerId", "CreatedDate")}
        self._complete(change, subject, fields)
        record_id = self._records.insert(subject, fields, self._actor(values.get("owner_id")))
        if change.table == "users":
            set_absence(self._records, self._schema, record_id, values, self._actor(record_id))
        return record_id

    def _complete(self, change: Change, subject: SObject, fields: Fields) -> None:
        for one in subject.fields.values():
            if one.required and fields.get(one.name) is None:
                raise change.bad("row", f"{subject.name} needs {one.name}; the column for it is missing or empty")

    def _add_activity(self, change: Change) -> str:
        blank = dict.fromkeys(("direction", "at", "ended_at", "status", "owner_id", "account_id", "deal_id"))
        values = {**blank, "automated": False, "subject": "", "contact_ids": [], **self._finder.resolved(change, "row")}
        kind = values.get("kind")
        if kind is None or kind not in OBJECT_OF_KIND:
            message = "is needed" if kind is None else "Salesforce keeps notes elsewhere; they are not served"
            raise change.bad("row.kind", message)
        subject = self._schema.objects[OBJECT_OF_KIND[kind]]
        actor = self._actor(values["owner_id"])
        record_id = self._records.insert(subject, own_fields(subject.name, values) | {"_book": change.id or None}, actor)
        self._relate(subject, record_id, values, actor)
        return record_id

    def _relate(self, subject: SObject, record_id: str, values: Fields, actor: Actor) -> None:
        for place, contact in enumerate(values["contact_ids"]):
            sender = place == 0 and values.get("direction") == "in"
            self._records.relate(subject, record_id, contact, actor, **role_fields(subject.name, sender=sender))

    def _change(self, change: Change) -> str:
        subject, row = self._finder.named(change)
        values = self._finder.resolved(change, "set")
        if change.table == TASKS:
            fields = self._task_fields(values)
        elif change.table == "activities":
            fields = self._activity_fields(change, subject, row, values)
        else:
            fields = fields_of(change.table, values) | self._finder.custom(change, subject, "set")
            if change.table == "deals":
                fields = self._closing(values) | fields
        actor = self._actor(row.get("OwnerId"))
        self._records.live(subject, row["Id"])
        if change.table == "users":
            set_absence(self._records, self._schema, row["Id"], values, self._actor(row["Id"]))
        if fields or change.table != "users":
            self._records.change(subject, row, fields, actor)
        if "contact_ids" in values:
            self._records.unrelate_all(subject, row["Id"])
            self._relate(subject, row["Id"], {"direction": None, **values}, actor)
        return str(row["Id"])

    def _closing(self, values: Fields) -> Fields:
        """Return what Salesforce's pages set along when a rep wins or loses a deal without saying more."""
        if values.get("status") not in (DealStatus.WON, DealStatus.LOST):
            return {}
        stage = {"StageName": "Closed Won" if values["status"] is DealStatus.WON else "Closed Lost"}
        return {"CloseDate": self._clock.now().date().isoformat()} | stage

    def _task_fields(self, values: Fields) -> Fields:
        fields = {_TASK_FIELDS[name]: value for name, value in values.items() if name in _TASK_FIELDS}
        if values.get("due_on"):
            fields["ActivityDate"] = values["due_on"].isoformat()
        if "priority" in values:
            fields["Priority"] = str(values["priority"] or "Normal").capitalize().replace("Urgent", "High")
        if "status" in values:
            fields["Status"] = _TASK_STATUS[values["status"] or "open"]
        return fields

    def _activity_fields(self, change: Change, subject: SObject, row: Row, values: Fields) -> Fields:
        kind = kind_of(subject.name, row)
        if values.get("kind", kind) != kind:
            raise change.bad("set.kind", "the kind of an activity cannot be changed; delete it and add another")
        fields: Fields = {}
        if values.keys() & {"status", "at", "ended_at"}:
            fields |= _timing(subject.name, self._done_by_now(timing_of(subject.name, row) | values, values))
        if "direction" in values:
            fields |= direction_fields(kind, values["direction"])
        if "subject" in values:
            fields["Subject"] = values["subject"]
        if "automated" in values and subject.name == "EmailMessage":
            fields["AutomationType"] = "AiAutomated" if values["automated"] else None
        if "owner_id" in values:
            fields["CreatedById" if subject.name == "EmailMessage" else "OwnerId"] = values["owner_id"] or people.INTEGRATION_ID
        if values.keys() & {"account_id", "deal_id"}:
            what = values.get("deal_id") or values.get("account_id")
            fields["RelatedToId" if subject.name == "EmailMessage" else "WhatId"] = what
        if "contact_ids" in values and subject.name != "EmailMessage":
            fields["WhoId"] = next(iter(values["contact_ids"]), None)
        return fields

    def _done_by_now(self, timing: Fields, given: Fields) -> Fields:
        """Return the timing; what is marked done ahead of its time, without another time being said, was done now."""
        now = self._clock.instant()
        ahead = timing["at"] is None or timing["at"] > now
        if given.get("status") is ActivityStatus.DONE and "at" not in given and ahead:
            return timing | {"at": now, "ended_at": given.get("ended_at")}
        return timing

    def _delete(self, change: Change) -> str:
        if change.table == "users":
            raise change.bad("table", "users cannot be deleted; change `active` to false")
        subject, row = self._finder.named(change)
        self._records.delete(subject, row["Id"], self._actor(row.get("OwnerId")))
        return str(row["Id"])

    def _merge(self, change: Change) -> str:
        subject, gone = self._finder.named(change)
        _, survivor = self._finder.named(change, "into")
        if gone["Id"] == survivor["Id"]:
            raise change.bad("into", "a record cannot be merged into itself")
        self._records.merge(subject, gone["Id"], survivor["Id"], self._actor(survivor.get("OwnerId")))
        return str(survivor["Id"])


def _timing(subject: str, timing: Fields) -> Fields:
    status: ActivityStatus | None = timing["status"]
    match subject:
        case "Event":
            return event_fields(status, timing["at"], timing["ended_at"])
        case "EmailMessage":
            return email_fields(status, timing["at"])
    return task_fields(status, timing["at"])
