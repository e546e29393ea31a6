"""Words for declaring objects and fields: what describe says of each kind, said once."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from refsync_sandbox.salesforce.schema import Child, Field, Kind, SObject


def text(name: str, length: int = 255, **more: Any) -> Field:
    """Return a text field."""
    return Field(name=name, kind=Kind.STRING, length=length, **more)


def long_text(name: str, length: int = 32_000) -> Field:
    """Return a long text: it can be neither filtered nor sorted by."""
    return Field(name=name, kind=Kind.TEXTAREA, length=length, filterable=False, sortable=False)


def picklist(name: str, *values: str, **more: Any) -> Field:
    """Return a pick list; unless `restricted`, other values are taken too."""
    return Field(name=name, kind=more.pop("kind", Kind.PICKLIST), length=more.pop("length", 255), values=values, **more)


def checkbox(name: str, **more: Any) -> Field:
    """Return a check box: never null, false unless set."""
    return Field(name=name, kind=Kind.BOOLEAN, nillable=False, default=more.pop("default", False), **more)


def reference(name: str, *objects: str, **more: Any) -> Field:
    """Return a reference; `AccountId` is followed in queries as `Account`, `Referred_By__c` as `Referred_By__r`."""
    relationship = name[:-1] + "r" if name.endswith("__c") else name.removesuffix("Id")
    more.setdefault("relationship", relationship)
    return Field(name=name, kind=Kind.REFERENCE, length=18, refers_to=objects, **more)


def plain(name: str, kind: Kind, length: int = 0, **more: Any) -> Field:
    """Return a field of any kind."""
    return Field(name=name, kind=kind, length=length, **more)


def read_only(field: Field, *, nillable: bool = True) -> Field:
    """Return a field that only Salesforce itself writes."""
    return replace(field, createable=False, updateable=False, nillable=nillable)


def create_only(field: Field) -> Field:
    """Return a field that is set once."""
    return replace(field, updateable=False)


def system_fields(*, deletable: bool = True) -> tuple[Field, ...]:
    """Return the fields that every object has."""
    stamps = tuple(
        field
        for stamp, user in (("CreatedDate", "CreatedById"), ("LastModifiedDate", "LastModifiedById"))
        for field in (
            read_only(plain(stamp, Kind.DATETIME), nillable=False),
            read_only(reference(user, "User"), nillable=False),
        )
    )
    gone = (read_only(checkbox("IsDeleted"), nillable=False),) if deletable else ()
    own = read_only(Field(name="Id", kind=Kind.ID, length=18), nillable=False)
    return (own, *gone, *stamps, read_only(plain("SystemModstamp", Kind.DATETIME), nillable=False))


def full_name(name: str = "Name") -> Field:
    """Return the name that Salesforce puts together from first and last name."""
    return read_only(text(name, 121, name_field=True), nillable=False)


def owner(*objects: str) -> Field:
    """Return OwnerId; who creates a record owns it unless another owner is given."""
    return reference("OwnerId", *objects, nillable=False, default="")


def declared(name: str, prefix: str, *own: Field, plural: str = "", children: tuple[Child, ...] = (), **more: object) -> SObject:
    """Return an object with its own fields and those that every object has."""
    head, *stamps = system_fields(deletable=more.get("deletable", True) is True)
    fields = (head, *own, *stamps)
    return SObject(
        name=name,
        prefix=prefix,
        plural=plural or f"{name}s",
        fields=MappingProxyType({one.name: one for one in fields}),
        children=children,
        **more,  # type: ignore[arg-type] # the further attributes of SObject, checked by its constructor
    )
