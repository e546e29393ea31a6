"""What a portal says about itself: owners, pipelines, property definitions, schemas, and the account.

Law: definitions come whole, without pages; owners come in pages, those who left only when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from refsync.model import iso, moment
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, batch, not_valid
from refsync_sandbox.hubspot.kinds import DEAL, KINDS, TICKET, Kind
from refsync_sandbox.hubspot.objects import kind_named
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.properties import FIELD_TYPES, Property

MOST_OWNERS = 500
MOST_UNIQUE = 10
"""How many unique properties an object type may have (documented)."""


class Account:
    """Handlers of the APIs around the records of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._catalogue = portal.catalogue

    def details(self, call: Call) -> Reply:
        """Answer which account this is."""
        settings = self._portal.settings
        offset = moment(call.now).astimezone(ZoneInfo(settings.time_zone)).utcoffset() or timedelta()
        sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // timedelta(minutes=1)
        return Reply(
            body={
                "portalId": settings.portal_id,
                "accountType": "STANDARD",
                "timeZone": settings.time_zone,
                "companyCurrency": settings.currency,
                "additionalCurrencies": [],
                "utcOffset": f"{sign}{minutes // 60:02}:{minutes % 60:02}",
                "utcOffsetMilliseconds": offset // timedelta(milliseconds=1),
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def owners(self, call: Call) -> Reply:
        """Answer a page of the owners who are there, or of those who left."""
        limit = call.number("limit", 100)
        if not 0 < limit <= MOST_OWNERS:
            raise not_valid(f"limit must be between 1 and {MOST_OWNERS}, not {limit}")
        email, after = call.query.get("email", ""), call.number("after", 0)
        found = [
            one
            for one in self._portal.owners.all(archived=call.flag("archived"))
            if int(one.id) > after and email in ("", one.email)
        ]
        body: dict[str, Any] = {"results": [one.as_json() for one in found[:limit]]}
        if len(found) > limit:
            body["paging"] = call.next_page(found[limit - 1].id)
        return Reply(body=body)

    def owner(self, call: Call) -> Reply:
        """Answer one owner, by owner id or user id."""
        text, by_user = call.path["id"], call.query.get("idProperty") == "userId"
        for one in self._portal.owners.all(archived=call.flag("archived")):
            if text == (str(one.user_id) if by_user else one.id):
                return Reply(body=one.as_json())
        raise Refusal(404, "OBJECT_NOT_FOUND", f"No owner {text} was found")

    def pipelines(self, call: Call) -> Reply:
        """Answer the pipelines of deals or tickets."""
        found = self._portal.pipelines.get(_with_pipelines(call))
        return Reply(body={"results": [found.as_json()] if found else []})

    def pipeline(self, call: Call) -> Reply:
        """Answer one pipeline."""
        return Reply(body=self._pipeline(call))

    def stages(self, call: Call) -> Reply:
        """Answer the stages of one pipeline."""
        return Reply(body={"results": self._pipeline(call)["stages"]})

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

    def groups(self, call: Call) -> Reply:
        """Answer the property groups of an object type."""
        groups = self._catalogue.groups[kind_named(call.path["type"])]
        return Reply(body={"results": [_group(name, label, order) for order, (name, label) in enumerate(groups.items())]})

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

    def _pipeline(self, call: Call) -> dict[str, Any]:
        found = self._portal.pipelines.get(_with_pipelines(call))
        if found is None or found.id != call.path["id"]:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"No pipeline {call.path['id']} was found")
        return found.as_json()


def _with_pipelines(call: Call) -> Kind:
    kind = kind_named(call.path["type"])
    if kind not in (DEAL, TICKET):
        raise not_valid(f"{kind.plural} have no pipelines")
    return kind


def _group(name: str, label: str, order: int) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": order, "archived": False}
