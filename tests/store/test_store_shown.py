"""What people did to a task, as the mirror shows it, is taken in once and never undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from refsync.calendar import Calendar
from refsync.company import Company
from refsync.connector import Batch
from refsync.finding import Finding, State
from refsync.model import Account, Activity, ActivityKind, ActivityStatus, Direction, Stream, instant
from refsync.store import ledger, mirror
from refsync.store.engine import Database, Store
from refsync.store.tasks import history, shown

CALENDAR = Calendar(zone="Europe/Berlin")
NOW = instant(datetime(2026, 11, 20, 9, tzinfo=UTC))
DAY = 86_400_000
DUE = instant(datetime(2026, 11, 25, 16, tzinfo=UTC))


def opened(**values: Any) -> Finding:
    given = {"key": "k", "rule": "reconnect", "kind": "care", "subject_kind": "account", "subject_id": "a", "account_id": "a"}
    said = {"owner_id": "rita", "subject": "Call  Acme ", "state": State.OPEN, "task_id": "T1", "opened_at": NOW - DAY}
    return Finding(**{**given, **said, "due_on": date(2026, 11, 25), "due_at": DUE, "run": "r1", **values})


def task(**values: Any) -> Activity:
    said = {"owner_id": "rita", "subject": "Call Acme", "at": DUE, "status": ActivityStatus.PLANNED, "account_id": "a"}
    return Activity(**{"id": "T1", "kind": ActivityKind.TASK, "task_key": "k", **said, **values})


def call(at: int) -> Activity:
    talked = Activity(id="C1", kind=ActivityKind.CALL, direction=Direction.IN, status=ActivityStatus.DONE, account_id="a")
    return replace(talked, at=at)


class Desk:
    """One open task, and a CRM in which people do something to it."""

    def __init__(self, db: Database, connection: str, finding: Finding) -> None:
        self.db, self.connection = db, connection
        self.shows(Account(id="a", name="Acme"), stream=Stream.ACCOUNTS)
        ledger.intend(db, connection, [finding])

    def shows(self, *records: Any, stream: Stream = Stream.ACTIVITIES) -> None:
        mirror.write_batch(self.db, self.connection, stream, Batch(records=records), company=Company(), now=NOW)

    def seen(self, *records: Any, now: int = NOW) -> Finding:
        """Return the finding after the CRM showed this."""
        self.shows(*records)
        shown.take_in(self.db, self.connection, CALENDAR, now, "r2")
        (found,) = ledger.everything(self.db, self.connection)
        return found

    def story(self) -> list[str]:
        return [one.why for one in history.of_keys(self.db, self.connection, ["k"])][1:]


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        (ActivityStatus.DONE, State.DONE, ["done in the CRM"]),
        (ActivityStatus.CANCELLED, State.DISMISSED, ["called off in the CRM"]),
        (ActivityStatus.PLANNED, State.OPEN, []),
    ],
)
def test_end_that_a_person_chose(store: Store, connection: str, status: ActivityStatus, state: State, why: list[str]) -> None:
    """A task that a rep completed is done, one that was called off is dismissed, an open one stays; each is told once."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        found = desk.seen(task(status=status))
        again = desk.seen()
        story = desk.story()

    assert (state, None if state is State.OPEN else NOW) == (found.state, found.closed_at)
    assert (found, why) == (again, story)


def test_task_as_it_was_written_is_no_news(store: Store, connection: str) -> None:
    """Other spaces in its words, and a day shown as noon in UTC, are no person's doing."""
    noon = instant(datetime(2026, 11, 25, 12, tzinfo=UTC))
    with store.write() as db:
        desk = Desk(db, connection, opened())
        found = desk.seen(task(at=noon))
        story = desk.story()

    assert (State.OPEN, "", []) == (found.state, found.edited, story)


def test_task_put_off_is_snoozed_until_its_day(store: Store, connection: str) -> None:
    """A later day snoozes the task; on that day it is open again, and the day it was moved to stays known."""
    later = instant(datetime(2026, 12, 10, 12, tzinfo=UTC))
    with store.write() as db:
        desk = Desk(db, connection, opened())
        snoozed = desk.seen(task(at=later))
        before = desk.seen(now=later - DAY)
        after = desk.seen(now=later)
        story = desk.story()

    assert (State.SNOOZED, date(2026, 12, 10), "due") == (snoozed.state, snoozed.moved_to, snoozed.edited)
    assert (State.SNOOZED, State.OPEN, date(2026, 12, 10)) == (before.state, after.state, after.due_now)
    assert ["a person moved it to 2026-12-10", "its day has come"] == story


def test_task_moved_to_an_earlier_day_stays_open(store: Store, connection: str) -> None:
    """An earlier day is a person's decision, too; moved back it is as before, but for having been edited."""
    earlier = instant(datetime(2026, 11, 23, 12, tzinfo=UTC))
    with store.write() as db:
        desk = Desk(db, connection, opened())
        moved = desk.seen(task(at=earlier))
        back = desk.seen(task())

    assert (State.OPEN, date(2026, 11, 23)) == (moved.state, moved.due_now)
    assert (State.OPEN, None, "due") == (back.state, back.moved_to, back.edited)


def test_task_given_away_is_the_new_holders(store: Store, connection: str) -> None:
    """Who holds it is known beside whom refsync gave it to; given back it is held by the first again."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        given = desk.seen(task(owner_id="otto"))
        back = desk.seen(task())

    assert ("rita", "otto", "owner") == (given.owner_id, given.holder_id, given.edited)
    assert ("rita", "", "owner") == (back.owner_id, back.holder_id, back.edited)


def test_reworded_task_is_edited(store: Store, connection: str) -> None:
    """Other words are a person's; a subject that the CRM cut is not."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        cut = desk.seen(task(subject="Call A…"))
        other = desk.seen(task(subject="Call Acme about the fair"))

    assert ("", "subject") == (cut.edited, other.edited)


@pytest.mark.parametrize(("ending", "state"), [(State.CLEARED, State.CLEARED), (None, State.DONE)])
def test_close_that_was_cut_off_is_ours(store: Store, connection: str, ending: State | None, state: State) -> None:
    """A task that refsync was closing when it was stopped is cleared, not done by a person."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        ledger.aim(db, connection, "k", ending, "in touch again" if ending else "")
        found = desk.seen(task(status=ActivityStatus.DONE))

    assert (state, "in touch again" if ending else "done in the CRM", None) == (found.state, found.reason, found.ending)


def test_move_that_was_cut_off_is_ours(store: Store, connection: str) -> None:
    """A task that refsync was moving when it was stopped belongs to the new owner, and no person edited it."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        ledger.aim_owner(db, connection, "k", "otto")
        found = desk.seen(task(owner_id="otto"))

    assert ("otto", "", "", "") == (found.owner_id, found.holder_id, found.edited, found.next_owner_id)


@pytest.mark.parametrize(("at", "verified"), [(NOW - DAY // 2, True), (NOW - 2 * DAY, False), (NOW + DAY, False)])
def test_done_is_verified_by_a_touch_since_it_was_written(store: Store, connection: str, at: int, *, verified: bool) -> None:
    """Ticking off is no contact: a touch after the task was written, logged before or after, stands behind it."""
    with store.write() as db:
        desk = Desk(db, connection, opened())
        done = desk.seen(task(status=ActivityStatus.DONE))
        later = desk.seen(call(at))

    assert (None, verified) == (done.verified_at, later.verified_at == NOW)
