"""HubSpot's own faults: each is there, and goes wrong in HubSpot's own way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync.book import Book
from refsync_sandbox.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from refsync_sandbox.hubspot.troubles import FAULTS, OTHERS, REFUSALS
from refsync_sandbox.journal import Journal
from tests.sandbox.hubspot_portal import Caller, served, write_book

CONTACTS = "/crm/objects/2026-03/contacts"
TASKS = "/crm/objects/2026-03/tasks"
BY_ID = {"sorts": ["hs_object_id"], "limit": 2}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def caller(book: Book) -> Iterator[Caller]:
    with served(book) as found:
        yield found


def a_task(**properties: str) -> dict[str, Any]:
    return {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z", **properties}}


def test_every_fault_is_told_of(caller: Caller) -> None:
    """The control API names each fault and what it does; no other name can be armed."""
    told = caller.get("/_sandbox/faults")["own"]
    refused = caller.post("/_sandbox/faults", {"faults": [{"kind": "own", "name": "lokced"}]}, 400)
    unnamed = caller.post("/_sandbox/faults", {"faults": [{"kind": "own"}]}, 400)

    assert set(REFUSALS) | set(OTHERS) == set(FAULTS) == set(told)
    assert 'did you mean "locked"?' in refused["error"]
    assert "one of unauthorized" in unnamed["error"]


@pytest.mark.parametrize(
    ("name", "more", "status", "body"),
    [
        ("unauthorized", {}, 401, {"category": "INVALID_AUTHENTICATION"}),
        ("expired", {}, 401, {"category": "EXPIRED_AUTHENTICATION"}),
        ("secondly-limit", {}, 429, {"policyName": "SECONDLY", "errorType": "RATE_LIMIT"}),
        ("ten-secondly-limit", {"headers": {"Retry-After": "3600"}}, 429, {"policyName": "TEN_SECONDLY_ROLLING"}),
        ("daily-limit", {}, 429, {"policyName": "DAILY"}),
        ("limit-by-category", {}, 429, {"category": "RATE_LIMITS"}),
        ("locked", {"headers": {"Retry-After": "2"}}, 423, {"status": "error"}),
        ("migrating", {"headers": {"Retry-After": "5"}}, 477, {"status": "error"}),
        ("server-error", {"status": 500}, 500, {"message": "internal error"}),
        ("bare-error", {"status": 521}, 521, {"status": "error"}),
        ("accepted", {}, 202, {"status": "PENDING"}),
    ],
)
def test_refusals(caller: Caller, name: str, more: dict[str, Any], status: int, body: dict[str, str]) -> None:
    """A refusal has its status, its body and the headers that were armed with it; the next call goes well."""
    caller.fail(name, times=1, **more)
    refused, after = caller.send("GET", CONTACTS), caller.send("GET", CONTACTS)

    assert (status, 200) == (refused.status_code, after.status_code)
    assert body.items() <= refused.json().items()
    assert more.get("headers", {}).items() <= refused.headers.items()
    assert "x-hubspot-correlation-id" in refused.headers


def test_both_shapes_of_missing_scopes(caller: Caller) -> None:
    """The missing scope stands in the context, or in the errors."""
    caller.fail("missing-scope", about="tickets", times=1)
    caller.fail("missing-scope-in-errors", about="tickets", times=1)
    first, second = (caller.get(CONTACTS, 403) for _ in range(2))

    assert ("MISSING_SCOPES", ["tickets"]) == (first["category"], first["context"]["requiredGranularScopes"])
    assert ["tickets"] == second["errors"][0]["context"]["requiredGranularScopes"]
    assert "context" not in second


@pytest.mark.parametrize(("name", "status"), [("error-page", 502), ("not-utf-8", 500), ("not-utf-8", 200), ("json-text", 200)])
def test_bodies_that_are_no_objects(caller: Caller, name: str, status: int) -> None:
    """A page for people, bytes that are no UTF-8, a JSON text."""
    caller.fail(name, status=status)
    found = caller.send("GET", CONTACTS)

    assert status == found.status_code
    if name == "json-text":
        assert "OK" == found.json()
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - both UnicodeDecodeError and a JSON error
            found.content.decode() and found.json()


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_before_and_after_the_work(caller: Caller, name: str) -> None:
    """Every refusal comes without the work or in spite of it."""
    before = len(caller.get("/_sandbox/tasks")["tasks"])
    for when in ("before", "after"):
        caller.fail(name, when=when, times=1, endpoint="POST *")
        caller.send("POST", TASKS, a_task())

    assert before + 1 == len(caller.get("/_sandbox/tasks")["tasks"])


def test_a_fault_without_work_is_not_replayed(book: Book, tmp_path: Path) -> None:
    """After a restart only what was carried out is there."""
    journal = Journal(tmp_path / "journal")
    with served(book, journal=journal) as caller:
        for when in ("before", "after"):
            caller.fail("locked", when=when, times=1, endpoint="POST *")
            caller.send("POST", TASKS, a_task())
        before = caller.get("/_sandbox/tasks")
    with served(book, journal=journal) as caller:
        assert before == caller.get("/_sandbox/tasks")


def test_tokens_expire_in_mid_run(caller: Caller) -> None:
    """All access tokens granted so far end at once; a new one is good."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}

    def renewed() -> Caller:
        granted = requests.post(f"{caller.url}/oauth/v1/token", data=form, timeout=10).json()
        return Caller(caller.url, granted["access_token"])

    old = renewed()
    first = old.send("GET", CONTACTS).status_code
    caller.fail("token-expires", times=1)
    ended = [old.send("GET", CONTACTS).status_code for _ in range(2)]

    assert (200, [401, 401], 200) == (first, ended, renewed().send("GET", CONTACTS).status_code)


