"""Touches and milestones: what counts, for whom, and that deriving step by step equals deriving from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select

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
    Record,
    Stream,
    instant,
    parse_instant,
)
from refsync.store import derive, indexes, mirror
from refsync.store.engine import Database, Store, open_store
from refsync.store.milestones import reached
from refsync.store.tables import activity, milestone, touch
from refsync.store.touches import not_touch

NOW = parse_instant("2024-03-01T10:00:00Z")
COMPANY = Company(calendar=Calendar(zone="Europe/Berlin"))
FIELDS = (
    MilestoneField(kind="implemented", stream=Stream.ACCOUNTS, field="Go_Live__c"),
    MilestoneField(kind="roi", stream=Stream.DEALS, field="Roi__c"),
)

Touches: TypeAlias = set[tuple[str, str, str, int, str, str | None, int]]


def write(db: Database, connection: str, stream: Stream, *records: Record, company: Company = COMPANY, **batch: Any) -> None:
    made = Batch(records=records, **batch)
    mirror.write_batch(db, connection, stream, made, company=company, milestones=FIELDS, now=NOW)


def touches(db: Database, connection: str) -> Touches:
    """Return activity, person, account, time, channel, direction and two_way of each touch."""
    rows = db.execute(select(touch).where(touch.c.connection == connection))
    return {(row.activity_id, row.contact_id, row.account_id, row.at, row.channel, row.direction, row.two_way) for row in rows}


def with_whom(db: Database, connection: str) -> set[tuple[str, str]]:
    """Return person and account of each touch."""
    return {(person, account) for _, person, account, *_ in touches(db, connection)}


def milestones(db: Database, connection: str) -> dict[str, tuple[Any, ...]]:
    rows = db.execute(select(milestone).where(milestone.c.connection == connection))
    return {row.id: (row.kind, row.account_id, row.contact_id, row.deal_id, row.reached, row.evidence) for row in rows}


def reasons(db: Database, connection: str) -> dict[str, str]:
    rows = db.execute(select(activity.c.id, activity.c.not_touch).where(activity.c.connection == connection))
    return {row.id: row.not_touch for row in rows}


def call(id: str = "1", **values: Any) -> Activity:  # noqa: A002
    return Activity(**{"id": id, "kind": ActivityKind.CALL, "at": NOW, "status": ActivityStatus.DONE, **values})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, ""),
        ({"direction": Direction.OUT}, ""),
        ({"kind": ActivityKind.MEETING}, ""),
        ({"kind": ActivityKind.EMAIL, "direction": Direction.IN}, ""),
        ({"kind": ActivityKind.MESSAGE, "direction": Direction.IN}, ""),
        ({"kind": ActivityKind.EMAIL, "direction": Direction.OUT}, "e-mail we sent"),
        ({"kind": ActivityKind.EMAIL}, "e-mail of unknown direction"),
        ({"kind": ActivityKind.MESSAGE, "direction": Direction.OUT}, "message we sent"),
        ({"kind": ActivityKind.NOTE}, "notes are no contact"),
        ({"kind": ActivityKind.TASK}, "tasks are no contact"),
        ({"automated": True}, "automated"),
        ({"status": ActivityStatus.BOUNCED}, "bounced"),
        ({"status": ActivityStatus.NO_SHOW}, "no_show"),
        ({"status": ActivityStatus.CANCELLED}, "cancelled"),
        ({"status": ActivityStatus.PLANNED}, "planned"),
        ({"kind": ActivityKind.MEETING, "status": ActivityStatus.PLANNED}, "planned"),
        ({"status": None}, "status unknown"),
        ({"at": None}, "no time"),
        ({"task_key": "k"}, "our own task"),
        ({"at": NOW + 10**12}, ""),
    ],
)
def test_what_counts_and_why_not(store: Store, connection: str, values: dict[str, Any], reason: str) -> None:
    """An activity counts when it was a conversation that took place; otherwise it keeps the reason in words."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, call(account_id="a", **values))
        found = (reasons(db, connection), len(touches(db, connection)))

    assert ({"1": reason}, 0 if reason else 1) == found


@pytest.mark.parametrize(
    ("policy", "values", "reason"),
    [
        (TouchPolicy(ignore=frozenset()), {"automated": True}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.BOUNCED}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.NO_SHOW}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.CANCELLED}, "cancelled"),
        (TouchPolicy(unconfirmed_meetings=True), {"kind": ActivityKind.MEETING, "status": ActivityStatus.PLANNED}, ""),
        (TouchPolicy(unconfirmed_meetings=True), {"status": ActivityStatus.PLANNED}, "planned"),
        (TouchPolicy(kinds=frozenset({(ActivityKind.NOTE, None)})), {"kind": ActivityKind.NOTE}, ""),
        (TouchPolicy(kinds=frozenset({(ActivityKind.NOTE, None)})), {}, "calls are no contact"),
        (TouchPolicy(kinds=frozenset({(ActivityKind.CALL, Direction.OUT)})), {"direction": Direction.IN}, "call we received"),
    ],
)
def test_a_company_decides_what_counts(policy: TouchPolicy, values: dict[str, Any], reason: str) -> None:
    """Another policy counts other activities; what was cancelled never counts."""
    made = call(**values)

    assert reason == not_touch(policy, (made.kind, made.direction, made.status, made.automated, False, True))


