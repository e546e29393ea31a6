"""Searching: which records a search body means, and the page of them that is asked for.

Law: a search sees live records only, and a change not before the index has it. A page is a walk through a list of ids that is
kept while nothing of that type changes, so asking for one page after the other costs no more than asking once.
Sources: the search guide of HubSpot's CRM API (operators, limits); airbyte#80745 (text or number), airbyte#85019 (contacts).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refsync.model import Instant, iso
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.properties import Catalogue, read_instant
from refsync_sandbox.hubspot.records import Records

MOST_RESULTS = 10_000
"""No result beyond this one can be reached."""
MOST_PER_PAGE = 200
_MOST_GROUPS, _MOST_FILTERS_IN_A_GROUP, _MOST_FILTERS = 5, 6, 18
_KEPT_LISTS = 16

_COMPARISONS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


class BadSearch(Exception):
    """The search body is not one that HubSpot takes; the message is for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of what was found."""

    total: int
    ids: Sequence[int]
    after: str | None
    """Where the next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class _Condition:
    sql: str
    arguments: tuple[object, ...]


class Search:
    """Answers searches over the records of one portal."""

    def __init__(self, records: Records, catalogue: Catalogue) -> None:
        self._records = records
        self._catalogue = catalogue
        self._kept: OrderedDict[object, tuple[int, array[int]]] = OrderedDict()

    def page(self, kind: Kind, body: Mapping[str, Any], *, now: Instant) -> Found:
        """Return the page that a search body asks for. Raises BadSearch for one that HubSpot refuses."""
        limit, start = _number(body, "limit", 10), _number(body, "after", 0)
        if not 0 <= limit <= MOST_PER_PAGE:
            raise BadSearch(f"limit must be between 0 and {MOST_PER_PAGE}, not {limit}")
        if start + limit > MOST_RESULTS:
            raise BadSearch(f"paging past {MOST_RESULTS} results is not supported: after {start} and limit {limit}")
        groups, beyond = _without_keyset(list(_groups(body)), body)
        ids = self._list(kind, groups, body, now)
        first = bisect_right(ids, beyond) if beyond is not None else 0
        total = len(ids) - first
        page = ids[first + start : first + start + limit]
        more = start + limit < total and limit > 0
        return Found(total=total, ids=page, after=str(start + limit) if more else None)

    def _list(self, kind: Kind, groups: list[list[Mapping[str, Any]]], body: Mapping[str, Any], now: Instant) -> array[int]:
        where = self._where(kind, groups, body)
        order = self._order(kind, body)
        if self._records.index_lag:
            where = _Condition(f"({where.sql}) AND indexed <= ?", (*where.arguments, now))
        key = (kind, where, order)
        version = self._records.changes[kind]
        kept = self._kept.pop(key, None)
        if kept is None or kept[0] != version:
            sql = f"kind = ? AND ({where.sql})"
            kept = version, array("q", self._records.select_ids(sql, (kind.number, *where.arguments), order))
        self._kept[key] = kept
        while len(self._kept) > _KEPT_LISTS:
            self._kept.popitem(last=False)
        return kept[1]

    def _where(self, kind: Kind, groups: list[list[Mapping[str, Any]]], body: Mapping[str, Any]) -> _Condition:
        found = [_joined(" AND ", (self._filter(kind, one) for one in group)) for group in groups]
        whole = _joined(" OR ", found)
        if query := str(body.get("query") or ""):
            whole = _joined(" AND ", (whole, _Condition("properties LIKE ?", (f"%{query}%",))))
        return whole

    def _filter(self, kind: Kind, given: Mapping[str, Any]) -> _Condition:
        name, operator = str(given.get("propertyName", "")), str(given.get("operator", ""))
        column, read = self._column(kind, name)
        if operator in _COMPARISONS:
            value = read(_value(given, "value"))
            if operator == "NEQ":
                return _Condition(f"({column} <> ? OR {column} IS NULL)", (value,))
            return _Condition(f"{column} {_COMPARISONS[operator]} ?", (value,))
        if operator == "BETWEEN":
            return _Condition(f"{column} BETWEEN ? AND ?", (read(_value(given, "value")), read(_value(given, "highValue"))))
        if operator in ("IN", "NOT_IN"):
            values = tuple(read(value) for value in given.get("values") or ())
            if not values:
                raise BadSearch(f"{operator} needs values")
            places = ", ".join("?" * len(values))
            inside = f"{column} IN ({places})"
            return _Condition(inside if operator == "IN" else f"({column} NOT IN ({places}) OR {column} IS NULL)", values)
        if operator == "HAS_PROPERTY":
            return _Condition(f"coalesce({column}, '') <> ''", ())
        if operator == "NOT_HAS_PROPERTY":
            return _Condition(f"coalesce({column}, '') = ''", ())
        if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
            pattern = "%" + _value(given, "value").replace("*", "%") + "%"
            inside = f"{column} LIKE ?"
            return _Condition(
                inside if operator == "CONTAINS_TOKEN" else f"({column} NOT LIKE ? OR {column} IS NULL)", (pattern,)
            )
        raise BadSearch(f"operator {operator!r} is not valid")

    def _column(self, kind: Kind, name: str) -> tuple[str, Any]:
        """Return the SQL expression of a property and how to read a value that it is compared with."""
        if name == "hs_object_id":
            return "id", _as_number(int)
        if name in (kind.modified, kind.created):
            return "modified" if name == kind.modified else "created", _as_instant
        found = self._catalogue.find(kind, name)
        if found is None:
            raise BadSearch(f'there is no property "{name}" of {kind.plural}')
        column = f"nullif(json_extract(properties, '$.\"{name}\"'), '')"  # a name of the catalogue, never the caller's own
        if found.type == "number":
            return f"CAST({column} AS REAL)", _as_number(float)
        if found.type in ("date", "datetime"):
            return f"rtrim({column}, 'Z')", lambda value: iso(_as_instant(value))[: 10 if found.type == "date" else 30].rstrip(
                "Z"
            )
        return f"{column} COLLATE NOCASE", str

    def _order(self, kind: Kind, body: Mapping[str, Any]) -> str:
        sorts = body.get("sorts") or []
        if len(sorts) > 1:
            raise BadSearch("only one sort is supported")
        if not sorts:
            return "id"
        given = sorts[0]
        name = str(given.get("propertyName", "")) if isinstance(given, Mapping) else str(given).lstrip("-")
        direction = str(given.get("direction", "")) if isinstance(given, Mapping) else ("DESC" if str(given)[:1] == "-" else "")
        column, _ = self._column(kind, name)
        return f"{column}{' DESC' if direction.upper().startswith('DESC') else ''}" + ("" if column == "id" else ", id")


