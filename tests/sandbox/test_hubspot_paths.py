"""Paths of HubSpot's API: versions side by side, and those that only other clients use."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from refsync.book import Book
from refsync_sandbox.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Settings
from refsync_sandbox.hubspot.paths import Paths
from tests.sandbox.hubspot_portal import Caller, served

OLD = "/crm/v3/associations"


@given(st.lists(st.sampled_from(["a", "b", "{x}", "{y}"]), min_size=1, max_size=4), st.data())
def test_words_go_before_anything(parts: list[str], data: st.DataObject) -> None:
    """A path is found by its words before its free parts, with those by name, and a slash at the end means nothing."""
    pattern = "/" + "/".join(part if len(part) == 1 else f"{{p{place}}}" for place, part in enumerate(parts))
    paths = Paths([("GET", pattern, "it"), ("GET", "/a/a/a/a/a", "other")])
    asked = [data.draw(st.sampled_from("abc")) if len(part) > 1 else part for part in parts]
    names = {f"p{place}": asked[place] for place, part in enumerate(parts) if len(part) > 1}

    for slash in ("", "/"):
        assert ("it", names) == paths.find("GET", "/" + "/".join(asked) + slash)
    assert None is paths.find("POST", "/" + "/".join(asked))


def test_one_free_part_has_one_name() -> None:
    """Two paths that call the same part differently cannot both be meant."""
    with pytest.raises(ValueError, match="called 'x'"):
        Paths([("GET", "/{x}", "a"), ("GET", "/{y}/b", "b")])


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/contacts", "/crm/owners/2026-09", "/crm/v3/pipelines/deals", "/crm/v3/properties/task"],
)
def test_a_slash_at_the_end(reading: Caller, path: str) -> None:
    """A path with a slash at its end is the same path."""
    assert reading.get(path) == reading.get(path + "/")


def test_paths_that_are_none(reading: Caller) -> None:
    """What is nowhere is a 404 with a correlation id, in whatever method."""
    for method, path in (("GET", "/crm/v9/objects/contacts"), ("PUT", "/crm/v3/owners"), ("GET", "/")):
        reply = reading.send(method, path)
        assert (404, "error") == (reply.status_code, reply.json()["status"])
        assert reply.json()["correlationId"] == reply.headers["x-hubspot-correlation-id"]


def test_definitions_for_other_clients(reading: Caller) -> None:
    """Properties as version 2 gave them, groups and schemas by every name."""
    old = [one["name"] for one in reading.get("/properties/v2/company/properties")]
    new = [one["name"] for one in reading.get("/crm/v3/properties/0-2")["results"]]
    schema = reading.get("/crm-object-schemas/2026-03/schemas/companies")

    assert old == new == [one["name"] for one in schema["properties"]]
    assert "0-2" == schema["objectTypeId"]
    assert "taskinformation" == reading.get("/crm/v3/properties/tasks/groups/taskinformation")["name"]
    reading.get("/crm/v3/properties/tasks/groups/nonsense", 404)


def test_properties_go_in_batches(hubspot: Caller) -> None:
    """Properties of the portal's own can be archived many at once; those of HubSpot stay."""
    inputs = [{"name": "tier"}, {"name": "name"}, {"name": "nonsense"}]
    reply = hubspot.send("POST", "/crm/v3/properties/companies/batch/archive", {"inputs": inputs})
    left = [one["name"] for one in hubspot.get("/crm/v3/properties/companies")["results"]]

    assert (204, False, True) == (reply.status_code, "tier" in left, "name" in left)


