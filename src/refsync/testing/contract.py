"""What every connector keeps: a class of tests that the author of a connector inherits.

    class TestMine(ConnectorContract):
        @pytest.fixture
        def connector(self, ...): ...       # a connector of a CRM with a few records of each kind, an account and an active user
        @pytest.fixture
        def people(self, ...): ...          # optional: hands that delete, complete and give away tasks as a rep would
        @pytest.fixture
        def failing(self, ...): ...         # optional: a connector whose CRM cannot be reached

Law: nothing is asserted here that connector.py does not promise.
"""

# ruff: noqa: S101, SIM300  # these are tests

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from datetime import date
from hashlib import sha256
from itertools import chain
from typing import Any, Protocol

import pytest

from refsync.connector import Batch, Connector, OutcomeKind, TaskChange, TaskWriter
from refsync.errors import ConnectorError, Problem
from refsync.model import (
    RECORD_OF,
    Account,
    Activity,
    ActivityKind,
    Contact,
    Record,
    Stream,
    Task,
    TaskStatus,
    User,
    parse_instant,
)

EARLIEST = parse_instant("1900-01-01T00:00:00Z")
LATEST = parse_instant("9000-01-01T00:00:00Z")
INSTANTS = ("created_at", "at", "ended_at", "opened_at", "closed_at")


class People(Protocol):
    """What reps do with tasks."""

    def delete(self, key: str) -> None: ...

    def complete(self, key: str) -> None: ...

    def give(self, key: str, owner_id: str) -> None: ...

    def reword(self, key: str, subject: str) -> None: ...


