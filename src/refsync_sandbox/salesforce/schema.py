"""What an object looks like: its fields and what may be done with them.

Law: this is the only truth about fields. Describe shows it, queries and writes are judged by it, and the tables are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Kind(StrEnum):
    """Field types by their names in describe."""

    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    PICKLIST = "picklist"
    COMBOBOX = "combobox"
    REFERENCE = "reference"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    INT = "int"
    DOUBLE = "double"
    CURRENCY = "currency"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"


NUMBERS = frozenset({Kind.INT, Kind.DOUBLE, Kind.CURRENCY})
IDS = frozenset({Kind.ID, Kind.REFERENCE})
TEXTS = frozenset(Kind) - NUMBERS - IDS - {Kind.BOOLEAN, Kind.DATE, Kind.DATETIME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of an object."""

    name: str
    kind: Kind
    label: str = ""
    length: int = 0
    filterable: bool = True
    sortable: bool = True
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    default: Any = None
    """What a record gets when it is created without this field."""
    values: tuple[str, ...] = ()
    """The values of a pick list."""
    restricted: bool = False
    """Whether other values are refused."""
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    """The name of the parent in queries, such as `Owner`."""
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    calculated: bool = False
    name_field: bool = False
    expression: str = ""
    """SQL over the record `{t}` for a field that is worked out when it is read; empty for a stored one."""

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def id_lookup(self) -> bool:
        """Whether a record may be named by this field in an upsert."""
        return self.external_id or self.kind in (Kind.ID, Kind.EMAIL)

    @property
    def required(self) -> bool:
        """Whether a record cannot be created without it."""
        return self.createable and not self.nillable and self.default is None and self.kind is not Kind.BOOLEAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A relationship from a parent to its children, such as OpportunityContactRoles."""

    name: str
    object: str
    field: str
    cascade: bool = False
    """Whether children are deleted with their parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SObject:
    """An object."""

    name: str
    prefix: str
    """The first three characters of its ids; empty for an object without records of its own."""
    plural: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    children: tuple[Child, ...] = ()
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    mergeable: bool = False
    soft_delete: bool = True
    """Whether deleted rows stay and are seen by queryAll; false for relations, of which only getDeleted speaks."""
    bulk: bool = True
    """Whether the Bulk API can query it."""
    archived_when: str = ""
    """SQL over the record `{t}`: whether it is archived (`:archived` is the day 365 days ago), seen by queryAll only."""

    def find(self, name: str) -> Field | None:
        """Return a field by name; case does not matter, as in SOQL."""
        return self.fields.get(name) or next(
            (found for found in self.fields.values() if found.name.lower() == name.lower()), None
        )

    def parent(self, relationship: str) -> Field | None:
        """Return the reference field behind a relationship name such as `Owner`."""
        wanted = relationship.lower()
        return next((one for one in self.fields.values() if (one.relationship or "").lower() == wanted), None)

    def with_fields(self, extra: Iterable[Field]) -> SObject:
        """Return this object with further fields."""
        return replace(self, fields=MappingProxyType(dict(self.fields) | {one.name: one for one in extra}))


class Schema:
    """All objects of an org, by name."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self.objects: Mapping[str, SObject] = MappingProxyType({one.name: one for one in objects})
        self._by_prefix = {one.prefix: one for one in self.objects.values() if one.prefix}
        self._by_lower = {name.lower(): one for name, one in self.objects.items()}

    def find(self, name: str) -> SObject | None:
        """Return an object by name; case does not matter."""
        return self._by_lower.get(name.lower())

    def of_id(self, record_id: str) -> SObject | None:
        """Return the object that an id belongs to."""
        return self._by_prefix.get(record_id[:3])

    def with_fields(self, extra: Mapping[str, Iterable[Field]]) -> Schema:
        """Return this schema with further fields on some objects."""
        return Schema(one.with_fields(extra.get(name, ())) for name, one in self.objects.items())
