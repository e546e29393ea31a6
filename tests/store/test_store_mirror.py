"""The mirror: batches, cursors, merges, the quarantine, and the brake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from refsync.company import Company, MilestoneField
from refsync.connector import Batch, Merge
from refsync.errors import Place
from refsync.finding import Finding
from refsync.model import (
    Account,
    AccountContact,
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
    Record,
    SetAside,
    Stream,
    User,
)
from refsync.store import ledger, mirror, missing, quarantine, rows, tables
from refsync.store.engine import Database, Store
from refsync.store.mirror import StreamState, Written
from refsync.store.missing import By
from refsync.store.retire import AT_ONCE, Retired, retire
from refsync.store.tables import TABLE_OF, account, activity_contact, contact, deal_contact, finding, milestone, touch

NOW = 1_700_000_000_000
GO_LIVE = MilestoneField(kind="implemented", stream=Stream.ACCOUNTS, field="Go_Live__c")


def write(db: Database, connection: str, stream: Stream, *records: Record, now: int = NOW, **batch: Any) -> Written:
    """Store a batch of records."""
    made = Batch(records=records, **batch)
    return mirror.write_batch(db, connection, stream, made, company=Company(), milestones=[GO_LIVE], now=now)


def ids(db: Database, connection: str, stream: Stream) -> set[str]:
    """Return the ids that the mirror holds of a stream."""
    return set(held(db, connection, stream))


def held(db: Database, connection: str, stream: Stream) -> dict[str, Any]:
    """Return what the mirror holds of a stream, by id."""
    table = TABLE_OF[stream]
    return {row.id: row for row in db.execute(select(table).where(table.c.connection == connection))}


def people(db: Database, connection: str) -> set[tuple[str, str]]:
    """Return who takes part in which activity."""
    table = activity_contact
    return {(row.activity_id, row.contact_id) for row in db.execute(select(table).where(table.c.connection == connection))}


def call(id: str, **values: Any) -> Activity:  # noqa: A002
    return Activity(**{"id": id, "kind": ActivityKind.CALL, "at": NOW, "status": ActivityStatus.DONE, **values})


EVERY_FIELD: Sequence[tuple[Stream, Record]] = [
    (
        Stream.USERS,
        User(
            id="u", name="Ada", email="a@x", active=False, manager_id="m", time_zone="Europe/Berlin", custom={"b": "2", "a": "1"}
        ),
    ),
    (
        Stream.ACCOUNTS,
        Account(
            id="a",
            name="Acme",
            owner_id="u",
            parent_id="p",
            tier="A",
            industry="Steel",
            annual_revenue=1.5,
            created_at=1,
            do_not_contact=True,
        ),
    ),
    (
        Stream.CONTACTS,
        Contact(
            id="c",
            account_id="a",
            name="Bo",
            email="b@x",
            phone="1",
            title="CTO",
            owner_id="u",
            created_at=2,
            do_not_contact=False,
        ),
    ),
    (Stream.ACCOUNT_CONTACTS, AccountContact(id="s", account_id="a", contact_id="c", role="board")),
    (
        Stream.DEALS,
        Deal(
            id="d",
            account_id="a",
            name="Big",
            stage="Won",
            status=DealStatus.WON,
            amount=9.5,
            currency="EUR",
            owner_id="u",
            created_at=3,
            closed_on=date(2024, 3, 1),
            referred_by_contact_id="c",
        ),
    ),
    (Stream.DEAL_CONTACTS, DealContact(id="l", deal_id="d", contact_id="c", role="champion", is_primary=True)),
    (
        Stream.INTRODUCTIONS,
        Introduction(
            id="i",
            source_contact_id="c",
            source_name="Bo",
            person_name="Cy",
            person_contact_id="e",
            account_id="a",
            deal_id="d",
            owner_id="u",
            status=IntroductionStatus.NO_ANSWER,
            status_since=8,
            made_at=7,
            kind="peer elsewhere",
            note="met at a fair",
        ),
    ),
    (
        Stream.CASES,
        Case(id="k", account_id="a", subject="Help", priority="high", status="new", escalated=True, opened_at=4, closed_at=5),
    ),
    (
        Stream.ACTIVITIES,
        Activity(
            id="t",
            kind=ActivityKind.TASK,
            direction=Direction.OUT,
            at=6,
            ended_at=7,
            status=ActivityStatus.PLANNED,
            automated=True,
            subject="Call",
            owner_id="u",
            account_id="a",
            deal_id="d",
            task_key="k" * 64,
        ),
    ),
]


@pytest.mark.parametrize(("stream", "record"), EVERY_FIELD, ids=[stream.value for stream, _ in EVERY_FIELD])
def test_every_field_of_a_record_is_kept(store: Store, connection: str, stream: Stream, record: Record) -> None:
    """Each column of a mirrored record holds the field of its name."""
    with store.write() as db:
        write(db, connection, stream, record)
        row = held(db, connection, stream)[record.id]

    for name in row._mapping.keys() - {"connection", "custom", "not_touch"}:
        value = getattr(record, name)
        assert (value.isoformat() if isinstance(value, date) else value) == getattr(row, name), name


def test_further_fields_are_kept_as_json(store: Store, connection: str) -> None:
    """Custom fields are stored as JSON in the order of their names, nothing when there are none."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1", custom={"b": "ü", "a": ""}), Account(id="2"))
        found = held(db, connection, Stream.ACCOUNTS)

    assert ('{"a":"","b":"ü"}', None) == (found["1"].custom, found["2"].custom)


