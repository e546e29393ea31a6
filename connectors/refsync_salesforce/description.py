"""One object as the org describes it, as far as refsync asks for it. Pure.

The plain form is what a cursor carries along: some fields of an object, without what is false or empty.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
"""The columns that tell when a row changed, the best first. Not every object lets each be filtered (airbyte#68166)."""
CHOSEN_FROM = frozenset({"Status", "Priority"})
"""The pick lists of which refsync writes a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One described field."""

    type: str
    relationship: str = ""
    """Under which name the fields of the referenced record are reached."""
    filterable: bool = False
    calculated: bool = False
    """A formula or a roll-up: its value changes without the row's stamp."""
    createable: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    values: frozenset[str] = frozenset()
    """The active values of a pick list."""


FLAGS = ("filterable", "calculated", "createable", "external_id", "unique", "case_sensitive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How a child object refers to its parent."""

    relationship: str
    """Its name in a sub-query."""
    field: str
    """The field of the child that holds the parent's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One described object."""

    fields: Mapping[str, Field]
    children: Mapping[str, Child]
    """How each child object refers to this one, as far as a sub-query can reach it."""

    def shows(self, name: str) -> bool:
        """Whether a field can be read: itself, or for `Profile.Name` the reference to the profile."""
        parent, dot, _ = name.partition(".")
        return any(parent == field.relationship for field in self.fields.values()) if dot else name in self.fields

    def filters(self, name: str) -> bool:
        """Whether rows can be chosen by a field."""
        return name in self.fields and self.fields[name].filterable

    @property
    def stamp(self) -> str | None:
        """The column by which changes are read."""
        return next(filter(self.filters, STAMPS), None)

    def plain(self, names: Collection[str]) -> dict[str, Any]:
        """Return what is described of the fields with these names, and of the children, as plain values."""
        parents = {name.partition(".")[0] for name in names if "." in name}
        return {
            "fields": {
                name: _plain_field(name, field)
                for name, field in self.fields.items()
                if name in names or field.relationship in parents
            },
            "children": {name: [child.relationship, child.field] for name, child in self.children.items() if name in names},
        }


def description(found: Mapping[str, Any]) -> Description:
    """Return a description as the org gives it."""
    return Description(
        fields={entry["name"]: _field(entry) for entry in found["fields"] if isinstance(entry, dict) and entry.get("name")},
        children={
            entry["childSObject"]: Child(relationship=entry["relationshipName"], field=str(entry.get("field") or ""))
            for entry in found.get("childRelationships") or ()
            if entry.get("childSObject") and entry.get("relationshipName")
        },
    )


def from_plain(parts: Mapping[str, Any]) -> Description:
    """Return a description from its plain form. Raises ValueError, TypeError, KeyError or AttributeError for another."""
    return Description(
        fields={str(name): _kept_field(kept) for name, kept in parts["fields"].items()},
        children={
            str(name): Child(relationship=str(relationship), field=str(field))
            for name, (relationship, field) in parts["children"].items()
        },
    )


def _plain_field(name: str, field: Field) -> dict[str, Any]:
    values = {"values": sorted(field.values)} if field.values and name in CHOSEN_FROM else {}
    relationship = {"relationship": field.relationship} if field.relationship else {}
    return {"type": field.type} | relationship | {flag: True for flag in FLAGS if getattr(field, flag)} | values


def _kept_field(kept: Mapping[str, Any]) -> Field:
    return Field(**{**kept, "values": frozenset(map(str, kept.get("values", ())))})


def _field(entry: Mapping[str, Any]) -> Field:
    return Field(
        type=str(entry.get("type")),
        relationship=str(entry.get("relationshipName") or ""),
        filterable=entry.get("filterable") is True,
        calculated=entry.get("calculated") is True,
        createable=entry.get("createable") is True,
        external_id=entry.get("externalId") is True,
        unique=entry.get("unique") is True,
        case_sensitive=entry.get("caseSensitive") is True,
        values=frozenset(
            str(value.get("value")) for value in entry.get("picklistValues") or () if value.get("active", True) is True
        ),
    )
