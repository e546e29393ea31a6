"""Milestones: won deals and mapped dates."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from refsync.connector import Batch
from refsync.model import (
    Account,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Stream,
    instant,
    parse_instant,
)
from refsync.store import mirror
from refsync.store.derived.milestones import reached
from refsync.store.engine import Store
from tests.store.derived import COMPANY, FIELDS, NOW, milestones, write


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


def test_midnight_of_a_day_with_a_clock_change() -> None:
    """A field's date is the midnight of its own day, also where the night has 23 or 25 hours."""
    zone = COMPANY.calendar.tz
    expected = [instant(datetime(2024, month, day, tzinfo=zone)) for month, day in ((3, 31), (10, 27))]

    assert expected == [reached(text, COMPANY.calendar) for text in ("2024-03-31", "2024-10-27")]