def test_batch_and_cursor_are_stored_together(store: Store, connection: str) -> None:
    """When the transaction fails, neither the records nor the cursor are there."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1"), cursor="one")
    with pytest.raises(ZeroDivisionError), store.write() as db:
        _ = write(db, connection, Stream.ACCOUNTS, Account(id="2"), cursor="two").deleted // 0

    with store.read() as db:
        found = (ids(db, connection, Stream.ACCOUNTS), mirror.state(db, connection)[Stream.ACCOUNTS].cursor)
    assert ({"1"}, "one") == found


def test_repeated_batch_changes_nothing(store: Store, connection: str) -> None:
    """Storing the same batch again stores all and changes none."""
    records = [call("1", contact_ids=("p", "q")), call("2", subject="again")]
    with store.write() as db:
        first = write(db, connection, Stream.ACTIVITIES, *records)
        second = write(db, connection, Stream.ACTIVITIES, *records)

    assert (Written(stored=2, changed=2), Written(stored=2)) == (first, second)


def test_changed_records_are_counted(store: Store, connection: str) -> None:
    """Of records that come again only the different ones count as changed, also when only their people differ."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, call("1"), call("2", contact_ids=("p",)), call("3", contact_ids=("p", "q")))
        written = write(
            db,
            connection,
            Stream.ACTIVITIES,
            call("1"),
            call("2", contact_ids=("q",)),
            call("3", contact_ids=("q", "p", "q", "")),
        )
        found = people(db, connection)

    assert (Written(stored=3, changed=1), {("2", "q"), ("3", "p"), ("3", "q")}) == (written, found)


def test_last_of_equal_ids_wins(store: Store, connection: str) -> None:
    """A batch may hold a record twice: the later one is kept."""
    with store.write() as db:
        written = write(
            db, connection, Stream.ACCOUNTS, Account(id="1", name="old"), Account(id="2"), Account(id="1", name="new")
        )
        found = held(db, connection, Stream.ACCOUNTS)

    assert (2, "new") == (written.stored, found["1"].name)


def test_ids_that_differ_by_case_are_different(store: Store, connection: str) -> None:
    """Ids are compared exactly as the CRM gives them."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="0015g00000A1b2C"), Account(id="0015g00000a1b2C"))
        counts = mirror.counts(db, connection)

    assert 2 == counts[Stream.ACCOUNTS]


def test_connections_do_not_mix(store: Store, connection: str) -> None:
    """The same id in two connections is two records."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1", name="here"))
        write(db, connection + "b", Stream.ACCOUNTS, Account(id="1", name="there"))
        write(db, connection + "b", Stream.ACCOUNTS, deleted=("1",))
        found = held(db, connection, Stream.ACCOUNTS)

    assert "here" == found["1"].name


