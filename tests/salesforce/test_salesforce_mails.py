"""One mail, one activity: in whatever order its two rows come, and however often a page is read."""

from __future__ import annotations

from itertools import permutations

import pytest

from refsync.connector import Batch
from refsync.model import ActivityKind, Stream
from refsync_salesforce.connector import SalesforceConnector
from tests.salesforce.sandboxed import Hands, mirror


class Reading:
    """What a mirror holds of the activities after each tick."""

    def __init__(self, connector: SalesforceConnector) -> None:
        self.connector = connector
        self.batches: list[Batch] = []
        self.cursor: str | None = None

    def tick(self) -> set[str]:
        for batch in self.connector.read(Stream.ACTIVITIES, self.cursor):
            assert not batch.partial
            self.batches.append(batch)
            self.cursor = batch.cursor if batch.cursor is not None else self.cursor
        return set(mirror(self.batches))


def twin(hands: Hands) -> str:
    return hands.create("Task", Subject="Mail", TaskSubtype="Email", Status="Completed")


def mail(hands: Hands, task: str) -> str:
    return hands.create("EmailMessage", Subject="Mail", ActivityId=task, MessageDate="2026-11-20T11:00:00Z", Status="3")


@pytest.mark.parametrize("bulk_from", [0, 1])
def test_first_load_counts_a_mail_once_without_asking(hands: Hands, bulk_from: int) -> None:
    """In a first load every mail is still to come: no mail is looked up, and each deletes its task."""
    alone, task = twin(hands), twin(hands)
    message = mail(hands, task)
    hands.later(hours=1)
    reading = Reading(hands.connect(bulk_from=bulk_from))
    hands.calls()
    held = reading.tick()

    assert (True, False, True) == (alone in held, task in held, message in held)
    if not bulk_from:
        assert 3 == hands.calls()["GET queryAll"]


@pytest.mark.parametrize("order", list(permutations(["task", "mail", "change"])), ids="-".join)
def test_order_of_arrival_makes_no_difference(hands: Hands, order: tuple[str, ...]) -> None:
    """The task, its mail and a change of the task come in ticks of their own, in any order: the mail counts, the task not."""
    reading = Reading(hands.connect())
    hands.later(hours=1)
    reading.tick()
    task = twin(hands)
    message = ""
    for event in order:
        match event:
            case "mail":
                message = mail(hands, task)
            case "change":
                hands.update("Task", task, Subject="Changed")
        hands.later(hours=1)
        held = reading.tick()

    assert (False, True) == (task in held, message in held)


def test_mail_and_task_in_one_tick_cost_no_look_up(hands: Hands) -> None:
    """When both rows come together the mail is known already; a task that changes alone is looked up."""
    reading = Reading(hands.connect())
    hands.later(hours=1)
    reading.tick()
    task = twin(hands)
    message = mail(hands, task)
    hands.later(hours=1)
    list(reading.connector.read(Stream.USERS, None))
    hands.calls()
    held = reading.tick()
    assert (False, True) == (task in held, message in held)
    assert {"POST composite": 1} == hands.calls()

    hands.update("Task", task, Subject="Changed")
    hands.later(hours=1)
    list(reading.connector.read(Stream.USERS, None))
    hands.calls()
    assert held == reading.tick()
    assert {"POST composite": 1, "GET queryAll": 1} == hands.calls()


def test_task_counts_again_when_its_mail_is_deleted(hands: Hands) -> None:
    """The task that stood back for a mail is read anew when the mail goes; one whose second mail lives stays back."""
    one, two = twin(hands), twin(hands)
    first, second, third = mail(hands, one), mail(hands, two), mail(hands, two)
    hands.later(hours=1)
    reading = Reading(hands.connect())
    assert {first, second, third} <= reading.tick()

    hands.delete("EmailMessage", first)
    hands.delete("EmailMessage", second)
    hands.later(hours=1)
    held = reading.tick()
    assert {one, third} <= held
    assert {first, second, two}.isdisjoint(held)


@pytest.mark.parametrize("bulk_from", [0, 1])
def test_load_that_is_resumed_counts_once(hands: Hands, bulk_from: int) -> None:
    """Whoever is killed between the tasks and the mails, or among the mails, ends with each mail once."""
    tasks = [twin(hands) for _ in range(5)]
    messages = [mail(hands, task) for task in tasks]
    hands.later(hours=1)
    whole = list(hands.connect(page_size=3, bulk_from=bulk_from).read(Stream.ACTIVITIES, None))
    for number, batch in enumerate(whole[:-1], start=1):
        if batch.cursor is None or '"locator"' in batch.cursor:
            continue  # jobs are gone by now; the tests of jobs resume them
        hands.update("Task", tasks[0], Subject=f"Changed {number}")
        hands.later(minutes=30)
        rest = list(hands.connect(page_size=3, bulk_from=bulk_from).read(Stream.ACTIVITIES, batch.cursor))
        held = mirror([*whole[:number], *rest])

        assert set(messages) <= set(held)
        assert set(tasks).isdisjoint(held)


def test_many_changed_tasks_are_looked_up_in_one_call(hands: Hands) -> None:
    """A page of tasks that were made of mails costs one look-up, not one for every few hundred."""
    tasks = [hands.create("Task", Subject="BCC", TaskSubtype="Email", Status="Completed") for _ in range(12)]
    mail(hands, tasks[0])
    hands.later(hours=1)
    reading = Reading(hands.connect())
    before = reading.tick()
    for task in tasks:
        hands.update("Task", task, Subject="Changed")
    hands.later(hours=1)
    list(reading.connector.read(Stream.USERS, None))
    hands.calls()

    assert before == reading.tick()
    assert 2 == sum(hands.calls().values())
    kinds = {mirror(reading.batches)[task].kind for task in tasks[1:]}  # type: ignore[union-attr]
    assert {ActivityKind.EMAIL} == kinds
