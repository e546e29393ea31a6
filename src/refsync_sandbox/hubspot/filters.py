"""What the filters and the sort of a search body mean, in SQL.

Law: names come from the catalogue and values are bound, so no text of a caller ever becomes SQL; a filter that HubSpot does not
take is refused with what is wrong with it. Source: the search guide of HubSpot's CRM API (operators, limits).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from refsync.model import Instant, iso
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.properties import Catalogue, read_instant
from refsync_sandbox.hubspot.rollups import ROLLUPS, rollup

_MOST_GROUPS, _MOST_FILTERS_IN_A_GROUP, _MOST_FILTERS = 5, 6, 18
_COMPARISONS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}

Filter: TypeAlias = Mapping[str, Any]
_Read: TypeAlias = Callable[[object], object]


class BadSearch(Exception):
    """The search body is not one that HubSpot takes; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that holds or does not, and the values bound in it."""

    sql: str
    arguments: tuple[object, ...] = ()


def groups_of(body: Mapping[str, Any]) -> list[list[Filter]]:
    """Return the groups of filters of a body; a top-level `filters` is one group. Raises BadSearch when there are too many."""
    groups = body.get("filterGroups") or []
    if body.get("filters"):
        groups = [*groups, {"filters": body["filters"]}]
    found = [list(group.get("filters") or []) for group in groups]
    if len(found) > _MOST_GROUPS:
        raise BadSearch(f"there are {len(found)} filter groups; {_MOST_GROUPS} are allowed")
    if sum(map(len, found)) > _MOST_FILTERS or any(len(group) > _MOST_FILTERS_IN_A_GROUP for group in found):
        raise BadSearch(f"{_MOST_FILTERS_IN_A_GROUP} filters a group and {_MOST_FILTERS} in all are allowed")
    return found


@dataclass(frozen=True, slots=True)
class Filters:
    """Turns the filters and sorts of one object type into SQL over `record`."""

    catalogue: Catalogue
    kind: Kind
    now: Instant

    def where(self, groups: Sequence[Sequence[Filter]], query: str) -> Condition:
        """Return the condition that all filters of one group hold, and that a text occurs. Raises BadSearch."""
        whole = _joined(" OR ", [_joined(" AND ", map(self._filter, group)) for group in groups])
        return _joined(" AND ", (whole, Condition("properties LIKE ?", (f"%{query}%",)))) if query else whole

    def order(self, sorts: Sequence[Any], *, ids_as_text: bool) -> str:
        """Return the SQL order that the sorts of a body mean; by id when there are none. Raises BadSearch for several."""
        if len(sorts) > 1:
            raise BadSearch("only one sort is supported")
        given = sorts[0] if sorts else "hs_object_id"
        if isinstance(given, Mapping):
            name, direction = str(given.get("propertyName", "")), str(given.get("direction", ""))
        else:
            name, direction = str(given).lstrip("-"), "DESC" if str(given)[:1] == "-" else ""
        column, _ = self._column(name)
        last = "CAST(id AS TEXT)" if ids_as_text else "id"
        way = " DESC" if direction.upper().startswith("DESC") else ""
        return f"{last}{way}" if column == "id" else f"{column}{way}, {last}"

    def _filter(self, given: Filter) -> Condition:
        name, operator = str(given.get("propertyName", "")), str(given.get("operator", ""))
        column, read = self._column(name)
        if operator in _COMPARISONS:
            value = read(text_of(given, "value"))
            if operator == "NEQ":
                return Condition(f"({column} <> ? OR {column} IS NULL)", (value,))
            return Condition(f"{column} {_COMPARISONS[operator]} ?", (value,))
        if operator == "BETWEEN":
            return Condition(f"{column} BETWEEN ? AND ?", (read(text_of(given, "value")), read(text_of(given, "highValue"))))
        if operator in ("IN", "NOT_IN"):
            return _membership(column, tuple(read(value) for value in given.get("values") or ()), operator)
        if operator == "HAS_PROPERTY":
            return Condition(f"coalesce({column}, '') <> ''")
        if operator == "NOT_HAS_PROPERTY":
            return Condition(f"coalesce({column}, '') = ''")
        pattern = "%" + text_of(given, "value").replace("*", "%") + "%"
        if operator == "CONTAINS_TOKEN":
            return Condition(f"{column} LIKE ?", (pattern,))
        if operator == "NOT_CONTAINS_TOKEN":
            return Condition(f"({column} NOT LIKE ? OR {column} IS NULL)", (pattern,))
        raise BadSearch(f"operator {operator!r} is not valid")

    def _column(self, name: str) -> tuple[str, _Read]:
        """Return the SQL expression of a property and how to read a value that it is compared with."""
        if name == "hs_object_id":
            return "id", whole_number
        if name in (self.kind.modified, self.kind.created):
            return "modified" if name == self.kind.modified else "created", _instant
        found = self.catalogue.find(self.kind, name)
        if found is None:
            raise BadSearch(f'there is no property "{name}" of {self.kind.plural}')
        if name in ROLLUPS and not self.kind.engagement:
            column = rollup(name, self.now)
        else:
            column = f"nullif(json_extract(properties, '$.\"{name}\"'), '')"  # a name of the catalogue, never the caller's own
        if found.type == "number":
            return f"CAST({column} AS REAL)", _number
        if found.type == "datetime":
            return f"rtrim({column}, 'Z')", lambda value: iso(_instant(value)).rstrip("Z")
        if found.type == "date":
            return column, lambda value: iso(_instant(value))[:10]
        return f"{column} COLLATE NOCASE", str


def text_of(given: Filter, name: str) -> str:
    """Return a value of a filter as a text. Raises BadSearch when it is not there."""
    value = given.get(name)
    if value is None:
        raise BadSearch(f"{given.get('operator')} on {given.get('propertyName')} needs a {name}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def whole_number(value: object) -> int:
    """Return a whole number that may be a text. Raises BadSearch."""
    try:
        return int(str(value))
    except ValueError:
        raise BadSearch(f"{value!r} is no whole number") from None


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise BadSearch(f"{value!r} is no number") from None


def _instant(value: object) -> Instant:
    try:
        return read_instant(str(value))
    except ValueError as error:
        raise BadSearch(f"{value!r} is no time: {error}") from None


def _membership(column: str, values: tuple[object, ...], operator: str) -> Condition:
    if not values:
        raise BadSearch(f"{operator} needs values")
    places = ", ".join("?" * len(values))
    if operator == "IN":
        return Condition(f"{column} IN ({places})", values)
    return Condition(f"({column} NOT IN ({places}) OR {column} IS NULL)", values)


def _joined(word: str, conditions: Iterable[Condition]) -> Condition:
    found = [one for one in conditions if one.sql]
    if not found:
        return Condition("1")
    return Condition(word.join(f"({one.sql})" for one in found), tuple(value for one in found for value in one.arguments))
