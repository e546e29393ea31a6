"""Bugs that other tools have shipped in reading HubSpot, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from refsync.connector import Merge
from refsync.errors import UnexpectedReply
from refsync.model import Account, Activity, ActivityKind, ActivityStatus, Contact, Record, Stream, iso
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Place, Seen
from tests.hubspot.conftest import NOW
from tests.hubspot.small_book import CUSTOM, Connect, MirrorOf, Serve, T

MANY = 10_400
"""More than one query of HubSpot's search gives."""
SEARCH = "POST *search"


@pytest.fixture
def mirror(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> Any:
    """Return the mirror of the small book, just read and swept for the first time."""
    found = mirror_of(connect_to(portal.url, custom=CUSTOM))
    found.read()
    found.sweep()
    return found


def people(count: int) -> list[Record]:
    """Return a book of people who were all imported this very instant."""
    return [Contact(id=f"C{n}", name=f"Person {n}", created_at=NOW) for n in range(count)]


def calls(count: int) -> list[Record]:
    """Return a book of calls that were all logged this very instant."""
    done = ActivityStatus.DONE
    return [Activity(id=f"X{n}", kind=ActivityKind.CALL, at=NOW, status=done) for n in range(count)]


def imported(serve: Serve, connect_to: Connect, mirror_of: MirrorOf, book: list[Record], **settings: Any) -> tuple[Any, Any]:
    """Return a portal into which a book was just imported, all at one instant, and a mirror that has read everything before."""
    portal = serve(book, **settings)
    found = mirror_of(connect_to(portal.url))
    kinds = ("contacts", "calls", "emails", "meetings", "notes", "communications", "tasks")
    for kind in kinds[:2]:
        portal.do("stamp", type=kind, at=iso(NOW))
    before = Place(states=dict.fromkeys(kinds, Seen(upper=NOW - 1000))).dumped()
    found.cursors |= {("read", stream): before for stream in (Stream.CONTACTS, Stream.ACTIVITIES)}
    portal.later(minutes=1)
    return portal, found


def times_read(batches: Any) -> Counter[str]:
    """Return how often each record came."""
    return Counter(record.id for batch in batches for record in batch.records)


def change(portal: Any, table: str, identity: str, **columns: Any) -> None:
    """Change a record as a person does."""
    portal.change({"op": "change", "table": table, "id": identity, "set": columns})


# -- windows of changes ----------------------------------------------------------------------------------------------------


@pytest.mark.bug("hubspot", 1)
def test_contacts_are_searched_by_their_own_column(portal: Any, mirror: Any) -> None:
    """A changed contact is found, though the column of all other types finds nothing for contacts."""
    portal.later(minutes=30)
    change(portal, "contacts", "C2", title="CEO")
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS)

    assert "CEO" == mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title


