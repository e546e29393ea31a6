"""Upsert: create or change a record by an external id.

Law: one match is changed, none creates, several are refused with 300 and the list; soft-deleted records do not count
(salesforce.md 4, Upsert).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import several
from refsync_sandbox.salesforce.schema import SObject


def upsert(records: Records, actor: Actor, subject: SObject, field: str, value: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """Create or change one record by an external id; the row does not carry it. Raises Refused."""
    found = subject.key(field)
    matches = records.with_key(subject, found, value) if value is not None else []
    if len(matches) > 1:
        raise several(match["Id"] for match in matches)
    if matches:
        records.update(subject, matches[0]["Id"], row, actor)
        return done(matches[0]["Id"]) | {"created": False}
    key = {} if found.name == "Id" else {found.name: value}
    return done(records.create(subject, {**row, **key}, actor)) | {"created": True}


def done(record_id: str) -> dict[str, Any]:
    """Return the row of a record that was written."""
    return {"id": record_id, "success": True, "errors": []}
