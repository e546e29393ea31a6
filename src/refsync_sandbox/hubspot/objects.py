"""The objects API, one record or page at a time: list, get, create, patch, archive, search, merge, erase.

Law: every object type has the same calls, and a record is named by its id or by the value of a unique property.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from refsync_sandbox.hubspot.call import Call, Refusal, Reply, not_valid
from refsync_sandbox.hubspot.filters import BadSearch
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.portal import INTEGRATION, NewLink, Portal
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.views import Views, kind_named

MOST_IN_A_LIST = 100
MOST_IN_A_SEARCH = 3_000
"""How many characters a search body may have (documented)."""
_SEARCHED_FOR = ("filterGroups", "filters", "query", "sorts")


class Objects:
    """Handlers of the objects API of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._records = portal.records
        self._views = Views(portal)

    def list(self, call: Call) -> Reply:
        """Answer a page of records in order of their ids; `after` is the first id of the page."""
        kind, archived = kind_named(call.path["type"]), call.flag("archived")
        limit = call.number("limit", 10)
        if not 0 < limit <= MOST_IN_A_LIST:
            raise not_valid(f"limit must be between 1 and {MOST_IN_A_LIST}, not {limit}")
        show = self._views.queried(kind, call, limit)
        rows = self._records.page(kind, call.number("after", 0), limit + 1, archived=archived)
        body: dict[str, Any] = {"results": [show(row) for row in rows[:limit]]}
        if len(rows) > limit:
            body["paging"] = call.next_page(str(rows[limit].id))
        return Reply(body=body)

    def get(self, call: Call) -> Reply:
        """Answer one record, by its id or by the value of a unique property."""
        kind = kind_named(call.path["type"])
        row = self.named(kind, call.path["id"], call.query.get("idProperty", ""), archived=call.flag("archived"))
        return Reply(body=self._views.queried(kind, call)(row))

    def create(self, call: Call) -> Reply:
        """Keep one record with the associations given along."""
        row = self.made(kind_named(call.path["type"]), call.object(), call)
        return Reply(body=self._views.whole(row, call), status=201)

    def patch(self, call: Call) -> Reply:
        """Change the properties given, and answer those."""
        kind, given = kind_named(call.path["type"]), properties_of(call.object())
        row = self.named(kind, call.path["id"], call.query.get("idProperty", ""))
        row = self._portal.update(row, given, by=INTEGRATION, now=call.now)
        return Reply(body=self._views.named(kind, given, call)(row))

    def archive(self, call: Call) -> Reply:
        """Move a record to the recycle bin; one that is not there is no error."""
        if row := self.by_id(kind_named(call.path["type"]), call.path["id"]):
            self._portal.archive(row, by=INTEGRATION, now=call.now)
        return Reply(status=204)

    def search(self, call: Call) -> Reply:
        """Answer a page of the records that a search finds."""
        kind, body, settings = kind_named(call.path["type"]), call.object(), self._portal.settings
        counted = body if settings.whole_search_body else {name: body[name] for name in _SEARCHED_FOR if name in body}
        if (length := len(orjson.dumps(counted).decode())) > MOST_IN_A_SEARCH:
            raise not_valid(f"The request body has {length} characters; {MOST_IN_A_SEARCH} are allowed")
        try:
            found = self._portal.search.page(kind, body, at=call.indexed, ids_as_text=settings.ids_as_text)
        except BadSearch as error:
            raise not_valid(f"There was a problem with the request: {error}") from None
        show = self._views.wanted(kind, call)
        reply: dict[str, Any] = {"total": found.total, "results": [show(row) for row in found.rows]}
        if found.after:
            reply["paging"] = {"next": {"after": found.after}}
        return Reply(body=reply)

    def merge(self, call: Call) -> Reply:
        """Make one record of two."""
        kind, body = kind_named(call.path["type"]), call.object()
        primary = self.named(kind, str(body.get("primaryObjectId")))
        other = self.named(kind, str(body.get("objectIdToMerge")))
        if primary.id == other.id:
            raise not_valid(f"Object {primary.id} cannot be merged with itself")
        return Reply(body=self._views.whole(self._portal.merge(primary, other, now=call.now), call))

    def erase(self, call: Call) -> Reply:
        """Take a record away without a trace; one that is not there is no error."""
        kind, body = kind_named(call.path["type"]), call.object()
        if row := self.find(kind, str(body.get("objectId")), str(body.get("idProperty") or "")):
            self._portal.erase(row)
        return Reply(status=204)

    def made(self, kind: Kind, given: Mapping[str, Any], call: Call) -> Row:
        """Keep the record that the body of a create describes, and return it."""
        return self._portal.create(kind, properties_of(given), self._new_links(kind, given), by=INTEGRATION, now=call.now)

    def named(self, kind: Kind, text: str, by: str = "", *, archived: bool = False) -> Row:
        """Return the record of that id, or value of a unique property. Raises Refusal when there is none such."""
        found = self.find(kind, text, by, archived=archived)
        if found is None:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"Object not found. objectId are usually numeric: {kind.singular} {text}")
        return found

    def find(self, kind: Kind, text: str, by: str = "", *, archived: bool = False) -> Row | None:
        """Return the record of that id, or value of a unique property. Raises Refusal for a property that is not unique."""
        if by in ("", "hs_object_id"):
            return self.by_id(kind, text, archived=archived)
        if by not in self._portal.catalogue.uniques(kind):
            raise not_valid(f"idProperty {by} of {kind.plural} is not a unique property")
        return self._records.with_value(kind, by, text, archived=archived)

    def by_id(self, kind: Kind, text: str, *, archived: bool = False) -> Row | None:
        """Return the record of that id, None for an id that is none."""
        return self._records.find(kind, int(text), archived=archived) if text.isdecimal() else None

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


def properties_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a body or input. Raises Refusal when there are none."""
    found = given.get("properties")
    if not isinstance(found, dict):
        raise not_valid("Invalid input JSON: properties is missing")
    return found
