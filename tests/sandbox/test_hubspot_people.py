"""What people do in the HubSpot sandbox through the control API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from refsync.book import Book
from tests.sandbox.hubspot_portal import Caller, served, write_book

KEY = "ab" * 32


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def hubspot(book: Book) -> Iterator[Caller]:
    with served(book) as caller:
        yield caller


def our_task(hubspot: Caller) -> str:
    """Return the id of a task that an integration wrote."""
    link = {
        "to": {"id": hubspot.ids()["contacts"]["C1"]},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
    }
    properties = {
        "hs_timestamp": "2024-10-01T15:00:00Z",
        "hs_task_subject": "Call Dan",
        "hs_task_body": "Why &amp; what<br>Two lines",
        "hs_task_priority": "HIGH",
        "hubspot_owner_id": hubspot.ids()["users"]["U1"],
        "refsync_key": KEY,
    }
    body = {"properties": properties, "associations": [link]}
    made: str = hubspot.post("/crm/v3/objects/tasks", body, 201)["id"]
    return made


def view(hubspot: Caller, task_id: str) -> dict[str, Any]:
    """Return a task as a rep sees it."""
    found: dict[str, Any] = next(one for one in hubspot.get("/_sandbox/tasks")["tasks"] if one["id"] == task_id)
    return found


def test_a_task_as_a_rep_sees_it(hubspot: Caller) -> None:
    """A task shows whose it is, whom it is about, as text, and who wrote it how often."""
    task, ids = our_task(hubspot), hubspot.ids()

    assert {
        "key": KEY,
        "id": task,
        "subject": "Call Dan",
        "text": "Why & what\nTwo lines",
        "due": "2024-10-01T15:00:00Z",
        "status": "open",
        "crm_status": "NOT_STARTED",
        "priority": "HIGH",
        "type": "TODO",
        "owner": {"id": ids["users"]["U1"], "name": "Ada Example"},
        "account": None,
        "contact": {"id": ids["contacts"]["C1"], "name": "Dan Demo"},
        "deal": None,
        "deleted": False,
        "writers": ["integration"],
        "writes": 1,
    } == view(hubspot, task)


def test_tasks_of_the_book_have_no_writer(hubspot: Caller) -> None:
    """A task that came with the book was written by nobody since."""
    found = view(hubspot, hubspot.ids()["activities"]["X8"])

    assert ("", [], 0, "open") == (found["key"], found["writers"], found["writes"], found["status"])


def test_a_rep_works_on_a_task(hubspot: Caller) -> None:
    """A rep moves, gives away, finishes and deletes a task, named by its key or id."""
    task = our_task(hubspot)
    hubspot.change(
        {"op": "change", "table": "tasks", "key": KEY, "set": {"due_on": "2024-11-05", "owner_id": "U2", "status": "deferred"}},
        {"op": "change", "table": "tasks", "id": task, "set": {"subject": "Later"}},
    )
    moved = view(hubspot, task)
    hubspot.change(
        {"op": "change", "table": "tasks", "key": KEY, "set": {"status": "done"}},
        {"op": "delete", "table": "tasks", "key": KEY},
    )
    gone = view(hubspot, task)

    assert ("2024-11-05T15:00:00Z", "Ben", "deferred", "DEFERRED", "Later") == (
        moved["due"],
        moved["owner"]["name"],
        moved["status"],
        moved["crm_status"],
        moved["subject"],
    )
    assert (["integration", "person"], 5, "done", True) == (gone["writers"], gone["writes"], gone["status"], gone["deleted"])


def test_a_rep_logs_a_call(hubspot: Caller) -> None:
    """A new call is there at once, under its book id, and moves the modified dates of those it is about."""
    company = hubspot.ids()["accounts"]["A2"]
    before = hubspot.record("companies", company)["updatedAt"]
    row = {"id": "N1", "kind": "call", "direction": "out", "at": "2024-09-30T11:00:00Z", "status": "done", "owner_id": "U1"}

    made = hubspot.change({"op": "add", "table": "activities", "row": row | {"account_id": "A2", "contact_ids": ["C3"]}})

    call = hubspot.ids()["activities"]["N1"]
    names = ("hs_timestamp", "hs_call_direction", "hs_call_status", "hs_object_source")
    shown = hubspot.record("calls", call, *names)["properties"]
    assert [{"id": call}] == made["results"]
    assert ("2024-09-30T11:00:00Z", "OUTBOUND", "COMPLETED", "CRM_UI") == tuple(shown[name] for name in names)
    assert {company: [182]} == hubspot.ends("calls", call, "companies")
    assert before < hubspot.record("companies", company)["updatedAt"]


def test_a_new_task_of_a_person(hubspot: Caller) -> None:
    """A task added by a person was written by a person; without an id it goes by the CRM's."""
    row = {"kind": "task", "at": "2024-10-01T11:00:00Z", "subject": "Mine", "owner_id": "U1", "account_id": "A1"}
    made = hubspot.change({"op": "add", "table": "activities", "row": row})["results"][0]["id"]

    assert (["person"], 1, "Mine") == tuple(view(hubspot, made)[name] for name in ("writers", "writes", "subject"))
    hubspot.change({"op": "delete", "table": "activities", "id": made})


