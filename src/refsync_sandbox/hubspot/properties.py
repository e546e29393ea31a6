"""The properties that records of this portal can have, and which values they take.

Law: a value is a text or null, in one form only: instants as `2024-03-01T10:00:00Z`, days as `2024-03-01`, yes and no as
`true` and `false`. What cannot be brought into that form is refused as HubSpot refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from refsync.model import Instant, instant, iso, parse_instant
from refsync_sandbox.hubspot.kinds import KINDS, Kind
from refsync_sandbox.hubspot.standard import CUSTOMER, ENGAGEMENT, EVERY, OWN

FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "bool": "booleancheckbox",
    "date": "date",
    "datetime": "date",
    "enumeration": "select",
}
"""The field that the form shows for each type, when nobody chose another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of one object type."""

    name: str
    type: str = "string"
    field_type: str = ""
    label: str = ""
    group: str = ""
    description: str = ""
    options: tuple[str, ...] = ()
    """The values an enumeration takes; none: any (`dealstage` takes what the pipelines hold)."""
    unique: bool = False
    read_only: bool = False
    defined_by_hubspot: bool = False
    created_at: Instant = 0

    def as_json(self) -> dict[str, Any]:
        """Return the definition as the properties API shows it."""
        return {
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.created_at),
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type or FIELD_TYPES[self.type],
            "description": self.description,
            "groupName": self.group,
            "options": [option(value, order) for order, value in enumerate(self._shown_options)],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": self.type == "enumeration" and not self.options,
            "archived": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": self.defined_by_hubspot,
            "modificationMetadata": {
                "archivable": not self.defined_by_hubspot,
                "readOnlyDefinition": self.defined_by_hubspot,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }

    @property
    def _shown_options(self) -> tuple[str, ...]:
        return ("true", "false") if self.type == "bool" else self.options


def option(value: str, order: int) -> dict[str, Any]:
    """Return one choice of an enumeration as the properties API shows it."""
    return {"label": value.replace("_", " ").title(), "value": value, "displayOrder": order, "hidden": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueProblem:
    """Why HubSpot refuses one value of a write."""

    name: str
    code: str
    message: str


class Catalogue:
    """The property definitions of one portal, by object type."""

    def __init__(self, *, now: Instant) -> None:
        self._now = now
        self._of: dict[Kind, dict[str, Property]] = {kind: {one.name: one for one in _standard(kind)} for kind in KINDS}
        self.groups: dict[Kind, dict[str, str]] = {
            kind: {group_of(kind): f"{kind.singular.title()} information"} for kind in KINDS
        }
        """The property groups of each type, by name with their label."""

    def find(self, kind: Kind, name: str) -> Property | None:
        return self._of[kind].get(name)

    def all(self, kind: Kind) -> Iterator[Property]:
        yield from self._of[kind].values()

    def uniques(self, kind: Kind) -> list[str]:
        """Return the names of the properties whose values only one record may have."""
        return [found.name for found in self._of[kind].values() if found.unique]

    def add(self, kind: Kind, added: Property) -> Property:
        """Define a property and return it, complete; the caller has made sure that the name is free."""
        stored = replace(added, group=added.group or group_of(kind), created_at=added.created_at or self._now)
        self._of[kind][added.name] = stored
        return stored

    def remove(self, kind: Kind, name: str) -> None:
        """Archive a property: its values are no longer shown."""
        self._of[kind].pop(name, None)

    def allow(self, kind: Kind, values: Mapping[str, str | None]) -> None:
        """Add the values of a book as options of the enumerations that lack them, as an administrator would have done."""
        for name, value in values.items():
            found = self._of[kind].get(name)
            if found and found.options and value and value not in found.options:
                self._of[kind][name] = replace(found, options=(*found.options, value))

    def checked(self, kind: Kind, values: Mapping[str, Any]) -> tuple[dict[str, str | None], list[ValueProblem]]:
        """Return the values of a write in the form in which they are kept, and what is wrong with the others."""
        kept: dict[str, str | None] = {}
        problems: list[ValueProblem] = []
        for name, value in values.items():
            found = self.find(kind, name)
            if found is None:
                problems.append(
                    ValueProblem(name=name, code="PROPERTY_DOESNT_EXIST", message=f'Property "{name}" does not exist')
                )
            elif found.read_only:
                message = f'"{name}" is a read only property; its value cannot be set.'
                problems.append(ValueProblem(name=name, code="READ_ONLY_VALUE", message=message))
            else:
                try:
                    kept[name] = kept_form(found, value)
                except ValueError as error:
                    problems.append(ValueProblem(name=name, code=_CODES[found.type], message=f"{value} was not valid: {error}"))
        return kept, problems


_CODES = {
    "string": "INVALID_STRING",
    "number": "INVALID_NUMBER",
    "bool": "INVALID_OPTION",
    "enumeration": "INVALID_OPTION",
    "date": "INVALID_DATE",
    "datetime": "INVALID_DATE",
}


def kept_form(found: Property, value: Any) -> str | None:
    """Return a written value as it is kept; an empty one clears the property. Raises ValueError for nonsense."""
    if value is None or value == "":
        return None if value is None else ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if found.type == "number":
        float(text)
    elif found.type == "bool":
        text = text.lower()
        if text not in ("true", "false"):
            raise ValueError("it is not one of the allowed options: [true, false]")
    elif found.type == "enumeration" and found.options and text not in found.options:
        raise ValueError(f"it is not one of the allowed options: [{', '.join(found.options)}]")
    elif found.type == "datetime":
        text = iso(read_instant(text))
    elif found.type == "date":
        text = iso(read_instant(text))[:10]
    return text


def read_instant(text: str) -> Instant:
    """Return the instant of a text as HubSpot takes it: ISO 8601, a plain day, or milliseconds. Raises ValueError for others."""
    if text.lstrip("-").isdecimal():
        return int(text)
    if len(text) == len("2024-03-01"):
        day = date.fromisoformat(text)
        return instant(datetime(day.year, day.month, day.day, tzinfo=UTC))
    return parse_instant(text)


def type_of_values(values: Iterable[str]) -> str:
    """Return the narrowest property type that holds every one of the given texts."""
    types = {_type_of(value) for value in values if value}
    return types.pop() if len(types) == 1 else "string"


def _type_of(value: str) -> str:
    if value in ("true", "false"):
        return "bool"
    for name, read in (("number", float), ("date", date.fromisoformat), ("datetime", parse_instant)):
        try:
            read(value)
        except ValueError:
            continue
        return name
    return "string"


def group_of(kind: Kind) -> str:
    """Return the name of the group in which HubSpot keeps the properties of a type."""
    return f"{kind.singular}information"


def _standard(kind: Kind) -> Iterator[Property]:
    """Yield the properties that HubSpot itself defines, as far as this stand-in knows them."""
    common = ENGAGEMENT if kind.engagement else CUSTOMER
    for line in f"{EVERY}\n{common}\n{OWN[kind.singular]}".splitlines():
        words = line.split()
        if words:
            yield _property(kind, words)


def _property(kind: Kind, words: list[str]) -> Property:
    name, kind_of_value, *rest = words
    return Property(
        name=name,
        type=kind_of_value,
        label=name.removeprefix("hs_").replace("_", " ").title(),
        group=group_of(kind),
        options=tuple(word for word in rest if word not in ("read-only", "unique")),
        unique="unique" in rest,
        read_only="read-only" in rest,
        defined_by_hubspot=True,
    )
