"""The mirror: batches, cursors, merges, the quarantine, and the brake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import select

from refsync.company import Company
from refsync.connector import Batch
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
    Stream,
    User,
)
from refsync.store import mirror
from refsync.store.engine import Store
from refsync.store.mirror import StreamState, Written
from refsync.store.tables import TABLE_OF, WORKED_OUT, touch
from tests.store.written import NOW, call, held, ids, people, write

EVERY_FIELD: Sequence[tuple[Stream, Record]] = [
    (
        Stream.USERS,
        User(
            id="u",
            name="Ada",
            email="a@x",
            active=False,
            manager_id="m",
            time_zone="Europe/Berlin",
            away_from=1,
            away_until=2,
            custom={"b": "2", "a": "1"},
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

    worked_out = {column.name for column in TABLE_OF[stream].columns if column.info == WORKED_OUT}
    for name in row._mapping.keys() - worked_out - {"connection", "custom", "not_touch"}:
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
