"""The HubSpot side of the sandbox, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Limits, Settings
from refsync_sandbox.journal import Journal
from tests.sandbox.hubspot_portal import NOW, Caller, served, write_book

OBJECT_PATHS = ["/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"]
ASSOCIATION_PATHS = ["/crm/v4/associations", "/crm/associations/2026-03", "/crm/associations/2026-09"]
KEY = "ab" * 32


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def reading(book: Book) -> Iterator[Caller]:
    """A portal that no test changes."""
    with served(book) as caller:
        yield caller


@pytest.fixture
def hubspot(book: Book) -> Iterator[Caller]:
    with served(book) as caller:
        yield caller


def a_task(**properties: str) -> dict[str, Any]:
    return {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z", "hs_task_subject": "Call", **properties}}


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


def test_every_reply_has_a_correlation_id(reading: Caller) -> None:
    """Replies and refusals carry a correlation id; lists carry rate limits, searches none."""
    listed = reading.send("GET", "/crm/v3/objects/deals")
    searched = reading.send("POST", "/crm/v3/objects/deals/search", {})
    refused = reading.send("GET", "/crm/v3/objects/deals/1")

    assert all("x-hubspot-correlation-id" in reply.headers for reply in (listed, searched, refused))
    assert refused.headers["x-hubspot-correlation-id"] == refused.json()["correlationId"]
    assert "x-hubspot-ratelimit-remaining" in listed.headers
    assert "x-hubspot-ratelimit-remaining" not in searched.headers


@pytest.mark.parametrize("token", ["", "wrong", "sandbox-access-nonsense"])
def test_refuses_unknown_tokens(reading: Caller, token: str) -> None:
    """Without a good token nothing is shown."""
    reply = Caller(reading.url, token).send("GET", "/crm/v3/objects/deals")

    assert (401, "INVALID_AUTHENTICATION") == (reply.status_code, reply.json()["category"])


@pytest.mark.parametrize("version", ["v1", "2026-03", "2026-09"])
def test_tokens_of_the_oauth_app_expire(book: Book, version: str) -> None:
    """A refresh token gives an access token that is good for half an hour by the portal's clock."""
    clock = Clock(NOW)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with served(book, clock=clock) as caller:
        granted = requests.post(f"{caller.url}/oauth/{version}/token", data=form, timeout=10).json()
        signed_in = Caller(caller.url, granted["access_token"])
        before = signed_in.send("GET", "/crm/v3/owners/").status_code
        signed_in.post("/_sandbox/clock", {"now": "2024-09-30T12:30:01Z"})
        after = signed_in.send("GET", "/crm/v3/owners/")

    assert (1800, 200, 401, "EXPIRED_AUTHENTICATION") == (
        granted["expires_in"],
        before,
        after.status_code,
        after.json()["category"],
    )


def test_unknown_types_have_no_category(reading: Caller) -> None:
    """A name that is no object type is refused in HubSpot's own short way."""
    refused = reading.get("/crm/v3/objects/butterflies", 400)

    assert ("Unable to infer object type from: butterflies", False) == (refused["message"], "category" in refused)


def test_owners_who_left_are_archived(reading: Caller) -> None:
    """Owners who left come only when asked for, without e-mail and user id."""
    here = reading.get("/crm/owners/2026-03?limit=1")
    more = reading.get(here["paging"]["next"]["link"].removeprefix(reading.url))
    gone = reading.get("/crm/v3/owners/?archived=true")["results"]

    assert ["Ada", ""] == [one["firstName"] for one in here["results"] + more["results"]]
    assert [("Cleo", False, False)] == [(one["firstName"], "email" in one, "userId" in one) for one in gone]


def test_stages_say_what_is_closed(reading: Caller) -> None:
    """A deal holds the id of its stage; the pipeline says in texts what the stage means."""
    ids = reading.ids()["deals"]
    deal = reading.record("deals", ids["D1"], "dealstage", "pipeline", "hs_is_closed_won", "hs_is_closed", "closedate", "amount")
    stages = {one["id"]: one for one in reading.get("/crm/pipelines/2026-03/deals/default/stages")["results"]}
    stage = stages[deal["properties"]["dealstage"]]

    assert ("Signed", {"isClosed": "true", "probability": "1.0"}) == (stage["label"], stage["metadata"])
    assert ("true", "true", "2024-03-15T00:00:00Z", "5000") == tuple(
        deal["properties"][name] for name in ("hs_is_closed", "hs_is_closed_won", "closedate", "amount")
    )


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


def test_pages_of_associations(book: Book) -> None:
    """What one reply cannot name comes with the `after` of each result."""
    with served(book, settings=Settings(association_page=1)) as caller:
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