def test_many_records_in_one_batch(store: Store, connection: str) -> None:
    """A batch may be larger than a statement can hold."""
    records = [call(str(number), contact_ids=(str(number % 7),)) for number in range(3500)]
    with store.write() as db:
        written = write(db, connection, Stream.ACTIVITIES, *records)
        deleted = write(db, connection, Stream.ACTIVITIES, deleted=tuple(str(number) for number in range(3500))).deleted

    assert (3500, 3500) == (written.changed, deleted)


def test_deleted_records_go_with_their_links(store: Store, connection: str) -> None:
    """With a deal, an account, a person or an activity go their links; unknown ids are no trouble and do not count."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="a"))
        write(db, connection, Stream.CONTACTS, Contact(id="p"))
        seats = [AccountContact(id=one, account_id=one[0], contact_id=one[1]) for one in ("ap", "aq", "bp")]
        write(db, connection, Stream.ACCOUNT_CONTACTS, *seats)
        write(db, connection, Stream.ACCOUNTS, deleted=("a",))
        write(db, connection, Stream.CONTACTS, deleted=("p",))
        write(db, connection, Stream.DEALS, Deal(id="d"))
        write(db, connection, Stream.DEAL_CONTACTS, DealContact(id="l", deal_id="d", contact_id="p"))
        write(db, connection, Stream.ACTIVITIES, call("1", contact_ids=("p",)))
        deleted = write(db, connection, Stream.DEALS, deleted=("d", "unknown")).deleted
        write(db, connection, Stream.ACTIVITIES, deleted=("1",))
        left = (mirror.counts(db, connection), people(db, connection))

    assert (1, (dict.fromkeys(Stream, 0), set())) == (deleted, left)


def test_whole_links_of_a_deal_replace_the_others(store: Store, connection: str) -> None:
    """When a batch holds all links of a deal, its other links go; those of other deals stay."""
    with store.write() as db:
        links = [DealContact(id=one, deal_id=one[0], contact_id=one[1]) for one in ("da", "db", "ea")]
        write(db, connection, Stream.DEAL_CONTACTS, *links)
        written = write(db, connection, Stream.DEAL_CONTACTS, DealContact(id="dc", deal_id="d", contact_id="c"), whole_for=("d",))
        found = held(db, connection, Stream.DEAL_CONTACTS)

    assert ({"dc", "ea"}, 2) == (set(found), written.deleted)


def test_whole_seats_of_a_person_replace_the_others(store: Store, connection: str) -> None:
    """When a batch holds all further accounts of a person, the other ones go; those of other people stay."""
    with store.write() as db:
        seats = [AccountContact(id=one, account_id=one[0], contact_id=one[1]) for one in ("ap", "bp", "aq")]
        write(db, connection, Stream.ACCOUNT_CONTACTS, *seats)
        write(db, connection, Stream.ACCOUNT_CONTACTS, seats[0], whole_for=("p",))
        found = ids(db, connection, Stream.ACCOUNT_CONTACTS)

    assert {"ap", "aq"} == found


@pytest.mark.parametrize(
    ("stream", "links"),
    [
        (Stream.ACCOUNTS, {"account_id": "kept"}),
        (Stream.CONTACTS, {"source_contact_id": "kept", "person_contact_id": "kept"}),
        (Stream.DEALS, {"deal_id": "kept"}),
        (Stream.USERS, {"owner_id": "kept"}),
    ],
)
def test_merged_records_hand_over_introductions(store: Store, connection: str, stream: Stream, links: dict[str, str]) -> None:
    """Whatever an introduction points at, it points at the survivor of a merge."""
    before = replace(Introduction(id="i", note="kept"), **dict.fromkeys(links, "gone"))  # type: ignore[arg-type]
    with store.write() as db:
        write(db, connection, Stream.INTRODUCTIONS, before)
        write(db, connection, stream, merged=(Merge(gone="gone", survivor="kept"),))
        row = held(db, connection, Stream.INTRODUCTIONS)["i"]

    assert {**links, "note": "kept"} == {name: getattr(row, name) for name in (*links, "note")}


@pytest.mark.parametrize("stream", [Stream.ACCOUNTS, Stream.CONTACTS])
def test_merged_records_hand_over_seats(store: Store, connection: str, stream: Stream) -> None:
    """A person's further account stays when either of the two is merged into another record."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNT_CONTACTS, AccountContact(id="s", account_id="gone", contact_id="gone"))
        write(db, connection, stream, merged=(Merge(gone="gone", survivor="kept"),))
        row = held(db, connection, Stream.ACCOUNT_CONTACTS)["s"]

    expected = {Stream.ACCOUNTS: ("kept", "gone"), Stream.CONTACTS: ("gone", "kept")}
    assert expected[stream] == (row.account_id, row.contact_id)


