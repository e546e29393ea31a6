"""The objects API: list, get, create, patch, archive, search, batches and merge, for every object type.

Law: what was not asked for by name is not shown, a name that nobody knows is left out without a word, and of a batch each input
succeeds or fails alone where HubSpot lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from refsync.model import Instant, iso
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import Kind, find_kind
from refsync_sandbox.hubspot.links import Link
from refsync_sandbox.hubspot.portal import INTEGRATION, NewLink, Portal
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.search import BadSearch

MOST_IN_A_BATCH = 100
MOST_IN_A_LIST = 100


def kind_named(name: str) -> Kind:
    """Return the object type that a path means. Raises Refusal for a name that is none."""
    kind = find_kind(name)
    if kind is None:
        raise Refusal(400, "", f"Unable to infer object type from: {name}")
    return kind


class Objects:
    """Handlers of the objects API of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._records = portal.records

    def list(self, call: Call) -> Reply:
        """Answer a page of records in order of their ids; `after` is the first id of the page."""
        kind, archived = kind_named(call.path["type"]), call.flag("archived")
        limit = call.number("limit", 10)
        if not 0 < limit <= MOST_IN_A_LIST:
            raise not_valid(f"limit must be between 1 and {MOST_IN_A_LIST}, not {limit}")
        rows = self._records.page(kind, call.number("after", 0), limit + 1, archived=archived)
        show = self._view(kind, call)
        body: dict[str, Any] = {"results": [show(row) for row in rows[:limit]]}
        if len(rows) > limit:
            body["paging"] = call.next_page(str(rows[limit].id))
        return Reply(body=body)

    def get(self, call: Call) -> Reply:
        """Answer one record, by its id or by the value of a unique property."""
        kind = kind_named(call.path["type"])
        row = self._named(kind, call.path["id"], call.query.get("idProperty", ""), archived=call.flag("archived"))
        return Reply(body=self._view(kind, call)(row))

    def create(self, call: Call) -> Reply:
        """Keep one record with the associations given along."""
        kind = kind_named(call.path["type"])
        row = self._create(kind, call.object(), call.now)
        return Reply(body=self._whole(row, call), status=201)

    def patch(self, call: Call) -> Reply:
        """Change the properties given, and answer those."""
        kind, given = kind_named(call.path["type"]), _properties(call.object())
        row = self._named(kind, call.path["id"], call.query.get("idProperty", ""))
        row = self._portal.update(row, given, by=INTEGRATION, now=call.now)
        return Reply(body=self._shown(row, sorted(given), call.base))

    def archive(self, call: Call) -> Reply:
        """Move a record to the recycle bin; one that is not there is no error."""
        kind = kind_named(call.path["type"])
        if row := self._by_id(kind, call.path["id"]):
            self._portal.archive(row, by=INTEGRATION, now=call.now)
        return Reply(status=204)

    def search(self, call: Call) -> Reply:
        """Answer a page of the records that a search finds."""
        kind, body = kind_named(call.path["type"]), call.object()
        try:
            found = self._portal.search.page(kind, body, now=call.now)
        except BadSearch as error:
            raise not_valid(f"There was a problem with the request: {error}") from None
        names = self._known(kind, _names(body.get("properties")) or list(kind.shown))
        rows = self._records.rows(found.ids)
        reply: dict[str, Any] = {"total": found.total, "results": [self._shown(row, names, call.base) for row in rows]}
        if found.after:
            reply["paging"] = {"next": {"after": found.after}}
        return Reply(body=reply)

    def merge(self, call: Call) -> Reply:
        """Make one record of two."""
        kind, body = kind_named(call.path["type"]), call.object()
        primary = self._named(kind, str(body.get("primaryObjectId")))
        other = self._named(kind, str(body.get("objectIdToMerge")))
        if primary.id == other.id:
            raise not_valid(f"Object {primary.id} cannot be merged with itself")
        return Reply(body=self._whole(self._portal.merge(primary, other, now=call.now), call))

    def batch_read(self, call: Call) -> Reply:
        """Answer the records with the ids, or unique values, given; those that are not there are told apart."""
        kind, archived = kind_named(call.path["type"]), call.flag("archived")
        body, inputs = call.object(), call.inputs(MOST_IN_A_BATCH)
        names = self._known(kind, _names(body.get("properties")) or list(kind.shown))
        asked = list(dict.fromkeys(str(one.get("id")) for one in inputs))
        by = str(body.get("idProperty") or "")
        if by and by != "hs_object_id":
            found = {text: row for text in asked if (row := self._find(kind, text, by, archived=archived))}
        else:
            rows = self._records.rows(int(text) for text in asked if text.isdecimal())
            found = {str(row.id): row for row in rows if row.kind == kind and (row.archived is not None) == archived}
        errors = _missing(kind, [text for text in asked if text not in found])
        return batch([self._shown(row, names, call.base) for row in found.values()], errors, now=call.now)

    def batch_create(self, call: Call) -> Reply:
        """Keep many records. With trace ids each input stands alone; without, the first refusal is that of the whole call."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        results, errors = [], []
        for one in inputs:
            trace = str(one.get("objectWriteTraceId") or "")
            try:
                with self._records.transaction():
                    results.append(self._whole(self._create(kind, one, call.now), call))
            except Refusal as refusal:
                if not trace:
                    raise
                errors.append(refusal.as_part(objectWriteTraceId=trace))
        return batch(results, errors, now=call.now, status=201)

    def batch_update(self, call: Call) -> Reply:
        """Change many records; ids that are not there are told apart."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        asked = _single(inputs)
        results, errors, missing = [], [], []
        for text, one in zip(asked, inputs, strict=True):
            given, trace = _properties(one), str(one.get("objectWriteTraceId") or "")
            row = self._find(kind, text, str(one.get("idProperty") or ""))
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
            results.append(self._shown(changed, sorted(given), call.base))
        return batch(results, [*errors, *_missing(kind, missing)], now=call.now)

    def batch_archive(self, call: Call) -> Reply:
        """Move many records to the recycle bin; those that are not there are no error."""
        kind = kind_named(call.path["type"])
        for text in _single(call.inputs(MOST_IN_A_BATCH)):
            if row := self._by_id(kind, text):
                self._portal.archive(row, by=INTEGRATION, now=call.now)
        return Reply(status=204)

    def batch_upsert(self, call: Call) -> Reply:
        """Change or create by a unique property; it takes no associations."""
        kind, inputs = kind_named(call.path["type"]), call.inputs(MOST_IN_A_BATCH)
        results = []
        for text, one in zip(_single(inputs), inputs, strict=True):
            by, given = str(one.get("idProperty") or "hs_object_id"), _properties(one)
            if by not in self._portal.catalogue.uniques(kind):
                message = f"Unable to perform update/upsert by non-unique {kind.type_id} property {by}"
                raise not_valid(f"{message} in portal ID {self._portal.settings.portal_id}")
            row = self._records.with_value(kind, by, text)
            if row:
                changed = self._portal.update(row, given, by=INTEGRATION, now=call.now)
            else:
                changed = self._portal.create(kind, given | {by: text}, by=INTEGRATION, now=call.now)
            results.append(self._whole(changed, call) | {"new": row is None})
        return batch(results, now=call.now)

    def _create(self, kind: Kind, given: Mapping[str, Any], now: Instant) -> Row:
        return self._portal.create(kind, _properties(given), self._new_links(kind, given), by=INTEGRATION, now=now)

    def _new_links(self, kind: Kind, given: Mapping[str, Any]) -> Sequence[NewLink]:
        """Return the associations that a create names. Raises Refusal for a type that does not lead from here."""
        wanted = []
        for one in given.get("associations") or ():
            target = str((one.get("to") or {}).get("id"))
            for spec in one.get("types") or ():
                number = spec.get("associationTypeId")
                found = self._portal.links.types.get(int(number)) if str(number).isdecimal() else None
                if found is None or found.origin != kind or found.category != spec.get("associationCategory"):
                    raise not_valid(
                        f"{spec.get('associationCategory')} association type {number} does not begin at {kind.plural}"
                    )
                if not target.isdecimal():
                    raise not_valid(f"{target} is not a valid ID", sub_category="crm.associations.INVALID_IDENTIFIER")
                wanted.append(NewLink(int(target), found))
        return wanted

    def _named(self, kind: Kind, text: str, by: str = "", *, archived: bool = False) -> Row:
        found = self._find(kind, text, by, archived=archived)
        if found is None:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"Object not found. objectId are usually numeric: {kind.singular} {text}")
        return found

    def _find(self, kind: Kind, text: str, by: str = "", *, archived: bool = False) -> Row | None:
        """Return the record of that id, or value of a unique property. Raises Refusal for a property that is not unique."""
        if by in ("", "hs_object_id"):
            return self._by_id(kind, text, archived=archived)
        if by not in self._portal.catalogue.uniques(kind):
            raise not_valid(f"idProperty {by} of {kind.plural} is not a unique property")
        return self._records.with_value(kind, by, text, archived=archived)

    def _by_id(self, kind: Kind, text: str, *, archived: bool = False) -> Row | None:
        return self._records.find(kind, int(text), archived=archived) if text.isdecimal() else None

    def _known(self, kind: Kind, names: Iterable[str]) -> Sequence[str]:
        return sorted({name for name in names if self._portal.catalogue.find(kind, name)})

    def _view(self, kind: Kind, call: Call) -> Callable[[Row], dict[str, Any]]:
        """Return how this call wants a record shown: with which properties and which associations."""
        names = self._known(kind, call.texts("properties") or kind.shown)
        targets = [kind_named(name) for name in call.texts("associations")]

        def show(row: Row) -> dict[str, Any]:
            body = self._shown(row, names, call.base)
            found = {target.plural: self._associated(row, target, call) for target in targets}
            if any(found.values()):
                body["associations"] = {name: one for name, one in found.items() if one}
            return body

        return show

    def _associated(self, row: Row, target: Kind, call: Call) -> dict[str, Any] | None:
        page = self._portal.settings.association_page
        found = self._portal.links.of(row.id, target, limit=page + 1)
        body: dict[str, Any] = {"results": [entry for link in found[:page] for entry in _inline(row.kind, target, link)]}
        if len(found) > page:
            last = str(found[page - 1].target)
            link = f"{call.base}/crm/v3/objects/{row.kind.plural}/{row.id}/associations/{target.plural}?after={last}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return body if found else None

    def _whole(self, row: Row, call: Call) -> dict[str, Any]:
        """Show a record with every property that has a value, as replies to a create do."""
        return self._shown(row, sorted(name for name, value in row.values().items() if value is not None), call.base)

    def _shown(self, row: Row, names: Sequence[str], base: str) -> dict[str, Any]:
        kind, values = row.kind, row.values()
        created, modified, number = iso(row.created), iso(row.modified), str(row.id)
        properties: dict[str, str | None] = {name: values.get(name) for name in names}
        if kind.created != "hs_createdate" and "hs_createdate" in properties:
            properties["hs_createdate"] = created
        properties |= {kind.created: created, kind.modified: modified, "hs_object_id": number}
        body: dict[str, Any] = {
            "id": number,
            "properties": properties,
            "createdAt": created,
            "updatedAt": modified,
            "archived": row.archived is not None,
            "url": f"{base}/contacts/{self._portal.settings.portal_id}/record/{kind.type_id}/{number}",
        }
        if row.archived is not None:
            body["archivedAt"] = iso(row.archived)
        return body


def _inline(kind: Kind, target: Kind, link: Link) -> Iterable[dict[str, str]]:
    """Yield one entry for each type of an association, as lists show them: the same id once a type."""
    name = f"{kind.singular}_to_{target.singular}"
    labelled = any(one.label == "Primary" for one in link.types)
    for one in link.types:
        shown = one.label if one.user_defined else f"{name}_unlabeled" if one.label is None and labelled else name
        yield {"id": str(link.target), "type": str(shown)}


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    found = given.get("properties")
    if not isinstance(found, dict):
        raise not_valid("Invalid input JSON: properties is missing")
    return found


def _names(given: Any) -> list[str]:
    return [str(name) for name in given] if isinstance(given, list) else []


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