def test_creates_a_task_with_associations(hubspot: Caller) -> None:
    """A task is kept with its associations, and the reply holds what HubSpot works out."""
    ids = hubspot.ids()
    company, contact = ids["accounts"]["A1"], ids["contacts"]["C1"]
    types = {company: 192, contact: 204}
    links = [
        {"to": {"id": end}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
        for end, number in types.items()
    ]

    made = hubspot.post("/crm/objects/2026-03/tasks", a_task(refsync_key=KEY) | {"associations": links}, 201)

    shown = made["properties"]
    assert ("INTEGRATION", "0", f"0-27-{made['id']}", "NOT_STARTED") == tuple(
        shown[name] for name in ("hs_object_source", "hs_task_is_completed", "hs_obj_coords", "hs_task_status")
    )
    assert {company: [192]} == hubspot.ends("tasks", made["id"], "companies")
    assert {contact: [204]} == hubspot.ends("tasks", made["id"], "contacts")
    assert made["id"] == hubspot.get(f"/crm/v3/objects/tasks/{KEY}?idProperty=refsync_key")["id"]


def test_a_key_is_taken_once(hubspot: Caller) -> None:
    """A second task with the key is a conflict; only a batch with trace ids says which task has it."""
    first = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    alone = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 409)
    whole = hubspot.post("/crm/v3/objects/tasks/batch/create", {"inputs": [a_task(), a_task(refsync_key=KEY)]}, 409)
    traced = [a_task(refsync_key="cd" * 32) | {"objectWriteTraceId": "0"}, a_task(refsync_key=KEY) | {"objectWriteTraceId": "1"}]
    apart = hubspot.post("/crm/v3/objects/tasks/batch/create", {"inputs": traced}, 207)

    assert ("CONFLICT", "CONFLICT") == (alone["category"], whole["category"])
    assert "existingId" not in str(alone) + str(whole)
    assert (1, 1) == (len(apart["results"]), apart["numErrors"])
    assert [("CONFLICT", {"objectWriteTraceId": ["1"], "existingId": [first]})] == [
        (one["category"], one["context"]) for one in apart["errors"]
    ]
    assert 4 == len(hubspot.get("/crm/v3/objects/tasks?limit=100")["results"])


def test_the_key_of_a_deleted_task_is_free(hubspot: Caller) -> None:
    """An archived task no longer blocks its key and is found by it only among the archived."""
    made = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    hubspot.send("DELETE", f"/crm/v3/objects/tasks/{made}")
    by_key = f"/crm/v3/objects/tasks/{KEY}?idProperty=refsync_key"

    assert 404 == hubspot.send("GET", by_key).status_code
    assert made == hubspot.get(by_key + "&archived=true")["id"]
    hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)


def test_a_portal_without_the_key_property(book: Book) -> None:
    """Where the key property is missing it can be created, once, as a unique one."""
    definition = {
        "name": "refsync_key",
        "label": "Key",
        "type": "string",
        "fieldType": "text",
        "groupName": "taskinformation",
        "hasUniqueValue": True,
    }
    with served(book, settings=Settings(key_property="")) as caller:
        refused = caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 400)
        made = caller.post("/crm/properties/2026-03/tasks", definition, 201)
        again = caller.post("/crm/v3/properties/tasks/batch/create", {"inputs": [definition]}, 207)
        caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)

    assert ["PROPERTY_DOESNT_EXIST"] == [one["code"] for one in refused["errors"]]
    assert (True, "Properties.PROPERTY_WITH_NAME_EXISTS") == (made["hasUniqueValue"], again["errors"][0]["subCategory"])


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"hs_task_status": "SOMEDAY"}, "INVALID_OPTION"),
        ({"hs_timestamp": "soon"}, "INVALID_DATE"),
        ({"hubspot_owner_id": "1"}, "INVALID_OWNER_ID"),
    ],
)
def test_refuses_bad_values(hubspot: Caller, properties: dict[str, str], code: str) -> None:
    """A bad value is refused with its code, and nothing is kept."""
    refused = hubspot.post("/crm/v3/objects/tasks", a_task(**properties), 400)

    assert ("VALIDATION_ERROR", [code]) == (refused["category"], [one["code"] for one in refused["errors"]])
    assert 2 == len(hubspot.get("/crm/v3/objects/tasks")["results"])


def test_refuses_a_task_without_its_time(hubspot: Caller) -> None:
    """A task needs hs_timestamp."""
    refused = hubspot.post("/crm/v3/objects/tasks", {"properties": {"hs_task_subject": "x"}}, 400)

    assert {"properties": ["hs_timestamp"]} == refused["context"]


