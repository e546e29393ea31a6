"""Searching and paging in the HubSpot sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refsync.book import Book
from refsync.model import instant
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import Settings
from refsync_sandbox.hubspot.filters import BadSearch
from refsync_sandbox.hubspot.kinds import CALL, CONTACT, EMAIL, KINDS, Kind, kind_of_id
from refsync_sandbox.hubspot.portal import INTEGRATION, Portal
from refsync_sandbox.hubspot.properties import Catalogue
from refsync_sandbox.hubspot.records import Records
from refsync_sandbox.hubspot.search import Search
from tests.sandbox.hubspot_portal import NOW, Caller, served, write_book

BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def reading(book: Book) -> Iterator[Caller]:
    with served(book) as caller:
        yield caller


def names(reading: Caller, kind: str, shown: str, **body: Any) -> list[str]:
    """Return a property of each record found."""
    found = reading.post(f"/crm/v3/objects/{kind}/search", body | {"properties": [shown]})
    return [one["properties"][shown] for one in found["results"]]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"propertyName": "name", "operator": "EQ", "value": "acme"}, ["Acme"]),
        ({"propertyName": "name", "operator": "NEQ", "value": "Acme"}, ["Bolt", "Crane"]),
        ({"propertyName": "name", "operator": "IN", "values": ["Acme", "Crane"]}, ["Acme", "Crane"]),
        ({"propertyName": "name", "operator": "NOT_IN", "values": ["Acme", "Crane"]}, ["Bolt"]),
        ({"propertyName": "name", "operator": "CONTAINS_TOKEN", "value": "*ran*"}, ["Crane"]),
        ({"propertyName": "annualrevenue", "operator": "GT", "value": "100"}, ["Acme"]),
        ({"propertyName": "annualrevenue", "operator": "LTE", "value": 99.5}, ["Bolt"]),
        ({"propertyName": "annualrevenue", "operator": "BETWEEN", "value": "1", "highValue": "1250000"}, ["Acme", "Bolt"]),
        ({"propertyName": "tier", "operator": "HAS_PROPERTY"}, ["Acme"]),
        ({"propertyName": "tier", "operator": "NOT_HAS_PROPERTY"}, ["Bolt", "Crane"]),
        ({"propertyName": "createdate", "operator": "LT", "value": "2024-01-11T00:00:00+00:00"}, ["Acme"]),
        ({"propertyName": "createdate", "operator": "GTE", "value": "1704963600000"}, ["Bolt", "Crane"]),
        ({"propertyName": "implemented_on", "operator": "LTE", "value": "2024-03-01"}, ["Acme"]),
    ],
)
def test_operators(reading: Caller, filter_: Mapping[str, Any], expected: list[str]) -> None:
    """Each operator finds what it says, in filter groups as well as in top-level filters."""
    assert expected == sorted(names(reading, "companies", "name", filters=[filter_]))
    assert expected == sorted(names(reading, "companies", "name", filterGroups=[{"filters": [filter_]}]))


def test_groups_are_alternatives(reading: Caller) -> None:
    """Filters of a group hold together, groups one or the other; one sort orders what is found."""
    groups = [{"filters": [{"propertyName": "name", "operator": "EQ", "value": name}]} for name in ("Acme", "Crane")]
    descending = [{"propertyName": "name", "direction": "DESCENDING"}]

    assert ["Crane", "Acme"] == names(reading, "companies", "name", filterGroups=groups, sorts=descending)
    assert ["Acme", "Crane"] == names(reading, "companies", "name", filterGroups=groups, sorts=["name"])


def test_times_of_engagements(reading: Caller) -> None:
    """A time compares as a time, whatever form it is given in."""
    after = {"propertyName": "hs_timestamp", "operator": "GT", "value": "1714557600000"}

    assert ["Missed"] == names(reading, "calls", "hs_call_title", filters=[after])


def test_contacts_by_the_wrong_column(reading: Caller) -> None:
    """Contacts are not found by hs_lastmodifieddate, and nothing says why."""
    body = {"filters": [{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "0"}]}
    right = {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]}

    assert (0, 3) == tuple(reading.post("/crm/v3/objects/contacts/search", one)["total"] for one in (body, right))


def test_after_and_limit_may_be_texts(reading: Caller) -> None:
    """The page and its size may be numbers or texts; the last page has no paging."""
    first = reading.post("/crm/v3/objects/contacts/search", {"limit": "2", "sorts": BY_ID})
    second = reading.post("/crm/v3/objects/contacts/search", {"limit": 2, "after": int(first["paging"]["next"]["after"])})

    assert (3, 2, 1) == (first["total"], len(first["results"]), len(second["results"]))
    assert "paging" not in second


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9801"},
        {"after": "soon"},
        {"sorts": ["name", "domain"]},
        {"filters": [{"propertyName": "nonsense", "operator": "EQ", "value": "1"}]},
        {"filters": [{"propertyName": "name", "operator": "LIKE", "value": "1"}]},
        {"filters": [{"propertyName": "name", "operator": "EQ"}]},
        {"filters": [{"propertyName": "createdate", "operator": "GT", "value": "soon"}]},
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": []}] * 6},
    ],
)
def test_refuses_what_no_search_takes(reading: Caller, body: Mapping[str, Any]) -> None:
    """What HubSpot's limits and operators do not allow is a 400."""
    assert "VALIDATION_ERROR" == reading.post("/crm/v3/objects/companies/search", body, 400)["category"]


