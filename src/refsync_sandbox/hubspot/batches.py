"""The objects API, many records at once.

Law: 100 inputs at most, no id twice in a batch that writes, and each input succeeds or fails alone where HubSpot lets it: always
where a record is missing, and where values are refused only if the input has an `objectWriteTraceId`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.objects import Objects, properties_of
from refsync_sandbox.hubspot.portal import INTEGRATION, Portal
from refsync_sandbox.hubspot.views import Views, kind_named

MOST_IN_A_BATCH = 100


class Batches:
    """Handlers of the batch calls of the objects API of one portal."""

    def __init__(self, portal: Portal, objects: Objects) -> None:
        self._portal = portal
        self._records = portal.records
        self._objects = objects
        self._views = Views(portal)

    def read(self, call: Call) -> Reply:
        """Answer the records with the ids, or unique values, given; those that are not there are told apart."""
        kind, archived = kind_named(call.path["type"]), call.flag("archived")
        body, inputs = call.object(), call.inputs(MOST_IN_A_BATCH)
        show = self._views.wanted(kind, call, len(inputs))
        asked = list(dict.fromkeys(str(one.get("id")) for one in inputs))
        by = str(body.get("idProperty") or "")
        if by and by != "hs_object_id":
            found = {text: row for text in asked if (row := self._objects.find(kind, text, by, archived=archived))}
        else:
            rows = self._records.rows(int(text) for text in asked if text.isdecimal())
            found = {str(row.id): row for row in rows if row.kind == kind and (row.archived is not None) == archived}
        errors = _missing(kind, [text for text in asked if text not in found])
        return batch([show(row) for row in found.values()], errors, now=call.now)

    def create(self, call: Call) -> Reply:
        """Keep many records. With trace ids each input stands alone; without, the first refusal is that of the whole call."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        results, errors = [], []
        for one in inputs:
            trace = str(one.get("objectWriteTraceId") or "")
            try:
                with self._records.transaction():
                    results.append(self._views.whole(self._objects.made(kind, one, call), call))
            except Refusal as refusal:
                if not trace:
                    raise
                errors.append(refusal.as_part(objectWriteTraceId=trace))
        return batch(results, errors, now=call.now, status=201)

    def update(self, call: Call) -> Reply:
        """Change many records; ids that are not there are told apart."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        asked = _single(inputs)
        results, errors, missing = [], [], []
        for text, one in zip(asked, inputs, strict=True):
            given, trace = properties_of(one), str(one.get("objectWriteTraceId") or "")
            row = self._objects.find(kind, text, str(one.get("idProperty") or ""))
            if row is None:
                missing.append(text)
                continue
            try:
                with self._records.transaction():
                    changed = self._portal.update(row, given, by=INTEGRATION, now=call.now)
            except Refusal as refusal:
                if not trace:
                    raise
                errors.append(refusal.as_part(objectWriteTraceId=trace))
                continue
            results.append(self._views.named(kind, given, call)(changed))
        return batch(results, [*errors, *_missing(kind, missing)], now=call.now)

    def archive(self, call: Call) -> Reply:
        """Move many records to the recycle bin; those that are not there are no error."""
        kind = kind_named(call.path["type"])
        for text in _single(call.inputs(MOST_IN_A_BATCH)):
            if row := self._objects.by_id(kind, text):
                self._portal.archive(row, by=INTEGRATION, now=call.now)
        return Reply(status=204)

    def upsert(self, call: Call) -> Reply:
        """Change or create by a unique property; it takes no associations."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        results = []
        for text, one in zip(_single(inputs), inputs, strict=True):
            by, given = str(one.get("idProperty") or "hs_object_id"), properties_of(one)
            if by not in self._portal.catalogue.uniques(kind):
                message = f"Unable to perform update/upsert by non-unique {kind.type_id} property {by}"
                raise not_valid(f"{message} in portal ID {self._portal.settings.portal_id}", anonymous=True)
            row = self._records.with_value(kind, by, text)
            if row:
                changed = self._portal.update(row, given, by=INTEGRATION, now=call.now)
            else:
                changed = self._portal.create(kind, given | {by: text}, by=INTEGRATION, now=call.now)
            results.append(self._views.whole(changed, call) | {"new": row is None})
        return batch(results, now=call.now)


def _single(inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of a batch. Raises Refusal when one is there twice."""
    asked = [str(one.get("id")) for one in inputs]
    twice = sorted({text for text in asked if asked.count(text) > 1})
    if twice:
        message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise not_valid(message, context={"ids": twice})
    return asked


def _missing(kind: Kind, ids: Sequence[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    message = f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    return [Refusal(404, "OBJECT_NOT_FOUND", message, context={"ids": ids}).as_part()]
