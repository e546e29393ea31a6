"""Reading a portal's streams over HTTP: first loads, windows of changes, and what they cost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from refsync.errors import UnexpectedReply
from refsync.model import (
    Account,
    AccountContact,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Introduction,
    IntroductionStatus,
    Stream,
    User,
)
from refsync_hubspot.cursor import Place, Seen
from tests.hubspot.small_book import BOOK, CUSTOM, Connect, MirrorOf, Serve, T, many


def one(mirror: Any, stream: Stream) -> list[Any]:
    """Return what the mirror holds of a stream, by id as a number."""
    return [
        mirror.held[stream][key] for key in sorted(mirror.held[stream], key=lambda key: [int(part) for part in key.split(":")])
    ]


def test_first_load_brings_the_whole_book(portal: Any, connect_to: Connect, mirror_of: MirrorOf, api: str) -> None:
    """Everything the book holds comes through, in every version of the API, with HubSpot's ids."""
    users = {"ada@us.example": {"time_zone": "Europe/Berlin"}}
    mirror = mirror_of(connect_to(portal.url, api=api, custom=CUSTOM, users=users))
    mirror.read()
    user, account, contact, deal, case = (portal.ids(table) for table in ("users", "accounts", "contacts", "deals", "cases"))
    activity = portal.ids("activities")

    assert [
        User(id=user["U1"], name="Ada Byron", email="ada@us.example", time_zone="Europe/Berlin"),
        User(id=user["U2"], name="Bob Gone", active=False),
    ] == one(mirror, Stream.USERS)
    assert [
        Account(
            id=account["A1"],
            name="Acme",
            owner_id=user["U1"],
            status=AccountStatus.CUSTOMER,
            tier="A",
            industry="Rail",
            annual_revenue=1.5e6,
            created_at=T("2023-01-01T00:00:00Z"),
            do_not_contact=False,
            custom={"implemented_on": "2024-02-01"},
        ),
        Account(
            id=account["A2"],
            name="Beta",
            parent_id=account["A1"],
            status=AccountStatus.FORMER,
            created_at=T("2023-02-01T00:00:00Z"),
        ),
    ] == one(mirror, Stream.ACCOUNTS)
    assert (
        Contact(
            id=contact["C1"],
            account_id=account["A1"],
            name="Cleo Stone",
            email="cleo@acme.example",
            phone="+1",
            title="CTO",
            owner_id=user["U1"],
            created_at=T("2023-01-02T00:00:00Z"),
            do_not_contact=True,
        )
        == mirror.held[Stream.CONTACTS][contact["C1"]]
    )
    assert (
        Deal(
            id=deal["D1"],
            account_id=account["A1"],
            name="Big",
            stage="Proposal",
            status=DealStatus.WON,
            amount=1000.5,
            currency="EUR",
            owner_id=user["U1"],
            created_at=T("2023-05-01T00:00:00Z"),
            closed_on=date(2023, 7, 1),
            referred_by_contact_id=contact["C2"],
        )
        == mirror.held[Stream.DEALS][deal["D1"]]
    )
    assert [
        DealContact(
            id=f"{deal['D1']}:{contact['C1']}", deal_id=deal["D1"], contact_id=contact["C1"], role="champion", is_primary=True
        ),
        DealContact(id=f"{deal['D1']}:{contact['C2']}", deal_id=deal["D1"], contact_id=contact["C2"]),
    ] == one(mirror, Stream.DEAL_CONTACTS)
    assert [AccountContact(id=f"{account['A2']}:{contact['C1']}", account_id=account["A2"], contact_id=contact["C1"])] == list(
        mirror.held[Stream.ACCOUNT_CONTACTS].values()
    )
    assert [
        Introduction(
            id=contact["C3"],
            source_contact_id=contact["C2"],
            person_name="Eve Lone",
            person_contact_id=contact["C3"],
            account_id=account["A2"],
            status=IntroductionStatus.IN_CONTACT,
            status_since=T("2024-04-05T06:07:00Z"),
            made_at=T("2023-01-03T00:00:00Z"),
        )
    ] == one(mirror, Stream.INTRODUCTIONS)
    assert [
        Case(
            id=case["S1"],
            account_id=account["A1"],
            subject="Broken",
            priority="HIGH",
            status="Waiting",
            escalated=True,
            opened_at=T("2024-06-01T00:00:00Z"),
        )
    ] == one(mirror, Stream.CASES)
    held = mirror.held[Stream.ACTIVITIES]
    assert (
        Activity(
            id=activity["X1"],
            kind=ActivityKind.CALL,
            direction=Direction.OUT,
            at=T("2024-03-01T10:00:00Z"),
            status=ActivityStatus.DONE,
            subject="Call",
            owner_id=user["U1"],
            account_id=account["A1"],
            deal_id=deal["D1"],
            contact_ids=(contact["C1"], contact["C3"]),
        )
        == held[activity["X1"]]
    )
    told = [
        (held[activity[f"X{n}"]].kind, held[activity[f"X{n}"]].status, held[activity[f"X{n}"]].automated) for n in range(2, 8)
    ]
    assert [
        (ActivityKind.CALL, ActivityStatus.NO_SHOW, False),
        (ActivityKind.EMAIL, ActivityStatus.DONE, True),
        (ActivityKind.MEETING, ActivityStatus.PLANNED, False),
        (ActivityKind.NOTE, ActivityStatus.DONE, False),
        (ActivityKind.MESSAGE, ActivityStatus.DONE, False),
        (ActivityKind.TASK, ActivityStatus.PLANNED, False),
    ] == told
    assert ([], {}, {frozenset()}) == (mirror.partial, mirror.aside, set(mirror.lacking.values()))


