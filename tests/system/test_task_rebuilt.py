"""A lost database: what a new store takes over from the tasks in the CRM, and from their words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from refsync.calendar import Duration, Unit
from refsync.finding import State
from refsync.model import (
    Stream,
)
from refsync.rules.rule import Escalation
from refsync.store.engine import Store, open_store
from refsync.testing.memory import MemoryConnector
from tests.system.company import (
    ASK,
    DAY,
    FIRST,
    HOUR,
    NOW,
    RECONNECT,
    USERS,
    Company,
    Opens,
    call,
    customer,
    escalations,
    won,
)


def rebuilt(company: Company, store: Store) -> Company:
    """Return the same company with an empty database."""
    found = Company(store)
    found.crm, found.rules, found.now = company.crm, company.rules, company.now
    found.connector = MemoryConnector(company.crm)
    return found


@pytest.fixture
def empty() -> Iterator[Store]:
    with open_store("sqlite://") as store:
        yield store


def test_rebuilt_store_takes_a_repeated_task_over(opens: Opens, empty: Store) -> None:
    """The second task of a lapse is known by its key, though nothing tells that there was a first; so is what was done."""
    company = opens(*customer())
    company.tick()
    company.crm.complete(company.only().key)
    company.tick(after=DAY)
    company.tick(after=31 * DAY)
    done, again = company.findings()
    found = rebuilt(company, empty)
    found.tick(after=HOUR)

    assert {1} == set(company.crm.creates.values())
    assert {done.key: State.DONE, again.key: State.OPEN} == {one.key: one.state for one in found.findings()}
    assert [0, 1] == sorted(one.n for one in found.findings())


def test_rebuilt_store_writes_no_second_task_after_a_call_was_logged_late(opens: Opens, empty: Store) -> None:
    """The lapse seems to have begun otherwise, so that its key would be another one; the task of the first key stands."""
    company = opens(*customer())
    company.tick()
    company.puts(call(NOW - 40 * DAY))
    company.tick(after=HOUR)
    found = rebuilt(company, empty)
    found.tick(after=HOUR)

    assert (1, State.OPEN) == (len(company.crm.tasks), found.state())
    found.puts(call(found.now))
    found.tick(after=HOUR)
    assert (State.CLEARED, {}) == (found.state(), found.open_tasks())


def test_rebuilt_store_knows_a_task_by_its_words_when_its_call_is_gone(opens: Opens, empty: Store) -> None:
    """With the call that began the lapse deleted no key leads to the task; what it says does."""
    company = opens(*customer())
    company.tick()
    company.crm.remove(Stream.ACTIVITIES, f"call-1-{NOW - 45 * DAY}")
    found = rebuilt(company, empty)
    found.tick(after=HOUR)
    found.tick(after=HOUR)

    assert (1, State.OPEN) == (len(company.crm.tasks), found.state())


def test_rebuilt_store_leaves_a_task_with_whom_it_was_given_to(opens: Opens, empty: Store) -> None:
    """Who holds it may have been a person's decision: it stays."""
    company = opens(*customer())
    company.tick()
    company.crm.give(company.only().key, "otto")
    found = rebuilt(company, empty)
    for _ in range(3):
        found.tick(after=HOUR)

    assert ["otto"] == list(found.open_tasks().values())


def test_rebuilt_store_knows_who_stands_in(opens: Opens, empty: Store) -> None:
    """A task with whoever stands in for its owner was given to them by no person, unlike one with anybody else."""
    company = opens(*customer(), replace(USERS[0], away_from=NOW - DAY, away_until=NOW + 10 * DAY))
    company.tick()
    found = rebuilt(company, empty)
    found.tick(after=HOUR)

    assert ["boss"] == list(found.open_tasks().values())
    assert ("boss", "", False) == (found.only().owner_id, found.only().holder_id, "owner" in found.only().edited)


def test_rebuilt_store_knows_what_waited(opens: Opens, empty: Store) -> None:
    """The reconnect before an ask is not over because the ledger forgot what waits behind it."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 10, 20)))
    company.tick()
    found = rebuilt(company, empty)
    found.tick(after=HOUR)

    assert (State.OPEN, State.WAITING) == (found.state(FIRST), found.state(ASK))
    found.puts(call(found.now))
    found.tick(after=HOUR)
    found.tick(after=HOUR)
    assert (State.CLEARED, State.OPEN) == (found.state(FIRST), found.state(ASK))


def test_restored_store_takes_over_what_it_still_waits_to_send(opens: Opens, empty: Store) -> None:
    """A database from before the ask was sent, and no longer a call that tells why it was: its task stands, so it is open."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 10, 20)))
    company.tick()
    older = rebuilt(company, empty)
    older.tick(after=HOUR)
    assert State.WAITING == older.state(ASK)
    company.puts(call(older.now))
    company.tick(after=2 * HOUR)
    company.tick(after=HOUR)
    assert State.OPEN == company.state(ASK)
    company.crm.remove(Stream.ACTIVITIES, f"call-1-{older.now}")
    older.now = company.now
    older.tick(after=HOUR)

    assert (State.OPEN, {1}) == (older.state(ASK), set(company.crm.creates.values()))


def test_rebuilt_store_knows_the_escalations(opens: Opens, empty: Store) -> None:
    """A manager is not told twice because a database was lost."""
    company = opens(*customer())
    company.change(RECONNECT, escalate=Escalation(after=Duration(1, Unit.BUSINESS_DAYS), to=("manager",)))
    company.tick()
    company.tick(after=7 * DAY)
    found = rebuilt(company, empty)
    found.tick(after=HOUR)
    found.tick(after=HOUR)

    assert (2, [State.OPEN]) == (len(company.crm.tasks), [one.state for one in escalations(found)])


def test_rebuilt_store_fills_no_cap_with_old_tasks(opens: Opens, empty: Store) -> None:
    """Tasks that were taken over count for the day on which they were written."""
    company = opens(*(record for number in range(1, 6) for record in customer(number)))
    company.tick()
    found = rebuilt(company, empty)
    found.puts(*customer(6))
    report = found.tick(after=3 * DAY)

    assert (5, 1) == (report.as_json()["adopted"], report.as_json()["created"])
