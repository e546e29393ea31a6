"""Reading HubSpot's streams over HTTP, from the sandbox and from a stub."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from refsync.errors import ConnectorError, TransientError, UnexpectedReply
from refsync.model import (
    Account,
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
    Record,
    Stream,
    User,
    parse_instant,
)
from refsync_hubspot import HubSpot
from refsync_hubspot.replies import Answer, records

T = parse_instant
Connect = Callable[..., HubSpot]
Serve = Callable[..., Any]
MirrorOf = Callable[[HubSpot], Any]

BOOK: tuple[Record, ...] = (
    User(id="U1", name="Ada Byron", email="ada@us.example", time_zone="Europe/Berlin"),
    User(id="U2", name="Bob Gone", email="bob@us.example", active=False),
    Account(
        id="A1",
        name="Acme",
        owner_id="U1",
        status=AccountStatus.CUSTOMER,
        tier="A",
        industry="Rail",
        annual_revenue=1.5e6,
        created_at=T("2023-01-01T00:00:00Z"),
        do_not_contact=False,
        custom={"implemented_on": "2024-02-01"},
    ),
    Account(id="A2", name="Beta", parent_id="A1", status=AccountStatus.FORMER, created_at=T("2023-02-01T00:00:00Z")),
    Contact(
        id="C1",
        account_id="A1",
        name="Cleo Stone",
        email="cleo@acme.example",
        phone="+1",
        title="CTO",
        owner_id="U1",
        created_at=T("2023-01-02T00:00:00Z"),
        do_not_contact=True,
    ),
    Contact(id="C2", account_id="A2", name="Dee", created_at=T("2023-01-03T00:00:00Z")),
    Contact(id="C3", account_id="A1", name="Eve Lone", created_at=T("2023-01-03T00:00:00Z")),
    Deal(
        id="D1",
        account_id="A1",
        name="Big",
        stage="Proposal",
        status=DealStatus.WON,
        amount=1000.5,
        currency="EUR",
        owner_id="U1",
        created_at=T("2023-05-01T00:00:00Z"),
        closed_on=date(2023, 7, 1),
        referred_by_contact_id="C2",
    ),
    Deal(id="D2", account_id="A2", name="Open", stage="Demo", status=DealStatus.OPEN, created_at=T("2024-05-01T00:00:00Z")),
    DealContact(id="D1:C1:champion", deal_id="D1", contact_id="C1", role="champion", is_primary=True),
    DealContact(id="D1:C2:", deal_id="D1", contact_id="C2"),
    Case(
        id="S1",
        account_id="A1",
        subject="Broken",
        priority="HIGH",
        status="Waiting",
        escalated=True,
        opened_at=T("2024-06-01T00:00:00Z"),
    ),
    Activity(
        id="X1",
        kind=ActivityKind.CALL,
        direction=Direction.OUT,
        at=T("2024-03-01T10:00:00Z"),
        status=ActivityStatus.DONE,
        subject="Call",
        owner_id="U1",
        account_id="A1",
        deal_id="D1",
        contact_ids=("C1", "C3"),
    ),
    Activity(
        id="X2", kind=ActivityKind.CALL, direction=Direction.IN, at=T("2024-03-02T10:00:00Z"), status=ActivityStatus.NO_SHOW
    ),
    Activity(
        id="X3",
        kind=ActivityKind.EMAIL,
        direction=Direction.IN,
        at=T("2024-03-03T10:00:00Z"),
        status=ActivityStatus.DONE,
        automated=True,
        account_id="A1",
    ),
    Activity(
        id="X4",
        kind=ActivityKind.MEETING,
        at=T("2024-11-01T10:00:00Z"),
        ended_at=T("2024-11-01T11:00:00Z"),
        status=ActivityStatus.PLANNED,
        contact_ids=("C1",),
    ),
    Activity(id="X5", kind=ActivityKind.NOTE, at=T("2024-03-05T10:00:00Z"), status=ActivityStatus.DONE, account_id="A2"),
    Activity(
        id="X6", kind=ActivityKind.MESSAGE, direction=Direction.OUT, at=T("2024-03-06T10:00:00Z"), status=ActivityStatus.DONE
    ),
    Activity(id="X7", kind=ActivityKind.TASK, at=T("2024-12-06T10:00:00Z"), status=ActivityStatus.PLANNED, subject="Do it"),
)
CUSTOM = {Stream.ACCOUNTS: frozenset({"implemented_on"})}


@pytest.fixture
def portal(serve: Serve) -> Any:
    """Return a portal that holds the small book."""
    return serve(BOOK, {Stream.ACCOUNTS: ("implemented_on",)})


@pytest.fixture(params=["v3", "2026-03", "2026-09"])
def api(request: pytest.FixtureRequest) -> str:
    """Return each version of the API."""
    return str(request.param)


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
    assert ([], {}) == (mirror.partial, mirror.aside)


def test_second_read_brings_nothing_and_costs_a_search_a_type(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Without changes a read costs one request for each object type, and for owners and pipelines."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.later(minutes=90)
    mirror.read()
    portal.later(minutes=90)
    portal.calls()
    batches = mirror.read(*[stream for stream in Stream if stream in HubSpot.streams and stream is not Stream.USERS])
    calls = portal.calls()

    assert () == tuple(record for batch in batches for record in batch.records)
    assert 11 == sum(count for endpoint, count in calls.items() if endpoint.endswith("/search"))
    assert 11 + 3 == sum(calls.values())


def test_bug_01_contacts_are_searched_by_their_own_column(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A changed contact is found, though the column of all other types finds nothing for contacts."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.later(minutes=30)
    portal.change({"op": "change", "table": "contacts", "id": "C2", "set": {"title": "CEO"}})
    portal.later(minutes=1)
    mirror.read()

    assert "CEO" == mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title


def test_bug_10_next_window_begins_behind_the_last_runs_end(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Changes between reads are found whatever the newest stamp among the records was."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    for title in ("One", "Two", "Three"):
        portal.later(minutes=90)
        portal.change({"op": "change", "table": "contacts", "id": "C2", "set": {"title": title}})
        portal.later(minutes=1)
        mirror.read(Stream.CONTACTS)

        assert title == mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title


def test_bug_08_rows_that_the_index_got_late_are_found(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A change that no search showed yet comes with the next read."""
    portal = serve(BOOK, {Stream.ACCOUNTS: ("implemented_on",)}, index_lag=600_000)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.change({"op": "change", "table": "contacts", "id": "C2", "set": {"title": "CEO"}})
    portal.later(minutes=1)
    mirror.read()
    early = mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title
    portal.later(minutes=10)
    mirror.read()

    assert ("", "CEO") == (early, mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title)


