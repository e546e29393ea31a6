"""A query as SQL: which records it finds, and how they are shown.

Law: a plan first finds the row numbers of its records, in order; pages are then shown from those. `query` sees neither deleted
nor archived records, `queryAll` both; relations that were deleted are seen by neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from refsync_sandbox.salesforce.conditions import Conditions
from refsync_sandbox.salesforce.render import CsvForm, Line, Row, Shown, children_sql
from refsync_sandbox.salesforce.schema import Child, Schema, SObject
from refsync_sandbox.salesforce.scope import Parameters, Scope
from refsync_sandbox.salesforce.soql import Call, Fault, Path, Select

ARCHIVED_AFTER = timedelta(days=365)
_AGGREGATES = {
    "COUNT": "count({})",
    "COUNT_DISTINCT": "count(DISTINCT {})",
    "MIN": "min({})",
    "MAX": "max({})",
    "SUM": "sum({})",
    "AVG": "avg({})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A query made ready."""

    find: str
    """Yields row numbers in order; for aggregates, the finished rows."""
    show: str
    """Yields the texts of the row numbers in `:page`, a JSON array; empty for COUNT() and aggregates."""
    values: Mapping[str, Any]
    count_only: bool = False
    columns: tuple[str, ...] = ()
    """For aggregates: the names of the columns."""
    header: str = ""
    """The line above rows of CSV."""


def fixed_values(today: date) -> dict[str, Any]:
    """Return the parameters that every statement may use."""
    return {"archived": (today - ARCHIVED_AFTER).isoformat()}


