"""The portal of the stand-in HubSpot: who may call it and how often, its owners and its pipelines."""

from __future__ import annotations

import pytest
import requests

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Limits, Settings
from tests.sandbox.hubspot_portal import KEY, NOW, Caller, served


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
def test_tokens_of_the_oauth_app_expire(hubspot_book: Book, version: str) -> None:
    """A refresh token gives an access token that is good for half an hour by the portal's clock."""
    clock = Clock(NOW)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with served(hubspot_book, clock=clock) as caller:
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


def test_owners_who_left_are_archived(reading: Caller) -> None:
    """Owners who left come only when asked for, without e-mail and user id."""
    here = reading.get("/crm/owners/2026-03?limit=1")
    more = reading.get(here["paging"]["next"]["link"].removeprefix(reading.url))
    gone = reading.get("/crm/v3/owners/?archived=true")["results"]

    assert ["Ada", ""] == [one["firstName"] for one in here["results"] + more["results"]]
    assert [("Cleo", False, False)] == [(one["firstName"], "email" in one, "userId" in one) for one in gone]


def test_user_objects_show_what_owners_do_not(reading: Caller) -> None:
    """Who is there has a user object with an id of its own; it names the owner, shows what was asked for, and comes in pages."""
    asked = "properties=hubspot_owner_id,hs_standard_time_zone,hs_out_of_office_hours,no_such"
    here = reading.get(f"/crm/objects/2026-03/users?limit=1&{asked}")
    more = reading.get(here["paging"]["next"]["link"].removeprefix(reading.url))
    users, owners = here["results"] + more["results"], reading.get("/crm/v3/owners")["results"]
    shown = {"hubspot_owner_id", "hs_standard_time_zone", "hs_out_of_office_hours", "hs_createdate", "hs_lastmodifieddate"}

    assert [one["id"] for one in owners] == [one["properties"]["hubspot_owner_id"] for one in users]
    assert not {one["id"] for one in users} & {number for one in owners for number in (one["id"], str(one["userId"]))}
    assert [shown | {"hs_object_id"}] * 2 == [set(one["properties"]) for one in users]
    assert users[0]["properties"] == reading.get(f"/crm/v3/objects/users/{users[0]['id']}?{asked}")["properties"]
    assert [] == reading.get("/crm/v3/objects/users?archived=true")["results"]


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


def test_the_account(reading: Caller) -> None:
    """The account has an id, a zone and its offset of today."""
    details = reading.get("/account-info/2026-03/details")

    assert (24700001, "US/Eastern", "-04:00") == (details["portalId"], details["timeZone"], details["utcOffset"])


def test_rolling_limit(hubspot_book: Book) -> None:
    """Past the calls that ten seconds allow there is a 429 that names its policy; searches are not counted."""
    with served(hubspot_book, settings=Settings(limits=Limits(private_app=2))) as caller:
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
