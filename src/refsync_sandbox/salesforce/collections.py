"""Composite collections: up to 200 records in one call.

Law: the reply is 200 with one row a record, in order, whatever became of each; with allOrNone all are kept or none, and the good
ones then say that they were rolled back (amp-labs fixtures). A call that is malformed as a whole is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.upserts import done, upsert

MOST = 200
_ROLLED_BACK = Refused(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)

_LOCKED = Refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


class Collections:
    """Writes many records at once. With `some_locked`, every second one finds itself locked."""

    def __init__(self, records: Records, schema: Schema, actor: Actor, *, some_locked: bool = False) -> None:
        self._records, self._schema, self._actor, self._some_locked = records, schema, actor, some_locked

    def create(self, body: Any) -> list[dict[str, Any]]:
        """Create the records of a body. Raises Refused for the call as a whole."""
        return self._each(_records_of(body), _all_or_none(body), self._create)

    def update(self, body: Any) -> list[dict[str, Any]]:
        """Change the records of a body by their Ids. Raises Refused for the call as a whole."""
        return self._each(_records_of(body), _all_or_none(body), self._update)

    def upsert(self, subject: SObject, field: str, body: Any) -> list[dict[str, Any]]:
        """Create or change records by an external id that each carries. Raises Refused for the call as a whole."""
        return self._each(_records_of(body), _all_or_none(body), lambda row: self._upsert(subject, field, row))

    def delete(self, ids: list[str], *, all_or_none: bool) -> list[dict[str, Any]]:
        """Delete records by id. Raises Refused for the call as a whole."""
        return self._each(_few([{"Id": one} for one in ids]), all_or_none, self._delete)

    def _each(
        self, rows: list[Mapping[str, Any]], all_or_none: bool, write: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        try:
            with self._records.transaction():
                for place, row in enumerate(rows):
                    locked = self._some_locked and place % 2 == 1
                    results.append(_LOCKED.as_row() if locked else self._kept(row, write))
                if all_or_none and not all(result["success"] for result in results):
                    raise _ROLLED_BACK
        except Refused as refused:
            if refused is not _ROLLED_BACK:
                raise
            return [_ROLLED_BACK.as_row() if result["success"] else result for result in results]
        return results

    def _kept(self, row: Mapping[str, Any], write: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        try:
            with self._records.transaction():
                return write(row)
        except Refused as refused:
            return refused.as_row()

    def _create(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return done(self._records.create(self._subject(row), row, self._actor))

    def _update(self, row: Mapping[str, Any]) -> dict[str, Any]:
        record_id, fields = _split(row)
        if record_id is None:
            raise Refused("MISSING_ARGUMENT", "Id not specified in an update call")
        subject, full = self._identified(record_id)
        self._records.update(subject, full, fields, self._actor)
        return done(full)

    def _upsert(self, subject: SObject, field: str, row: Mapping[str, Any]) -> dict[str, Any]:
        value = next((value for name, value in row.items() if name.lower() == field.lower()), None)
        if value is None and field.lower() != "id":
            raise Refused("MISSING_ARGUMENT", f"{field} not specified")
        rest = {name: given for name, given in row.items() if name.lower() != field.lower()}
        return upsert(self._records, self._actor, subject, field, value, rest)

    def _delete(self, row: Mapping[str, Any]) -> dict[str, Any]:
        subject, full = self._identified(row["Id"])
        self._records.delete(subject, full, self._actor)
        return done(full)

    def _identified(self, record_id: Any) -> tuple[SObject, str]:
        full = long_id(record_id) if isinstance(record_id, str) else None
        subject = self._schema.of_id(full) if full else None
        if full is None or subject is None:
            raise Refused("MALFORMED_ID", f"malformed id {record_id}")
        return subject, full

    def _subject(self, row: Mapping[str, Any]) -> SObject:
        attributes = row.get("attributes")
        name = attributes.get("type") if isinstance(attributes, Mapping) else None
        found = self._schema.find(name) if isinstance(name, str) else None
        if found is None:
            raise Refused("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return found


def _split(row: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    record_id = next((value for name, value in row.items() if name.lower() == "id"), None)
    return record_id, {name: value for name, value in row.items() if name.lower() != "id"}


def _all_or_none(body: Any) -> bool:
    return isinstance(body, Mapping) and body.get("allOrNone") is True


def _records_of(body: Any) -> list[Mapping[str, Any]]:
    given = body.get("records") if isinstance(body, Mapping) else None
    if not isinstance(given, list) or not all(isinstance(row, Mapping) for row in given):
        raise Refused("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
    return _few(given)


def _few(rows: list[Any]) -> list[Any]:
    if not rows:
        raise Refused("REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(rows) > MOST:
        raise Refused(
            "EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {MOST} records into this method"
        )
    return rows
