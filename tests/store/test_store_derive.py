"""Touches and milestones: what counts, for whom, and that deriving step by step equals deriving from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from refsync.calendar import Calendar
from refsync.company import Company, MilestoneField, TouchPolicy
from refsync.connector import Batch, Merge
from refsync.model import (
    Account,
    AccountContact,
    Activity,
    ActivityKind,
    ActivityStatus,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Stream,
)
from refsync.store import mirror
from refsync.store.database import indexes
from refsync.store.derived import derive
from refsync.store.engine import Database, Store, open_store
from tests.store.derived import COMPANY, FIELDS, NOW, Touches, call, counted_last_touches, derived, last_touches, touches, write


@pytest.mark.parametrize(
    ("company", "fields"),
    [
        (replace(COMPANY, touch=TouchPolicy(kinds=frozenset({(ActivityKind.NOTE, None)}))), FIELDS),
        (replace(COMPANY, calendar=Calendar(zone="Asia/Tokyo")), FIELDS),
        (COMPANY, FIELDS[:1]),
    ],
    ids=["policy", "zone", "fields"],
)
def test_other_settings_derive_everything_again(
    store: Store, connection: str, company: Company, fields: tuple[MilestoneField, ...]
) -> None:
    """When the policy, the zone or the mapped fields change, all is derived again, once."""
    with store.write() as db:
        ran = [derive.ensure_derived(db, connection, COMPANY, FIELDS)]
        write(
            db, connection, Stream.ACTIVITIES, call("call", account_id="a"), call("note", kind=ActivityKind.NOTE, account_id="a")
        )
        won = Deal(id="d", account_id="a", status=DealStatus.WON, closed_on=date(2024, 4, 10), custom={"Roi__c": "2024-02-01"})
        write(db, connection, Stream.DEALS, won)
        ran += [derive.ensure_derived(db, connection, COMPANY, FIELDS)]
        before = derived(db, connection)
        ran += [derive.ensure_derived(db, connection, company, fields) for _ in range(2)]
        after = derived(db, connection)

    assert [True, False, True, False] == ran
    assert before != after


# ---- step by step equals from scratch

ids = st.sampled_from("abc")
some_id = st.none() | ids
accounts = st.builds(
    Account, id=ids, custom=st.just({}) | st.fixed_dictionaries({"Go_Live__c": st.sampled_from(["2024-01-15", "?"])})
)
contacts = st.builds(Contact, id=ids, account_id=some_id, name=st.sampled_from(["Ann", "Bo"]))
deals = st.builds(
    Deal,
    id=ids,
    account_id=some_id,
    name=st.sampled_from(["Big", "Small"]),
    status=st.sampled_from(DealStatus),
    closed_on=st.none() | st.sampled_from([date(2024, 3, 31), date(2024, 10, 27)]),
    custom=st.just({}) | st.just({"Roi__c": "2024-02-01"}),
)
deal_contacts = st.builds(DealContact, id=ids, deal_id=ids, contact_id=ids, is_primary=st.booleans())
account_contacts = st.builds(AccountContact, id=ids, account_id=ids, contact_id=ids, role=st.sampled_from(["", "board"]))
activities = st.builds(
    Activity,
    id=ids,
    kind=st.sampled_from(ActivityKind),
    direction=st.none() | st.sampled_from(Direction),
    at=st.none() | st.just(NOW),
    status=st.sampled_from([ActivityStatus.DONE, ActivityStatus.DONE, ActivityStatus.PLANNED, ActivityStatus.CANCELLED]),
    automated=st.booleans(),
    account_id=some_id,
    deal_id=some_id,
    contact_ids=st.lists(ids, max_size=3).map(tuple),
    task_key=st.sampled_from(["", "", "k"]),
)
RECORDS: dict[Stream, st.SearchStrategy[Any]] = {
    Stream.ACCOUNTS: accounts,
    Stream.CONTACTS: contacts,
    Stream.ACCOUNT_CONTACTS: account_contacts,
    Stream.DEALS: deals,
    Stream.DEAL_CONTACTS: deal_contacts,
    Stream.ACTIVITIES: activities,
}
MERGED = frozenset({Stream.ACCOUNTS, Stream.CONTACTS, Stream.DEALS})


@st.composite
def batches(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[Stream, Batch]:
    """Draw what a CRM may say next: records, deletions, merges and whole sets of links, in any order of streams."""
    stream = draw(st.sampled_from(sorted(RECORDS)))
    records = draw(st.lists(RECORDS[stream], max_size=4).map(tuple))
    deleted = draw(st.lists(ids, max_size=1).map(tuple))
    merges = st.builds(Merge, gone=ids, survivor=ids)
    merged = draw(st.lists(merges, max_size=2).map(tuple)) if stream in MERGED else ()
    whole_for = draw(st.lists(ids, max_size=1).map(tuple)) if stream in mirror.PARENT else ()
    return stream, Batch(records=records, deleted=deleted, merged=merged, whole_for=whole_for)


names = count(1)


@settings(max_examples=80, deadline=None)
@given(history=st.lists(batches(), min_size=1, max_size=12))
def test_step_by_step_equals_from_scratch(store: Store, history: list[tuple[Stream, Batch]]) -> None:
    """After any history of batches, what was derived with each of them is what a rebuild derives."""
    connection = f"history-{next(names)}"
    with store.write() as db:
        derive.ensure_derived(db, connection, COMPANY, FIELDS)
        for stream, batch in history:
            mirror.write_batch(db, connection, stream, batch, company=COMPANY, milestones=FIELDS, now=NOW)
        step_by_step = derived(db, connection)
        kept, counted = last_touches(db, connection), counted_last_touches(db, connection)
        derive.rebuild(db, connection, COMPANY, FIELDS)
        from_scratch = derived(db, connection)

    assert from_scratch == step_by_step
    assert kept == counted


@settings(max_examples=60, deadline=None)
@given(first=st.lists(batches(), max_size=8), then=st.lists(batches(), max_size=4))
def test_a_first_load_may_leave_deriving_to_its_end(
    store: Store, first: list[tuple[Stream, Batch]], then: list[tuple[Stream, Batch]]
) -> None:
    """Batches stored without deriving and derived at their end leave what deriving with each leaves, and more may follow."""
    at_once, stepwise = f"at-once-{next(names)}", f"stepwise-{next(names)}"
    with store.write() as db:
        in_step = derive.begin(db, at_once, COMPANY, FIELDS)
        for history, told in ((first, False), (then, True)):
            for stream, batch in history:
                how: Any = {"company": COMPANY, "milestones": FIELDS, "now": NOW}
                mirror.write_batch(db, at_once, stream, batch, derived=told, **how)
                mirror.write_batch(db, stepwise, stream, batch, **how)
            rebuilt = derive.ensure_derived(db, at_once, COMPANY, FIELDS)
            assert rebuilt is not told
        loaded, kept = derived(db, at_once), derived(db, stepwise)

    assert not in_step
    assert kept == loaded


def test_a_load_that_was_cut_off_is_never_taken_for_derived(store: Store) -> None:
    """Once batches may have come without deriving, going back to the settings of before does not pass them off as derived."""
    other = replace(COMPANY, calendar=Calendar(zone="America/New_York"))
    with store.write() as db:
        derive.ensure_derived(db, "c", COMPANY, FIELDS)
        began = [derive.begin(db, "c", company, FIELDS) for company in (COMPANY, other, COMPANY)]
        rebuilt = derive.ensure_derived(db, "c", COMPANY, FIELDS)

    assert began == [True, False, False]
    assert rebuilt


def test_a_first_load_makes_the_largest_indexes_at_its_end(tmp_path: Path) -> None:
    """The indexes of activities and touches go while there is no activity, stay once there is one, and are whole afterwards."""
    with open_store(f"sqlite:///{tmp_path / 'new.db'}") as store, store.write() as db:
        before = index_names(db)
        derive.begin(db, "c", COMPANY, FIELDS)
        loading = index_names(db)
        derive.ensure_derived(db, "c", COMPANY, FIELDS)
        after = index_names(db)
        write(db, "c", Stream.ACTIVITIES, Activity(id="a", kind=ActivityKind.CALL))
        derive.begin(db, "another connection", COMPANY, FIELDS)
        beside_rows = index_names(db)

    assert before == after == beside_rows == {index.name for table in indexes.TABLES for index in table.indexes}
    assert loading == set()


def index_names(db: Database) -> set[str | None]:
    return {index["name"] for table in indexes.TABLES for index in inspect(db).get_indexes(table.name)}


@settings(max_examples=60, deadline=None)
@given(
    people=st.lists(contacts, max_size=3),
    seats=st.lists(account_contacts, max_size=3),
    sold=st.lists(deals, max_size=3),
    done=st.lists(activities, max_size=5),
)
def test_touches_are_those_that_plain_python_finds(
    store: Store, people: list[Contact], seats: list[AccountContact], sold: list[Deal], done: list[Activity]
) -> None:
    """The touches are the same as those found by going through the records one by one."""
    connection = f"plain-{next(names)}"
    with store.write() as db:
        for stream, records in (
            (Stream.ACTIVITIES, done),
            (Stream.ACCOUNT_CONTACTS, seats),
            (Stream.DEALS, sold),
            (Stream.CONTACTS, people),
        ):
            write(db, connection, stream, *records)
        found = touches(db, connection)

    latest_seats = {one.id: one for one in seats}.values()
    places = {one.id: {one.account_id or ""} for one in people}
    for seat in latest_seats:
        places.get(seat.contact_id, set()).add(seat.account_id)
    assert plainly(places, {one.id: one for one in sold}, {one.id: one for one in done}) == found


def plainly(places: dict[str, set[str]], sold: dict[str, Deal], done: dict[str, Activity]) -> Touches:
    """Return the touches of these records by the default policy; `places` are the accounts of each person."""
    found: Touches = set()
    for one in done.values():
        heard = one.kind in {ActivityKind.EMAIL, ActivityKind.MESSAGE} and one.direction == Direction.IN
        spoken = one.kind in {ActivityKind.CALL, ActivityKind.MEETING}
        if one.at is None or one.automated or one.task_key or one.status != ActivityStatus.DONE or not (heard or spoken):
            continue
        row = (one.at, one.kind.value, one.direction.value if one.direction else None, 1)
        met = {(one.id, who, account, *row) for who in one.contact_ids for account in places.get(who, ())}
        own = one.account_id or (sold[one.deal_id].account_id if one.deal_id in sold else None)
        if own and own not in {account for _, _, account, *_ in met}:
            met.add((one.id, "", own, *row))
        found |= met
    return found