class ConnectorContract:
    """The laws of connector.py, each as a test."""

    @pytest.fixture
    def connector(self) -> Connector:
        """Return a connector of a CRM that holds something."""
        raise NotImplementedError("give your connector here")

    @pytest.fixture
    def people(self, connector: Connector) -> People:
        """Return the hands of people in that CRM."""
        pytest.skip("no hands of people are given")

    @pytest.fixture
    def settled(self) -> Callable[[], None]:
        """Return what lets a write become visible to reads, for a connector that reads no further than a moment ago."""
        return lambda: None

    @pytest.fixture
    def later(self, settled: Callable[[], None]) -> Callable[[], None]:
        """Return what lets so much time pass that every sweep is due, for a CRM whose clock can be moved."""
        return settled

    @pytest.fixture
    def failing(self) -> Connector:
        """Return a connector whose CRM cannot be reached."""
        pytest.skip("no failing CRM is given")

    @pytest.fixture
    def writer(self, connector: Connector) -> TaskWriter:
        if connector.tasks is None:
            pytest.skip("this connector writes no tasks")
        return connector.tasks

    def test_the_org_is_stable(self, connector: Connector) -> None:
        """The organisation has one id, which does not change."""
        assert connector.org
        assert connector.org == connector.org

    def test_streams_are_known(self, connector: Connector) -> None:
        """A connector reads at least users, accounts and activities, and no stream that refsync does not know."""
        assert {Stream.USERS, Stream.ACCOUNTS, Stream.ACTIVITIES} <= connector.streams <= set(Stream)

    def test_a_check_yields_problems(self, connector: Connector) -> None:
        """What a person should know comes as problems; none of them is an error here."""
        found = list(connector.check())

        assert all(isinstance(problem, Problem) for problem in found)
        assert [] == [problem for problem in found if problem.severity == "error"]

    def test_records_are_of_their_stream(self, connector: Connector) -> None:
        """Each stream yields its own kind of record, with an id."""
        for stream in connector.streams:
            for record in records(connector.read(stream, None)):
                assert isinstance(record, RECORD_OF[stream])
                assert record.id

    def test_ids_are_unique_within_a_read(self, connector: Connector) -> None:
        """While nobody changes anything, a read brings each record once."""
        for stream in connector.streams:
            ids = [record.id for record in records(connector.read(stream, None))]
            assert len(set(ids)) == len(ids)

    def test_values_can_be_stored(self, connector: Connector) -> None:
        """Every text can be encoded and holds no U+0000; every instant lies between 1900 and 9000."""
        for stream in connector.streams:
            for record in records(connector.read(stream, None)):
                assert [] == list(_unstorable(record))

    def test_reading_twice_gives_the_same(self, connector: Connector) -> None:
        """Two reads of everything bring the same records."""
        for stream in connector.streams:
            assert state(connector.read(stream, None)) == state(connector.read(stream, None))

    def test_a_read_ends_with_a_cursor(self, connector: Connector) -> None:
        """A read that came to its end says where the next one goes on; `whole` stands on its last batch only."""
        for stream in connector.streams:
            batches = list(connector.read(stream, None))
            assert [""] * len(batches) == [batch.partial for batch in batches]
            assert batches[-1].cursor is not None
            assert not any(batch.whole for batch in batches[:-1])

    def test_each_cursor_leads_to_the_rest(self, connector: Connector) -> None:
        """Whoever goes on from the cursor of any batch ends with the same records as one who was never interrupted."""
        for stream in connector.streams:
            batches = list(connector.read(stream, None))
            for number, batch in enumerate(batches, start=1):
                if batch.cursor is not None:
                    resumed = state(batches[:number]) | state(connector.read(stream, batch.cursor))
                    assert state(batches) == resumed

    def test_the_last_cursor_leads_to_nothing_new(self, connector: Connector) -> None:
        """After everything was read, a read brings nothing, or once more what is known already."""
        for stream in connector.streams:
            batches = list(connector.read(stream, None))
            again = state(connector.read(stream, batches[-1].cursor))
            assert again.items() <= state(batches).items()

    def test_a_sweep_loses_nothing(self, connector: Connector, later: Callable[[], None]) -> None:
        """While nobody deletes anything, neither the first sweep nor a later one calls anything gone."""
        for stream in connector.streams:
            known = state(connector.read(stream, None))
            batches = list(chain.from_iterable(swept(connector, stream, later)))
            gone = {one for batch in batches for one in (*batch.deleted, *(merge.gone for merge in batch.merged))}
            assert set() == gone & set(known)
            assert [""] * len(batches) == [batch.partial for batch in batches]

    def test_a_whole_sweep_lists_everything(self, connector: Connector, later: Callable[[], None]) -> None:
        """A sweep that says it was whole has listed or brought every record that a read shows, and says it at its end."""
        for stream in connector.streams:
            known = state(connector.read(stream, None))
            for batches in swept(connector, stream, later):
                shown = {one for batch in batches for one in (*batch.present, *state([batch]))}
                assert set(known) <= shown or not any(batch.whole for batch in batches)
                assert not any(batch.whole for batch in batches[:-1])

    def test_a_task_is_written_once(self, connector: Connector, writer: TaskWriter, settled: Callable[[], None]) -> None:
        """The first create writes, the second adopts the same task, and there is one task with the key."""
        task = a_task(connector, "once")
        (written,) = writer.create([task])
        (adopted,) = writer.create([task])

        assert (OutcomeKind.WRITTEN, OutcomeKind.ADOPTED) == (written.kind, adopted.kind)
        assert written.task_id
        assert written.task_id == adopted.task_id
        settled()
        assert [written.task_id] == [found.id for found in own_tasks(connector) if found.task_key == task.key]

    def test_a_key_twice_in_one_call_is_one_task(
        self, connector: Connector, writer: TaskWriter, settled: Callable[[], None]
    ) -> None:
        """The same key twice in one call gives one outcome each and one task."""
        task = a_task(connector, "twice")
        outcomes = writer.create([task, task])

        assert 2 == len(outcomes)
        settled()
        assert [task.key] == [found.task_key for found in own_tasks(connector)]

    def test_written_tasks_are_found(self, connector: Connector, writer: TaskWriter) -> None:
        """A task that was written is open, with its owner and its day; a key without a task is not found."""
        tasks = [a_task(connector, f"found {number}") for number in range(3)]
        outcomes = writer.create(tasks)
        found = writer.find([*tasks, a_task(connector, "never written")])

        assert {task.key for task in tasks} == set(found)
        for task, outcome in zip(tasks, outcomes, strict=True):
            state = found[task.key]
            expected = (task.key, outcome.task_id, TaskStatus.OPEN, task.owner_id)
            assert expected == (state.key, state.task_id, state.status, state.owner_id)
            assert state.due_on in {task.due_on, None}

    def test_finding_nothing_asks_nothing(self, writer: TaskWriter) -> None:
        """No keys, tasks or changes: no answer and no failure."""
        assert ({}, [], []) == (dict(writer.find([])), list(writer.create([])), list(writer.change([])))

    def test_written_tasks_come_back_as_ours(self, connector: Connector, writer: TaskWriter, settled: Callable[[], None]) -> None:
        """A task of ours is read back among the activities, with its key, its owner and its account."""
        task = a_task(connector, "ours")
        writer.create([task])
        settled()
        (found,) = own_tasks(connector)

        expected = (ActivityKind.TASK, task.key, task.owner_id, task.account_id, task.subject)
        assert expected == (found.kind, found.task_key, found.owner_id, found.account_id, found.subject)

    def test_texts_come_back_as_they_were(self, connector: Connector, writer: TaskWriter, settled: Callable[[], None]) -> None:
        """Quotes, commas, accents and marks that a spreadsheet takes for a formula survive."""
        subjects = ["=1+1", "'quoted'", 'a "b", c; d', "Grüße an Łucja 🎉", "<b>bold</b> & more"]
        writer.create([a_task(connector, subject, subject=subject) for subject in subjects])

        settled()
        assert sorted(subjects) == sorted(found.subject for found in own_tasks(connector))

    def test_a_task_is_closed_once(self, connector: Connector, writer: TaskWriter) -> None:
        """Closing makes a task done; who closes it again is told that it is no longer open. Others stay open."""
        first, second = a_task(connector, "first"), a_task(connector, "second")
        done, _ = writer.create([first, second])
        close = TaskChange(key=first.key, task_id=done.task_id, close=True, owner_was=first.owner_id)

        assert [OutcomeKind.WRITTEN] == [outcome.kind for outcome in writer.change([close])]
        assert [OutcomeKind.CONFLICT] == [outcome.kind for outcome in writer.change([close])]
        found = writer.find([first, second])
        assert (TaskStatus.DONE, TaskStatus.OPEN) == (found[first.key].status, found[second.key].status)

    def test_a_task_moves_to_another_owner(self, connector: Connector, writer: TaskWriter) -> None:
        """Reassigning changes the owner and nothing else."""
        task = a_task(connector, "moves")
        (written,) = writer.create([task])
        other = owners(connector)[1]
        change = TaskChange(key=task.key, task_id=written.task_id, owner_id=other, owner_was=task.owner_id)

        assert [OutcomeKind.WRITTEN] == [outcome.kind for outcome in writer.change([change])]
        state = writer.find([task])[task.key]
        assert (other, TaskStatus.OPEN) == (state.owner_id, state.status)
        assert state.due_on in {task.due_on, None}

    def test_a_person_who_was_faster_wins(self, connector: Connector, writer: TaskWriter, people: People) -> None:
        """What a person completed or gave away is left as it is."""
        kept, moved = a_task(connector, "completed"), a_task(connector, "given away")
        first, second = writer.create([kept, moved])
        one, two, three = owners(connector)[:3]
        people.complete(kept.key)
        people.give(moved.key, two)
        outcomes = writer.change(
            [
                TaskChange(key=kept.key, task_id=first.task_id, owner_id=three, owner_was=one),
                TaskChange(key=moved.key, task_id=second.task_id, owner_id=three, owner_was=one),
            ]
        )

        assert [OutcomeKind.CONFLICT] * 2 == [outcome.kind for outcome in outcomes]
        found = writer.find([kept, moved])
        assert (TaskStatus.DONE, one) == (found[kept.key].status, found[kept.key].owner_id)
        assert (TaskStatus.OPEN, two) == (found[moved.key].status, found[moved.key].owner_id)

    def test_an_untouched_task_is_taken_away(self, connector: Connector, writer: TaskWriter, people: People) -> None:
        """A task that is as it was written goes; one that a person gave away, rewrote or completed stays."""
        tasks = [a_task(connector, name) for name in ("untouched", "given", "reworded", "completed")]
        written = writer.create(tasks)
        people.give(tasks[1].key, owners(connector)[1])
        people.reword(tasks[2].key, "Call them, but not before noon")
        people.complete(tasks[3].key)
        outcomes = writer.change(
            [
                TaskChange(key=task.key, task_id=one.task_id, remove=True, written=task)
                for task, one in zip(tasks, written, strict=True)
            ]
        )

        assert [OutcomeKind.WRITTEN, *[OutcomeKind.CONFLICT] * 3] == [outcome.kind for outcome in outcomes]
        found = {key: state.status for key, state in writer.find(tasks).items()}
        assert TaskStatus.DELETED is found.get(tasks[0].key, TaskStatus.DELETED)
        assert [TaskStatus.OPEN, TaskStatus.OPEN, TaskStatus.DONE] == [found[task.key] for task in tasks[1:]]

    def test_a_task_that_a_person_rewrote_is_not_given_away(
        self, connector: Connector, writer: TaskWriter, people: People
    ) -> None:
        """A change that says what was written is refused once a person has written something else."""
        task = a_task(connector, "rewritten")
        (written,) = writer.create([task])
        one, two = owners(connector)[:2]
        people.reword(task.key, "Mine")
        change = TaskChange(key=task.key, task_id=written.task_id, owner_id=two, owner_was=one, written=task)
        (outcome,) = writer.change([change])

        assert OutcomeKind.CONFLICT is outcome.kind
        assert one == writer.find([task])[task.key].owner_id

    def test_a_note_is_added_below_what_nobody_edited(self, connector: Connector, writer: TaskWriter, people: People) -> None:
        """A task that is given away or closed says why, below its text; one that a person rewrote is closed without a word."""
        tasks = [a_task(connector, name) for name in ("given", "closed", "rewritten")]
        written = writer.create(tasks)
        one, two = owners(connector)[:2]
        people.reword(tasks[2].key, "Mine")
        changes = [
            TaskChange(key=task.key, task_id=made.task_id, written=task, note="Otto has the account now.")
            for task, made in zip(tasks, written, strict=True)
        ]
        changes = [replace(changes[0], owner_id=two, owner_was=one), *(replace(change, close=True) for change in changes[1:])]
        outcomes = writer.change(changes)
        noted = replace(tasks[0], text=changes[0].text, owner_id=two)
        undo = TaskChange(key=noted.key, task_id=written[0].task_id, remove=True, written=noted)

        assert [OutcomeKind.WRITTEN] * 3 == [outcome.kind for outcome in outcomes]
        assert [TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.DONE] == [writer.find(tasks)[task.key].status for task in tasks]
        assert [OutcomeKind.WRITTEN] == [outcome.kind for outcome in writer.change([undo])]

    def test_a_deleted_task_is_not_open(self, connector: Connector, writer: TaskWriter, people: People) -> None:
        """A task that a person deleted is found as deleted, or not at all; it can be changed no more."""
        task = a_task(connector, "deleted")
        (written,) = writer.create([task])
        people.delete(task.key)
        found = writer.find([task])

        assert task.key not in found or found[task.key].status is TaskStatus.DELETED
        (outcome,) = writer.change([TaskChange(key=task.key, task_id=written.task_id, close=True)])
        assert OutcomeKind.CONFLICT is outcome.kind

    def test_only_connector_errors_come_out(self, failing: Connector) -> None:
        """Whatever happens on the way to the CRM, what is raised is a ConnectorError."""
        calls: list[Callable[[], object]] = [
            lambda: list(failing.read(Stream.ACCOUNTS, None)),
            lambda: list(failing.read(Stream.ACTIVITIES, None)),
            lambda: failing.tasks and failing.tasks.find([_bare_task("any", owner_id="1")]),
        ]
        for call in calls:
            with pytest.raises(ConnectorError):
                call()


