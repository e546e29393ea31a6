"""Tasks in an org without the key field: the key in CallObject, searched for before anything is sent."""

from __future__ import annotations

import pytest

from refsync.connector import OutcomeKind, TaskChange
from refsync.model import Activity, Stream, TaskStatus
from tests.salesforce.sandboxed import Hands, mirror
from tests.salesforce.wanted import LOST, marker, wanted

FIELDS = {"task_key": "Nowhere__c"}


def live(hands: Hands) -> list[str]:
    """Return the subjects of the tasks that refsync has written and that are not deleted."""
    return [one["subject"] for one in hands.tasks() if "integration" in one["writers"] and not one["deleted"]]


def test_marker_must_be_allowed(hands: Hands) -> None:
    """Without the key field and without leave to use a marker nothing is written."""
    assert hands.connect(fields=FIELDS).tasks is None
    assert hands.connect(fields=FIELDS, allow_marker=True).tasks is not None


def test_task_is_written_found_and_closed(hands: Hands) -> None:
    """A task is created once, found by its key, and closed."""
    (made,) = marker(hands).create([wanted(hands)])
    (again,) = marker(hands).create([wanted(hands, subject="Other words")])
    (closed,) = marker(hands).change([TaskChange(key=wanted(hands).key, task_id=made.task_id, close=True)])
    (state,) = marker(hands).find([wanted(hands)]).values()

    assert [OutcomeKind.WRITTEN, OutcomeKind.ADOPTED, OutcomeKind.WRITTEN] == [made.kind, again.kind, closed.kind]
    assert (made.task_id, made.task_id, TaskStatus.DONE) == (again.task_id, state.task_id, state.status)
    assert ["Call Ann"] == live(hands)


def test_lost_reply_ends_with_one_task(hands: Hands) -> None:
    """A create whose reply is lost is uncertain; the next one finds the task and adopts it."""
    hands.trouble(LOST)
    (lost,) = marker(hands).create([wanted(hands)])
    (again,) = marker(hands).create([wanted(hands)])

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.ADOPTED] == [lost.kind, again.kind]
    assert ["Call Ann"] == live(hands)


def test_deleted_task_is_adopted_as_deleted(hands: Hands) -> None:
    """A task that a person deleted is found, and not written again."""
    (made,) = marker(hands).create([wanted(hands)])
    hands.change({"op": "delete", "table": "tasks", "id": made.task_id})
    (again,) = marker(hands).create([wanted(hands)])

    assert (OutcomeKind.ADOPTED, made.task_id) == (again.kind, again.task_id)
    assert [] == live(hands)


def test_younger_untouched_twin_goes(hands: Hands) -> None:
    """When a create that was believed lost lands late, the older of the two tasks stays."""
    task = wanted(hands)
    (older,) = marker(hands).create([task])
    hands.later(minutes=1)
    twin = hands.create("Task", Subject="Twin", CallObject=task.key, OwnerId=task.owner_id)
    found = marker(hands).find([task])

    assert older.task_id == found[task.key].task_id
    assert {twin} == {one["id"] for one in hands.tasks() if one["deleted"]}


def test_twin_that_a_person_touched_stays(hands: Hands) -> None:
    """A twin that a rep has worked with is not ours to delete."""
    task = wanted(hands)
    marker(hands).create([task])
    hands.later(minutes=1)
    twin = hands.create("Task", Subject="Twin", CallObject=task.key, OwnerId=task.owner_id)
    hands.change({"op": "change", "table": "tasks", "id": twin, "set": {"subject": "My notes"}})
    marker(hands).find([task])

    assert ["Call Ann", "My notes"] == live(hands)


def test_call_centre_s_own_words_are_no_marker(hands: Hands) -> None:
    """A call that names a call centre is nobody's task of ours; a task with our marker is."""
    (made,) = marker(hands).create([wanted(hands)])
    call = hands.create("Task", Subject="A call", CallObject="Call centre 7", Status="Completed", TaskSubtype="Call")
    hands.later(minutes=5)
    connector = hands.connect(fields=FIELDS, allow_marker=True)
    found = mirror(list(connector.read(Stream.ACTIVITIES, None)))
    keys = {id_: one.task_key for id_, one in found.items() if isinstance(one, Activity) and id_ in {made.task_id, call}}

    assert {made.task_id: wanted(hands).key, call: ""} == keys


@pytest.mark.parametrize("count", [201])
def test_long_lists_are_searched_and_sent_in_parts(hands: Hands, count: int) -> None:
    """Each part is searched for, sent and looked at again before the next one."""
    tasks = [wanted(hands, number) for number in range(1, count + 1)]
    hands.calls()
    outcomes = marker(hands).create(tasks)

    assert {OutcomeKind.WRITTEN} == {outcome.kind for outcome in outcomes}
    assert 2 == hands.calls()["POST composite/sobjects"]
    assert count == len(live(hands))