def test_merged_account_hands_everything_over(store: Store, connection: str) -> None:
    """Contacts, deals, cases, activities, divisions and findings of a merged account move to the survivor."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="gone"), Account(id="child", parent_id="gone"))
        write(db, connection, Stream.CONTACTS, Contact(id="p", account_id="gone"))
        write(db, connection, Stream.DEALS, Deal(id="d", account_id="gone", status=DealStatus.WON, closed_on=date(2024, 3, 1)))
        write(db, connection, Stream.CASES, Case(id="k", account_id="gone"))
        write(db, connection, Stream.ACTIVITIES, call("1", account_id="gone", contact_ids=("p",)), call("2", deal_id="d"))
        ledger.intend(
            db, connection, [Finding(key="f", rule="r", kind="ask", subject_kind="account", subject_id="gone", account_id="gone")]
        )
        written = write(db, connection, Stream.ACCOUNTS, Account(id="kept"), merged=(Merge(gone="gone", survivor="kept"),))
        pointing = {
            (table.name, row.account_id)
            for table in (contact, TABLE_OF[Stream.DEALS], TABLE_OF[Stream.CASES], touch, milestone, finding)
            for row in db.execute(select(table).where(table.c.connection == connection))
        }
        parents = {row.parent_id for row in db.execute(select(account).where(account.c.connection == connection))}
        subject = db.execute(select(finding.c.subject_id).where(finding.c.connection == connection)).scalar()
        left = ids(db, connection, Stream.ACCOUNTS)

    names = ("contact", "deal", "support_case", "touch", "milestone", "finding")
    assert {(name, "kept") for name in names} == pointing
    assert ({None, "kept"}, "kept", {"kept", "child"}, 1) == (parents, subject, left, written.merged)


def test_merged_person_is_the_same_in_every_activity(store: Store, connection: str) -> None:
    """A merged person's activities, parts in deals and referrals are the survivor's, once."""
    with store.write() as db:
        write(db, connection, Stream.CONTACTS, Contact(id="gone", account_id="a"), Contact(id="kept", account_id="a"))
        write(db, connection, Stream.DEALS, Deal(id="d", referred_by_contact_id="gone"))
        write(db, connection, Stream.DEAL_CONTACTS, DealContact(id="l", deal_id="d", contact_id="gone"))
        write(db, connection, Stream.ACTIVITIES, call("1", contact_ids=("gone", "kept")), call("2", contact_ids=("gone",)))
        write(db, connection, Stream.CONTACTS, merged=(Merge(gone="gone", survivor="kept"),))
        links = db.execute(select(deal_contact.c.contact_id).where(deal_contact.c.connection == connection)).scalars().all()
        touched = db.execute(select(touch.c.activity_id, touch.c.contact_id).where(touch.c.connection == connection)).all()
        found = (people(db, connection), held(db, connection, Stream.DEALS)["d"].referred_by_contact_id)

    assert ({("1", "kept"), ("2", "kept")}, "kept") == found
    assert (["kept"], {("1", "kept"), ("2", "kept")}) == (links, {tuple(row) for row in touched})


def test_chain_of_merges_ends_at_the_last(store: Store, connection: str) -> None:
    """Merges of merged records hand over to the one that lives on, in whatever order they come; a circle is left alone."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, *(Account(id=one) for one in "abcxy"))
        write(db, connection, Stream.CONTACTS, Contact(id="p", account_id="a"))
        steps = (("b", "c"), ("a", "b"), ("c", "c"))
        write(db, connection, Stream.ACCOUNTS, merged=tuple(Merge(gone=gone, survivor=survivor) for gone, survivor in steps))
        found = (held(db, connection, Stream.CONTACTS)["p"].account_id, ids(db, connection, Stream.ACCOUNTS))

    assert ("c", {"c", "x", "y"}) == found


