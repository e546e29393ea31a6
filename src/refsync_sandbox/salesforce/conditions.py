"""WHERE as SQL.

Law: what Salesforce refuses to filter by is refused here: fields that are not filterable, and values that do not suit the type
of the field. Stamps are compared by whole seconds, ids and case-sensitive keys exactly, other texts without regard to case;
and there is no third truth value: what is not equal includes what is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.ranges import days_of
from refsync_sandbox.salesforce.schema import NUMBERS, TEXTS, Field, Kind
from refsync_sandbox.salesforce.scope import Parameters, Scope
from refsync_sandbox.salesforce.soql import Compare, Condition, Fault, Joined, Literal, Negated, Path, Select, Within
from refsync_sandbox.salesforce.wire import parse_day, parse_stamp, stamp

SemiJoin = Callable[[Select, Parameters], str]
"""Returns the SQL of a sub-query in an IN list."""


class Conditions:
    """Turns conditions on one scope into SQL."""

    def __init__(self, scope: Scope, parameters: Parameters, today: date, semi_join: SemiJoin) -> None:
        self._scope, self._parameters, self._today, self._semi_join = scope, parameters, today, semi_join

    def sql(self, condition: Condition) -> str:
        """Return the SQL of a condition; it is never NULL. Raises Fault for what Salesforce refuses."""
        match condition:
            case Joined(word, conditions):
                return "(" + f" {word} ".join(self.sql(one) for one in conditions) + ")"
            case Negated(inner):
                return f"NOT coalesce({self.sql(inner)}, 0)"
            case Compare(path, operator, value):
                return self._compare(path, operator, value)
            case Within(path, values, negated):
                return self._within(path, values, negated)

    def _filterable(self, path: Path) -> tuple[Field, str]:
        found, column = self._scope.field(path)
        if not found.filterable:
            raise Fault("INVALID_FIELD", f"field '{found.name}' can not be filtered in a query call", path.at)
        return found, column

    def _compare(self, path: Path, operator: str, literal: Literal) -> str:
        found, column = self._filterable(path)
        if operator == "LIKE":
            return self._like(found, column, literal)
        if found.kind is Kind.BOOLEAN and operator not in ("=", "!="):
            raise Fault("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field", path.at)
        if literal.kind == "range":
            return self._range(found, column, operator, literal)
        value = value_for(found, literal)
        if value is None or (value == "" and operator in ("=", "!=")):
            return _empty(column, operator, literal)
        placeholder = self._parameters.bind(value)
        if operator == "!=":
            return f"({column} IS NULL OR {column} <> {placeholder})"
        return f"{column} {operator} {placeholder}"

    def _like(self, found: Field, column: str, literal: Literal) -> str:
        if found.kind not in TEXTS:
            raise Fault("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {found.kind} field", literal.at)
        return f"{column} LIKE {self._parameters.bind(literal.value)} ESCAPE '\\'"

    def _range(self, found: Field, column: str, operator: str, literal: Literal) -> str:
        days = days_of(literal.value, self._today)
        if days is None or found.kind not in (Kind.DATE, Kind.DATETIME):
            raise Fault("MALFORMED_QUERY", f"unexpected token: '{literal.value}'", literal.at)
        first, after = (self._parameters.bind(_edge(found, day)) for day in days)
        inside = f"({column} >= {first} AND {column} < {after})"
        return {
            "=": inside,
            "!=": f"NOT coalesce({inside}, 0)",
            "<": f"{column} < {first}",
            "<=": f"{column} < {after}",
            ">": f"{column} >= {after}",
            ">=": f"{column} >= {first}",
        }[operator]

    def _within(self, path: Path, values: tuple[Literal, ...] | Select, negated: bool) -> str:
        found, column = self._filterable(path)
        if isinstance(values, Select):
            inside = f"{column} IN ({self._semi_join(values, self._parameters)})"
        else:
            inside = self._listed(found, column, values)
        return f"NOT coalesce({inside}, 0)" if negated else inside

    def _listed(self, found: Field, column: str, literals: tuple[Literal, ...]) -> str:
        values = [value_for(found, literal) for literal in literals]
        placeholders = ", ".join(self._parameters.bind(value) for value in values if value not in (None, ""))
        parts = [f"{column} IN ({placeholders})"] if placeholders else []
        if len(parts) == 0 or any(value in (None, "") for value in values):
            parts.append(f"{column} IS NULL")
        return "(" + " OR ".join(parts) + ")"


def _empty(column: str, operator: str, literal: Literal) -> str:
    """Return a comparison with null, which is also what an empty text means."""
    if operator not in ("=", "!="):
        raise Fault("MALFORMED_QUERY", f"invalid operator {operator} for null", literal.at)
    return f"{column} IS NULL" if operator == "=" else f"{column} IS NOT NULL"


def _edge(found: Field, day: date) -> str:
    return day.isoformat() if found.kind is Kind.DATE else f"{day.isoformat()}T00:00:00.000+0000"


def value_for(found: Field, literal: Literal) -> Any:
    """Return the stored form of a value. Raises Fault when it does not suit the field."""
    if literal.kind == "null":
        return None
    wanted, quoted = _wanted(found)
    if literal.kind != wanted:
        enclosed = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
        word = {Kind.DATETIME: "dateTime"}.get(found.kind, wanted if wanted != "number" else found.kind.value)
        message = f"value of filter criterion for field '{found.name}' must be of type {word} and {enclosed}"
        raise Fault("INVALID_FIELD", message, literal.at)
    return _READ.get(found.kind, _as_it_is)(literal)


def _wanted(found: Field) -> tuple[str, bool]:
    """Return the kind of literal that suits a field, and whether it is quoted."""
    if found.kind in NUMBERS:
        return "number", False
    return {
        Kind.BOOLEAN: ("boolean", False),
        Kind.DATE: ("date", False),
        Kind.DATETIME: ("datetime", False),
    }.get(found.kind, ("string", True))


def _as_it_is(literal: Literal) -> Any:
    return literal.value


def _identity(literal: Literal) -> str:
    full = long_id(literal.value) if literal.value else ""
    if full is None:
        raise Fault("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}", literal.at)
    return full


def _instant(literal: Literal) -> str:
    try:
        return stamp(parse_stamp(literal.value.upper()))
    except ValueError:
        raise Fault("INVALID_FIELD", f"Invalid datetime: {literal.value}", literal.at) from None


def _day(literal: Literal) -> str:
    try:
        return parse_day(literal.value).isoformat()
    except ValueError:
        raise Fault("INVALID_FIELD", f"Invalid date: {literal.value}", literal.at) from None


_READ: dict[Kind, Callable[[Literal], Any]] = {
    Kind.ID: _identity,
    Kind.REFERENCE: _identity,
    Kind.DATETIME: _instant,
    Kind.DATE: _day,
}
