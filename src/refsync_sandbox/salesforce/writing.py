"""Calls that write: single records, by Id or by key, and collections of them.

Law: a write is one transaction.
"""

from __future__ import annotations

from starlette.responses import Response

from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.calls import Answers, Call
from refsync_sandbox.salesforce.collections import Collections
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import Refused, no_record, not_found
from refsync_sandbox.salesforce.replies import nothing, reply
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.upserts import upsert

INTEGRATION = Actor(user_id=people.INTEGRATION_ID, kind="integration")


class Writing:
    """Answers calls that change records."""

    def __init__(self, schema: Schema, records: Records) -> None:
        self._schema, self._records = schema, records
        self._collections = Collections(records, schema, INTEGRATION)
        self._hindered = Collections(records, schema, INTEGRATION, some_locked=True)

    def answers(self) -> Answers:
        """Return what answers each call."""
        return {
            "POST sobjects/{object}": self._create,
            "PATCH sobjects/{object}/{id}": self._update,
            "DELETE sobjects/{object}/{id}": self._delete,
            "PATCH sobjects/{object}/{field}/{value}": self._upsert,
            "DELETE sobjects/{object}/{field}/{value}": self._delete_by_key,
            "POST composite/sobjects": lambda call: reply(self._many(call).create(call.json())),
            "PATCH composite/sobjects": lambda call: reply(self._many(call).update(call.json())),
            "DELETE composite/sobjects": self._delete_many,
            "PATCH composite/sobjects/{object}/{field}": self._upsert_many,
        }

    def _subject(self, call: Call) -> SObject:
        return self._schema.named(call.parts["object"])

    def _create(self, call: Call) -> Response:
        subject = self._subject(call)
        with self._records.transaction():
            record_id = self._records.create(subject, call.object(), INTEGRATION)
        location = f"{call.base}/sobjects/{subject.name}/{record_id}"
        return reply({"id": record_id, "success": True, "errors": []}, 201, {"Location": location})

    def _update(self, call: Call) -> Response:
        subject, record_id = self._known(call)
        try:
            with self._records.transaction():
                self._records.update(subject, record_id, call.object(), INTEGRATION)
        except Refused as refused:
            raise _as_missing(refused) from None
        return nothing()

    def _delete(self, call: Call) -> Response:
        subject, record_id = self._known(call)
        try:
            with self._records.transaction():
                self._records.delete(subject, record_id, INTEGRATION)
        except Refused as refused:
            raise _as_missing(refused) from None
        return nothing()

    def _known(self, call: Call) -> tuple[SObject, str]:
        subject, given = self._subject(call), call.parts["id"]
        record_id = long_id(given)
        if record_id is None or self._schema.of_id(record_id) is not subject or self._records.find(subject, record_id) is None:
            raise no_record(given)
        return subject, record_id

    def _upsert(self, call: Call) -> Response:
        subject, field, value = self._subject(call), call.parts["field"], call.parts["value"]
        subject.key(field)
        with self._records.transaction():
            result = upsert(self._records, INTEGRATION, subject, field, value, call.object())
        return reply(result, 201 if result["created"] else 200)

    def _delete_by_key(self, call: Call) -> Response:
        subject = self._subject(call)
        matches = self._records.with_key(subject, subject.key(call.parts["field"]), call.parts["value"])
        if not matches:
            raise not_found()
        with self._records.transaction():
            for match in matches:
                self._records.delete(subject, match["Id"], INTEGRATION)
        return nothing()

    def _many(self, call: Call) -> Collections:
        return self._hindered if call.trouble == "some_rows_locked" else self._collections

    def _delete_many(self, call: Call) -> Response:
        ids = [one for one in call.query.get("ids", "").split(",") if one]
        return reply(self._many(call).delete(ids, all_or_none=call.query.get("allOrNone") == "true"))

    def _upsert_many(self, call: Call) -> Response:
        return reply(self._many(call).upsert(self._subject(call), call.parts["field"], call.json()))


def _as_missing(refused: Refused) -> Refused:
    """Return a refusal as a path to one record words it: what is deleted is not found."""
    if refused.code == "ENTITY_IS_DELETED":
        refused.status = 404
    return refused
