"""What the org describes of its objects, asked once and kept.

Law: a name stands in a statement only if the org's own description holds it; so a field that is missing, or hidden by
field-level security, is left out and never ends in INVALID_FIELD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from refsync_salesforce.client import Client

DAY = 86_400.0
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
"""The columns that tell when a row changed, the best first. Not every object lets each be filtered (airbyte#68166)."""


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


class Schema:
    """The descriptions of one org."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Description | None] = {}
        self._began = monotonic()

    def of(self, name: str) -> Description | None:
        """Return the description of an object; None when the org does not show it to us."""
        if monotonic() > self._began + DAY:  # admins add and hide fields while we run
            self._known.clear()
            self._began = monotonic()
        if name not in self._known:
            found = self._client.describe(name)
            self._known[name] = None if found is None else _description(found)
        return self._known[name]

    def forget(self, *names: str) -> None:
        """Ask again next time: for these objects, or for all."""
        for name in names or tuple(self._known):
            self._known.pop(name, None)


def _description(found: Mapping[str, Any]) -> Description:
    return Description(
        fields={entry["name"]: _field(entry) for entry in found["fields"] if isinstance(entry, dict) and entry.get("name")},
        children={
            entry["childSObject"]: Child(relationship=entry["relationshipName"], field=str(entry.get("field") or ""))
            for entry in found.get("childRelationships") or ()
            if entry.get("childSObject") and entry.get("relationshipName")
        },
    )


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
