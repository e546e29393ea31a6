"""Names in a query and what they mean in SQL: fields, and the parents they are reached through.

Law: a name that describe does not show is refused here, with Salesforce's words, before any SQL is made.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from refsync_sandbox.salesforce.fields import checkbox, plain, text
from refsync_sandbox.salesforce.schema import Field, Kind, Schema, SObject
from refsync_sandbox.salesforce.soql import Fault, Path

_HINT = " Please reference your WSDL or the describe call for the appropriate names."

NAME = SObject(
    name="Name",
    prefix="",
    plural="Names",
    fields=MappingProxyType(
        {
            one.name: one
            for one in (
                Field(name="Id", kind=Kind.ID, length=18),
                text("Name", 121),
                text("FirstName", 40),
                text("LastName", 80),
                plain("Email", Kind.EMAIL, 128),
                checkbox("IsActive"),
                text("Type", 40),
            )
        }
    ),
)
"""What a query sees of a parent that may be of several objects, such as `What`."""


class Scope:
    """One object in a query under an alias, with the parents joined to it so far."""

    def __init__(self, schema: Schema, subject: SObject, alias: str, *, soql_alias: str = "") -> None:
        self.schema, self.object, self.alias = schema, subject, alias
        self._any_of: tuple[SObject, ...] = ()
        self._soql_alias = soql_alias.lower()
        self._parents: MutableMapping[str, Scope] = {}
        self._joins: list[str] = []

    @property
    def joins(self) -> str:
        """The SQL joins of all parents named so far."""
        return "".join(f"{join}{parent.joins}" for join, parent in zip(self._joins, self._parents.values(), strict=True))

    def field(self, path: Path) -> tuple[Field, str]:
        """Return a field and its SQL. Raises Fault when there is no such field or parent."""
        names = self._without_alias(path.names)
        return self._reach(names[:-1], path).own_field(names[-1], path)

    def own_field(self, name: str, path: Path) -> tuple[Field, str]:
        """Return a field of this object itself and its SQL."""
        found = self.object.find(name)
        if found is None:
            raise Fault(
                "INVALID_FIELD",
                f"No such column '{name}' on entity '{self.object.name}'. If you are attempting to use a custom field, be sure "
                f"to append the '__c' after the custom field name.{_HINT}",
                path.at,
            )
        return found, self.column(found)

    def column(self, found: Field) -> str:
        """Return the SQL of a field of this object."""
        if self._any_of:
            return self._choice(found)
        return found.expression.replace("{t}", self.alias) if found.expression else f'{self.alias}."{found.name}"'

    @property
    def id(self) -> str:
        """The SQL of the record's id; NULL when there is no such record."""
        return self.column(self.object.fields["Id"])

    def _choice(self, found: Field) -> str:
        """Return the SQL of a field of whichever object the reference `alias` leads to."""
        cases = "".join(
            f" WHEN '{one.prefix}' THEN {self._of(one, found)}"
            for one in self._any_of
            if found.name == "Type" or _same(one, found)
        )
        return f"CASE substr({self.alias}, 1, 3){cases} END" if cases else "NULL"

    def _of(self, subject: SObject, found: Field) -> str:
        if found.name == "Type":
            return f"'{subject.name}'"
        return f'(SELECT "{_same(subject, found)}" FROM "{subject.name}" WHERE Id = {self.alias})'  # noqa: S608

    def parent(self, relationship: str, path: Path) -> Scope:
        """Return the scope of a parent, joined on first use. Raises Fault when there is no such relationship."""
        key = relationship.lower()
        if key not in self._parents:
            reference = self.object.parent(relationship)
            if reference is None:
                raise Fault(
                    "INVALID_FIELD",
                    f"Didn't understand relationship '{relationship}' in field path. If you are attempting to use a custom "
                    f"relationship, be sure to append the '__r' after the custom relationship name.{_HINT}",
                    path.at,
                )
            self._parents[key] = self._joined(reference)
        return self._parents[key]

    def relationship(self, name: str) -> str:
        """Return the name of a relationship as describe spells it."""
        reference = self.object.parent(name)
        return (reference.relationship if reference else None) or name

    def _without_alias(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if (
            len(names) > 1
            and names[0].lower() in (self._soql_alias, self.object.name.lower())
            and not self.object.parent(names[0])
        ):
            return names[1:]
        return names

    def path_names(self, path: Path) -> tuple[str, ...]:
        """Return the names of a path without the alias of its object."""
        return self._without_alias(path.names)

    def _reach(self, relationships: tuple[str, ...], path: Path) -> Scope:
        scope = self
        for relationship in relationships:
            scope = scope.parent(relationship, path)
        return scope

    def _joined(self, reference: Field) -> Scope:
        known = [self.schema.objects[name] for name in reference.refers_to if name in self.schema.objects]
        if len(known) > 1:
            self._joins.append("")
            scope = Scope(self.schema, NAME, self.column(reference))
            scope._any_of = tuple(known)
            return scope
        alias = f"{self.alias}_{len(self._parents)}"
        self._joins.append(f' LEFT JOIN "{known[0].name}" AS {alias} ON {alias}.Id = {self.column(reference)}')
        return Scope(self.schema, known[0], alias)


def _same(subject: SObject, found: Field) -> str | None:
    """Return the field of an object that plays the part of a field of `Name`."""
    if found.name == "Name":
        return next(one.name for one in subject.fields.values() if one.name_field)
    return found.name if found.name in subject.fields else None


class Parameters:
    """Values bound to a statement, under names given out in order."""

    def __init__(self, fixed: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(fixed)

    def bind(self, value: Any) -> str:
        """Return the placeholder of a value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"