@pytest.mark.bug("hubspot", 2)
def test_short_and_empty_pages_do_not_end_a_window(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Only a page that does not say how to go on ends a window, however few rows it has."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(900))
    for nth, name in ((1, "empty-page"), (3, "short-page"), (4, "empty-page")):
        portal.trouble({"kind": "own", "name": name, "endpoint": SEARCH, "nth": nth})
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 3)
def test_after_may_be_a_number(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Where the next page begins is a text or a number, as HubSpot likes."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(450))
    portal.trouble({"kind": "own", "name": "empty-page", "about": "number", "endpoint": SEARCH, "nth": 2})
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 4)
def test_more_than_10000_rows_on_one_stamp(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A bulk import that gives everybody one stamp is read whole: going on from the last stamp would turn in a circle."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(MANY))

    assert dict.fromkeys(portal.ids("contacts").values(), 1) == times_read(mirror.read(Stream.CONTACTS))


@pytest.mark.bug("hubspot", 5)
def test_every_page_goes_on_behind_the_last_id(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The filter on the id stands in every query of a window, not only in the first one after a restart."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(MANY))

    assert dict.fromkeys(portal.ids("contacts").values(), 1) == times_read(mirror.read(Stream.CONTACTS))


@pytest.mark.bug("hubspot", 6)
def test_ids_in_the_order_of_texts(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Should HubSpot sort ids as texts, nobody is skipped."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(1200), ids_as_text=True)
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 7)
def test_no_query_needs_more_than_10000_results(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """HubSpot refuses the page behind the 10,000th result: it is never asked for."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(MANY))
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 8)
def test_rows_that_the_index_got_late_are_found(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A change that no search showed yet comes with a later read."""
    portal = serve(people(3), index_lag=600_000)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS)
    portal.later(minutes=90)
    mirror.read(Stream.CONTACTS)
    portal.later(minutes=90)
    change(portal, "contacts", "C2", title="CEO")
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS)
    early = mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title
    portal.later(minutes=10)
    mirror.read(Stream.CONTACTS)

    assert ("", "CEO") == (early, mirror.held[Stream.CONTACTS][portal.ids("contacts")["C2"]].title)


@pytest.mark.bug("hubspot", 9)
def test_rows_that_change_while_their_window_is_read(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Rows that leave the window while it is paged through make no other row slip from page to page."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(1000))
    portal.later(minutes=90)
    portal.trouble({"kind": "own", "name": "row-outside", "endpoint": SEARCH})
    mirror.read(Stream.CONTACTS)
    portal.calm()
    portal.later(minutes=1)
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 10)
def test_window_begins_where_the_last_one_ended(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A row with a stamp behind the window does not carry the cursor past rows that changed before it."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(1400))
    mirror.read(Stream.CONTACTS, batches=2)
    early = next(iter(mirror.held[Stream.CONTACTS]))
    change(portal, "contacts", early, title="CEO")
    portal.later(minutes=90)
    portal.trouble({"kind": "own", "name": "row-outside", "endpoint": SEARCH, "times": 1})
    mirror.read(Stream.CONTACTS)
    portal.calm()
    portal.later(minutes=5)
    mirror.read(Stream.CONTACTS)

    assert "CEO" == mirror.held[Stream.CONTACTS][early].title


@pytest.mark.bug("hubspot", 15)
def test_more_than_10000_activities_at_once(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """An integration that logs years of calls in one go is read to its end."""
    portal, mirror = imported(serve, connect_to, mirror_of, calls(MANY))
    mirror.read(Stream.ACTIVITIES)

    assert set(portal.ids("activities").values()) == set(mirror.held[Stream.ACTIVITIES])


@pytest.mark.bug("hubspot", 17)
def test_count_without_records_is_no_end(portal: Any, mirror: Any) -> None:
    """A search that counts 8,000 records and shows none, with no place to go on, is an error."""
    portal.later(minutes=90)
    counted = '{"total": 8000, "results": []}'
    portal.trouble({"kind": "status", "status": 200, "body": counted, "endpoint": "POST */companies/search"})

    with pytest.raises(UnexpectedReply):
        mirror.read(Stream.ACCOUNTS)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_25000_records_of_one_stamp_are_read_once_each(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The largest bulk import that anybody reported: every record comes, and none twice."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(25_000))
    instant = {"propertyName": "lastmodifieddate", "operator": "EQ", "value": str(NOW)}
    search = {"filterGroups": [{"filters": [instant]}], "limit": 1}

    assert 25_000 == portal.post("/crm/v3/objects/contacts/search", search)["total"]
    assert dict.fromkeys(portal.ids("contacts").values(), 1) == times_read(mirror.read(Stream.CONTACTS))


# -- records, and what they point at ---------------------------------------------------------------------------------------


@pytest.mark.bug("hubspot", 11)
def test_changed_records_come_with_their_associations(portal: Any, mirror: Any) -> None:
    """A deal that is read again keeps its account, a call its people."""
    portal.later(minutes=30)
    change(portal, "deals", "D1", name="Bigger")
    change(portal, "activities", "X1", subject="Again")
    portal.later(minutes=1)
    mirror.read(Stream.DEALS, Stream.ACTIVITIES)
    deal = mirror.held[Stream.DEALS][portal.ids("deals")["D1"]]
    call = mirror.held[Stream.ACTIVITIES][portal.ids("activities")["X1"]]
    contacts = portal.ids("contacts")

    assert ("Bigger", portal.ids("accounts")["A1"]) == (deal.name, deal.account_id)
    assert ("Again", {contacts["C1"], contacts["C3"]}) == (call.subject, set(call.contact_ids))


@pytest.mark.bug("hubspot", 12)
def test_association_that_is_added_later(portal: Any, mirror: Any) -> None:
    """Associating moves no date: the walk of the night brings what was added and drops what was parted."""
    contact, deal = portal.ids("contacts"), portal.ids("deals")["D1"]
    part = {"deal_id": "D1", "contact_id": "C3", "role": "buyer"}
    portal.change(
        {"op": "add", "table": "deal_contacts", "row": part}, {"op": "delete", "table": "deal_contacts", "id": "D1:C2:"}
    )
    portal.later(minutes=25 * 60)
    mirror.read(Stream.DEAL_CONTACTS)
    mirror.sweep(Stream.DEAL_CONTACTS)

    assert {f"{deal}:{contact[name]}" for name in ("C1", "C3")} == set(mirror.held[Stream.DEAL_CONTACTS])


@pytest.mark.bug("hubspot", 13)
def test_archived_records_go(portal: Any, mirror: Any) -> None:
    """Archived records are in no search and no list but the archived one, which a sweep reads every six hours."""
    contact, call = portal.ids("contacts")["C3"], portal.ids("activities")["X1"]
    portal.change({"op": "delete", "table": "contacts", "id": "C3"}, {"op": "delete", "table": "activities", "id": "X1"})
    portal.later(minutes=6 * 60 + 5)  # the first sweep noted a time a moment after the start
    for stream in (Stream.CONTACTS, Stream.ACTIVITIES):
        mirror.read(stream)
        mirror.sweep(stream)

    assert contact not in mirror.held[Stream.CONTACTS]
    assert call not in mirror.held[Stream.ACTIVITIES]


@pytest.mark.bug("hubspot", 13)
def test_owner_who_has_left_stays_as_inactive(portal: Any, mirror: Any) -> None:
    """Records keep pointing at removed owners, whom only a list of the archived ones shows."""
    portal.change({"op": "delete", "table": "users", "id": "U1"})
    mirror.read(Stream.USERS)

    assert dict.fromkeys(portal.ids("users").values(), False) == {
        user.id: user.active for user in mirror.held[Stream.USERS].values()
    }


@pytest.mark.bug("hubspot", 14)
def test_merged_records_do_not_stay_as_duplicates(portal: Any, mirror: Any) -> None:
    """Both old ids of a merge go, and say who lives on."""
    before, old = set(mirror.held[Stream.CONTACTS]), {portal.ids("contacts")[name] for name in ("C1", "C3")}
    portal.later(minutes=90)
    (survivor,) = portal.change({"op": "merge", "table": "contacts", "id": "C3", "into": "C1"})
    portal.later(minutes=1)
    batches = mirror.read(Stream.CONTACTS)

    assert {Merge(gone=gone, survivor=survivor) for gone in old} == {merge for batch in batches for merge in batch.merged}
    assert before - old | {survivor} == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 16)
def test_long_lists_of_associations_are_read_to_their_end(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Associations of one record come in pages, and every page is read."""
    names = tuple(f"C{n}" for n in range(12))
    done, meeting = ActivityStatus.DONE, ActivityKind.MEETING
    portal = serve([*people(12), Activity(id="X1", kind=meeting, at=NOW, status=done, contact_ids=names)], association_page=5)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.ACTIVITIES)
    (held,) = mirror.held[Stream.ACTIVITIES].values()

    assert set(portal.ids("contacts").values()) == set(held.contact_ids)


@pytest.mark.bug("hubspot", 16)
def test_ids_that_a_batch_read_drops_are_asked_for(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """What a batch read does not give is looked at one by one, not taken for gone."""
    portal, mirror = imported(serve, connect_to, mirror_of, people(30))
    portal.trouble({"kind": "own", "name": "some-fail", "endpoint": "POST */contacts/batch/read", "times": 1})
    mirror.read(Stream.CONTACTS)

    assert set(portal.ids("contacts").values()) == set(mirror.held[Stream.CONTACTS])


@pytest.mark.bug("hubspot", 18)
def test_record_of_many_properties_is_never_of_two_moments(
    serve: Serve, connect_to: Connect, mirror_of: MirrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many properties are read, they come in one reply: a record that changes meanwhile is not torn."""
    names = tuple(f"a_property_with_a_rather_long_name_{n:03}" for n in range(200))
    values = dict.fromkeys(names, "0")
    portal = serve([Account(id="A1", name="Acme", created_at=NOW, custom=values)], {Stream.ACCOUNTS: names})
    connector = connect_to(portal.url, custom={Stream.ACCOUNTS: frozenset(names)})
    ask, changes = Client.ask, iter(range(1, 100))

    def ask_while_people_work(client: Client, path: str, *how: Any) -> Any:
        found = ask(client, path, *how)
        if path.endswith("/batch/read") and "/objects/" in path:
            change(portal, "accounts", "A1", **dict.fromkeys(names, str(next(changes))))
        return found

    monkeypatch.setattr(Client, "ask", ask_while_people_work)
    mirror = mirror_of(connector)
    mirror.read(Stream.ACCOUNTS)
    (held,) = mirror.held[Stream.ACCOUNTS].values()

    assert len(names) == len(held.custom)
    assert 1 == len(set(held.custom.values()))


@pytest.mark.bug("hubspot", 21)
def test_calculated_values_do_not_grow_old(portal: Any, mirror: Any) -> None:
    """A value that HubSpot works out by itself moves no date: the walk of the night brings it."""
    deal = portal.ids("deals")["D2"]
    portal.later(minutes=90)
    portal.do("calculate", id=deal, set={"dealname": "Worked out"})
    mirror.read(Stream.DEALS)
    early = mirror.held[Stream.DEALS][deal].name
    portal.later(minutes=25 * 60)
    mirror.read(Stream.DEALS)
    mirror.sweep(Stream.DEALS)

    assert ("Open", "Worked out") == (early, mirror.held[Stream.DEALS][deal].name)


@pytest.mark.bug("hubspot", 28)
def test_last_association_that_is_removed_clears_the_set(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """207 with nothing but NO_ASSOCIATIONS_FOUND is a success, and means that there are none."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.ACTIVITIES)
    portal.later(minutes=30)
    change(portal, "activities", "X1", contact_ids=[], subject="Alone")
    portal.later(minutes=1)
    mirror.read(Stream.ACTIVITIES)
    call = mirror.held[Stream.ACTIVITIES][portal.ids("activities")["X1"]]

    assert ("Alone", ()) == (call.subject, call.contact_ids)


@pytest.mark.bug("hubspot", 29)
def test_times_of_1970_are_set_aside(portal: Any, mirror: Any) -> None:
    """Seconds that somebody wrote as milliseconds set the row aside with its reason; it counts as nothing."""
    properties = {"hs_timestamp": "1710000000", "hs_meeting_title": "Lunch", "hs_meeting_outcome": "COMPLETED"}
    meeting = portal.post("/crm/v3/objects/meetings", {"properties": properties})["id"]
    portal.later(minutes=1)
    mirror.read(Stream.ACTIVITIES)

    assert meeting not in mirror.held[Stream.ACTIVITIES]
    assert "1970" in mirror.aside[meeting]


@pytest.mark.bug("hubspot", 30)
def test_row_that_is_created_during_the_first_load(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Ids do not follow the order of creation: what appears behind the place that a list has reached comes all the same."""
    portal = serve([Contact(id=f"C{n}", name=f"P {n}", created_at=T("2023-01-01T00:00:00Z")) for n in range(2150)])
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS, batches=2)
    portal.later(minutes=5)
    change(portal, "contacts", "C0", title="CEO")
    portal.change(*({"op": "add", "table": "contacts", "row": {"id": f"N{n}", "name": f"New {n}"}} for n in range(20)))
    portal.later(minutes=90)
    mirror.read(Stream.CONTACTS)
    portal.later(minutes=90)
    mirror.read(Stream.CONTACTS)
    ids = portal.ids("contacts")

    assert set(ids.values()) == set(mirror.held[Stream.CONTACTS])
    assert "CEO" == mirror.held[Stream.CONTACTS][ids["C0"]].title