def test_refuses_dead_associations(hubspot: Caller) -> None:
    """A task for a record that is not there, or in a type that leads elsewhere, is refused."""
    ids = hubspot.ids()

    def created(end: str, number: int) -> int:
        link = {"to": {"id": end}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
        return hubspot.send("POST", "/crm/v3/objects/tasks", a_task() | {"associations": [link]}).status_code

    assert [404, 404, 400] == [
        created("77", 204),
        created(ids["accounts"]["A1"], 204),
        created(ids["accounts"]["A1"], 279),
    ]


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


def test_batch_limits(hubspot: Caller) -> None:
    """A batch has at most 100 inputs, 1,000 for associations, and no id twice."""
    ids = [{"id": str(number)} for number in range(1001)]
    task = hubspot.ids()["activities"]["X8"]
    update = {"inputs": [{"id": task, "properties": {}}] * 2}

    hubspot.post("/crm/v3/objects/tasks/batch/read", {"inputs": ids[:101]}, 400)
    hubspot.post("/crm/v4/associations/tasks/contacts/batch/read", {"inputs": ids}, 400)
    twice = hubspot.post("/crm/v3/objects/tasks/batch/update", update, 400)

    assert {"ids": [task]} == twice["context"]


def test_batch_update_tells_missing_ids_apart(hubspot: Caller) -> None:
    """Of a batch update those that are there are changed."""
    task = hubspot.ids()["activities"]["X8"]
    done = {"hs_task_status": "COMPLETED"}
    inputs = [{"id": task, "properties": done}, {"id": "77", "properties": done}]

    found = hubspot.post("/crm/v3/objects/tasks/batch/update", {"inputs": inputs}, 207)

    assert ([task], ["77"]) == ([one["id"] for one in found["results"]], found["errors"][0]["context"]["ids"])
    shown = hubspot.record("tasks", task, "hs_task_is_completed", "hs_task_completion_date")["properties"]
    assert ("1", True) == (shown["hs_task_is_completed"], bool(shown["hs_task_completion_date"]))


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


def test_upsert_needs_a_unique_property(hubspot: Caller) -> None:
    """Upsert creates or overwrites by a unique property and refuses any other."""
    one = {"id": KEY, "idProperty": "refsync_key", **a_task()}

    made = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one]})["results"][0]
    again = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one]})["results"][0]
    refused = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one | {"idProperty": "hs_task_subject"}]}, 400)

    assert (True, False, made["id"]) == (made["new"], again["new"], again["id"])
    assert "non-unique 0-27 property hs_task_subject" in refused["message"]


def test_the_account(reading: Caller) -> None:
    """The account has an id, a zone and its offset of today."""
    details = reading.get("/account-info/2026-03/details")

    assert (24700001, "US/Eastern", "-04:00") == (details["portalId"], details["timeZone"], details["utcOffset"])


def test_rolling_limit(book: Book) -> None:
    """Past the calls that ten seconds allow there is a 429 that names its policy; searches are not counted."""
    with served(book, settings=Settings(limits=Limits(private_app=2))) as caller:
        statuses = [caller.send("GET", "/crm/v3/owners").status_code for _ in range(2)]
        refused = caller.get("/crm/v3/owners", 429)
        caller.post("/crm/v3/objects/deals/search", {})

    assert ([200, 200], "TEN_SECONDLY_ROLLING") == (statuses, refused["policyName"])


def test_counts_calls_without_ids(hubspot: Caller) -> None:
    """The labels under which calls are counted hold no ids, keys or property names."""
    hubspot.send("GET", f"/crm/v3/objects/tasks/{KEY}?idProperty=refsync_key")
    hubspot.send("GET", "/crm/objects/2026-03/tasks/51/associations/contacts")
    hubspot.send("GET", "/crm/v3/properties/tasks/refsync_key")
    hubspot.send("GET", "/crm/owners/2026-09/100500001")
    hubspot.post("/crm/v3/objects/tasks/batch/read", {"inputs": []})

    assert {
        "GET /crm/v3/objects/tasks/{id}": 1,
        "GET /crm/objects/2026-03/tasks/{id}/associations/contacts": 1,
        "GET /crm/v3/properties/tasks/{name}": 1,
        "GET /crm/owners/2026-09/{id}": 1,
        "POST /crm/v3/objects/tasks/batch/read": 1,
    } == hubspot.get("/_sandbox/requests")["by_endpoint"]


def test_comes_back_after_a_restart(book: Book, tmp_path: Path) -> None:
    """A journal brings tasks and changes of people back under the same ids."""
    journal = Journal(tmp_path / "journal")
    with served(book, journal=journal) as caller:
        made = caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
        caller.change({"op": "change", "table": "tasks", "key": KEY, "set": {"status": "done"}})
        before = caller.get("/_sandbox/tasks")
    with served(book, journal=journal) as caller:
        after = caller.get("/_sandbox/tasks")

    assert before == after
    assert made in [one["id"] for one in after["tasks"]]


@pytest.mark.parametrize("text", ["9" * 30, "abc", "²", "-1"])
def test_ids_that_are_none(reading: Caller, text: str) -> None:
    """An id that cannot be one is simply not there, wherever it is asked for."""
    statuses = [
        reading.send("GET", f"/crm/v3/objects/deals/{text}").status_code,
        reading.send("POST", "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": text}]}).status_code,
        reading.send("POST", "/crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": text}]}).status_code,
    ]

    assert [404, 207, 207] == statuses


def test_a_value_may_be_written_again(hubspot: Caller) -> None:
    """Writing a record's own unique value once more is no conflict; another's is."""
    first = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    second = hubspot.post("/crm/v3/objects/tasks", a_task(), 201)["id"]
    body = {"properties": {"refsync_key": KEY}}

    assert [200, 409] == [hubspot.send("PATCH", f"/crm/v3/objects/tasks/{one}", body).status_code for one in (first, second)]
