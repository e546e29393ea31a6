"""What the stand-in HubSpot shows: lists and pages, values as texts, ids, and what is archived or merged."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.hubspot_portal import Caller, a_task

OBJECT_PATHS = ["/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"]


@pytest.mark.parametrize("head", OBJECT_PATHS)
@pytest.mark.parametrize("name", ["companies", "company", "COMPANY", "0-2"])
def test_lists_by_every_version_and_name(reading: Caller, head: str, name: str) -> None:
    """Every version and every name of a type lists the same records."""
    found = reading.get(f"{head}/{name}?limit=100")

    assert ["Acme", "Bolt", "Crane"] == sorted(one["properties"]["name"] for one in found["results"])


def test_values_are_texts_or_null(reading: Caller) -> None:
    """Numbers, days, yes and no come as texts, empty properties as null, and unknown names not at all."""
    company = reading.ids()["accounts"]["A1"]
    names = ("annualrevenue", "do_not_contact", "implemented_on", "domain", "nonsense", "lifecyclestage", "tier")

    found = reading.record("companies", company, *names)["properties"]

    expected = {
        "annualrevenue": "1250000",
        "createdate": "2024-01-10T09:00:00Z",
        "do_not_contact": "false",
        "domain": None,
        "hs_object_id": company,
        "implemented_on": "2024-03-01",
        "lifecyclestage": "customer",
        "tier": "gold",
    }
    assert expected == {name: value for name, value in found.items() if name != "hs_lastmodifieddate"}


def test_both_query_styles(reading: Caller) -> None:
    """Properties may be joined by commas or given one by one."""
    joined = reading.get("/crm/v3/objects/contacts?properties=email,phone&archived=False")
    apart = reading.get("/crm/v3/objects/contacts?properties=email&properties=phone&archived=false")

    assert joined == apart


def test_contacts_have_a_modified_date_of_their_own(reading: Caller) -> None:
    """Contacts come with lastmodifieddate, all others with hs_lastmodifieddate."""
    contact = reading.get("/crm/v3/objects/contacts?limit=1")["results"][0]["properties"]
    deal = reading.get("/crm/v3/objects/deals?limit=1")["results"][0]["properties"]

    assert ("lastmodifieddate" in contact, "hs_lastmodifieddate" in contact) == (True, False)
    assert ("lastmodifieddate" in deal, "hs_lastmodifieddate" in deal) == (False, True)


def test_links_lead_to_the_next_page(reading: Caller) -> None:
    """The link of a page is on this server and keeps every parameter; the last page has none."""
    first = requests.get(
        f"{reading.url}/crm/v3/objects/contacts",
        params={"limit": "2", "properties": "email"},
        headers={"authorization": f"Bearer {reading.token}"},
        timeout=10,
    ).json()
    second = reading.get(first["paging"]["next"]["link"].removeprefix(reading.url))

    assert ["email" in one["properties"] for one in second["results"]] == [True]
    assert "paging" not in second


def test_ids_do_not_follow_creation(hubspot: Caller) -> None:
    """A record that is created later can have a lower id than one created before."""
    made = [int(hubspot.post("/crm/v3/objects/tasks", a_task(), 201)["id"]) for _ in range(8)]

    assert made != sorted(made)


def test_unknown_types_have_no_category(reading: Caller) -> None:
    """A name that is no object type is refused in HubSpot's own short way."""
    refused = reading.get("/crm/v3/objects/butterflies", 400)

    assert ("Unable to infer object type from: butterflies", False) == (refused["message"], "category" in refused)


def test_archived_records_are_apart(hubspot: Caller) -> None:
    """An archived record is gone from lists, reads, searches and associations, and its modified date stays."""
    ids = hubspot.ids()
    call, company = ids["activities"]["X2"], ids["accounts"]["A1"]
    before = hubspot.record("calls", call)["updatedAt"]
    assert 204 == hubspot.send("DELETE", f"/crm/v3/objects/calls/{call}").status_code

    listed = hubspot.get("/crm/v3/objects/calls")["results"]
    archived = hubspot.get("/crm/v3/objects/calls?archived=true")["results"]
    read = hubspot.post("/crm/v3/objects/calls/batch/read", {"inputs": [{"id": call}]}, 207)

    assert call not in [one["id"] for one in listed]
    assert [(call, before, True)] == [(one["id"], one["updatedAt"], "archivedAt" in one) for one in archived]
    assert [[call]] == [one["context"]["ids"] for one in read["errors"]]
    assert 1 == hubspot.post("/crm/v3/objects/calls/search", {})["total"]
    assert call not in hubspot.ends("companies", company, "calls")


def test_a_merge_gives_a_new_id(hubspot: Caller) -> None:
    """The survivor of a merge has a new id, knows the old ones, and has the associations of both."""
    ids = hubspot.ids()
    kept, gone = ids["accounts"]["A2"], ids["accounts"]["A1"]

    made = hubspot.post("/crm/v3/objects/companies/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})

    assert made["id"] not in (kept, gone)
    assert ("Bolt", f"{kept};{gone}") == (made["properties"]["name"], made["properties"]["hs_merged_object_ids"])
    assert 404 == hubspot.send("GET", f"/crm/v3/objects/companies/{gone}").status_code
    assert {made["id"]: [1, 279]} == hubspot.ends("contacts", ids["contacts"]["C1"], "companies")
    contact = hubspot.record("contacts", ids["contacts"]["C1"], "associatedcompanyid")
    assert made["id"] == contact["properties"]["associatedcompanyid"]


@pytest.mark.parametrize("text", ["9" * 30, "abc", "²", "-1"])
def test_ids_that_are_none(reading: Caller, text: str) -> None:
    """An id that cannot be one is simply not there, wherever it is asked for."""
    statuses = [
        reading.send("GET", f"/crm/v3/objects/deals/{text}").status_code,
        reading.send("POST", "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": text}]}).status_code,
        reading.send("POST", "/crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": text}]}).status_code,
    ]

    assert [404, 207, 207] == statuses