def test_bug_11_changed_records_come_with_their_associations(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A deal that is read again keeps its account, a call its people."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    before = mirror.held[Stream.DEALS][portal.ids("deals")["D1"]].account_id
    portal.later(minutes=30)
    portal.change(
        {"op": "change", "table": "deals", "id": "D1", "set": {"name": "Bigger"}},
        {"op": "change", "table": "activities", "id": "X1", "set": {"subject": "Again"}},
    )
    portal.later(minutes=1)
    mirror.read()
    deal, call = (
        mirror.held[stream][portal.ids(table)[name]]
        for stream, table, name in ((Stream.DEALS, "deals", "D1"), (Stream.ACTIVITIES, "activities", "X1"))
    )

    assert ("Bigger", before, "Again", 2) == (deal.name, deal.account_id, call.subject, len(call.contact_ids))


def test_bug_12_new_deal_contact_is_seen_by_the_sweep(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Links change without moving any date: the sweep reads them all, and drops those that are gone."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    contacts, deal = portal.ids("contacts"), portal.ids("deals")["D1"]
    portal.later(minutes=90)
    portal.change(
        {"op": "add", "table": "deal_contacts", "row": {"deal_id": "D1", "contact_id": "C3", "role": "buyer"}},
        {"op": "delete", "table": "deal_contacts", "id": "D1:C2:"},
    )
    mirror.read(Stream.DEAL_CONTACTS, sweep=True)

    assert {f"{deal}:{contacts['C1']}", f"{deal}:{contacts['C3']}"} == set(mirror.held[Stream.DEAL_CONTACTS])


def test_bug_13_archived_records_are_deleted_by_the_sweep(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Archived records are in no search and no list but the archived one; a second sweep starts anew."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    for table, stream, name in (("contacts", Stream.CONTACTS, "C2"), ("activities", Stream.ACTIVITIES, "X1")):
        gone = portal.ids(table)[name]
        portal.change({"op": "delete", "table": table, "id": name})
        mirror.read(stream, sweep=True)

        assert gone not in mirror.held[stream]
    portal.change({"op": "delete", "table": "contacts", "id": "C3"})
    mirror.read(Stream.CONTACTS, sweep=True)

    assert {portal.ids("contacts")["C1"]} == set(mirror.held[Stream.CONTACTS])


def test_bug_13_departed_owner_stays_and_is_inactive(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """An owner who leaves is still there for the records that point at them."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.USERS)
    portal.change({"op": "delete", "table": "users", "id": "U1"})
    mirror.read(Stream.USERS)

    assert [False, False] == [user.active for user in one(mirror, Stream.USERS)]


def test_bug_14_merged_records_point_at_the_survivor(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Both old ids of a merge go, one new one comes, with the people's links."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    before = set(mirror.held[Stream.CONTACTS])
    old = {portal.ids("contacts")["C1"], portal.ids("contacts")["C3"]}
    portal.later(minutes=90)
    (survivor,) = portal.change({"op": "merge", "table": "contacts", "id": "C3", "into": "C1"})
    portal.later(minutes=1)
    batches = mirror.read(Stream.CONTACTS)

    assert {(gone, survivor) for gone in old} == {(merge.gone, merge.survivor) for batch in batches for merge in batch.merged}
    assert before - old | {survivor} == set(mirror.held[Stream.CONTACTS])


def test_bug_28_last_association_removed_clears_the_set(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """207 with nothing but NO_ASSOCIATIONS_FOUND means that there are none."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.later(minutes=30)
    portal.change({"op": "change", "table": "activities", "id": "X1", "set": {"contact_ids": [], "subject": "Alone"}})
    portal.later(minutes=1)
    mirror.read(Stream.ACTIVITIES)

    assert ("Alone", ()) == (
        (call := mirror.held[Stream.ACTIVITIES][portal.ids("activities")["X1"]]).subject,
        call.contact_ids,
    )


def many(count: int, *, with_calls: bool = True) -> list[Record]:
    """Return a book of so many contacts, each with a call."""
    created = T("2023-01-01T00:00:00Z")
    contacts = [Contact(id=f"C{n}", account_id="A1", name=f"Person {n}", created_at=created) for n in range(count)]
    return [Account(id="A1", name="Acme", created_at=created), *contacts, *(call(n) for n in range(count) if with_calls)]


def call(n: int) -> Activity:
    """Return a call with one of those contacts."""
    at, done = T("2024-03-01T10:00:00Z"), ActivityStatus.DONE
    return Activity(id=f"X{n}", kind=ActivityKind.CALL, at=at, status=done, contact_ids=(f"C{n}",))


def test_first_load_costs_no_more_calls_than_it_must(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """100 records a page, and for each 1,000 of them one call for each kind of link."""
    portal = serve(many(2150))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS)
    portal.calls()
    mirror.read(Stream.ACTIVITIES)
    calls = portal.calls()

    assert 2150 == len(mirror.held[Stream.ACTIVITIES]) == len(mirror.held[Stream.CONTACTS])
    assert all(len(call.contact_ids) == 1 for call in mirror.held[Stream.ACTIVITIES].values())
    lists = sum(count for name, count in calls.items() if name.startswith("GET"))
    links = sum(count for name, count in calls.items() if "associations" in name)
    assert (22 + 5, 3 * 3) == (lists, links)


def test_bug_30_row_created_during_the_first_load_is_found(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A record that appears while the list is read, behind its cursor, comes in the end; a crash in between loses nothing."""
    portal = serve(many(2150))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS, batches=1)
    first = portal.ids("contacts")["C0"]
    portal.later(minutes=1)
    portal.change(
        {"op": "change", "table": "contacts", "id": "C0", "set": {"title": "CEO"}},
        {"op": "add", "table": "contacts", "row": {"id": "N1", "name": "New One"}},
    )
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS)

    assert (2151, "CEO") == (len(mirror.held[Stream.CONTACTS]), mirror.held[Stream.CONTACTS][first].title)


def test_bug_09_row_changed_while_its_window_is_read(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Rows that change again before or behind the place reached come with their last values, and none is skipped."""
    portal = serve(many(1500, with_calls=False))
    mirror = mirror_of(connect_to(portal.url))
    mirror.cursors[("read", Stream.CONTACTS)] = json.dumps({"contacts": {"in": "seen", "upper": T("2023-01-01T00:30:00Z")}})
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS, batches=1)
    ids = portal.ids("contacts")
    portal.change(*({"op": "change", "table": "contacts", "id": each, "set": {"title": "CEO"}} for each in ("C3", "C1400")))
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS)

    assert 1500 == len(mirror.held[Stream.CONTACTS])
    assert {ids["C3"], ids["C1400"]} == {each.id for each in one(mirror, Stream.CONTACTS) if each.title == "CEO"}


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


def test_bug_04_05_07_15_more_than_10000_rows_on_one_stamp(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A bulk edit of more rows than a search can page through is read whole, each row once."""
    portal = serve(many(10_300, with_calls=False))
    connector = connect_to(portal.url)
    mirror = mirror_of(connector)
    mirror.cursors[("read", Stream.CONTACTS)] = json.dumps({"contacts": {"in": "seen", "upper": T("2023-01-01T00:30:00Z")}})
    batches = mirror.read(Stream.CONTACTS)

    assert (10_300, 10_300) == (sum(len(batch.records) for batch in batches), len(mirror.held[Stream.CONTACTS]))


def test_cursor_in_the_future_reads_nothing_and_says_so(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A stored place beyond HubSpot's clock is reported; nothing is skipped in silence."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.cursors[("read", Stream.CONTACTS)] = json.dumps({"contacts": {"in": "seen", "upper": T("2031-01-01T00:00:00Z")}})

    with pytest.raises(UnexpectedReply):
        mirror.read(Stream.CONTACTS)


def test_bug_16_long_lists_of_associations_are_read_to_the_end(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Associations of one record come in pages, and every page is read."""
    people: list[Record] = [Contact(id=f"C{n}", name=f"P {n}", created_at=T("2023-01-01T00:00:00Z")) for n in range(12)]
    meeting = Activity(
        id="X1",
        kind=ActivityKind.MEETING,
        at=T("2024-03-01T10:00:00Z"),
        status=ActivityStatus.DONE,
        contact_ids=tuple(f"C{n}" for n in range(12)),
    )
    portal = serve([*people, meeting], association_page=5)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.ACTIVITIES)

    assert 12 == len(one(mirror, Stream.ACTIVITIES)[0].contact_ids)


# What no proper HubSpot would answer: a stub plays it.


def row(record_id: str, **properties: Any) -> dict[str, Any]:
    """Return a record as the stub sends it."""
    return {"id": record_id, "properties": {"hs_object_id": record_id} | properties, "archived": False}


SEEN = json.dumps({"companies": {"in": "seen", "upper": T("2024-09-30T11:00:00Z")}})


def changed(connector: HubSpot) -> tuple[list[str], list[str]]:
    """Read changed companies and return the ids that came and those that are gone."""
    batches = list(connector.read(Stream.ACCOUNTS, SEEN))
    return [record.id for batch in batches for record in batch.records], [gone for batch in batches for gone in batch.deleted]


def test_bug_02_short_and_empty_pages_do_not_end_a_window(connect_to: Connect, stub: Any) -> None:
    """Only a page without `after` ends it; after an empty page the given place is used, as it came."""
    stub.will({"portalId": 1})
    stub.will({"total": 3, "results": [], "paging": {"next": {"after": 200}}})
    stub.will({"total": 3, "results": [row("5")], "paging": {"next": {"after": "400"}}})
    stub.will({"total": 2, "results": [row("7"), row("11")]})
    stub.will({"results": [row("5"), row("7"), row("11")]})

    assert (["5", "7", "11"], []) == changed(connect_to(stub.url))
    searches = [seen.body for seen in stub.seen if seen.path.endswith("/search")]
    assert [None, 200, None] == [body.get("after") for body in searches]
    assert {"propertyName": "hs_object_id", "operator": "GT", "value": "5"} in searches[2]["filterGroups"][0]["filters"]


def test_bug_06_ids_out_of_order_stop_the_window(connect_to: Connect, stub: Any) -> None:
    """If HubSpot sorted ids as texts, going on from the last one would skip records: that is refused."""
    stub.will({"portalId": 1})
    stub.will({"total": 2, "results": [row("10"), row("9")]})

    with pytest.raises(UnexpectedReply):
        changed(connect_to(stub.url))


def test_bug_17_count_without_records_is_no_end(connect_to: Connect, stub: Any) -> None:
    """A search that counts records and shows none, with no place to go on, is an error."""
    stub.will({"portalId": 1})
    stub.will({"total": 8000, "results": []})

    with pytest.raises(UnexpectedReply):
        changed(connect_to(stub.url))


def test_bug_16_ids_left_out_of_a_batch_read_are_asked_for(connect_to: Connect, stub: Any) -> None:
    """What a batch read leaves out without a word is looked at one by one: gone, or merged into another record."""
    stub.will({"portalId": 1})
    stub.will({"total": 3, "results": [row("5"), row("7"), row("9")]})
    stub.will({"results": [row("5")]})
    stub.will({"category": "OBJECT_NOT_FOUND"}, 404)
    stub.will(row("12"))
    stub.will({"results": [row("12", hs_merged_object_ids="9;8")]})

    assert (["5", "12"], ["7"]) == changed(connect_to(stub.url))


def test_bug_16_living_record_that_cannot_be_read_stops_the_read(connect_to: Connect, stub: Any) -> None:
    """A record that is there but never comes is not skipped."""
    stub.will({"portalId": 1})
    stub.will({"total": 1, "results": [row("5")]})
    stub.will({"results": []})
    stub.will(row("5"))
    stub.will({"results": []})

    with pytest.raises(UnexpectedReply):
        changed(connect_to(stub.url))


def test_associations_left_out_without_a_word_stop_the_read(connect_to: Connect, stub: Any) -> None:
    """A record without associations is named by an error; one that is just missing is not taken for it."""
    stub.will({"portalId": 1})
    stub.will({"results": [row("5", lastname="A"), row("6", lastname="B")]})
    stub.will({"results": [{"from": {"id": "5"}, "to": []}]})

    with pytest.raises(UnexpectedReply):
        list(connect_to(stub.url).read(Stream.CONTACTS, None))


def test_fault_on_any_page_repeats_it_from_the_stored_place(connect_to: Connect, stub: Any) -> None:
    """A broken page in the middle raises; the next read starts where the last stored batch ended."""
    pages = [row(str(n)) for n in range(1000, 2000)]
    stub.will({"portalId": 1})
    for n in range(10):
        stub.will({"results": pages[n * 100 : n * 100 + 100], "paging": {"next": {"after": f"a{n}"}}})
    stub.will(b"<html>", 502)
    read = connect_to(stub.url).read(Stream.ACCOUNTS, None)
    first = next(read)
    with pytest.raises(TransientError):
        next(read)
    stub.will({"results": [row("9999")]})
    stub.will({"total": 0, "results": []})
    again = list(connect_to(stub.url).read(Stream.ACCOUNTS, first.cursor))

    assert 1000 == len(first.records)
    assert "after=a9" in next(seen.path for seen in stub.seen[12:] if "/objects/" in seen.path)
    assert ["9999"] == [record.id for batch in again for record in batch.records]


def test_record_that_cannot_be_read_is_set_aside(connect_to: Connect, stub: Any) -> None:
    """One bad record never stops the rest, also when its text breaks strict JSON."""
    body = json.dumps(
        {"results": [row("1", name="\ud83d"), row("2", annualrevenue="much"), row("3", name="Good"), row("4", name="\0")]}
    )
    stub.will({"portalId": 1})
    stub.will(body.encode())
    batch = next(connect_to(stub.url).read(Stream.ACCOUNTS, None))

    assert (["3"], ["1", "2", "4"]) == ([record.id for record in batch.records], [each.id for each in batch.set_aside])


def test_missing_scope_makes_a_type_partial_and_leaves_the_others(connect_to: Connect, stub: Any) -> None:
    """Activities that the token may not see are reported; those that it may see come."""
    denied = {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.calls.read"]}}
    stub.will({"portalId": 1})
    stub.will(denied, 403)
    stub.will({"results": []})
    connector = connect_to(stub.url, activity_types=["calls", "notes"])
    batches = list(connector.read(Stream.ACTIVITIES, None))

    assert ["crm.objects.calls.read" in batch.partial for batch in batches] == [True, False, False]
    assert {"notes"} == set(json.loads(batches[-1].cursor or ""))


def test_many_property_names_are_read_by_id(connect_to: Connect, stub: Any) -> None:
    """More names than a URL can take go into the body of a batch read."""
    names = frozenset(f"a_rather_long_property_name_{n:04}" for n in range(300))
    stub.will({"portalId": 1})
    stub.will({"results": [row("1")]})
    stub.will({"results": [row("1", name="Acme")]})
    batch = next(connect_to(stub.url, custom={Stream.ACCOUNTS: names}).read(Stream.ACCOUNTS, None))

    assert ["Acme"] == [record.name for record in batch.records if isinstance(record, Account)]
    assert max(len(seen.path) for seen in stub.seen) < 200


def test_record_without_id_or_properties_is_no_record() -> None:
    """A result that is no CRM record is an unexpected reply, never an empty record."""
    for broken in ({}, {"id": "1"}, {"id": 1, "properties": {}}, {"id": "1", "properties": None}):
        with pytest.raises(ConnectorError):
            records(Answer(body={"results": [broken]}))
