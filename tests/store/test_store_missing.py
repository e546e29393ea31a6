"""Records that reads and sweeps no longer show: the proof, and the brake before they go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from refsync.company import Company
from refsync.connector import Batch
from refsync.model import (
    Account,
    SetAside,
    Stream,
)
from refsync.store import mirror, tables
from refsync.store.engine import Database, Store
from refsync.store.records import missing, quarantine, rows
from refsync.store.records.missing import By
from refsync.store.records.retire import AT_ONCE, Retired, retire
from tests.store.written import NOW, ids, write


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