def test_what_a_token_is(reading: Caller) -> None:
    """The OAuth API tells whose an access token is, without one."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    token = requests.post(f"{reading.url}/oauth/2026-09/token", data=form, timeout=10).json()["access_token"]
    told = requests.get(f"{reading.url}/oauth/v1/access-tokens/{token}", timeout=10).json()
    unknown = requests.get(f"{reading.url}/oauth/v1/access-tokens/nonsense", timeout=10)

    assert (token, 24700001, True, 404) == (told["token"], told["hub_id"], 0 < told["expires_in"] <= 1800, unknown.status_code)


def test_version_3_ignores_where_to_go_on(hubspot_book: Book) -> None:
    """The old batch tells where the next page of a record begins and gives the first page to whoever asks for it."""
    with served(hubspot_book, settings=Settings(association_page=1)) as caller:
        call = caller.ids()["activities"]["X1"]
        first = caller.post(f"{OLD}/calls/contacts/batch/read", {"inputs": [{"id": call}]})["results"]
        after = first[0]["paging"]["next"]["after"]
        again = caller.post(f"{OLD}/calls/contacts/batch/read", {"inputs": [{"id": call, "after": after}]})["results"]
        link = first[0]["paging"]["next"]["link"].removeprefix(caller.url)
        second = caller.get(link)

    assert first == again
    assert [{"id": after, "type": "call_to_contact"}] == first[0]["to"]
    assert (1, False) == (len(second["results"]), second["results"][0]["id"] == after)


def test_version_3_writes(hubspot: Caller) -> None:
    """The old calls make and undo associations by the name or number of their type."""
    ids = hubspot.ids()
    contact, company, deal = ids["contacts"]["C3"], ids["accounts"]["A2"], ids["deals"]["D2"]
    pair: dict[str, Any] = {"from": {"id": contact}, "to": {"id": company}, "type": "contact_to_company_unlabeled"}
    made = hubspot.post(f"{OLD}/contacts/companies/batch/create", {"inputs": [pair, pair | {"from": {"id": "77"}}]}, 207)
    put = hubspot.send("PUT", f"/crm/v3/objects/deals/{deal}/associations/contacts/{contact}/3")
    names = hubspot.get(f"{OLD}/contacts/companies/types")["results"]
    both = hubspot.ends("contacts", contact, "companies"), hubspot.ends("deals", deal, "contacts")
    gone = [
        hubspot.send("DELETE", f"/crm/v3/objects/deals/{deal}/associations/contacts/{contact}/3").status_code,
        hubspot.send("POST", f"{OLD}/contacts/companies/batch/archive", {"inputs": [pair]}).status_code,
        hubspot.send("POST", f"{OLD}/contacts/companies/batch/archive", {"inputs": [pair | {"type": "nonsense"}]}).status_code,
    ]

    assert ([pair], 1, 200) == (made["results"], made["numErrors"], put.status_code)
    assert ({company: [1, 279]}, {contact: [3]}) == both
    assert [{"id": "279", "name": "contact_to_company_unlabeled"}, {"id": "1", "name": "contact_to_company"}] == names
    assert ([204] * 3, {}) == (gone, hubspot.ends("deals", deal, "contacts"))


@pytest.mark.parametrize("head", ["/crm/v4/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"])
def test_associations_of_one_pair(hubspot: Caller, head: str) -> None:
    """Two records are associated and parted by one call each."""
    ids = hubspot.ids()
    contact, company = ids["contacts"]["C3"], ids["accounts"]["A2"]
    path = f"{head}/contacts/{contact}/associations"
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    made = hubspot.send("PUT", f"{path}/companies/{company}", types)
    between = hubspot.ends("contacts", contact, "companies")
    parted = hubspot.send("DELETE", f"{path}/companies/{company}").status_code
    plain = hubspot.send("PUT", f"{path}/default/companies/{company}").status_code

    assert (201, int(company), 204, 200) == (made.status_code, made.json()["toObjectId"], parted, plain)
    assert {company: [1, 279]} == between == hubspot.ends("contacts", contact, "companies")


def test_labels_that_are_read_from_both_ends(hubspot: Caller) -> None:
    """A label between contacts has another name at the other end."""
    body = {"label": "Referred by", "inverseLabel": "Referred", "name": "referred_by"}
    made = hubspot.post("/crm/v4/associations/contacts/contacts/labels", body)["results"]

    assert ["Referred by", "Referred"] == [one["label"] for one in made]
    assert {None, "Referred by", "Referred"} == {
        one["label"] for one in hubspot.get("/crm/v4/associations/0-1/0-1/labels")["results"]
    }


def test_a_body_without_a_correlation_id(hubspot: Caller) -> None:
    """Some refusals have the correlation id in the header alone."""
    reply = hubspot.send("POST", "/crm/v3/objects/companies/batch/upsert", {"inputs": [{"id": "1", "properties": {}}]})

    assert (400, False, True) == (reply.status_code, "correlationId" in reply.json(), "x-hubspot-correlation-id" in reply.headers)
