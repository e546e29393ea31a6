"""Rows as JSON or as lines of CSV, written by SQLite itself.

Law: a page is one statement whose rows are finished texts, so that no Python runs per row. Fields come in the order of the query.
In JSON a parent is an object with its own attributes, or null; children are a small query result, or null when there are none. In
CSV, as Bulk API 2.0 writes it, every value is quoted, nothing is an empty text, and stamps end in Z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from refsync_sandbox.salesforce.schema import TEXTS, Field, Kind
from refsync_sandbox.salesforce.scope import NAME, Scope
from refsync_sandbox.salesforce.soql import Fault, Path, Select

_MEMBERS = 60
"""How many members a JSON object is made of at once: SQLite's functions take 127 arguments."""
_DEPTH = 100
"""How many pieces are joined before a bracket is put round them: SQLite allows expressions of depth 1,000."""

Children: TypeAlias = Callable[[Select], tuple[str, str]]
"""Returns the relationship name of a sub-query, and the SQL of its result as JSON."""


class Shown(Protocol):
    """How the fields of a query become the text of a row."""

    def add(self, path: Path) -> None:
        """Select a field. Raises Fault when it does not exist or is there already."""
        ...

    def add_children(self, name: str, sql: str) -> None:
        """Select the result of a sub-query."""
        ...

    def sql(self) -> str:
        """Return the SQL of the row's text."""
        ...

    @property
    def header(self) -> str:
        """The line above the rows; empty where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvForm:
    """How lines of CSV are written."""

    delimiter: str = ","
    ending: str = "\n"


class Line:
    """What a query selects of one scope, as a line of CSV."""

    def __init__(self, scope: Scope, form: CsvForm) -> None:
        self._scope, self._form = scope, form
        self._values: dict[str, str] = {}

    def add(self, path: Path) -> None:
        *relationships, _ = self._scope.path_names(path)
        found, column = self._scope.field(path)
        name = ".".join([*relationships, found.name])
        if name in self._values:
            raise Fault("INVALID_FIELD", f"duplicate field selected: {name}", path.at)
        self._values[name] = csv_sql(found, column)

    def add_children(self, name: str, sql: str) -> None:
        raise AssertionError(f"{name}: sub-queries are refused before they are planned")

    def sql(self) -> str:
        between = _quoted(f'"{self._form.delimiter}"')
        pieces = [piece for value in self._values.values() for piece in (between, value)][1:]
        return _joined(["'\"'", *pieces, _quoted(f'"{self._form.ending}')])

    @property
    def header(self) -> str:
        return self._form.delimiter.join(f'"{name}"' for name in self._values) + self._form.ending


class Row:
    """What a query selects of one scope, as a JSON object."""

    header = ""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._values: dict[str, str] = {}
        self._parents: dict[str, Row] = {}

    def add(self, path: Path) -> None:
        """Select a field. Raises Fault when it does not exist or is there already."""
        *relationships, name = self._scope.path_names(path)
        row = self
        for relationship in relationships:
            row = row._parent(relationship, path)
        row._add(name, path)

    def add_children(self, name: str, sql: str) -> None:
        """Select the result of a sub-query."""
        self._values[name] = sql

    def sql(self) -> str:
        """Return the SQL of the row as a JSON object."""
        scope = self._scope
        kind = scope.column(NAME.fields["Type"]) if scope.object is NAME else _quoted(scope.object.name)
        url = _joined([":base", kind, "'/'", scope.id])
        members = [f"'attributes', json_object('type', {kind}, 'url', {url})"]
        members += [f"{_quoted(name)}, {value}" for name, value in self._members()]
        return _object(members)

    def _members(self) -> Iterable[tuple[str, str]]:
        for name, value in self._values.items():
            if name in self._parents:
                parent = self._parents[name]
                yield name, f"json(CASE WHEN {parent._scope.id} IS NULL THEN 'null' ELSE {parent.sql()} END)"
            else:
                yield name, value

    def _add(self, name: str, path: Path) -> None:
        found, column = self._scope.own_field(name, path)
        if found.name in self._values:
            raise Fault("INVALID_FIELD", f"duplicate field selected: {found.name}", path.at)
        self._values[found.name] = json_sql(found, column)

    def _parent(self, relationship: str, path: Path) -> Row:
        scope = self._scope.parent(relationship, path)
        name = self._scope.relationship(relationship)
        self._values.setdefault(name, "")
        return self._parents.setdefault(name, Row(scope))


def json_sql(found: Field, column: str) -> str:
    """Return the SQL of a value that becomes a member of a JSON object."""
    if found.kind is Kind.BOOLEAN:
        return f"CASE WHEN {column} THEN json('true') ELSE json('false') END"
    return column


def _object(members: list[str]) -> str:
    """Return the SQL of a JSON object; of its pieces when it has more members than one function takes arguments."""
    pieces = [f"json_object({', '.join(members[start : start + _MEMBERS])})" for start in range(0, len(members), _MEMBERS)]
    if len(pieces) == 1:
        return pieces[0]
    inner = " || ',' || ".join(f"substr({piece}, 2, length({piece}) - 2)" for piece in pieces)
    return f"json('{{' || {inner} || '}}')"


def csv_sql(found: Field, column: str) -> str:
    """Return the SQL of a value as it stands between quotes in CSV."""
    if found.kind is Kind.BOOLEAN:
        return f"CASE WHEN {column} THEN 'true' ELSE 'false' END"
    if found.kind is Kind.DATETIME:
        return f"coalesce(substr({column}, 1, 23) || 'Z', '')"
    if found.kind in TEXTS:
        return f"""coalesce(replace({column}, '"', '""'), '')"""
    return f"coalesce({column}, '')"


_CHILDREN = """json((SELECT CASE WHEN count(*) = 0 THEN 'null' ELSE
    json_object('totalSize', count(*), 'done', json('true'), 'records', json_group_array(json(row))) END
    FROM (SELECT $row AS row $source)))"""


def children_sql(row: str, source: str) -> str:
    """Return the SQL of a sub-query's result: an object of its rows, or null."""
    return _CHILDREN.replace("$source", source).replace("$row", row)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _joined(pieces: list[str]) -> str:
    """Return pieces of SQL joined as text; constants that meet become one."""
    merged: list[str] = []
    for piece in pieces:
        if merged and _constant(piece) and _constant(merged[-1]):
            merged[-1] = merged[-1][:-1] + piece[1:]
        else:
            merged.append(piece)
    groups = [" || ".join(merged[start : start + _DEPTH]) for start in range(0, len(merged), _DEPTH)]
    return groups[0] if len(groups) == 1 else " || ".join(f"({group})" for group in groups)


def _constant(piece: str) -> bool:
    return piece.startswith("'") and piece.endswith("'") and "' || " not in piece