def test_ten_thousand_and_no_more() -> None:
    """No page beyond 10,000 results can be had, by `after` that is."""
    records = Records()
    _fill(records, CALL, 10_300)
    search = Search(records, Catalogue(now=0))

    last = search.page(CALL, {"limit": 200, "after": 9_800}, at=0)
    assert (10_300, 200, "10000") == (last.total, len(last.rows), last.after)
    with pytest.raises(BadSearch):
        search.page(CALL, {"limit": 200, "after": last.after}, at=0)


def test_the_index_lags_behind(book: Book) -> None:
    """A change is found only after the index has it; reads and lists show it at once."""
    clock = Clock(NOW)
    task = {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z"}}
    with served(book, settings=Settings(index_lag=30_000), clock=clock) as caller:
        caller.post("/crm/v3/objects/tasks", task, 201)
        before = caller.post("/crm/v3/objects/tasks/search", {})["total"]
        listed = len(caller.get("/crm/v3/objects/tasks")["results"])
        caller.post("/_sandbox/clock", {"now": "2024-09-30T12:00:31Z"})
        after = caller.post("/crm/v3/objects/tasks/search", {})["total"]

    assert (2, 3, 3) == (before, listed, after)


def _fill(records: Records, kind: Kind, count: int, modified: int = 1) -> list[int]:
    made = [records.new_id(kind) for _ in range(count)]
    records.insert_many((one, kind.number, 1, modified, b"{}") for one in made)
    return sorted(made)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 200), size=st.integers(1, 90), kind=st.sampled_from(KINDS))
def test_lists_give_each_record_once(count: int, size: int, kind: Kind) -> None:
    """Page by page a list gives every record of its type exactly once, in order of ids, whatever else there is."""
    records = Records()
    wanted = _fill(records, kind, count)
    _fill(records, EMAIL if kind is not EMAIL else CALL, 5)

    found: list[int] = []
    start = 0
    while page := records.page(kind, start, size):
        found += [row.id for row in page]
        start = page[-1].id + 1

    assert wanted == found
    assert {kind} >= {kind_of_id(one) for one in found}
    records.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(inside=st.integers(0, 150), outside=st.integers(0, 50), size=st.integers(1, 60))
def test_keyset_search_gives_each_record_once(inside: int, outside: int, size: int) -> None:
    """A search that asks each page for the ids above the last one gives every record of its window exactly once."""
    records = Records()
    wanted = _fill(records, CONTACT, inside, modified=500)
    _fill(records, CONTACT, outside, modified=900)
    search = Search(records, Catalogue(now=0))

    found: list[int] = []
    while True:
        last = found[-1] if found else 0
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "400"},
            {"propertyName": "lastmodifieddate", "operator": "LT", "value": "900"},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)},
        ]
        page = search.page(CONTACT, {"limit": size, "sorts": BY_ID, "filterGroups": [{"filters": filters}]}, at=0)
        assert len(wanted) - len(found) == page.total
        found += [row.id for row in page.rows]
        if page.after is None:
            break

    assert wanted == found
    records.close()


def test_a_write_renews_what_a_search_keeps(book: Book) -> None:
    """A kept list of ids never outlives a change of its type."""
    portal = Portal(Clock(NOW), Settings())
    body = {"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "Ada"}]}

    def total() -> int:
        return portal.search.page(CONTACT, body, at=instant(NOW)).total

    counts = [total()]
    row = portal.create(CONTACT, {"firstname": "Ada"}, by=INTEGRATION, now=instant(NOW))
    counts.append(total())
    portal.update(row, {"firstname": "Eve"}, by=INTEGRATION, now=instant(NOW))
    counts.append(total())

    assert [0, 1, 0] == counts
