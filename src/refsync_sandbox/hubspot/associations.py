"""The associations API.

Law: ids that were asked for are texts, ids that are answered are numbers; a record without associations is an error of its own
in the reply, never an empty result (both seen in replies that others recorded).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import AssociationType, Kind, kind_of_id
from refsync_sandbox.hubspot.links import Link
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.records import LAST_ID
from refsync_sandbox.hubspot.views import kind_named

MOST_READ = 1_000
MOST_WRITTEN = 2_000


class Associations:
    """Handlers of the associations API of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._links = portal.links

    def batch_read(self, call: Call) -> Reply:
        """Answer what each of up to 1,000 records is associated with in one object type, page by page for each."""
        origin, target = self._ends(call)
        asked = [(str(one.get("id")), after_of(one.get("after"))) for one in call.inputs(MOST_READ)]
        linked = self._links.of_many([int(text) for text, _ in asked if _is_id(text, origin)], target)
        results, errors = [], []
        for text, after in asked:
            if not text.isdecimal():
                errors.append(bad_id(text).as_part())
                continue
            found = linked.get(int(text), [])
            if after:
                found = [link for link in found if link.target > after]
            if not found:
                errors.append(nothing_associated(origin, target, text).as_part())
                continue
            results.append({"from": {"id": text}, "to": [_shown(link) for link in found[: self._size]]})
            if len(found) > self._size:
                results[-1]["paging"] = self._paging(call, origin, target, text, found)
        return batch(results, errors, now=call.now)

    def of_one(self, call: Call) -> Reply:
        """Answer what one record is associated with."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        limit = min(call.number("limit", self._size), self._size)
        row = self._portal.row(origin, number_of(call.path["id"]))
        found = self._links.of(row.id, target, after=after_of(call.query.get("after")), limit=limit + 1)
        body: dict[str, Any] = {"results": [_shown(link) for link in found[:limit]]}
        if len(found) > limit:
            body["paging"] = call.next_page(str(found[limit - 1].target))
        return Reply(body=body)

    def labels(self, call: Call) -> Reply:
        """Answer the types that lead from one object type to another."""
        types = self._links.between(*self._ends(call))
        return Reply(body={"results": [_type(one) for one in types]})

    def create_label(self, call: Call) -> Reply:
        """Add a label of the portal's own."""
        origin, target = self._ends(call)
        label, back = str(call.object().get("label") or ""), str(call.object().get("inverseLabel") or "")
        if not label or self._links.plain(origin, target) is None:
            raise not_valid("label is missing, or the two object types cannot be associated")
        there = self._links.label(origin, target, label, back)
        return Reply(body={"results": [_type(there), _type(self._links.types[there.reverse])]})

    def batch_create(self, call: Call) -> Reply:
        """Associate pairs of records, each in the types given."""
        origin, target = self._ends(call)
        results, errors = [], []
        for one in call.inputs(MOST_WRITTEN):
            try:
                ends = self._pair(one, origin, target)
                types = [self._type_named(spec, origin, target) for spec in one.get("types") or ()]
            except Refusal as refusal:
                errors.append(refusal.as_part())
                continue
            for type_ in types:
                self._links.add(*ends, type_)
            results.append(_labels(origin, target, ends, types))
        return batch(results, errors, now=call.now, status=201)

    def batch_default(self, call: Call) -> Reply:
        """Associate pairs of records in the plain type."""
        origin, target = self._ends(call)
        results, errors = [], []
        for one in call.inputs(MOST_WRITTEN):
            try:
                results += self._plainly(self._pair(one, origin, target), origin, target)
            except Refusal as refusal:
                errors.append(refusal.as_part())
        return batch(results, errors, now=call.now)

    def put_default(self, call: Call) -> Reply:
        """Associate two records in the plain type."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        ends = self._portal.row(origin, number_of(call.path["id"])).id, self._portal.row(target, number_of(call.path["other"])).id
        return batch(self._plainly(ends, origin, target), now=call.now)

    def put(self, call: Call) -> Reply:
        """Associate two records in the types of the body."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        ends = self._pair({"from": {"id": call.path["id"]}, "to": {"id": call.path["other"]}}, origin, target)
        given = call.body if isinstance(call.body, list) else []
        names = {"category": "associationCategory", "typeId": "associationTypeId"}  # reads and writes name them differently
        types = [self._type_named({names.get(name, name): one for name, one in spec.items()}, origin, target) for spec in given]
        for type_ in types:
            self._links.add(*ends, type_)
        return Reply(body=_labels(origin, target, ends, types), status=201)

    def delete(self, call: Call) -> Reply:
        """Take every association of two records away; a pair that is not there is no error."""
        origin, target = kind_named(call.path["type"]), kind_named(call.path["to"])
        for pair in self._known_pairs({"from": {"id": call.path["id"]}, "to": {"id": call.path["other"]}}, origin, target):
            self._links.remove(*pair)
        return Reply(status=204)

    def batch_archive(self, call: Call) -> Reply:
        """Take every association of pairs of records away."""
        origin, target = self._ends(call)
        for one in call.inputs(MOST_WRITTEN):
            for end in one.get("to") or ():
                for pair in self._known_pairs({"from": one.get("from"), "to": end}, origin, target):
                    self._links.remove(*pair)
        return Reply(status=204)

    def batch_archive_labels(self, call: Call) -> Reply:
        """Take some types of the associations of pairs of records away."""
        origin, target = self._ends(call)
        for one in call.inputs(MOST_WRITTEN):
            for pair in self._known_pairs(one, origin, target):
                for spec in one.get("types") or ():
                    self._links.remove(*pair, self._type_named(spec, origin, target))
        return Reply(status=204)

    @property
    def _size(self) -> int:
        return self._portal.settings.association_page

    def _ends(self, call: Call) -> tuple[Kind, Kind]:
        return kind_named(call.path["from"]), kind_named(call.path["to"])

    def _paging(self, call: Call, origin: Kind, target: Kind, text: str, found: Sequence[Link]) -> dict[str, Any]:
        after = str(found[self._size - 1].target)
        link = f"{call.base}/crm/v4/objects/{origin.plural}/{text}/associations/{target.plural}?after={after}"
        return {"next": {"after": after, "link": link}}

    def _pair(self, given: Mapping[str, Any], origin: Kind, target: Kind) -> tuple[int, int]:
        """Return the two records of a pair. Raises Refusal when one of them is not there."""
        texts = [str((given.get(end) or {}).get("id")) for end in ("from", "to")]
        for text in texts:
            if not text.isdecimal():
                raise bad_id(text)
        first, second = (int(text) for text in texts)
        return self._portal.row(origin, first).id, self._portal.row(target, second).id

    def _known_pairs(self, given: Mapping[str, Any], origin: Kind, target: Kind) -> Iterator[tuple[int, int]]:
        try:
            yield self._pair(given, origin, target)
        except Refusal:
            return

    def _type_named(self, spec: Mapping[str, Any], origin: Kind, target: Kind) -> AssociationType:
        number = spec.get("associationTypeId")
        for found in self._links.between(origin, target):
            if (str(found.id), found.category) == (str(number), spec.get("associationCategory")):
                return found
        raise not_valid(f"No association type {number} leads from {origin.plural} to {target.plural}")

    def _plainly(self, ends: tuple[int, int], origin: Kind, target: Kind) -> list[dict[str, Any]]:
        plain = self._links.plain(origin, target)
        if plain is None:
            raise not_valid(f"{origin.plural} and {target.plural} cannot be associated")
        self._links.add(*ends, plain)
        both = ((ends, plain), (ends[::-1], self._links.types[plain.reverse]))
        return [
            {
                "from": {"id": str(pair[0])},
                "to": {"id": str(pair[1])},
                "associationSpec": {"associationCategory": type_.category, "associationTypeId": type_.id},
            }
            for pair, type_ in both
        ]