def test_merge_moves_findings_about_milestones_of_its_own_kind_only(store: Store, connection: str) -> None:
    """An account and a deal may have the same id: merging the account leaves findings about the deal's milestone alone."""
    with store.write() as db:
        for key, milestone_id in (("of deal", "signed:1"), ("of account", "implemented:1")):
            ledger.intend(
                db, connection, [Finding(key=key, rule="r", kind="ask", subject_kind="milestone", subject_id=milestone_id)]
            )
        write(db, connection, Stream.ACCOUNTS, merged=(Merge(gone="1", survivor="2"),))
        subjects = {one.key: one.subject_id for one in ledger.everything(db, connection)}

    assert {"of deal": "signed:1", "of account": "implemented:2"} == subjects


def test_record_set_aside_counts_its_attempts_and_heals(store: Store, connection: str) -> None:
    """A bad record is kept with its reason and place, counted each time it comes, and forgotten when it comes well."""
    bad = SetAside(id="1", reason="no date", raw="{}", place=Place("accounts.csv", 7))
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="2"), set_aside=(bad,), now=1)
        written = write(db, connection, Stream.ACCOUNTS, set_aside=(bad,), now=2)
        table = tables.quarantine
        row = db.execute(select(table).where(table.c.connection == connection)).one()
        before = quarantine.counts(db, connection)
        write(db, connection, Stream.ACCOUNTS, Account(id="1"))
        after = quarantine.counts(db, connection)

    assert (1, {Stream.ACCOUNTS: 1}, {}) == (written.set_aside, before, after)
    assert ("no date", "{}", "accounts.csv:7", 2, 1, 2) == (
        row.reason,
        row.raw,
        row.place,
        row.attempts,
        row.first_at,
        row.last_at,
    )


@pytest.mark.parametrize(
    "record",
    [
        Account(id="bad", name="U+0000: \x00"),
        Account(id="bad", name="half a character: \ud83d"),
        Account(id="bad", created_at=2**63),
        Account(id="bad", custom={"field": "\ud83d"}),
        Account(id="", name="nobody"),
    ],
    ids=["zero", "surrogate", "number", "custom", "no id"],
)
def test_record_that_no_database_holds_is_set_aside(store: Store, connection: str, record: Account) -> None:
    """One record that a database would refuse does not stop those beside it."""
    with store.write() as db:
        written = write(db, connection, Stream.ACCOUNTS, Account(id="1"), record, Account(id="2"), cursor="next")
        found = (ids(db, connection, Stream.ACCOUNTS), quarantine.counts(db, connection))

    assert ({"1", "2"}, {Stream.ACCOUNTS: 1}) == found
    assert Written(stored=2, changed=2, set_aside=1) == written


