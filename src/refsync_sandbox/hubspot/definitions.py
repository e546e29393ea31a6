"""What a portal says about its object types: property definitions, groups and schemas.

Law: definitions come whole, without pages; what HubSpot defined cannot be removed, and whether a property is unique cannot be
changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from refsync.model import iso
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import KINDS, TASK, Kind
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.properties import FIELD_TYPES, Property
from refsync_sandbox.hubspot.views import kind_named

MOST_UNIQUE = 10
"""How many unique properties an object type may have (documented)."""


class Definitions:
    """Handlers of the properties and schemas APIs of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._catalogue = portal.catalogue

    def properties(self, call: Call) -> Reply:
        """Answer every property definition of an object type."""
        kind = kind_named(call.path["type"])
        archived = call.flag("archived")
        return Reply(body={"results": [] if archived else [one.as_json() for one in self._catalogue.all(kind)]})

    def old_properties(self, call: Call) -> Reply:
        """Answer the same as a bare list, as version 2 did."""
        return Reply(body=self.properties(call).body["results"])

    def property(self, call: Call) -> Reply:
        """Answer one property definition."""
        return Reply(body=self._property(call).as_json())

    def create_property(self, call: Call) -> Reply:
        """Define a property."""
        return Reply(body=self._define(kind_named(call.path["type"]), call.object()).as_json(), status=201)

    def patch_property(self, call: Call) -> Reply:
        """Change the label, description or group of a property; whether it is unique cannot be changed (documented)."""
        found, given = self._property(call), call.object()
        changed = replace(
            found,
            label=str(given.get("label", found.label)),
            description=str(given.get("description", found.description)),
            group=str(given.get("groupName", found.group)),
        )
        return Reply(body=self._catalogue.add(kind_named(call.path["type"]), changed).as_json())

    def archive_property(self, call: Call) -> Reply:
        """Archive a property: its values are no longer shown."""
        found = self._property(call)
        if found.defined_by_hubspot:
            raise not_valid(f"{found.name} is defined by HubSpot and cannot be archived")
        self._catalogue.remove(kind_named(call.path["type"]), found.name)
        return Reply(status=204)

    def batch_create_properties(self, call: Call) -> Reply:
        """Define many properties; names that are taken are told apart."""
        kind = kind_named(call.path["type"])
        results, errors = [], []
        for one in call.inputs(100):
            try:
                results.append(self._define(kind, one).as_json())
            except Refusal as refusal:
                part = refusal.as_part()
                if refusal.category == "CONFLICT":
                    part |= {"category": "OBJECT_ALREADY_EXISTS", "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS"}
                errors.append(part)
        return batch(results, errors, now=call.now, status=201)

    def batch_read_properties(self, call: Call) -> Reply:
        """Answer the definitions of the names given."""
        kind = kind_named(call.path["type"])
        found = (self._catalogue.find(kind, str(one.get("name"))) for one in call.inputs(100))
        return batch([one.as_json() for one in found if one], now=call.now)

    def batch_archive_properties(self, call: Call) -> Reply:
        """Archive the properties of the names given; those that are not there are no error."""
        kind = kind_named(call.path["type"])
        for one in call.inputs(100):
            found = self._catalogue.find(kind, str(one.get("name")))
            if found and not found.defined_by_hubspot:
                self._catalogue.remove(kind, found.name)
        return Reply(status=204)

    def groups(self, call: Call) -> Reply:
        """Answer the property groups of an object type."""
        groups = self._catalogue.groups[kind_named(call.path["type"])]
        return Reply(body={"results": [_group(name, label, order) for order, (name, label) in enumerate(groups.items())]})

    def group(self, call: Call) -> Reply:
        """Answer one property group."""
        groups, name = self._catalogue.groups[kind_named(call.path["type"])], call.path["name"]
        if name not in groups:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"No property group {name} was found")
        return Reply(body=_group(name, groups[name], list(groups).index(name)))

    def create_group(self, call: Call) -> Reply:
        """Add a property group."""
        groups, given = self._catalogue.groups[kind_named(call.path["type"])], call.object()
        name = str(given.get("name") or "")
        if not name or name in groups:
            raise Refusal(409, "CONFLICT", f"A property group named '{name}' already exists.")
        groups[name] = str(given.get("label") or name)
        return Reply(body=_group(name, groups[name], len(groups) - 1), status=201)

    def schemas(self, _call: Call) -> Reply:
        """Answer the custom object types, of which this portal has none."""
        return Reply(body={"results": []})

    def schema(self, call: Call) -> Reply:
        """Answer one object type with its properties and associations."""
        return Reply(body=self._schema(kind_named(call.path["type"])))

    def _schema(self, kind: Kind) -> dict[str, Any]:
        since = iso(0)
        targets = [one for target in KINDS for one in self._portal.links.between(kind, target)]
        return {
            "labels": {"singular": kind.singular.title(), "plural": kind.plural.title()},
            "requiredProperties": list(kind.required),
            "searchableProperties": [],
            "primaryDisplayProperty": (kind.shown or ("hs_object_id",))[0],
            "secondaryDisplayProperties": [],
            "archived": False,
            "id": str(kind.number),
            "fullyQualifiedName": kind.singular.upper(),
            "createdAt": since,
            "updatedAt": since,
            "objectTypeId": kind.type_id,
            "properties": [one.as_json() for one in self._catalogue.all(kind)],
            "associations": [
                {
                    "fromObjectTypeId": kind.type_id,
                    "toObjectTypeId": one.target.type_id,
                    "name": one.label or f"{kind.singular}_to_{one.target.singular}",
                    "id": str(one.id),
                }
                for one in targets
            ],
            "name": kind.singular.upper(),
        }

    def _define(self, kind: Kind, given: Mapping[str, Any]) -> Property:
        """Keep a property definition. Raises Refusal for a name that is taken or no name, or a tenth-and-one unique property."""
        name, type_ = str(given.get("name") or ""), str(given.get("type") or "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or type_ not in FIELD_TYPES:
            raise not_valid(f"name {name!r} or type {type_!r} of the property is not valid")
        if self._catalogue.find(kind, name):
            raise Refusal(409, "CONFLICT", f"A property named '{name}' already exists.", context={"name": [name]})
        group = str(given.get("groupName") or "")
        if group not in self._catalogue.groups[kind]:
            raise not_valid(f"There is no property group {group!r} of {kind.plural}")
        unique = bool(given.get("hasUniqueValue"))
        if unique and sum(not one.defined_by_hubspot and one.unique for one in self._catalogue.all(kind)) >= MOST_UNIQUE:
            raise not_valid(f"{kind.plural} have {MOST_UNIQUE} unique properties, which is as many as there may be")
        if unique and kind == TASK and not self._portal.settings.unique_tasks:
            raise not_valid("hasUniqueValue is not supported for tasks")
        options = tuple(str(one.get("value")) for one in given.get("options") or ())
        return self._catalogue.add(
            kind,
            Property(
                name=name,
                type=type_,
                field_type=str(given.get("fieldType") or ""),
                label=str(given.get("label") or ""),
                group=group,
                description=str(given.get("description") or ""),
                options=options,
                unique=unique,
            ),
        )

    def _property(self, call: Call) -> Property:
        kind, name = kind_named(call.path["type"]), call.path["name"]
        found = self._catalogue.find(kind, name)
        if found is None:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"No property {name} of {kind.plural} exists", context={"name": [name]})
        return found


def _group(name: str, label: str, order: int) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": order, "archived": False}