def _shown(link: Link) -> dict[str, Any]:
    return {"toObjectId": link.target, "associationTypes": _types(link.types)}


@lru_cache(maxsize=1024)
def _types(found: tuple[AssociationType, ...]) -> list[dict[str, Any]]:
    return [_type(one) for one in found]


def _is_id(text: str, kind: Kind) -> bool:
    return text.isdecimal() and int(text) <= LAST_ID and kind_of_id(int(text)) is kind


def _type(found: AssociationType) -> dict[str, Any]:
    return {"category": found.category, "typeId": found.id, "label": found.label}


def _labels(origin: Kind, target: Kind, ends: tuple[int, int], types: Sequence[AssociationType]) -> dict[str, Any]:
    return {
        "fromObjectTypeId": origin.type_id,
        "fromObjectId": ends[0],
        "toObjectTypeId": target.type_id,
        "toObjectId": ends[1],
        "labels": [one.label for one in types if one.label],
    }


def after_of(given: object) -> int:
    """Return the last id of the page before."""
    return min(int(str(given)), LAST_ID) if str(given or "").isdecimal() else 0


def number_of(text: str) -> int:
    """Return an id as a number. Raises Refusal for a text that is none."""
    if not text.isdecimal():
        raise bad_id(text)
    return int(text)


def bad_id(text: str) -> Refusal:
    """Return the refusal of an id that is none."""
    return not_valid(f"{text} is not a valid ID", context={"id": [text]}, sub_category="crm.associations.INVALID_IDENTIFIER")


def nothing_associated(origin: Kind, target: Kind, text: str) -> Refusal:
    """Return what is said of a record without associations."""
    return Refusal(
        404,
        "OBJECT_NOT_FOUND",
        f"No {target.singular} is associated with {origin.singular} {text}.",
        context={"fromObjectId": [text], "fromObjectType": [origin.singular], "toObjectType": [target.singular]},
        sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
    )
