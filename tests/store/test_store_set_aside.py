"""Records that cannot be stored are set aside, count their attempts, and stop nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from refsync.connector import Merge
from refsync.errors import Place
from refsync.model import (
    Account,
    SetAside,
    Stream,
)
from refsync.store import tables
from refsync.store.engine import Store
from refsync.store.mirror import Written
from refsync.store.records import quarantine
from tests.store.written import held, ids, write


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


def test_records_without_an_id_are_set_aside_by_their_place(store: Store, connection: str) -> None:
    """Two rows without an id are two records in the quarantine."""
    bad = tuple(SetAside(id="", reason="no id", place=Place("accounts.csv", line)) for line in (3, 4))
    with store.write() as db:
        write(db, connection, Stream.ACCOUNTS, set_aside=bad)
        found = quarantine.counts(db, connection)

    assert {Stream.ACCOUNTS: 2} == found