UNCHANGED = {"search": 10, "owners": 2, "users": 1}
"""What a tick costs in which nothing changed for an hour: a search for each object type, the owners, present and archived, and
what else is known of them."""


def test_unchanged_tick_costs_one_request_a_type(portal: Any, connect_to: Connect, mirror_of: MirrorOf, api: str) -> None:
    """Without changes a tick costs thirteen requests, its sweeps included: nothing is asked that was asked before."""
    mirror = mirror_of(connect_to(portal.url, api=api))
    for _ in range(2):
        mirror.read()
        mirror.sweep()
        portal.later(minutes=70)
    portal.calls()
    batches = [*mirror.read(), *mirror.sweep()]
    calls = portal.calls()
    searches = sum(count for endpoint, count in calls.items() if endpoint.endswith("/search"))
    owners = sum(count for endpoint, count in calls.items() if "/owners" in endpoint)
    users = sum(count for endpoint, count in calls.items() if endpoint.endswith("/users"))

    assert {"User"} == {type(record).__name__ for batch in batches for record in batch.records}
    assert (UNCHANGED, 13) == ({"search": searches, "owners": owners, "users": users}, sum(calls.values()))


def test_one_search_serves_all_streams_of_a_type(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A changed contact is searched for once, and comes into contacts, further accounts and introductions."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.later(minutes=90)
    mirror.read()
    portal.change({"op": "change", "table": "contacts", "id": "C3", "set": {"name": "Eve New", "referred_by_contact_id": "C1"}})
    portal.later(minutes=5)
    portal.calls()
    mirror.read()
    calls, contact = portal.calls(), portal.ids("contacts")

    assert 1 == sum(count for endpoint, count in calls.items() if "contacts/search" in endpoint)
    assert "Eve New" == mirror.held[Stream.CONTACTS][contact["C3"]].name
    assert "Eve New" == mirror.held[Stream.INTRODUCTIONS][contact["C3"]].person_name


@pytest.mark.parametrize("labelled", [False, True])
def test_introduction_ends_when_nobody_is_named(
    serve: Serve, connect_to: Connect, mirror_of: MirrorOf, labelled: bool, api: str
) -> None:
    """Introductions come by property and by label; one whose contact names nobody any more goes."""
    portal = serve(BOOK, {Stream.ACCOUNTS: ("implemented_on",)}, introductions_by_label=labelled)
    mirror = mirror_of(connect_to(portal.url, api=api))
    mirror.read()
    contact = portal.ids("contacts")
    before = {key: record.source_contact_id for key, record in mirror.held[Stream.INTRODUCTIONS].items()}
    portal.later(minutes=90)
    if labelled:
        ends = {"from": {"id": contact["C3"]}, "to": [{"id": contact["C2"]}]}
        portal.post("/crm/v4/associations/contacts/contacts/batch/archive", {"inputs": [ends]})
    properties = {"jobtitle": "CEO", **({} if labelled else {"referred_by_contact_id": ""})}
    portal.post("/crm/v3/objects/contacts/batch/update", {"inputs": [{"id": contact["C3"], "properties": properties}]})
    portal.later(minutes=1)
    mirror.read()

    assert ({contact["C3"]: contact["C2"]}, {}) == (before, mirror.held[Stream.INTRODUCTIONS])


def test_source_that_could_not_be_read_is_not_taken_for_gone(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """While HubSpot fails to give the people who introduced others, introductions keep their account and stay as they were."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    before = dict(mirror.held[Stream.INTRODUCTIONS])
    portal.later(minutes=90)
    portal.change({"op": "change", "table": "contacts", "id": "C1", "set": {"referred_by_contact_id": "C3"}})
    portal.change({"op": "change", "table": "contacts", "id": "C3", "set": {"name": "Eve New"}})
    portal.later(minutes=5)
    portal.trouble({"kind": "own", "name": "some-fail", "endpoint": "POST */contacts/batch/read", "times": 3})
    with pytest.raises(UnexpectedReply, match="could not be handled"):
        mirror.read(Stream.INTRODUCTIONS)
    meanwhile = dict(mirror.held[Stream.INTRODUCTIONS])
    mirror.read(Stream.INTRODUCTIONS)
    contact, held = portal.ids("contacts"), mirror.held[Stream.INTRODUCTIONS]

    assert before == meanwhile
    assert {contact["C1"]: contact["C3"], contact["C3"]: contact["C2"]} == {
        key: found.source_contact_id for key, found in held.items()
    }
    assert None not in {found.account_id for found in held.values()}


def test_portal_without_a_way_to_name_a_referrer_costs_nothing(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Where neither the property nor the label is there, contacts are not listed for introductions."""
    portal = serve(many(300, with_calls=False))
    options = {"properties": {"introduced_by_contact_id": "brought_by"}, "introduction_label": "Brought by"}
    mirror = mirror_of(connect_to(portal.url, **options))
    mirror.read(Stream.INTRODUCTIONS)
    calls = portal.calls()

    assert {} == mirror.held[Stream.INTRODUCTIONS]
    assert {"source_contact_id"} == mirror.lacking[Stream.INTRODUCTIONS]
    assert 0 == sum(count for endpoint, count in calls.items() if "objects" in endpoint and "search" not in endpoint)


def since(upper: str) -> str:
    """Return the cursor of the contacts of which everything before a time was read."""
    return Place(states={"contacts": Seen(upper=T(upper))}).dumped()


def test_first_load_costs_no_more_calls_than_it_must(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """100 records a page, and for each 1,000 of them one call for each kind of link; that is all there is to save."""
    portal = serve(many(2150))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS)
    portal.calls()
    mirror.read(Stream.ACTIVITIES)
    calls = portal.calls()

    assert 2150 == len(mirror.held[Stream.ACTIVITIES]) == len(mirror.held[Stream.CONTACTS])
    assert all(len(call.contact_ids) == 1 for call in mirror.held[Stream.ACTIVITIES].values())
    lists = sum(count for name, count in calls.items() if name.startswith("GET") and "/objects/" in name)
    links = sum(count for name, count in calls.items() if "associations" in name)
    assert (22 + 5, 3 * 3) == (lists, links)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_read_goes_on_where_it_stopped(serve: Serve, connect_to: Connect, mirror_of: MirrorOf, stop_after: int) -> None:
    """Stopped after any batch of a first load or of a window, a read goes on and ends with the same mirror."""
    portal = serve(many(2150, with_calls=False))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS, batches=stop_after)
    mirror.read(Stream.CONTACTS)
    assert 2150 == len(mirror.held[Stream.CONTACTS])
    portal.later(minutes=90)
    ids = list(portal.ids("contacts").values())
    for start in range(0, len(ids), 100):
        inputs = [{"id": record_id, "properties": {"jobtitle": "CEO"}} for record_id in ids[start : start + 100]]
        portal.post("/crm/v3/objects/contacts/batch/update", {"inputs": inputs})
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS, batches=stop_after)
    mirror.read(Stream.CONTACTS)

    assert {"CEO"} == {contact.title for contact in mirror.held[Stream.CONTACTS].values()}