def records(batches: Iterator[Batch] | Sequence[Batch]) -> Iterator[Record]:
    """Yield the records of batches."""
    for batch in batches:
        yield from batch.records


def state(batches: Iterator[Batch] | Sequence[Batch]) -> dict[str, Record]:
    """Return what a mirror holds after these batches."""
    return {record.id: record for record in records(batches)}


def swept(connector: Connector, stream: Stream, later: Callable[[], None]) -> tuple[list[Batch], list[Batch]]:
    """Return the batches of the first sweep, and those of the one that follows when its time has come, after a read."""
    first = list(connector.sweep(stream, None))
    cursor = next((batch.cursor for batch in reversed(first) if batch.cursor is not None), None)
    later()
    list(connector.read(stream, None))  # a connector may learn from its CRM what time it is
    return first, list(connector.sweep(stream, cursor))


def own_tasks(connector: Connector) -> list[Activity]:
    """Return the tasks among the activities that carry a key of ours."""
    found = records(connector.read(Stream.ACTIVITIES, None))
    return [record for record in found if isinstance(record, Activity) and record.task_key]


def owners(connector: Connector) -> list[str]:
    """Return the ids of the active users, in order."""
    found = records(connector.read(Stream.USERS, None))
    return sorted(record.id for record in found if isinstance(record, User) and record.active)


