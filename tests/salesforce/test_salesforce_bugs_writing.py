"""Bugs that other tools have shipped in writing to Salesforce, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

import pytest

from refsync.connector import OutcomeKind, TaskChange
from refsync.model import TaskStatus
from refsync.store.engine import Store
from tests.salesforce.company import NEGLECTED, Company, matched
from tests.salesforce.sandboxed import Hands
from tests.salesforce.wanted import LOST, wanted, writer


def ours(hands: Hands) -> list[tuple[str, str, int]]:
    """Return key, status and number of writes of each of our tasks that is not deleted."""
    return [(one["key"][-1], one["status"], one["writes"]) for one in hands.tasks() if one["key"] and not one["deleted"]]


@pytest.mark.bug("salesforce", 17)
def test_create_whose_reply_is_lost_is_not_repeated(hands: Hands) -> None:
    """The outcome is open; the task is found by its key, and a second create adopts it instead of making another."""
    hands.trouble(LOST)
    (lost,) = writer(hands).create([wanted(hands)])
    found = writer(hands).find([wanted(hands)])
    (again,) = writer(hands).create([wanted(hands)])

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.ADOPTED] == [lost.kind, again.kind]
    assert {again.task_id} == {state.task_id for state in found.values()}
    assert [("1", "open", 1)] == ours(hands)


@pytest.mark.bug("salesforce", 18)
def test_task_that_a_person_closed_stays_closed(hands: Hands) -> None:
    """After a restart that remembers nothing, a closed task is adopted as it is: not opened again, not overwritten."""
    (made,) = writer(hands).create([wanted(hands)])
    hands.change({"op": "change", "table": "tasks", "key": wanted(hands).key, "set": {"status": "done"}})
    (again,) = writer(hands).create([wanted(hands, subject="Other words")])
    (change,) = writer(hands).change([TaskChange(key=wanted(hands).key, task_id=made.task_id, close=True)])

    assert [("1", "done", 2)] == ours(hands)
    assert [OutcomeKind.ADOPTED, OutcomeKind.CONFLICT] == [again.kind, change.kind]


@pytest.mark.bug("salesforce", 18)
def test_task_that_a_person_deleted_is_not_made_again(hands: Hands) -> None:
    """After a restart that remembers nothing, a deleted task is found, and so it is not sent again."""
    (made,) = writer(hands).create([wanted(hands)])
    hands.change({"op": "delete", "table": "tasks", "key": wanted(hands).key})
    found = writer(hands).find([wanted(hands)])

    assert [(made.task_id, TaskStatus.DELETED)] == [(state.task_id, state.status) for state in found.values()]


@pytest.mark.bug("salesforce", 21)
def test_same_key_twice_in_a_batch_is_one_task(hands: Hands) -> None:
    """A key that stands twice in a batch is sent once; the second one adopts the first."""
    first, second = writer(hands).create([wanted(hands), wanted(hands, subject="Again")])

    assert [OutcomeKind.WRITTEN, OutcomeKind.ADOPTED] == [first.kind, second.kind]
    assert first.task_id == second.task_id
    assert [("1", "open", 1)] == ours(hands)


@pytest.mark.bug("salesforce", 22)
def test_own_finished_task_is_no_contact(hands: Hands, store: Store) -> None:
    """A rep who finishes our task, even as a call, has not been in touch by that: the customer stays neglected."""
    company = Company(hands, store)
    company.tick(minutes=1)
    own = next(one for one in company.findings() if one.rule == NEGLECTED)
    hands.update("Task", own.task_id, Status="Completed", CallType="Outbound")

    assert own.account_id in matched(company.tick(hours=1), NEGLECTED)


@pytest.mark.bug("salesforce", 22)
def test_future_event_is_no_contact(hands: Hands, store: Store) -> None:
    """A meeting to come in a month is not a touch of today, although Salesforce's LastActivityDate says so."""
    company = Company(hands, store)
    neglected = matched(company.tick(dry_run=True), NEGLECTED)
    times = {"StartDateTime": "2026-12-24T10:00:00Z", "EndDateTime": "2026-12-24T11:00:00Z"}
    hands.create("Event", Subject="Lunch", WhatId=min(neglected), **times)

    assert neglected == matched(company.tick(dry_run=True, hours=1), NEGLECTED)