def test_two_way_is_what_the_policy_says(store: Store, connection: str) -> None:
    """A kind that counts, but in which the customer takes no part, is no two-way touch."""
    sent = frozenset({(ActivityKind.EMAIL, None)})
    received = frozenset({(ActivityKind.EMAIL, Direction.IN)})
    company = replace(COMPANY, touch=TouchPolicy(kinds=sent, two_way=received))
    with store.write() as db:
        for id, direction in (("in", Direction.IN), ("out", Direction.OUT), ("?", None)):  # noqa: A001
            email = call(id, kind=ActivityKind.EMAIL, direction=direction, account_id="a")
            write(db, connection, Stream.ACTIVITIES, email, company=company)
        found = {row[0]: row[-1] for row in touches(db, connection)}

    assert {"in": 1, "out": 0, "?": 0} == found


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call(contact_ids=("bo", "cy")), {("bo", "acme"), ("cy", "zeta")}),
        (call(contact_ids=("bo",), account_id="acme"), {("bo", "acme")}),
        (call(contact_ids=("bo",), account_id="zeta"), {("bo", "acme"), ("", "zeta")}),
        (call(contact_ids=("nobody",), account_id="acme"), {("", "acme")}),
        (call(deal_id="deal"), {("", "acme")}),
        (call(deal_id="deal", account_id="zeta"), {("", "zeta")}),
        (call(deal_id="unknown"), set()),
        (call(contact_ids=("free",)), {("free", "")}),
        (call(contact_ids=("free",), account_id="acme"), {("free", ""), ("", "acme")}),
        (call(contact_ids=("bo",), deal_id="deal"), {("bo", "acme")}),
        (call(), set()),
    ],
)
def test_with_whom_a_touch_was(store: Store, connection: str, made: Activity, expected: set[tuple[str, str]]) -> None:
    """One touch per known person at that person's account, and one for the activity's own account unless one of them is there."""
    with store.write() as db:
        people = (Contact(id="bo", account_id="acme"), Contact(id="cy", account_id="zeta"), Contact(id="free"))
        write(db, connection, Stream.CONTACTS, *people)
        write(db, connection, Stream.DEALS, Deal(id="deal", account_id="acme"))
        write(db, connection, Stream.ACTIVITIES, made)
        found = with_whom(db, connection)

    assert expected == found


