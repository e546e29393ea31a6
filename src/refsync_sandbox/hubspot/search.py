"""Searching: which records a search body means, and the page of them that is asked for.

Law: a search sees live records only, as the index has them. A page is a walk through a list of ids that is kept while the index
stays the same, so asking for one page after the other costs no more than asking once.
Sources: the search guide of HubSpot's CRM API (limits); airbyte#80745 (text or number), airbyte#79666 (order of ids).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refsync.model import Instant
from refsync_sandbox.hubspot.filters import BadSearch, Filter, Filters, groups_of, text_of, whole_number
from refsync_sandbox.hubspot.index import Index
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.properties import Catalogue
from refsync_sandbox.hubspot.records import Records, Row

MOST_RESULTS = 10_000
"""No result beyond this one can be reached."""
MOST_PER_PAGE = 200
_KEPT_LISTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of what was found."""

    total: int
    rows: Sequence[Row]
    after: str | None
    """Where the next page begins; None on the last."""


class Search:
    """Answers searches over the records of one portal."""

    def __init__(self, records: Records, catalogue: Catalogue) -> None:
        self._index = Index(records)
        self._catalogue = catalogue
        self._kept: OrderedDict[object, tuple[object, array[int]]] = OrderedDict()

    def page(self, kind: Kind, body: Mapping[str, Any], *, at: Instant, ids_as_text: bool = False) -> Found:
        """Return the page that a search body asks for, by the index of a time. Raises BadSearch for one that HubSpot refuses."""
        limit, start = _count(body, "limit", 10), _count(body, "after", 0)
        if not 0 <= limit <= MOST_PER_PAGE:
            raise BadSearch(f"limit must be between 0 and {MOST_PER_PAGE}, not {limit}")
        if start + limit > MOST_RESULTS:
            raise BadSearch(f"paging past {MOST_RESULTS} results is not supported: after {start} and limit {limit}")
        groups, beyond = groups_of(body), None
        if not ids_as_text:
            groups, beyond = _without_keyset(groups, body)
        filters = Filters(self._catalogue, kind, at)
        where = filters.where(groups, str(body.get("query") or ""))
        order = filters.order(body.get("sorts") or (), ids_as_text=ids_as_text)
        ids = self._list(kind, (where.sql, where.arguments, order), at)
        first = bisect_right(ids, beyond) if beyond is not None else 0
        total, begin = len(ids) - first, first + start
        more = start + limit < total and limit > 0
        rows = self._index.rows(kind, ids[begin : begin + limit], at)
        return Found(total=total, rows=rows, after=str(start + limit) if more else None)

    def _list(self, kind: Kind, wanted: tuple[str, tuple[object, ...], str], at: Instant) -> array[int]:
        key, state = (kind, wanted), self._index.state(kind, at)
        kept = self._kept.pop(key, None)
        if kept is None or kept[0] != state:
            kept = state, self._index.ids(kind, *wanted, at)
        self._kept[key] = kept
        while len(self._kept) > _KEPT_LISTS:
            self._kept.popitem(last=False)
        return kept[1]


def _without_keyset(groups: list[list[Filter]], body: Mapping[str, Any]) -> tuple[list[list[Filter]], int | None]:
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
    return [[one for one in groups[0] if one is not keyset[0]]], whole_number(text_of(keyset[0], "value"))


def _count(body: Mapping[str, Any], name: str, default: int) -> int:
    """Read `limit` and `after`, which callers send as numbers and as texts."""
    given = body.get(name)
    return whole_number(given) if given not in (None, "") else default
