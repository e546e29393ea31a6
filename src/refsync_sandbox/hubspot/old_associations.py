"""The associations API of version 3, which other clients still use.

Law: it shows the same associations as version 4, as texts and one entry for each type; its batch says where the next page of a
record begins and ignores whoever asks for it (hubspot-api-python#135).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refsync_sandbox.hubspot.associations import after_of, bad_id, nothing_associated, number_of
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import AssociationType, Kind
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.views import inline, kind_named

_MOST = 1_000


class OldAssociations:
    """Handlers of version 3 of the associations API of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._links = portal.links

    def batch_read(self, call: Call) -> Reply:
        """Answer the first page of what each record is associated with."""
        origin, target = _ends(call)
        results, errors = [], []
        for one in call.inputs(_MOST):
            text = str(one.get("id"))
            if not text.isdecimal():
                errors.append(bad_id(text).as_part())
                continue
            page, after = self._page(origin, int(text), target, 0)
            if not page:
                errors.append(nothing_associated(origin, target, text).as_part())
                continue
            results.append({"from": {"id": text}, "to": page})
            if after:
                link = f"{call.base}/crm/v3/objects/{origin.type_id}/{text}/associations/{target.type_id}?after={after}"
                results[-1]["paging"] = {"next": {"after": after, "link": link}}
        return batch(results, errors, now=call.now)

    def of_one(self, call: Call) -> Reply:
        """Answer a page of what one record is associated with."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        row = self._portal.row(origin, number_of(call.path["id"]))
        page, after = self._page(origin, row.id, target, after_of(call.query.get("after")))
        return Reply(body={"results": page, **({"paging": call.next_page(after)} if after else {})})

    def batch_create(self, call: Call) -> Reply:
        """Associate pairs of records, each in the type that is named."""
        origin, target = _ends(call)
        results, errors = [], []
        for one in call.inputs(_MOST):
            try:
                first, second, type_ = self._pair(one, origin, target)
            except Refusal as refusal:
                errors.append(refusal.as_part())
                continue
            self._links.add(first, second, type_)
            results.append({"from": {"id": str(first)}, "to": {"id": str(second)}, "type": str(one.get("type"))})
        return batch(results, errors, now=call.now, status=201)

    def batch_archive(self, call: Call) -> Reply:
        """Take associations away; pairs that are not there are no error."""
        origin, target = _ends(call)
        for one in call.inputs(_MOST):
            try:
                first, second, type_ = self._pair(one, origin, target)
            except Refusal:
                continue
            self._links.remove(first, second, type_)
        return Reply(status=204)

    def types(self, call: Call) -> Reply:
        """Answer the types that lead from one object type to another."""
        origin, target = _ends(call)
        return Reply(body={"results": [{"id": str(one.id), "name": _name(one)} for one in self._links.between(origin, target)]})

    def put(self, call: Call) -> Reply:
        """Associate two records in the type that the path names, and answer the first."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        ends = {"from": {"id": call.path["id"]}, "to": {"id": call.path["other"]}, "type": call.path["association"]}
        first, second, type_ = self._pair(ends, origin, target)
        self._links.add(first, second, type_)
        return Reply(body={"results": self._page(origin, first, target, 0)[0]})

    def delete(self, call: Call) -> Reply:
        """Take one type of an association away."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        ends = {"from": {"id": call.path["id"]}, "to": {"id": call.path["other"]}, "type": call.path["association"]}
        self._links.remove(*self._pair(ends, origin, target))
        return Reply(status=204)

    def _page(self, origin: Kind, record_id: int, target: Kind, after: int) -> tuple[list[dict[str, str]], str]:
        """Return a page of what a record is associated with, and where the next begins, if there is one."""
        size = self._portal.settings.association_page
        found = self._links.of(record_id, target, after=after, limit=size + 1)
        page = [entry for link in found[:size] for entry in inline(origin, target, link)]
        return page, str(found[size - 1].target) if len(found) > size else ""

    def _pair(self, given: Mapping[str, Any], origin: Kind, target: Kind) -> tuple[int, int, AssociationType]:
        """Return two records and how they are to be associated. Raises Refusal when one is not there."""
        first, second = (number_of(str((given.get(end) or {}).get("id"))) for end in ("from", "to"))
        name = str(given.get("type"))
        for type_ in self._links.between(origin, target):
            if name in (str(type_.id), _name(type_)):
                return self._portal.row(origin, first).id, self._portal.row(target, second).id, type_
        raise not_valid(f"No association type {name} leads from {origin.plural} to {target.plural}")


def _ends(call: Call) -> tuple[Kind, Kind]:
    return kind_named(call.path["from"]), kind_named(call.path["to"])


def _name(type_: AssociationType) -> str:
    plain = f"{type_.origin.singular}_to_{type_.target.singular}"
    return type_.label if type_.user_defined and type_.label else plain if type_.label else f"{plain}_unlabeled"