class Planner:
    """Makes plans for one schema; rows are JSON, or CSV when its form is given."""

    def __init__(self, schema: Schema, *, everything: bool, today: date, csv: CsvForm | None = None) -> None:
        self._schema, self._everything, self._today, self._csv = schema, everything, today, csv
        self._aliases = 0

    def plan(self, select: Select) -> Plan:
        """Return the plan of a query. Raises Fault for what Salesforce refuses."""
        subject = self._subject(select.source)
        scope = Scope(self._schema, subject, "t", soql_alias=select.alias)
        parameters = Parameters(fixed_values(self._today))
        match select.items:
            case (Call("COUNT", None, _, _),):
                return Plan(
                    find=self._found("t.rowid", scope, select, parameters), show="", values=parameters.values, count_only=True
                )
            case items if select.group or any(isinstance(item, Call) and item.function in _AGGREGATES for item in items):
                return self._aggregate(select, scope, parameters)
        row = self._row(select, scope, parameters)
        shown = row.sql()
        show = (
            f'SELECT {shown} FROM json_each(:page) AS page CROSS JOIN "{subject.name}" AS t ON t.rowid = page.value{scope.joins}'  # noqa: S608
        )
        find = self._found("t.rowid", scope, select, parameters)
        return Plan(find=find, show=show, values=parameters.values, header=row.header)

    def _subject(self, source: Path) -> SObject:
        found = self._schema.find(source.text)
        if found is None:
            raise Fault(
                "INVALID_TYPE",
                f"sObject type '{source.text}' is not supported. If you are attempting to use a custom object, be sure to append "
                "the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
                source.at,
            )
        return found

    def _row(self, select: Select, scope: Scope, parameters: Parameters) -> Shown:
        row: Shown = Line(scope, self._csv) if self._csv else Row(scope)
        for item in select.items:
            if isinstance(item, Path):
                row.add(item)
            elif isinstance(item, Select):
                row.add_children(*self._children(item, scope, parameters))
            else:
                self._add_all(row, item, select, scope)
        return row

    def _add_all(self, row: Shown, call: Call, select: Select, scope: Scope) -> None:
        wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}.get(
            call.argument.text.upper() if call.argument else ""
        )
        if call.function != "FIELDS" or wanted is None:
            raise Fault("MALFORMED_QUERY", f"unexpected token: '{call.function}'", call.at)
        if select.limit is None or select.limit > 200:
            raise Fault("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200", call.at)
        for found in scope.object.shown:
            if found.custom in wanted:
                row.add(Path((found.name,), call.at))

    def _children(self, select: Select, parent: Scope, parameters: Parameters) -> tuple[str, str]:
        child = self._child(select.source, parent.object)
        scope = Scope(self._schema, self._schema.objects[child.object], self._alias(), soql_alias=select.alias)
        if any(isinstance(item, Select) for item in select.items):
            raise Fault("MALFORMED_QUERY", "sub-queries of sub-queries are not supported", select.source.at)
        row = self._row(select, scope, parameters).sql()
        belongs = f'{scope.alias}."{child.field}" = {parent.alias}.Id'
        return child.name, children_sql(row, self._source(scope, select, parameters, belongs))

    def _child(self, source: Path, subject: SObject) -> Child:
        for child in subject.children:
            if child.name.lower() == source.text.lower() and self._schema.find(child.object):
                return child
        raise Fault(
            "INVALID_TYPE",
            f"Didn't understand relationship '{source.text}' in FROM part of query call. If you are attempting to use a custom "
            "relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the "
            "describe call for the appropriate names.",
            source.at,
        )

    def _alias(self) -> str:
        self._aliases += 1
        return f"c{self._aliases}"

    def _found(self, what: str, scope: Scope, select: Select, parameters: Parameters) -> str:
        return f"SELECT {what} {self._source(scope, select, parameters)}"

    def _source(self, scope: Scope, select: Select, parameters: Parameters, belongs: str = "") -> str:
        """Return FROM and all that follows; made last, since conditions and order may join further parents."""
        conditions = [one for one in (belongs, *self._visible(scope)) if one]
        if select.where is not None:
            conditions.append(Conditions(scope, parameters, self._today, self._semi_join).sql(select.where))
        order = self._order(scope, select)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        group = f" GROUP BY {', '.join(scope.field(path)[1] for path in select.group)}" if select.group else ""
        limit = f" LIMIT {-1 if select.limit is None else select.limit} OFFSET {select.offset}"
        return f'FROM "{scope.object.name}" AS {scope.alias}{scope.joins}{where}{group}{order}{limit}'

    def _visible(self, scope: Scope) -> list[str]:
        subject, alias = scope.object, scope.alias
        hidden = []
        if "IsDeleted" in subject.fields and not (self._everything and subject.soft_delete):
            hidden.append(f"NOT {alias}.IsDeleted")
        if subject.archived_when and not self._everything:
            hidden.append("NOT " + subject.archived_when.replace("{t}", alias))
        return hidden

    def _order(self, scope: Scope, select: Select) -> str:
        parts = []
        for ordering in select.order:
            found, column = scope.field(ordering.path)
            if not found.sortable:
                raise Fault("INVALID_FIELD", f"field '{found.name}' can not be sorted in a query call", ordering.path.at)
            # SQLite puts NULLs first going up; saying so again would keep it from using the index.
            nulls = " NULLS LAST" if ordering.nulls_last else " NULLS FIRST" if ordering.descending else ""
            parts.append(f"{column}{' DESC' if ordering.descending else ''}{nulls}")
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _semi_join(self, select: Select, parameters: Parameters) -> str:
        scope = Scope(self._schema, self._subject(select.source), self._alias(), soql_alias=select.alias)
        match select.items:
            case (Path() as path,):
                return self._found(scope.field(path)[1], scope, select, parameters)
        raise Fault("MALFORMED_QUERY", "semi join sub-selects can only query one field", select.source.at)

    def _aggregate(self, select: Select, scope: Scope, parameters: Parameters) -> Plan:
        shown: list[str] = []
        names: list[str] = []
        for item in select.items:
            if isinstance(item, Call) and item.function in _AGGREGATES:
                column = scope.field(item.argument)[1] if item.argument else "*"
                shown.append(_AGGREGATES[item.function].format(column))
                names.append(item.alias or f"expr{sum(name.startswith('expr') for name in names)}")
            elif isinstance(item, Path) and item.text.lower() in {path.text.lower() for path in select.group}:
                found, column = scope.field(item)
                shown.append(column)
                names.append(found.name)
            else:
                what = item.text if isinstance(item, Path) else "expression"
                at = item.at if isinstance(item, Path | Call) else item.source.at
                raise Fault("MALFORMED_QUERY", f"Field must be grouped or aggregated: {what}", at)
        find = self._found(", ".join(shown), scope, select, parameters)
        return Plan(find=find, show="", values=parameters.values, columns=tuple(names))
