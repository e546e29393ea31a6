"""The CRM in memory does what people do in one, and fails as it is told."""

from __future__ import annotations

from datetime import date

import pytest

from refsync.connector import Merge, OutcomeKind
from refsync.errors import TransientError
from refsync.model import Account, Activity, ActivityStatus, Stream, Task
from refsync.testing import MemoryConnector, MemoryCrm


def task(key: str, owner_id: str = "U1") -> Task:
    return Task(
        key=key,
        rule="some-rule",
        subject="Call",
        text="",
        do="call",
        priority="high",
        due_on=date(2026, 11, 25),
        due_at=0,
        owner_id=owner_id,
    )


@pytest.fixture
def crm() -> MemoryCrm:
    return MemoryCrm(Account(id=f"A{number}") for number in range(5))


@pytest.fixture
def connector(crm: MemoryCrm) -> MemoryConnector:
    return MemoryConnector(crm, page=2)


def test_a_later_read_brings_what_changed(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """After the last cursor come new and changed records, the latest form of each, and nothing when there are none."""
    cursor = list(connector.read(Stream.ACCOUNTS, None))[-1].cursor

    assert [] == list(connector.read(Stream.ACCOUNTS, cursor))
    crm.put(Account(id="A1", name="first"))
    crm.put(Account(id="A9"))
    crm.put(Account(id="A1", name="second"))
    (batch,) = connector.read(Stream.ACCOUNTS, cursor)
    assert ((Account(id="A9"), Account(id="A1", name="second")), False) == (batch.records, batch.whole)


def test_a_sweep_brings_deletes_and_merges(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """What was deleted or merged away comes with a sweep, once; what came back does not."""
    crm.remove(Stream.ACCOUNTS, "A1")
    crm.remove(Stream.ACCOUNTS, "A2")
    crm.put(Account(id="A2"))
    crm.merge(Stream.ACCOUNTS, "A3", "A4")
    (batch,) = connector.sweep(Stream.ACCOUNTS, None)
    later = list(connector.sweep(Stream.ACCOUNTS, batch.cursor))

    assert (("A1",), (Merge(gone="A3", survivor="A4"),)) == (batch.deleted, batch.merged)
    assert [] == later
    assert ["A0", "A4", "A2"] == [record.id for found in connector.read(Stream.ACCOUNTS, None) for record in found.records]


def test_a_read_can_end_early(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """A read told to stop is partial, and goes on from its last cursor once it may."""
    crm.faults.partial[Stream.ACCOUNTS] = 1
    first, last = connector.read(Stream.ACCOUNTS, None)
    crm.faults.partial.clear()
    rest = list(connector.read(Stream.ACCOUNTS, first.cursor))

    assert (bool(last.partial), last.cursor, last.whole) == (True, None, False)
    assert ["A0", "A1", "A2", "A3", "A4"] == [record.id for batch in (first, *rest) for record in batch.records]


def test_calls_raise_what_they_are_told(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """Each error is raised once, before anything is done."""
    crm.faults.errors = [TransientError("first"), TransientError("second")]
    with pytest.raises(TransientError, match="first"):
        connector.tasks.create([task("a")])
    with pytest.raises(TransientError, match="second"):
        list(connector.read(Stream.ACCOUNTS, None))

    assert {} == crm.tasks
    assert [OutcomeKind.WRITTEN] == [outcome.kind for outcome in connector.tasks.create([task("a")])]


def test_creates_can_be_uncertain(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """A lost request wrote nothing, a lost reply did; both look alike to the caller."""
    crm.faults.lost_requests, crm.faults.lost_replies = 1, 1
    outcomes = connector.tasks.create([task("lost request"), task("lost reply"), task("plain")])

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.UNCERTAIN, OutcomeKind.WRITTEN] == [outcome.kind for outcome in outcomes]
    assert {"lost reply": 1, "plain": 1} == crm.creates


def test_rows_can_be_refused(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """A refused task has a reason and does not stop the others."""
    crm.faults.reject = lambda wanted: "the owner has left" if wanted.owner_id == "U9" else ""
    outcomes = connector.tasks.create([task("a", "U9"), task("b")])

    assert [(OutcomeKind.REJECTED, "the owner has left"), (OutcomeKind.WRITTEN, "")] == [(o.kind, o.reason) for o in outcomes]


def test_what_people_do_with_tasks_is_read(crm: MemoryCrm, connector: MemoryConnector) -> None:
    """A completed task is read as done with its new owner; a deleted one comes with a sweep."""
    (outcome,) = connector.tasks.create([task("a")])
    crm.give("a", "U2")
    crm.complete("a")
    (batch,) = connector.read(Stream.ACTIVITIES, None)
    (found,) = batch.records
    crm.delete("a")
    (swept,) = connector.sweep(Stream.ACTIVITIES, None)

    assert isinstance(found, Activity)
    assert ("U2", ActivityStatus.DONE, "a") == (found.owner_id, found.status, found.task_key)
    assert (outcome.task_id,) == swept.deleted
