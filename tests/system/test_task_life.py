"""The life of a task: what people do in the CRM and what happens to the customer, and what becomes of the finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from refsync.calendar import at_hour
from refsync.finding import State
from refsync.model import (
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Stream,
    TaskStatus,
    moment,
)
from tests.system.company import DAY, HOUR, NOW, RECONNECT, Opens, account, call, customer

# What a touch does


def test_touch_closes_the_task_and_the_task_says_which(opens: Opens) -> None:
    """A real call completes the task in the CRM, with the call below its text; the story tells it, too."""
    company = opens(*customer())
    company.tick()
    company.puts(call(NOW + HOUR))
    company.tick(after=2 * HOUR)
    found = company.only()

    assert (State.CLEARED, TaskStatus.DONE) == (found.state, company.crm.tasks[found.key].status)
    seen = "in touch again: call with Person 1 on 2026-11-20"
    assert company.written(found.key).text.endswith(f"\n\nCleared by refsync: {seen}.")
    assert seen in company.story(found.key)


def test_task_that_a_person_rewrote_is_closed_without_a_word(opens: Opens) -> None:
    """What a person wrote into the text stays as it is when the task closes."""
    company = opens(*customer())
    company.tick()
    company.crm.edit(company.only().key, text="My own notes")
    company.puts(call(NOW + HOUR))
    company.tick(after=2 * HOUR)
    found = company.only()

    assert (State.CLEARED, "My own notes") == (found.state, company.written(found.key).text)


def test_cause_gone_without_a_touch_names_none(opens: Opens) -> None:
    """A customer who left is no longer to be called; that there was a call once is not the reason."""
    company = opens(*customer())
    company.tick()
    company.puts(account(status=AccountStatus.FORMER))
    company.tick(after=HOUR)

    assert (State.CLEARED, "its cause is gone") == (company.state(), company.only().reason)


def test_ticked_off_is_unverified_until_a_touch_is_seen(opens: Opens) -> None:
    """Ticking off resets no clock: the customer still matches; a call logged later stands behind it."""
    company = opens(*customer())
    company.tick()
    company.crm.complete(company.only().key)
    report = company.tick(after=HOUR)
    unverified = company.only()
    company.puts(call(NOW + HOUR // 2))
    company.tick(after=HOUR)

    assert report.judged is not None
    assert 1 == len(report.judged.matches[RECONNECT])
    assert (State.DONE, None) == (unverified.state, unverified.verified_at)
    assert company.only().verified_at is not None


# What a person does


def test_task_put_off_neither_expires_nor_escalates_before_its_day(opens: Opens) -> None:
    """A later day snoozes the task; it is open again on that day, and its time counts from there."""
    company = opens(*customer())
    company.tick()
    key = company.only().key
    later = date(2027, 2, 15)
    company.crm.edit(key, due_on=later, due_at=at_hour(later, moment(NOW).time(), "UTC"))
    company.tick(after=HOUR)
    snoozed = company.state()
    company.tick(after=60 * DAY)
    waits = company.state()
    company.tick(after=30 * DAY)

    assert [State.SNOOZED, State.SNOOZED, State.OPEN] == [snoozed, waits, company.state()]
    company.tick(after=60 * DAY)
    assert State.EXPIRED is company.findings()[0].state


@pytest.mark.parametrize("what", ["delete", "complete", "give", "reword", "move"])
def test_hand_of_a_person_is_final(opens: Opens, what: str) -> None:
    """What a person deleted, did, gave away, reworded or moved stays so, also when the account changes hands."""
    company = opens(*customer())
    company.tick()
    key = company.only().key
    match what:
        case "give":
            company.crm.give(key, "boss")
        case "reword":
            company.crm.edit(key, subject="Mine")
        case "move":
            company.crm.edit(key, due_on=date(2026, 12, 1), due_at=NOW + 11 * DAY)
        case _:
            getattr(company.crm, what)(key)
    company.tick(after=HOUR)
    before = company.crm.tasks[key], company.written(key)
    company.puts(account(owner_id="otto"))
    for _ in range(3):
        company.tick(after=DAY)

    assert before == (company.crm.tasks[key], company.written(key))
    assert {1} == set(company.crm.creates.values())


def test_task_of_somebody_else_is_never_touched(opens: Opens) -> None:
    """A person's own task at the account stays, whatever happens there."""
    theirs = Activity(id="mine", kind=ActivityKind.TASK, at=NOW + DAY, status=ActivityStatus.PLANNED, owner_id="rita")
    mine = replace(theirs, account_id="a2")
    company = opens(*customer(), mine, *customer(2))
    for _ in range(3):
        company.tick(after=DAY)
    company.puts(call(company.now), call(company.now, 2))
    company.tick(after=DAY)

    assert mine.id in {
        record.id for _, record in company.crm.read(Stream.ACTIVITIES, 0) if record == replace(mine, account_id="a2")
    }
