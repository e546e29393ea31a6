"""Merged records: whatever pointed at the one that is gone points at the survivor."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from refsync.connector import Merge
from refsync.finding import Finding
from refsync.model import (
    Account,
    AccountContact,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Introduction,
    Stream,
)
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.store.tables import TABLE_OF, account, contact, deal_contact, draw, finding, milestone, touch
from refsync.store.tasks import draws
from refsync.store.tasks.draws import Draw
from tests.store.written import call, held, ids, people, write


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
    """Contacts, deals, cases, activities, divisions, findings and draws of a merged account move to the survivor."""
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, Account(id="gone"), Account(id="child", parent_id="gone"))
        write(db, connection, Stream.CONTACTS, Contact(id="p", account_id="gone"))
        write(db, connection, Stream.DEALS, Deal(id="d", account_id="gone", status=DealStatus.WON, closed_on=date(2024, 3, 1)))
        write(db, connection, Stream.CASES, Case(id="k", account_id="gone"))
        write(db, connection, Stream.ACTIVITIES, call("1", account_id="gone", contact_ids=("p",)), call("2", deal_id="d"))
        ledger.intend(
            db, connection, [Finding(key="f", rule="r", kind="ask", subject_kind="account", subject_id="gone", account_id="gone")]
        )
        draws.remember(
            db, connection, [Draw(key="f", rule="r", kind="ask", account_id="gone", contact_id="", left_out=False)], at=1
        )
        written = write(db, connection, Stream.ACCOUNTS, Account(id="kept"), merged=(Merge(gone="gone", survivor="kept"),))
        pointing = {
            (table.name, row.account_id)
            for table in (contact, TABLE_OF[Stream.DEALS], TABLE_OF[Stream.CASES], touch, milestone, finding, draw)
            for row in db.execute(select(table).where(table.c.connection == connection))
        }
        parents = {row.parent_id for row in db.execute(select(account).where(account.c.connection == connection))}
        subject = db.execute(select(finding.c.subject_id).where(finding.c.connection == connection)).scalar()
        left = ids(db, connection, Stream.ACCOUNTS)

    names = ("contact", "deal", "support_case", "touch", "milestone", "finding", "draw")
    assert {(name, "kept") for name in names} == pointing
    assert ({None, "kept"}, "kept", {"kept", "child"}, 1) == (parents, subject, left, written.merged)


def test_merged_person_is_the_same_in_every_draw(store: Store, connection: str) -> None:
    """What a rule wanted of a person who is gone is asked of the survivor, in this connection alone."""
    wanted = Draw(key="k", rule="r", kind="care", account_id="gone", contact_id="gone", left_out=True)
    with store.write() as db:
        for one in (connection, "another"):
            draws.remember(db, one, [wanted], at=1)
        write(db, connection, Stream.CONTACTS, merged=(Merge(gone="gone", survivor="kept"),))
        of = (select(draw.c.contact_id).where(draw.c.connection == one) for one in (connection, "another"))
        found = [db.execute(statement).scalar() for statement in of]

    assert found == ["kept", "gone"]


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