@pytest.mark.parametrize("bad", ["\x00", "\ud83d"], ids=["zero", "surrogate"])
def test_ids_that_no_record_can_have_are_passed_over(store: Store, connection: str, bad: str) -> None:
    """A deletion, a merge or a link with an impossible id stops nothing."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1"), Account(id="2"))
        written = write(db, connection, Stream.ACCOUNTS, deleted=(bad, "1"), merged=(Merge(gone=bad, survivor="2"),))
        write(db, connection, Stream.DEAL_CONTACTS, whole_for=(bad,))

    assert (1, 0) == (written.deleted, written.merged)


def test_text_that_only_looks_like_a_zero_is_kept(store: Store, connection: str) -> None:
    """A backslash, u and four zeros are ordinary text."""
    with store.write() as db:
        written = write(db, connection, Stream.ACCOUNTS, Account(id="1", name="\\u0000"))

    assert 0 == written.set_aside


def test_number_that_is_none_is_unknown(store: Store, connection: str) -> None:
    """Infinite amounts and those that are no number are unknown, and do not count as changed for ever."""
    records = [Account(id="1", annual_revenue=float("nan")), Account(id="2", annual_revenue=float("inf"))]
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, *records)
        again = write(db, connection, Stream.ACCOUNTS, *records)
        revenues = {row.annual_revenue for row in held(db, connection, Stream.ACCOUNTS).values()}

    assert ({None}, 0) == (revenues, again.changed)


def test_state_of_a_stream(store: Store, connection: str) -> None:
    """A read that ends well says since when the mirror is good; one that ends early only says why, and keeps the cursor."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, cursor="one")
        mirror.finish(db, connection, Stream.ACTIVITIES, started=10, complete_since=5)
        first = mirror.state(db, connection)
        write(db, connection, Stream.ACTIVITIES, cursor="two")
        mirror.finish(db, connection, Stream.ACTIVITIES, started=20, partial="the quota is used up")
        second = mirror.state(db, connection)
        mirror.finish(db, connection, Stream.ACTIVITIES, started=30)
        third = mirror.state(db, connection)

    assert {Stream.ACTIVITIES: StreamState(cursor="one", synced_at=10, complete_since=5)} == first
    assert {
        Stream.ACTIVITIES: StreamState(cursor="two", synced_at=10, complete_since=5, partial="the quota is used up")
    } == second
    assert {Stream.ACTIVITIES: StreamState(cursor="two", synced_at=30)} == third


def test_sweep_has_its_own_cursor(store: Store, connection: str) -> None:
    """A sweep moves neither the cursor nor the time of the reads."""
    with store.write() as db:
        write(db, connection, Stream.DEALS, cursor="read")
        batch = Batch(cursor="sweep")
        mirror.write_batch(db, connection, Stream.DEALS, batch, company=Company(), now=NOW, sweep=True)
        mirror.finish(db, connection, Stream.DEALS, started=7, sweep=True)
        found = mirror.state(db, connection)[Stream.DEALS]

    assert StreamState(cursor="read", sweep_cursor="sweep", swept_at=7) == found


def retired(db: Database, connection: str, shown: Iterable[str], by: By = By.READ, **options: Any) -> Retired:
    """Return what becomes of the accounts after a whole read or sweep that showed these."""
    missing.show(db, connection, Stream.ACCOUNTS, by, shown)
    missing.compare(db, connection, Stream.ACCOUNTS, by, NOW)
    return retire(db, connection, Stream.ACCOUNTS, company=Company(), **options)


def test_records_that_a_whole_read_does_not_show_go(store: Store, connection: str) -> None:
    """A handful of records that are no longer shown are deleted, and forgotten in the quarantine; those set aside stay."""
    bad = SetAside(id="3", reason="no date")
    with store.write() as db:
        write(
            db,
            connection,
            Stream.ACCOUNTS,
            *(Account(id=str(number)) for number in range(4)),
            set_aside=(SetAside(id="9", reason=""),),
        )
        batch = Batch(records=(Account(id="1"),), set_aside=(bad,), whole=True)
        mirror.write_batch(db, connection, Stream.ACCOUNTS, batch, company=Company(), now=NOW)
        gone = retired(db, connection, rows.shown(batch)).ids
        found = (ids(db, connection, Stream.ACCOUNTS), quarantine.counts(db, connection))

    assert ({"0", "2"}, ({"1", "3"}, {Stream.ACCOUNTS: 1})) == (set(gone), found)


@pytest.mark.parametrize(
    ("there", "gone", "stopped"), [(10, 5, False), (10, 6, True), (200, 10, False), (200, 11, True), (12000, 501, True)]
)
def test_brake_stops_a_loss_that_looks_like_a_mistake(
    store: Store, connection: str, there: int, gone: int, *, stopped: bool
) -> None:
    """More than 5 % and a handful, or more than 500 records, are not deleted; the problem says what to check."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, *(Account(id=str(number)) for number in range(there)))
        end = retired(db, connection, (str(number) for number in range(gone, there)))
        left = mirror.counts(db, connection)[Stream.ACCOUNTS]

    command = f"refsync sync --connection {connection} --confirm-deletes accounts"
    assert (there if stopped else there - gone, stopped) == (left, command in str(end.problem))


def test_brake_can_be_released(store: Store, connection: str) -> None:
    """When a person has confirmed it, everything that is not shown goes, some thousands at a time."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, *(Account(id=str(number)) for number in range(AT_ONCE + 20)))
        braked = retired(db, connection, ())
        steps = [retire(db, connection, Stream.ACCOUNTS, company=Company(), confirmed=True) for _ in range(2)]
        left = mirror.counts(db, connection)[Stream.ACCOUNTS]

    assert (0, [(AT_ONCE, True), (20, False)], 0) == (len(braked.ids), [(len(one.ids), one.more) for one in steps], left)