def test_cursor_in_the_future_reads_nothing_and_says_so(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A stored place beyond HubSpot's clock is reported; nothing is skipped in silence."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.cursors[("read", Stream.CONTACTS)] = since("2031-01-01T00:00:00Z")

    with pytest.raises(UnexpectedReply):
        mirror.read(Stream.CONTACTS)


def test_read_that_trails_far_behind_waits_for_its_time(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Trailing by more than the overlap is no cursor from the future: the first load ends, and later what came since is read."""
    mirror = mirror_of(connect_to(portal.url, trailing_seconds=7200, overlap_minutes=1))
    mirror.read()
    portal.later(minutes=5)
    portal.change({"op": "change", "table": "contacts", "id": "C1", "set": {"title": "CEO"}})
    early = mirror.read(Stream.CONTACTS)
    portal.later(minutes=150)
    mirror.read(Stream.CONTACTS)

    assert () == tuple(record for batch in early for record in batch.records)
    assert "CEO" == mirror.held[Stream.CONTACTS][portal.ids("contacts")["C1"]].title


def test_status_of_an_introduction_says_since_when(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The history of the lead status tells when it took its present value; other changes of the contact do not move that."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    contact = portal.ids("contacts")["C3"]
    path = "/crm/v3/objects/contacts/batch/update"
    portal.later(minutes=90)
    portal.post(path, {"inputs": [{"id": contact, "properties": {"hs_lead_status": "OPEN_DEAL"}}]})
    portal.later(minutes=60)
    portal.post(path, {"inputs": [{"id": contact, "properties": {"jobtitle": "CEO"}}]})
    portal.later(minutes=1)
    mirror.read()
    held = mirror.held[Stream.INTRODUCTIONS][contact]
    began = T("2024-09-30T13:30:00Z")

    assert IntroductionStatus.MET is held.status
    assert 0 <= held.status_since - began < 60_000