def _groups(body: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the groups of filters of a body; a top-level `filters` is one group."""
    groups = body.get("filterGroups") or []
    if body.get("filters"):
        groups = [*groups, {"filters": body["filters"]}]
    found = [list(group.get("filters") or []) for group in groups]
    if len(found) > _MOST_GROUPS:
        raise BadSearch(f"there are {len(found)} filter groups; {_MOST_GROUPS} are allowed")
    if sum(map(len, found)) > _MOST_FILTERS or any(len(group) > _MOST_FILTERS_IN_A_GROUP for group in found):
        raise BadSearch(f"{_MOST_FILTERS_IN_A_GROUP} filters a group and {_MOST_FILTERS} in all are allowed")
    yield from found


def _without_keyset(
    groups: list[list[Mapping[str, Any]]], body: Mapping[str, Any]
) -> tuple[list[list[Mapping[str, Any]]], int | None]:
    """Take `hs_object_id GT n` out of the only group of a search sorted by it, so that each page of a walk asks for one list."""
    sorts = body.get("sorts") or []
    by_id = len(sorts) == 1 and sorts[0] in (
        "hs_object_id",
        {"propertyName": "hs_object_id"},
        {"propertyName": "hs_object_id", "direction": "ASCENDING"},
    )
    if len(groups) != 1 or not by_id:
        return groups, None
    keyset = [one for one in groups[0] if (one.get("propertyName"), one.get("operator")) == ("hs_object_id", "GT")]
    if len(keyset) != 1:
        return groups, None
    return [[one for one in groups[0] if one is not keyset[0]]], _as_number(int)(_value(keyset[0], "value"))


def _joined(word: str, conditions: Iterator[_Condition] | Sequence[_Condition]) -> _Condition:
    found = [one for one in conditions if one.sql]
    if not found:
        return _Condition("1", ())
    return _Condition(word.join(f"({one.sql})" for one in found), tuple(value for one in found for value in one.arguments))


def _value(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        raise BadSearch(f"{given.get('operator')} on {given.get('propertyName')} needs a {name}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(body: Mapping[str, Any], name: str, default: int) -> int:
    """Read `limit` and `after`, which callers send as numbers and as texts."""
    given = body.get(name)
    try:
        return int(given) if given not in (None, "") else default
    except (TypeError, ValueError):
        raise BadSearch(f"{name} must be a number, not {given!r}") from None


def _as_number(read: type[int] | type[float]) -> Any:
    def number(value: object) -> int | float:
        try:
            return read(str(value))
        except ValueError:
            raise BadSearch(f"{value!r} is no number") from None

    return number


def _as_instant(value: object) -> Instant:
    try:
        return read_instant(str(value))
    except ValueError as error:
        raise BadSearch(f"{value!r} is no time: {error}") from None
