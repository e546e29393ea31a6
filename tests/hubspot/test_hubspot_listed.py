"""Contacts and deals are listed once for all the streams that read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.model import AccountContact, Deal, DealContact, Stream
from refsync_hubspot.cursor import Listing, Place
from refsync_hubspot.listed import COMPANY, MOST, Listed
from tests.hubspot.small_book import BOOK, Connect, MirrorOf, Serve, T, many

LINKED = (Stream.CONTACTS, Stream.ACCOUNT_CONTACTS, Stream.DEALS, Stream.DEAL_CONTACTS)


def lists(portal: Any) -> dict[str, int]:
    """Return how often contacts and deals were listed since the last time."""
    counted = portal.calls()
    return {kind: counted.get(f"GET /crm/objects/2026-03/{kind}", 0) for kind in ("contacts", "deals")}


def test_first_load_lists_contacts_and_deals_once(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The links of 250 contacts and 250 deals cost no list of their own, and are all there."""
    deals = [Deal(id=f"D{n}", account_id="A1", name=f"Deal {n}", created_at=T("2023-01-01T00:00:00Z")) for n in range(250)]
    links = [DealContact(id=f"D{n}:C{n}:", deal_id=f"D{n}", contact_id=f"C{n}") for n in range(250)]
    portal = serve([*many(250, with_calls=False), *deals, *links])
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(*LINKED)

    assert {"contacts": 3, "deals": 3} == lists(portal)
    assert 250 == len(mirror.held[Stream.DEAL_CONTACTS])


def test_walk_lists_once_as_well(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The nightly walk finds new and cut links of all records by one list of them."""
    portal = serve(BOOK)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    mirror.sweep()
    portal.change({"op": "delete", "table": "deal_contacts", "id": "D1:C2:"})
    portal.later(minutes=25 * 60)
    portal.calls()
    for stream in LINKED:
        mirror.read(stream)
        mirror.sweep(stream)

    assert 1 == len(mirror.held[Stream.DEAL_CONTACTS])
    assert 1 == len(mirror.held[Stream.ACCOUNT_CONTACTS])
    assert {"contacts": 2, "deals": 2} == lists(portal)  # the living, and the archived


def test_killed_between_the_streams_lists_again(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Another process has no list to take from: it lists for itself, and nothing is missing."""
    portal = serve(BOOK)
    first = mirror_of(connect_to(portal.url))
    first.read(Stream.CONTACTS)
    second = mirror_of(connect_to(portal.url))
    second.read(Stream.ACCOUNT_CONTACTS)

    assert 1 == len(second.held[Stream.ACCOUNT_CONTACTS])


def test_broken_off_amid_the_links_goes_on_without_a_gap(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """The place between two parts sends whoever goes on to a list from its beginning: a link is read twice rather than never."""
    links = [AccountContact(id=f"A2:C{n}", account_id="A2", contact_id=f"C{n}") for n in range(1500)]
    portal = serve([*many(1500, with_calls=False), BOOK[3], *links])
    first = mirror_of(connect_to(portal.url))
    first.read(Stream.CONTACTS)
    first.read(Stream.ACCOUNT_CONTACTS, batches=1)
    reached = Place.loaded(first.cursors["read", Stream.ACCOUNT_CONTACTS]).states["contacts"]
    second = mirror_of(connect_to(portal.url))
    second.cursors, second.held = first.cursors, first.held
    second.read(Stream.ACCOUNT_CONTACTS)

    assert isinstance(reached, Listing)
    assert 1500 == len(second.held[Stream.ACCOUNT_CONTACTS])


def test_what_came_after_the_list_is_found(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A contact that was made, and linked, between the two streams' reads comes with its links."""
    portal = serve(BOOK)
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS)
    portal.later(minutes=1)
    portal.change({"op": "add", "table": "contacts", "row": {"id": "C9", "account_id": "A1", "name": "New"}})
    portal.change({"op": "add", "table": "account_contacts", "row": {"id": "A2:C9", "account_id": "A2", "contact_id": "C9"}})
    portal.later(minutes=15)
    mirror.read(Stream.ACCOUNT_CONTACTS)

    assert portal.ids("contacts")["C9"] in {link.contact_id for link in mirror.held[Stream.ACCOUNT_CONTACTS].values()}


@given(st.lists(st.tuples(st.integers(1, 2**40), st.integers(0, 2**40)), unique_by=lambda pair: pair[0], max_size=2500))
def test_what_was_listed_comes_back(pairs: list[tuple[int, int]]) -> None:
    """Whatever was taken in comes back in order, in parts of at most 1,000, and the last is known as such."""
    rows = [{"id": str(one), "properties": {COMPANY: str(company) if company else None}} for one, company in pairs]
    listed = Listed(start=0)
    listed.add(rows)
    parts = list(listed.parts())

    assert rows == [row for part, _ in parts for row in part]
    assert [False] * (len(parts) - 1) + [True] == [is_last for _, is_last in parts]
    assert all(len(part) <= 1000 for part, _ in parts)


@pytest.mark.parametrize("strange", ["", "abc", "007", "9" * 30])
def test_list_with_ids_that_are_no_numbers_is_not_kept(strange: str) -> None:
    """What cannot be kept as a number, or is too much, leaves the other stream to its own list."""
    listed = Listed(start=0)
    listed.add([{"id": strange, "properties": {}}])
    full = Listed(start=0)
    full.add([{"id": "1", "properties": {}}] * (MOST + 1))

    assert (False, False) == (listed.serves(0), full.serves(0))


def test_old_list_is_not_used() -> None:
    """A list of yesterday shows nothing of what was linked since."""
    listed = Listed(start=0)

    assert (True, False) == (listed.serves(3_600_000), listed.serves(24 * 3_600_000))
