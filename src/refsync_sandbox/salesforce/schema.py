"""What an object looks like: its fields and what may be done with them.

Law: this is the only truth about fields. Describe shows it, queries and writes are judged by it, and the tables are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from refsync_sandbox.salesforce.refusals import not_found

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


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
    visible: bool = True
    """Whether the API shows it: false when field permissions hide it from the integration user, or it was removed."""
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
    visible: bool = True
    """Whether the API shows it: false where the org's setting for it is off."""
    replicateable: bool = True
    """Whether getUpdated and getDeleted speak of it."""
    bulk: bool = True
    """Whether the Bulk API can query it."""
    archived_when: str = ""
    """SQL over the record `{t}`: whether it is archived (`:archived` is the day 365 days ago), seen by queryAll only."""

    @property
    def shown(self) -> tuple[Field, ...]:
        """The fields that the API shows."""
        return tuple(one for one in self.fields.values() if one.visible)

    def find(self, name: str) -> Field | None:
        """Return a field that the API shows, by name; case does not matter, as in SOQL."""
        found = self.fields.get(name) or next((one for one in self.fields.values() if one.name.lower() == name.lower()), None)
        return found if found and found.visible else None

    def key(self, name: str) -> Field:
        """Return a field by which records can be named in a path. Raises the 404 of any other."""
        found = self.find(name)
        if found is None or not found.id_lookup:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
        return found

    def parent(self, relationship: str) -> Field | None:
        """Return the reference field behind a relationship name such as `Owner`."""
        wanted = relationship.lower()
        return next((one for one in self.shown if (one.relationship or "").lower() == wanted), None)

    def with_fields(self, extra: Iterable[Field]) -> SObject:
        """Return this object with further fields."""
        return replace(self, fields=MappingProxyType(dict(self.fields) | {one.name: one for one in extra}))


class Schema:
    """All objects of an org, by name. Admins change them while it is served: fields come, go and are hidden."""

    def __init__(self, objects: Iterable[SObject], changed: datetime = _BEGINNING) -> None:
        self._objects = {one.name: one for one in objects}
        self.objects: Mapping[str, SObject] = MappingProxyType(self._objects)
        """All objects, also those that the API does not show."""
        self.changed = changed
        """When it was last changed, which is what describe says of itself."""
        self.revision = 0
        """How often it was changed since the org was loaded."""
        self._by_prefix = {one.prefix: one.name for one in self._objects.values() if one.prefix}

    @property
    def shown(self) -> tuple[SObject, ...]:
        """The objects that the API shows."""
        return tuple(one for one in self._objects.values() if one.visible)

    def find(self, name: str) -> SObject | None:
        """Return an object that the API shows, by name; case does not matter."""
        found = self._objects.get(name) or next((one for one in self._objects.values() if one.name.lower() == name.lower()), None)
        return found if found and found.visible else None

    def named(self, name: str) -> SObject:
        """Return an object that the API shows, by name. Raises the 404 of any other."""
        found = self.find(name)
        if found is None:
            raise not_found()
        return found

    def of_id(self, record_id: str) -> SObject | None:
        """Return the object that an id belongs to."""
        name = self._by_prefix.get(record_id[:3])
        return self._objects[name] if name else None

    def with_fields(self, extra: Mapping[str, Iterable[Field]]) -> Schema:
        """Return this schema with further fields on some objects."""
        return Schema((one.with_fields(extra.get(name, ())) for name, one in self._objects.items()), self.changed)

    def put(self, subject: SObject, at: datetime) -> None:
        """Let an object be different from now on."""
        self._objects[subject.name] = subject
        self.changed = max(at, self.changed + timedelta(seconds=1))  # describe tells whole seconds apart
        self.revision += 1
