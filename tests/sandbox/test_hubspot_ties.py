"""Associations of the stand-in HubSpot: many at once, page by page, labels, and both ends."""

from __future__ import annotations

import pytest

from refsync.book import Book
from refsync_sandbox.hubspot import Settings
from tests.sandbox.hubspot_portal import Caller, served

ASSOCIATION_PATHS = ["/crm/v4/associations", "/crm/associations/2026-03", "/crm/associations/2026-09"]


@pytest.mark.parametrize("head", ASSOCIATION_PATHS)
def test_associations_of_many(reading: Caller, head: str) -> None:
    """Ids asked for are texts, ids answered are numbers, and a record without associations is an error of its own."""
    ids = reading.ids()
    inputs = [{"id": ids["contacts"]["C1"]}, {"id": ids["contacts"]["C3"]}]

    found = reading.post(f"{head}/contacts/companies/batch/read", {"inputs": inputs}, 207)

    expected = {
        "from": {"id": ids["contacts"]["C1"]},
        "to": [
            {
                "toObjectId": int(ids["accounts"]["A1"]),
                "associationTypes": [
                    {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
                    {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
                ],
            }
        ],
    }
    assert [expected] == found["results"]
    assert [("crm.associations.NO_ASSOCIATIONS_FOUND", [ids["contacts"]["C3"]])] == [
        (one["subCategory"], one["context"]["fromObjectId"]) for one in found["errors"]
    ]


def test_parts_in_deals_are_labels(reading: Caller) -> None:
    """The role of a person in a deal is a label of the portal's own."""
    ids = reading.ids()
    found = reading.post("/crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": ids["deals"]["D1"]}]})
    labels = {
        str(one["toObjectId"]): [(type_["category"], type_["label"]) for type_ in one["associationTypes"]]
        for one in found["results"][0]["to"]
    }

    assert {
        ids["contacts"]["C1"]: [("HUBSPOT_DEFINED", None), ("USER_DEFINED", "champion"), ("USER_DEFINED", "primary")],
        ids["contacts"]["C2"]: [("HUBSPOT_DEFINED", None), ("USER_DEFINED", "economic buyer")],
    } == labels


@pytest.mark.parametrize(
    ("kind", "row", "company", "contact", "deal"),
    [("calls", "X1", 182, 194, 206), ("meetings", "X5", 188, 200, 212), ("communications", "X7", 87, 81, None)],
)
def test_association_types_of_engagements(
    reading: Caller, kind: str, row: str, company: int, contact: int, deal: int | None
) -> None:
    """An engagement is associated with company, contacts and deal in HubSpot's own types."""
    ids = reading.ids()
    record = ids["activities"][row]

    assert {ids["accounts"]["A1"]: [company]} == reading.ends(kind, record, "companies")
    assert [contact] == reading.ends(kind, record, "contacts")[ids["contacts"]["C1"]]
    assert ([[deal]] if deal else []) == list(reading.ends(kind, record, "deals").values())


def test_pages_of_associations(hubspot_book: Book) -> None:
    """What one reply cannot name comes with the `after` of each result."""
    with served(hubspot_book, settings=Settings(association_page=1)) as caller:
        ids = caller.ids()
        call = ids["activities"]["X1"]
        path = "/crm/associations/2026-09/calls/contacts/batch/read"
        first = caller.post(path, {"inputs": [{"id": call}]})["results"][0]
        second = caller.post(path, {"inputs": [{"id": call, "after": first["paging"]["next"]["after"]}]})["results"][0]
        one_record = caller.get(f"/crm/v4/objects/calls/{call}/associations/contacts")
        gone = caller.send("GET", f"/crm/objects/2026-09/calls/{call}/associations/contacts").status_code

    assert sorted(int(ids["contacts"][name]) for name in ("C1", "C2")) == [one["to"][0]["toObjectId"] for one in (first, second)]
    assert "paging" not in second
    assert (first["to"], "1", 404) == (one_record["results"], str(len(one_record["results"])), gone)


def test_inline_associations_repeat(reading: Caller) -> None:
    """Lists name an associated id once for each type of its association."""
    company = reading.ids()["accounts"]["A1"]

    found = reading.get("/crm/v3/objects/contacts?limit=1&associations=companies")["results"][0]["associations"]

    assert {
        "companies": {
            "results": [
                {"id": company, "type": "contact_to_company"},
                {"id": company, "type": "contact_to_company_unlabeled"},
            ]
        }
    } == found


def test_associations_move_no_modified_date(hubspot: Caller) -> None:
    """A new association leaves the modified dates, a first company becomes the primary one, another takes its place."""
    ids = hubspot.ids()
    contact, first, second = ids["contacts"]["C3"], ids["accounts"]["A2"], ids["accounts"]["A3"]
    before = hubspot.record("contacts", contact)["updatedAt"]

    def associate(company: str, number: int) -> None:
        spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]
        body = {"inputs": [{"from": {"id": contact}, "to": {"id": company}, "types": spec}]}
        hubspot.post("/crm/v4/associations/contacts/companies/batch/create", body, 201)

    associate(first, 279)
    assert {first: [1, 279]} == hubspot.ends("contacts", contact, "companies")
    associate(second, 1)
    after = hubspot.record("contacts", contact, "associatedcompanyid")

    assert {first: [279], second: [1, 279]} == hubspot.ends("contacts", contact, "companies")
    assert (second, before) == (after["properties"]["associatedcompanyid"], after["updatedAt"])
