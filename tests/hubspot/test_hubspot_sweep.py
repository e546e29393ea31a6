"""Sweeps over HTTP: what moves no date comes all the same, when it is due, and costs nothing when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import AccountContact, Deal, DealContact, Stream
from refsync_hubspot import sweep
from refsync_hubspot.cursor import SWEEPS, Sweeping
from tests.hubspot.small_book import BOOK, Connect, MirrorOf, Serve, T, many

SWEPT = tuple(stream for stream in Stream if stream is not Stream.USERS)


@pytest.fixture
def mirror(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> Any:
    """Return the mirror of the small book, just read and swept for the first time."""
    found = mirror_of(connect_to(portal.url))
    found.read()
    found.sweep()
    return found


def associate(portal: Any, kinds: tuple[str, str], ends: tuple[str, str], what: str = "create") -> None:
    """Associate two records in the plain type as another app would, or part them."""
    path = f"/crm/v4/associations/{kinds[0]}/{kinds[1]}/batch/{'associate/default' if what == 'create' else 'archive'}"
    to = {"id": ends[1]}
    portal.post(path, {"inputs": [{"from": {"id": ends[0]}, "to": to if what == "create" else [to]}]})


def test_first_sweep_notes_the_time_and_asks_nothing(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Everything was just read, so the first sweep only begins to count the hours."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    portal.calls()
    batches = mirror.sweep()

    assert {} == portal.calls()
    assert [()] * len(SWEPT) == [batch.records for batch in batches]
    assert {stream for kind, stream in mirror.cursors if kind == "sweep"} == set(SWEPT)


def test_nothing_is_asked_while_nothing_is_due(portal: Any, mirror: Any) -> None:
    """A tick in between costs no call, not even for the time."""
    portal.calls()
    portal.later(minutes=170)

    assert [] == mirror.sweep()
    assert {} == portal.calls()


def test_archived_records_are_deleted_by_the_sweep(portal: Any, mirror: Any) -> None:
    """Archived records are in no search and no list but the archived one, which is read every six hours."""
    contact, call = portal.ids("contacts")["C3"], portal.ids("activities")["X1"]
    portal.change({"op": "delete", "table": "contacts", "id": "C3"}, {"op": "delete", "table": "activities", "id": "X1"})
    portal.later(minutes=5 * 60)
    mirror.sweep()
    early = contact in mirror.held[Stream.CONTACTS]
    portal.later(minutes=61)
    mirror.sweep()

    assert early
    assert contact not in mirror.held[Stream.CONTACTS]
    assert contact not in mirror.held[Stream.INTRODUCTIONS]
    assert call not in mirror.held[Stream.ACTIVITIES]


def test_new_associations_are_seen_by_the_walk(portal: Any, connect_to: Connect, mirror_of: MirrorOf, api: str) -> None:
    """Of every pair of object types: what was associated without moving any date comes at night, what was parted goes."""
    mirror = mirror_of(connect_to(portal.url, api=api))
    mirror.read()
    mirror.sweep()
    contact, deal, account = portal.ids("contacts"), portal.ids("deals"), portal.ids("accounts")
    call = portal.ids("activities")["X2"]
    associate(portal, ("deals", "contacts"), (deal["D1"], contact["C3"]))
    associate(portal, ("deals", "contacts"), (deal["D1"], contact["C2"]), "archive")
    associate(portal, ("contacts", "companies"), (contact["C3"], account["A2"]))
    associate(portal, ("contacts", "companies"), (contact["C1"], account["A2"]), "archive")
    for kind, end in (("contacts", contact["C2"]), ("companies", account["A2"]), ("deals", deal["D2"])):
        associate(portal, ("calls", kind), (call, end))
    portal.later(minutes=25 * 60)
    mirror.sweep()
    held = mirror.held[Stream.ACTIVITIES][call]

    assert {f"{deal['D1']}:{contact[name]}" for name in ("C1", "C3")} == set(mirror.held[Stream.DEAL_CONTACTS])
    assert {f"{account['A2']}:{contact['C3']}"} == set(mirror.held[Stream.ACCOUNT_CONTACTS])
    assert ((contact["C2"],), account["A2"], deal["D2"]) == (held.contact_ids, held.account_id, held.deal_id)
    assert isinstance(next(iter(mirror.held[Stream.ACCOUNT_CONTACTS].values())), AccountContact)
    assert isinstance(next(iter(mirror.held[Stream.DEAL_CONTACTS].values())), DealContact)


def test_what_was_made_lately_is_looked_at_again(portal: Any, mirror: Any) -> None:
    """A deal that somebody associates hours after making it has its people the same day, not only after the night."""
    portal.change({"op": "add", "table": "deals", "row": {"id": "N1", "name": "New", "account_id": "A1", "stage": "Demo"}})
    deal, contact = portal.ids("deals")["N1"], portal.ids("contacts")["C2"]
    portal.later(minutes=100)
    mirror.read()
    associate(portal, ("deals", "contacts"), (deal, contact))
    portal.later(minutes=100)
    portal.calls()
    mirror.sweep()
    calls = portal.calls()

    assert f"{deal}:{contact}" in mirror.held[Stream.DEAL_CONTACTS]
    assert 0 == sum(count for name, count in calls.items() if name.startswith("GET") and "/objects/" in name)


def test_records_deleted_for_good_are_missing_from_a_whole_walk(portal: Any, mirror: Any) -> None:
    """GDPR deletes leave no trace but absence: a walk says that it showed everything, at its end and only there."""
    batches = []
    portal.later(minutes=25 * 60)
    for stream in SWEPT:
        batches.append((stream, mirror.sweep(stream)))

    whole = {stream: [batch.whole for batch in found] for stream, found in batches}
    links = {Stream.ACCOUNT_CONTACTS, Stream.DEAL_CONTACTS}
    assert {stream: stream not in links for stream in SWEPT} == {stream: found[-1] for stream, found in whole.items()}
    assert not any(flag for found in whole.values() for flag in found[:-1])
    present = {stream: {each for batch in found for each in batch.present} for stream, found in batches}
    assert {stream: set(mirror.held[stream]) for stream in set(SWEPT) - links} == {
        stream: ids for stream, ids in present.items() if stream not in links
    }


def test_calculated_values_come_with_the_walk(portal: Any, mirror: Any) -> None:
    """A value that HubSpot works out by itself moves no date: it is as HubSpot shows it after the night."""
    deal = portal.ids("deals")["D2"]
    held = mirror.held[Stream.DEALS]
    held[deal] = Deal(id=deal, name="as it was")
    portal.later(minutes=25 * 60)
    mirror.sweep(Stream.DEALS)

    assert "Open" == held[deal].name


def test_walk_goes_on_where_it_stopped(
    serve: Serve, connect_to: Connect, mirror_of: MirrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk lets the tick go on after so many records, also ends amid faults, and is whole in the end, once."""
    monkeypatch.setattr(sweep, "ROWS_A_TICK", 1000)
    portal = serve(many(2150, with_calls=False))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read(Stream.CONTACTS)
    mirror.sweep(Stream.CONTACTS)
    portal.later(minutes=25 * 60)
    ticks = [mirror.sweep(Stream.CONTACTS) for _ in range(3)]

    assert [1000, 1000, 150] == [sum(len(batch.records) for batch in batches) for batches in ticks]
    assert [False, False, True] == [batches[-1].whole for batches in ticks]
    assert [] == mirror.sweep(Stream.CONTACTS)


def test_sweep_cursor_says_what_was_done_when(portal: Any, mirror: Any) -> None:
    """A walk counts as a look at what was made lately; each sweep counts from its beginning."""
    portal.later(minutes=25 * 60)
    mirror.sweep(Stream.DEALS)
    place = Sweeping.loaded(mirror.cursors["sweep", Stream.DEALS])
    begun = T("2024-10-01T13:00:00Z")

    assert ("", {}) == (place.under_way, place.states)
    assert dict.fromkeys(SWEEPS, begun) == {name: at - at % 60_000 for name, at in place.done.items()}


def test_scope_that_is_missing_makes_no_walk_whole(serve: Serve, connect_to: Connect, stub: Any, ticking: Any) -> None:
    """Records that the token may not see are not gone."""
    assert BOOK
    started = Sweeping(done=dict.fromkeys(SWEEPS, T("2024-09-29T00:00:00Z"))).dumped()
    stub.will({"portalId": 1})
    stub.will({"results": []})
    stub.will({"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["tickets"]}}, 403)
    batches = list(connect_to(stub.url).sweep(Stream.CASES, started))

    assert ["tickets" in batch.partial for batch in batches] == [False, False, True, False]
    assert not any(batch.whole for batch in batches)