def key_of(name: str) -> str:
    """Return a key as the planner makes them."""
    return sha256(name.encode()).hexdigest()


def a_task(connector: Connector, name: str, *, subject: str = "Call them") -> Task:
    """Return a task for the first active user about the first account and a person there."""
    accounts = sorted(record.id for record in records(connector.read(Stream.ACCOUNTS, None)) if isinstance(record, Account))
    people = [record for record in records(connector.read(Stream.CONTACTS, None)) if isinstance(record, Contact)]
    person = min((record.id for record in people if record.account_id == accounts[0]), default=None)
    bare = _bare_task(name, owner_id=owners(connector)[0])
    return replace(bare, subject=subject, account_id=accounts[0], contact_id=person)


def _bare_task(name: str, owner_id: str) -> Task:
    return Task(
        key=key_of(name),
        rule="reconnect-neglected-customer",
        subject="Call them",
        text="Nobody has been in touch for 40 days.\n\nIt closes itself after the next conversation.",
        do="call",
        priority="high",
        due_on=date(2026, 11, 25),
        due_at=parse_instant("2026-11-25T16:00:00Z"),
        owner_id=owner_id,
    )


def _unstorable(record: Record) -> Iterator[str]:
    for name in INSTANTS:
        at = getattr(record, name, None)
        if at is not None and not EARLIEST <= at < LATEST:
            yield f"{name} of {record.id}"
    for text in _texts(astuple(record)):
        try:
            text.encode()
        except UnicodeEncodeError:
            yield f"a lone surrogate in {record.id}"
        if "\x00" in text:
            yield f"U+0000 in {record.id}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
