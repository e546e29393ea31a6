"""What `query?columns=true` tells of a query instead of running it: its columns, as the Salesforce CLI asks before it prints.

Shape: what jsforce and the Salesforce CLI (plugin-data, `soqlQuery`) read of it: `columnMetadata` with `columnName`,
`displayName`, `aggregate` and `joinColumns`; parents and children are columns that have columns.
"""

from __future__ import annotations

from typing import Any

from refsync_sandbox.salesforce.grammar import parse
from refsync_sandbox.salesforce.schema import NUMBERS, TEXTS, Field, Kind, Schema, SObject
from refsync_sandbox.salesforce.scope import Scope
from refsync_sandbox.salesforce.soql import Call, Fault, Path, Select


def columns_of(schema: Schema, text: str) -> dict[str, Any]:
    """Return the body for the text of a query. Raises Refused for one that cannot be run."""
    try:
        select = parse(text)
        subject = schema.find(select.source.text)
        if subject is None:
            raise Fault("INVALID_TYPE", f"sObject type '{select.source.text}' is not supported.", select.source.at)
        found = _Columns(schema, subject, select).listed()
    except Fault as fault:
        raise fault.in_text(text) from None
    return {
        "columnMetadata": found,
        "entityName": subject.name,
        "groupBy": bool(select.group),
        "idSelected": any(one["columnName"] == "Id" for one in found),
        "keyPrefix": subject.prefix or None,
    }


class _Columns:
    def __init__(self, schema: Schema, subject: SObject, select: Select) -> None:
        self._schema, self._subject, self._select = schema, subject, select
        self._scope = Scope(schema, subject, "t", soql_alias=select.alias)

    def listed(self) -> list[dict[str, Any]]:
        """Return the columns in the order of the query, those of one parent under it."""
        found: list[dict[str, Any]] = []
        for item in self._select.items:
            if isinstance(item, Path):
                self._add(found, item)
            elif isinstance(item, Select):
                found.append(self._children(item))
            elif item.function != "FIELDS":
                found.append(_aggregate(item, len(found)))
        return found

    def _add(self, found: list[dict[str, Any]], path: Path) -> None:
        *parents, _ = self._scope.path_names(path)
        for relationship in parents:
            found = _joined(found, relationship)
        found.append(_column(self._scope.field(path)[0]))

    def _children(self, select: Select) -> dict[str, Any]:
        child = next((one for one in self._subject.children if one.name.lower() == select.source.text.lower()), None)
        if child is None:
            raise Fault("INVALID_TYPE", f"Didn't understand relationship '{select.source.text}'", select.source.at)
        inner = _Columns(self._schema, self._schema.objects[child.object], select)
        return _plain(child.name) | {"aggregate": True, "joinColumns": inner.listed()}


def _joined(found: list[dict[str, Any]], relationship: str) -> list[dict[str, Any]]:
    """Return the columns of a parent, which is made a column on first use."""
    known = next((one for one in found if one["columnName"] == relationship), None)
    if known is None:
        known = _plain(relationship) | {"aggregate": True}
        found.append(known)
    joined: list[dict[str, Any]] = known["joinColumns"]
    return joined


def _column(found: Field) -> dict[str, Any]:
    return _plain(found.name) | {
        "apexType": found.kind.value.capitalize(),
        "booleanType": found.kind is Kind.BOOLEAN,
        "custom": found.custom,
        "insertable": found.createable,
        "numberType": found.kind in NUMBERS,
        "textType": found.kind in TEXTS,
        "updatable": found.updateable,
    }


def _aggregate(call: Call, place: int) -> dict[str, Any]:
    return _plain(call.alias or f"expr{place}") | {"displayName": call.alias or call.function.lower(), "aggregate": True}


def _plain(name: str) -> dict[str, Any]:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    }