def test_what_two_sweeps_in_turn_miss_goes(store: Store, connection: str) -> None:
    """A record that one whole sweep misses stays; it goes when the next one misses it, too, and not when it was shown between."""
    everything = {"1", "2", "3", "4"}
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, *(Account(id=one) for one in sorted(everything)))
        steps = [
            set(retired(db, connection, everything - lost, By.SWEEP).ids) for lost in ({"1", "2"}, {"1", "3"}, {"2", "3"}, {"4"})
        ]
        left = ids(db, connection, Stream.ACCOUNTS)

    assert ([set(), {"1"}, {"3"}, set()], {"2", "4"}) == (steps, left)


@pytest.mark.parametrize("batch", [{"records": (Account(id="1", name="new"),)}, {"deleted": ("1",)}], ids=["shown", "deleted"])
def test_what_the_crm_says_itself_ends_the_search(store: Store, connection: str, batch: dict[str, Any]) -> None:
    """A record that was missing and is read again, or reported as deleted, is no longer missing."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1"))
        retired(db, connection, (), By.SWEEP)
        write(db, connection, Stream.ACCOUNTS, *batch.pop("records", ()), **batch)
        write(db, connection, Stream.ACCOUNTS, Account(id="1", name="again"))
        gone = retired(db, connection, (), By.SWEEP).ids

    assert () == gone


def test_lists_of_reads_and_sweeps_are_apart(store: Store, connection: str) -> None:
    """A whole read in the middle of a sweep neither uses nor ends the list of the sweep."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="1"), Account(id="2"))
        missing.show(db, connection, Stream.ACCOUNTS, By.SWEEP, ["1"])
        steps = [retired(db, connection, ["1", "2"]).ids, retired(db, connection, ["2"], By.SWEEP).ids]
        noted = db.execute(select(tables.missing).where(tables.missing.c.connection == connection)).all()

    assert ([(), ()], []) == (steps, noted)


def test_what_the_crm_lacks_is_kept(store: Store, connection: str) -> None:
    """What a stream lacks is remembered until a batch says something else; a batch that says nothing changes nothing."""
    with store.write() as db:
        found = []
        for lacking in (frozenset({"status", "Tier__c"}), None, frozenset[str]()):
            write(db, connection, Stream.ACCOUNTS, lacking=lacking)
            found.append(mirror.state(db, connection)[Stream.ACCOUNTS].lacking)

    assert [{"status", "Tier__c"}, {"status", "Tier__c"}, frozenset()] == found


def test_record_that_comes_back_is_stored_again(store: Store, connection: str) -> None:
    """A record that was deleted and is restored in the CRM is there again, with its touches."""
    with store.write() as db:
        for stream, record in (
            (Stream.CONTACTS, Contact(id="p", account_id="a")),
            (Stream.ACTIVITIES, call("1", contact_ids=("p",))),
        ):
            write(db, connection, stream, record)
            write(db, connection, stream, deleted=(record.id,))
            written = write(db, connection, stream, record)
        touched = db.execute(select(touch.c.contact_id).where(touch.c.connection == connection)).scalars().all()

    assert (Written(stored=1, changed=1), ["p"]) == (written, touched)


def test_records_without_an_id_are_set_aside_by_their_place(store: Store, connection: str) -> None:
    """Two rows without an id are two records in the quarantine."""
    bad = tuple(SetAside(id="", reason="no id", place=Place("accounts.csv", line)) for line in (3, 4))
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, set_aside=bad)
        found = quarantine.counts(db, connection)

    assert {Stream.ACCOUNTS: 2} == found