def test_a_new_customer(hubspot: Caller) -> None:
    """Companies, people, deals and cases are added with what they point at, also within one call."""
    hubspot.change(
        {"op": "add", "table": "users", "row": {"id": "U9", "name": "Zoe New", "email": "zoe@example.com"}},
        {
            "op": "add",
            "table": "accounts",
            "row": {"id": "A9", "name": "Nine", "owner_id": "U9", "parent_id": "A1", "region": "EU"},
        },
        {"op": "add", "table": "contacts", "row": {"id": "C9", "account_id": "A9", "name": "Gil Nine"}},
        {
            "op": "add",
            "table": "deals",
            "row": {"id": "D9", "account_id": "A9", "name": "Deal", "stage": "Talks", "status": "open"},
        },
        {"op": "add", "table": "deal_contacts", "row": {"deal_id": "D9", "contact_id": "C9", "role": "champion"}},
        {"op": "add", "table": "cases", "row": {"id": "K9", "account_id": "A9", "subject": "Help", "status": "New"}},
    )
    ids = hubspot.ids()

    company = hubspot.record("companies", ids["accounts"]["A9"], "hubspot_owner_id", "hs_parent_company_id", "region")
    assert (ids["users"]["U9"], ids["accounts"]["A1"], "EU") == tuple(
        company["properties"][name] for name in ("hubspot_owner_id", "hs_parent_company_id", "region")
    )
    contact = hubspot.record("contacts", ids["contacts"]["C9"], "associatedcompanyid")["properties"]
    assert ids["accounts"]["A9"] == contact["associatedcompanyid"]
    assert {ids["accounts"]["A9"]: [5, 341]} == hubspot.ends("deals", ids["deals"]["D9"], "companies")
    assert {ids["accounts"]["A9"]: [26, 339]} == hubspot.ends("tickets", ids["cases"]["K9"], "companies")
    assert 2 == len(hubspot.ends("deals", ids["deals"]["D9"], "contacts")[ids["contacts"]["C9"]])
    assert "D9:C9:champion" in ids["deal_contacts"]


def test_a_deal_is_won(hubspot: Caller) -> None:
    """Winning a deal moves it to a stage that means so, and keeps the label when the change does not name one."""
    deal = hubspot.ids()["deals"]["D2"]
    hubspot.change({"op": "change", "table": "deals", "id": "D2", "set": {"status": "won", "closed_on": "2024-09-29"}})

    found = hubspot.record("deals", deal, "dealstage", "hs_is_closed_won", "closedate")["properties"]
    stages = {one["id"]: one["label"] for one in hubspot.get("/crm/v3/pipelines/deals/default/stages")["results"]}
    assert ("Talks", "true", "2024-09-29T00:00:00Z") == (
        stages[found["dealstage"]],
        found["hs_is_closed_won"],
        found["closedate"],
    )


def test_a_case_is_closed(hubspot: Caller) -> None:
    """Closing a case moves its ticket to a closed stage of the same label."""
    hubspot.change(
        {"op": "change", "table": "cases", "id": "K1", "set": {"closed_at": "2024-09-30T10:00:00Z", "escalated": False}}
    )
    names = ("closed_date", "escalated", "hs_pipeline_stage")
    found = hubspot.record("tickets", hubspot.ids()["cases"]["K1"], *names)["properties"]
    stages = {one["id"]: one for one in hubspot.get("/crm/v3/pipelines/tickets/0/stages")["results"]}

    stage = stages[found["hs_pipeline_stage"]]
    assert ("2024-09-30T10:00:00Z", "false") == (found["closed_date"], found["escalated"])
    assert ("New", "CLOSED") == (stage["label"], stage["metadata"]["ticketState"])