def test_some_of_a_batch_fail(caller: Caller) -> None:
    """Every other input fails by itself, with its trace id; the others are carried out."""
    inputs = [a_task(hs_task_subject=f"T{number}") | {"objectWriteTraceId": str(number)} for number in range(3)]
    caller.fail("some-fail", times=1, about="INTERNAL_ERROR")
    found = caller.post(f"{TASKS}/batch/create", {"inputs": inputs}, 207)

    assert ["T0", "T2"] == [one["properties"]["hs_task_subject"] for one in found["results"]]
    assert [("INTERNAL_ERROR", ["1"])] == [(one["category"], one["context"]["objectWriteTraceId"]) for one in found["errors"]]
    assert 4 == len(caller.get("/_sandbox/tasks")["tasks"])


def walked(caller: Caller, *, searching: bool) -> list[str]:
    """Return the ids of all contacts, page by page, by the `after` of each reply."""
    found, after = [], None
    for _ in range(10):
        if searching:
            page = caller.post(f"{CONTACTS}/search", BY_ID | ({} if after is None else {"after": after}))
        else:
            page = caller.get(f"{CONTACTS}?limit=2" + ("" if after is None else f"&after={after}"))
        found += [one["id"] for one in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
        if after is None:
            return found
    raise AssertionError("no end")


@pytest.mark.parametrize("searching", [False, True])
@pytest.mark.parametrize("name", ["empty-page", "short-page"])
@pytest.mark.parametrize("about", ["", "number"])
@pytest.mark.parametrize("nth", [1, 2])
def test_short_and_empty_pages_lead_on(caller: Caller, *, searching: bool, name: str, about: str, nth: int) -> None:
    """Who follows `after` past a short or empty page finds everything once."""
    whole = walked(caller, searching=searching)
    caller.fail(name, about=about, nth=nth)

    assert whole == walked(caller, searching=searching)
    assert 3 == len(whole)


@pytest.mark.parametrize("name", ["short-page", "row-outside"])
def test_definitions_of_properties_come_in_no_pages(caller: Caller, *, name: str) -> None:
    """What goes wrong with pages and rows leaves a list of definitions as it is."""
    path = "/crm/properties/2026-03/companies"
    whole = caller.get(path)
    caller.fail(name)

    assert whole == caller.get(path)


def test_a_page_that_leads_to_itself(caller: Caller) -> None:
    """A repeated `after` leads nowhere."""
    caller.fail("same-page")
    with pytest.raises(AssertionError, match="no end"):
        walked(caller, searching=True)


def test_rows_out_of_order(caller: Caller) -> None:
    """Two rows change places, so that ids do not ascend."""
    whole = walked(caller, searching=True)
    caller.fail("out-of-order", times=1)

    assert [whole[1], whole[0], whole[2]] == walked(caller, searching=True)


def test_a_row_outside_of_the_window(caller: Caller) -> None:
    """The last row of a page was changed while the page was on its way: its stamp lies behind the window and stays there."""
    body = {"filters": [{"propertyName": "lastmodifieddate", "operator": "LT", "value": "2024-09-30T12:00:00Z"}]} | BY_ID
    caller.fail("row-outside", times=1)
    row = caller.post(f"{CONTACTS}/search", body)["results"][-1]

    assert row["updatedAt"] >= "2024-09-30T12:00:00."
    assert row["updatedAt"] == row["properties"]["lastmodifieddate"] == caller.record("contacts", row["id"])["updatedAt"]


def test_a_property_vanishes(caller: Caller) -> None:
    """A property is archived between two calls: it is no longer defined, shown or taken by a search."""
    company = caller.ids()["accounts"]["A1"]
    caller.fail("property-vanishes", about="companies.tier", times=1)
    shown = caller.record("companies", company, "tier", "name")["properties"]
    wanted = {"filters": [{"propertyName": "tier", "operator": "HAS_PROPERTY"}]}

    assert ("Acme", False) == (shown["name"], "tier" in shown)
    assert "tier" in caller.post("/crm/v3/objects/companies/search", wanted, 400)["message"]


def test_a_stuck_index(caller: Caller) -> None:
    """Searches go on showing what there was when the fault first struck, until it is disarmed."""

    def total() -> int:
        found: int = caller.post(f"{TASKS}/search", {})["total"]
        return found

    caller.fail("index-stuck", endpoint="*/search")
    stuck = total()
    caller.post(TASKS, a_task(), 201)
    later = total()
    caller.send("DELETE", "/_sandbox/faults")

    assert (2, 2, 3) == (stuck, later, total())