def test_touch_follows_a_person_who_changes_companies(store: Store, connection: str) -> None:
    """When a person's account changes, comes late or is gone, the touches with that person follow."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, call(contact_ids=("bo",)))
        steps = [with_whom(db, connection)]
        for account in ("acme", "zeta"):
            write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id=account))
            steps.append(with_whom(db, connection))
        write(db, connection, Stream.CONTACTS, deleted=("bo",))
        steps.append(with_whom(db, connection))

    assert [set(), {("bo", "acme")}, {("bo", "zeta")}, set()] == steps


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call(contact_ids=("bo",)), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="acme"), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="board"), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="zeta"), {("bo", "acme"), ("bo", "board"), ("bo", "club"), ("", "zeta")}),
        (call(contact_ids=("free",)), {("free", ""), ("free", "club")}),
        (call(contact_ids=("nobody",)), set()),
        (call(account_id="board"), {("", "board")}),
    ],
)
def test_a_person_of_several_accounts_is_in_touch_for_each(
    store: Store, connection: str, made: Activity, expected: set[tuple[str, str]]
) -> None:
    """An activity counts for every account that its people belong to, once, whatever role or how many roles they have there."""
    links = [("bo", "board"), ("bo", "club"), ("bo", "board"), ("bo", "acme"), ("free", "club"), ("nobody", "club")]
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, made)
        write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id="acme"), Contact(id="free"))
        further = [AccountContact(id=str(n), account_id=where, contact_id=who) for n, (who, where) in enumerate(links)]
        write(db, connection, Stream.ACCOUNT_CONTACTS, *further)
        found = with_whom(db, connection)

    assert expected == found


def test_touch_follows_a_further_account(store: Store, connection: str) -> None:
    """When a person joins or leaves a further account, or the account is gone, the touches there follow."""
    link = AccountContact(id="l", account_id="board", contact_id="bo")
    with store.write() as db:
        write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id="acme"))
        write(db, connection, Stream.ACTIVITIES, call(contact_ids=("bo",)))
        steps = []
        for batch in (
            {"records": (link,)},
            {"records": (replace(link, account_id="club"),)},
            {"deleted": ("l",)},
            {"records": (link,), "whole_for": ("bo",)},
            {"whole_for": ("bo",)},
            {"records": (link,)},
        ):
            records = batch.pop("records", ())
            write(db, connection, Stream.ACCOUNT_CONTACTS, *records, **batch)
            steps.append(with_whom(db, connection) - {("bo", "acme")})
        write(db, connection, Stream.ACCOUNTS, Account(id="board"))
        write(db, connection, Stream.ACCOUNTS, deleted=("board",))
        steps.append(with_whom(db, connection) - {("bo", "acme")})

    board, club = {("bo", "board")}, {("bo", "club")}
    assert [board, club, set(), board, set(), board, set()] == steps


def test_signing_is_a_milestone_with_its_person(store: Store, connection: str) -> None:
    """A won deal is reached at the local midnight of its day, with its primary person, in whatever order they come."""
    with store.write() as db:
        won = Deal(id="d", account_id="a", name="Big", status=DealStatus.WON, closed_on=date(2024, 4, 10))
        write(
            db,
            connection,
            Stream.DEALS,
            won,
            Deal(id="lost", account_id="a", status=DealStatus.LOST, closed_on=date(2024, 4, 10)),
        )
        links = [DealContact(id=who, deal_id="d", contact_id=who, is_primary=who == "zoe") for who in ("zoe", "ann")]
        write(db, connection, Stream.DEAL_CONTACTS, *links)
        write(db, connection, Stream.CONTACTS, Contact(id="zoe", name="Zoe"), Contact(id="ann", name="Ann"))
        found = milestones(db, connection)

    midnight = parse_instant("2024-04-10T00:00:00+02:00")
    assert {"signed:d": ("signed", "a", "zoe", "d", midnight, 'deal "Big" won on 2024-04-10')} == found


def test_person_of_a_deal_without_a_primary_is_the_first_by_name(store: Store, connection: str) -> None:
    """Among people of the same rank the first by name stands for the deal, and changes with the names."""
    with store.write() as db:
        write(
            db, connection, Stream.CONTACTS, Contact(id="1", name="Zoe"), Contact(id="2", name="Bo"), Contact(id="3", name="Bo")
        )
        write(db, connection, Stream.DEALS, Deal(id="d", account_id="a", status=DealStatus.WON, closed_on=date(2024, 4, 10)))
        write(db, connection, Stream.DEAL_CONTACTS, *(DealContact(id=who, deal_id="d", contact_id=who) for who in "312"))
        first = milestones(db, connection)["signed:d"][2]
        write(db, connection, Stream.CONTACTS, Contact(id="1", name="Ann"))
        second = milestones(db, connection)["signed:d"][2]

    assert ("2", "1") == (first, second)


def test_mapped_fields_are_milestones(store: Store, connection: str) -> None:
    """A date in a mapped field is a milestone of its account, and goes when the field is emptied."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="a", custom={"Go_Live__c": "2024-01-15", "Other__c": "2024-01-16"}))
        write(db, connection, Stream.DEALS, Deal(id="d", account_id="a", custom={"Roi__c": "2024-02-01T08:30:00Z"}))
        found = milestones(db, connection)
        write(db, connection, Stream.ACCOUNTS, Account(id="a"))
        left = milestones(db, connection).keys()

    assert {
        "implemented:a": ("implemented", "a", None, None, parse_instant("2024-01-15T00:00:00+01:00"), "Go_Live__c = 2024-01-15"),
        "roi:d": ("roi", "a", None, "d", parse_instant("2024-02-01T08:30:00Z"), "Roi__c = 2024-02-01T08:30:00Z"),
    } == found
    assert {"roi:d"} == set(left)


@pytest.mark.parametrize("value", ["true", "yes", "soon", "2024-13-01", "2024-02-01T08:30:00", "0001-01-01"])
def test_what_is_no_date_is_no_milestone(value: str) -> None:
    """A mapped field that holds no date gives no milestone."""
    assert reached(value, COMPANY.calendar) is None


def test_values_that_are_no_date_are_counted(store: Store, connection: str) -> None:
    """Filled mapped fields without a date are counted for the report."""
    batch = Batch(records=(Account(id="a", custom={"Go_Live__c": "true"}), Account(id="b", custom={"Go_Live__c": " "})))
    with store.write() as db:
        written = mirror.write_batch(db, connection, Stream.ACCOUNTS, batch, company=COMPANY, milestones=FIELDS, now=NOW)

    assert 1 == written.unreadable


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


def derived(db: Database, connection: str) -> tuple[object, ...]:
    return touches(db, connection), milestones(db, connection), reasons(db, connection)


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
        derive.rebuild(db, connection, COMPANY, FIELDS)
        from_scratch = derived(db, connection)

    assert from_scratch == step_by_step


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


def test_midnight_of_a_day_with_a_clock_change() -> None:
    """A field's date is the midnight of its own day, also where the night has 23 or 25 hours."""
    zone = COMPANY.calendar.tz
    expected = [instant(datetime(2024, month, day, tzinfo=zone)) for month, day in ((3, 31), (10, 27))]

    assert expected == [reached(text, COMPANY.calendar) for text in ("2024-03-31", "2024-10-27")]