def test_columns_change_one_by_one(hubspot: Caller) -> None:
    """Only what a change names is changed; an empty value empties the property."""
    hubspot.change(
        {
            "op": "change",
            "table": "accounts",
            "id": "A1",
            "set": {"status": "former", "tier": None, "implemented_on": "2024-04-01"},
        },
        {"op": "change", "table": "contacts", "id": "C1", "set": {"name": "Dan van Demo", "owner_id": ""}},
        {"op": "change", "table": "activities", "id": "X5", "set": {"status": "cancelled", "contact_ids": ["C2"]}},
    )
    ids = hubspot.ids()

    company = hubspot.record("companies", ids["accounts"]["A1"], "name", "lifecyclestage", "tier", "implemented_on")["properties"]
    assert ("Acme", "former_customer", None, "2024-04-01") == tuple(
        company[name] for name in ("name", "lifecyclestage", "tier", "implemented_on")
    )
    contact = hubspot.record("contacts", ids["contacts"]["C1"], "firstname", "lastname", "hubspot_owner_id")["properties"]
    assert ("Dan", "van Demo", None) == tuple(contact[name] for name in ("firstname", "lastname", "hubspot_owner_id"))
    meeting = ids["activities"]["X5"]
    assert "CANCELED" == hubspot.record("meetings", meeting, "hs_meeting_outcome")["properties"]["hs_meeting_outcome"]
    assert [ids["contacts"]["C2"]] == list(hubspot.ends("meetings", meeting, "contacts"))


def test_a_contact_changes_company(hubspot: Caller) -> None:
    """A person who moves to another company has only that one."""
    hubspot.change({"op": "change", "table": "contacts", "id": "C1", "set": {"account_id": "A3"}})
    ids = hubspot.ids()

    assert {ids["accounts"]["A3"]: [1, 279]} == hubspot.ends("contacts", ids["contacts"]["C1"], "companies")


def test_parts_in_a_deal_change(hubspot: Caller) -> None:
    """A person gets another role in a deal, or none any more."""
    ids = hubspot.ids()
    deal, first, second = ids["deals"]["D1"], ids["contacts"]["C1"], ids["contacts"]["C2"]
    hubspot.change(
        {"op": "change", "table": "deal_contacts", "id": "D1:C1:champion", "set": {"role": "blocker"}},
        {"op": "delete", "table": "deal_contacts", "id": f"{deal}:{second}"},
    )
    found = hubspot.post("/crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": deal}]})["results"][0]["to"]

    assert [(int(first), [None, "blocker", "primary"])] == [
        (one["toObjectId"], sorted((type_["label"] for type_ in one["associationTypes"]), key=str)) for one in found
    ]


def test_people_merge_companies(hubspot: Caller) -> None:
    """After a merge both book ids stand for the survivor's new id."""
    made = hubspot.change({"op": "merge", "table": "accounts", "id": "A1", "into": "A2"})["results"][0]["id"]
    ids = hubspot.ids()["accounts"]

    assert [made, made] == [ids["A1"], ids["A2"]]
    assert "Bolt" == hubspot.record("companies", made, "name")["properties"]["name"]


def test_an_owner_leaves(hubspot: Caller) -> None:
    """Somebody who leaves is archived, deleted or set inactive alike."""
    hubspot.change(
        {"op": "change", "table": "users", "id": "U1", "set": {"active": False}},
        {"op": "delete", "table": "users", "id": "U2"},
    )

    assert [] == hubspot.get("/crm/v3/owners")["results"]
    assert 3 == len(hubspot.get("/crm/v3/owners?archived=true")["results"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "change", "table": "accounts", "id": "A77", "set": {"name": "x"}}, "id"),
        ({"op": "change", "table": "tasks", "key": "nobody", "set": {"status": "done"}}, "key"),
        ({"op": "change", "table": "tasks", "id": "X1", "set": {"status": "done"}}, "id"),
        ({"op": "merge", "table": "accounts", "id": "A1", "into": "A77"}, "into"),
        ({"op": "merge", "table": "accounts", "id": "A1", "into": "A1"}, "into"),
        ({"op": "change", "table": "accounts", "id": "A1", "set": {"owner_id": "U77"}}, "set.owner_id"),
        ({"op": "change", "table": "accounts", "id": "A1", "set": {"created_at": "2024-01-01T00:00:00Z"}}, "set.created_at"),
        ({"op": "change", "table": "activities", "id": "X1", "set": {"kind": "email"}}, "set.kind"),
        ({"op": "add", "table": "accounts", "row": {"id": "A1", "name": "again"}}, "row.id"),
        ({"op": "add", "table": "contacts", "row": {"id": "C77", "account_id": "A77"}}, "row.account_id"),
        ({"op": "delete", "table": "deal_contacts", "id": "D2:C1:"}, "id"),
    ],
)
def test_all_or_nothing(hubspot: Caller, change: dict[str, Any], field: str) -> None:
    """A change that cannot be made is refused with its place, and those before it in the call are undone."""
    first = [
        {"op": "change", "table": "accounts", "id": "A1", "set": {"name": "Changed"}},
        {"op": "change", "table": "users", "id": "U1", "set": {"active": False}},
    ]
    refused = hubspot.change(*first, change, status=400)

    assert (2, field) == (refused["index"], refused["field"])
    assert "Acme" == hubspot.record("companies", hubspot.ids()["accounts"]["A1"], "name")["properties"]["name"]
    assert 2 == len(hubspot.get("/crm/v3/owners")["results"])
