"""Bugs that other tools have shipped in writing to HubSpot, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from refsync.connector import OutcomeKind, TaskChange
from refsync.finding import State
from refsync.model import TaskStatus
from refsync.store.engine import Store
from tests.hubspot.company import Company, cold, matched
from tests.hubspot.wanted import PLAIN_PROPERTY, WAYS, Connect, Serve, kinds, portal_of, wanted, writer_of

DAY = 24 * 60
"""Minutes."""
CREATES = ("POST */tasks/batch/create", "POST */objects*/tasks")
LOST: Mapping[str, Mapping[str, Any]] = {
    "dropped": {"kind": "close", "when": "after"},
    "reset": {"kind": "reset", "when": "after"},
    "504": {"kind": "status", "status": 504, "body": "<html>gateway time-out</html>", "when": "after"},
}
"""A create that is carried out and whose reply never comes."""
NOTHING_YET = '{"results": [], "numErrors": 1, "errors": [{"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}]}'


def company(serve: Serve, connect_to: Connect, store: Store, way: str, customers: int = 3) -> Company:
    """Return a company of cold customers whose portal keeps keys in one of the ways."""
    portal = serve(cold(customers), **({} if way == "unique" else {"key_property": ""}))
    if way == "property":
        portal.post("/crm/v3/properties/tasks", PLAIN_PROPERTY)
    return Company(portal, connect_to, store, weakest_key=way)


@pytest.mark.bug("hubspot", 22)
@pytest.mark.parametrize("way", WAYS)
def test_same_key_twice_in_one_call_is_one_task(serve: Serve, connect_to: Connect, way: str) -> None:
    """HubSpot refuses a batch that names one thing twice, after it has carried out a part: each key is sent once."""
    portal = portal_of(serve, way)
    outcomes = writer_of(connect_to(portal.url, weakest_key=way)).create([wanted(portal, n) for n in (1, 2, 1)])

    assert outcomes[0] == outcomes[2]
    assert [OutcomeKind.WRITTEN] * 3 == kinds(outcomes)
    assert 2 == len(portal.tasks())


@pytest.mark.bug("hubspot", 24)
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("way", WAYS)
def test_create_whose_reply_is_lost_is_not_repeated(serve: Serve, connect_to: Connect, store: Store, way: str, lost: str) -> None:
    """The task is found and adopted, whichever way the portal keeps its key, by a process that remembers only the store."""
    acme = company(serve, connect_to, store, way)
    for endpoint in CREATES:
        acme.portal.trouble({**LOST[lost], "endpoint": endpoint, "times": 1})
    acme.tick()
    acme.portal.calm()
    sending = [finding for finding in acme.findings() if finding.state is State.SENDING]
    for _ in range(6):
        acme.tick(minutes=6)

    assert sending
    assert {State.OPEN} == {finding.state for finding in acme.findings()}
    assert [1, 1, 1] == sorted(Counter(task["key"] for task in acme.portal.tasks()).values())
    assert {1} == {task["writes"] for task in acme.portal.tasks()}


@pytest.mark.bug("hubspot", 24)
@pytest.mark.parametrize("way", ["property", "body"])
def test_task_that_shows_late_is_not_written_again(serve: Serve, connect_to: Connect, store: Store, way: str) -> None:
    """Associations that HubSpot shows only at the second look are waited for."""
    acme = company(serve, connect_to, store, way, customers=1)
    acme.portal.trouble({**LOST["dropped"], "endpoint": CREATES[1], "times": 1})
    acme.tick()
    acme.portal.calm()
    for kind in ("companies", "contacts"):
        acme.portal.trouble({"kind": "status", "status": 207, "body": NOTHING_YET, "endpoint": f"POST */{kind}/tasks/batch/read"})
    acme.tick(minutes=6)
    acme.portal.calm()
    acme.tick(minutes=6)

    assert [(State.OPEN, 1)] == [(finding.state, len(acme.portal.tasks())) for finding in acme.findings()]


@pytest.mark.bug("hubspot", 25)
@pytest.mark.parametrize("way", WAYS)
def test_what_a_person_did_stands(serve: Serve, connect_to: Connect, way: str) -> None:
    """A finished, deleted or given away task is not opened, made again, or taken back; one that is not ours is left alone."""
    portal = portal_of(serve, way)
    writer = writer_of(connect_to(portal.url, weakest_key=way))
    tasks = [wanted(portal, n) for n in range(1, 5)]
    ids = [outcome.task_id for outcome in writer.create(tasks)]
    one, two = tasks[0].owner_id, portal.ids("users")["U2"]
    portal.change(
        {"op": "change", "table": "tasks", "key": tasks[0].key, "set": {"status": "done"}},
        {"op": "delete", "table": "tasks", "key": tasks[1].key},
        {"op": "change", "table": "tasks", "key": tasks[2].key, "set": {"owner_id": "U2"}},
    )
    before = [(each["id"], each["status"], each["owner"]["id"], each["writes"]) for each in portal.tasks()]
    found = writer_of(connect_to(portal.url, weakest_key=way)).find(tasks)
    outcomes = writer.change(
        [
            TaskChange(key=tasks[0].key, task_id=ids[0], owner_id=two, owner_was=one),
            TaskChange(key=tasks[1].key, task_id=ids[1], close=True),
            TaskChange(key=tasks[2].key, task_id=ids[2], owner_id="100500009", owner_was=one),
            TaskChange(key="f" * 64, task_id=ids[3], close=True),
        ]
    )

    statuses = (TaskStatus.DONE, TaskStatus.DELETED, TaskStatus.OPEN, TaskStatus.OPEN)
    assert dict(zip((task.key for task in tasks), statuses, strict=True)) == {key: one.status for key, one in found.items()}
    assert [OutcomeKind.CONFLICT] * 4 == kinds(outcomes)
    assert before == [(each["id"], each["status"], each["owner"]["id"], each["writes"]) for each in portal.tasks()]


@pytest.mark.bug("hubspot", 25)
@pytest.mark.parametrize("way", WAYS)
def test_store_that_remembers_nothing_makes_no_task_again(serve: Serve, connect_to: Connect, store: Store, way: str) -> None:
    """A rebuilt store adopts the open task, and takes the finished and the deleted one for what they are."""
    acme = company(serve, connect_to, store, way)
    acme.tick()
    done, deleted, _ = (task["key"] for task in acme.portal.tasks())
    acme.portal.change(
        {"op": "change", "table": "tasks", "key": done, "set": {"status": "done"}},
        {"op": "delete", "table": "tasks", "key": deleted},
    )
    forget(store)
    acme.tick(minutes=1)

    assert 3 == len(acme.portal.tasks())
    assert [State.DISMISSED, State.DONE, State.OPEN] == sorted(finding.state for finding in acme.findings())


@pytest.mark.bug("hubspot", 26)
def test_own_finished_task_is_no_contact(serve: Serve, connect_to: Connect, store: Store) -> None:
    """A rep who finishes our call task has not been in touch by that: the customer stays neglected."""
    acme = company(serve, connect_to, store, "unique")
    neglected = matched(acme.tick())
    key = acme.portal.tasks()[0]["key"]
    acme.portal.change({"op": "change", "table": "tasks", "key": key, "set": {"status": "done"}})

    assert 3 == len(neglected)
    assert neglected == matched(acme.tick(minutes=6 * DAY))


def forget(store: Store) -> None:
    """Let a store forget every finding, as one that was rebuilt does."""
    from sqlalchemy import delete

    from refsync.store.tables import finding

    with store.write() as db:
        db.execute(delete(finding))
