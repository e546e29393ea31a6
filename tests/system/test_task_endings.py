"""What refsync itself ends, moves and tells: owners who change or leave, suppressions, waiting asks, escalations, merges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from refsync.calendar import Duration, Unit
from refsync.finding import State
from refsync.model import (
    Case,
    Stream,
    User,
)
from refsync.rules.rule import Escalation
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
    account,
    call,
    customer,
    escalations,
    person,
    won,
)

# Owners


def test_open_task_follows_the_account(opens: Opens) -> None:
    """A new owner of the account gets its open task, which says so, and no second one is written."""
    company = opens(*customer())
    company.tick()
    company.puts(account(owner_id="otto"))
    report = company.tick(after=HOUR)
    again = company.tick(after=HOUR)
    found = company.only()

    assert {found.key: "otto"} == company.open_tasks()
    assert ("otto", "", "") == (found.owner_id, found.edited, found.holder_id)
    assert "Passed on by refsync from Rita to Otto, who owns the account now." in company.written(found.key).text
    assert found.text == company.written(found.key).text
    assert (1, 0) == (report.pushed and report.pushed.moved, again.pushed and again.pushed.moved)


def test_overdue_task_gets_a_new_day_with_its_new_owner(opens: Opens) -> None:
    """The due day is kept unless it has passed."""
    company = opens(*customer())
    company.tick()
    company.puts(account(owner_id="otto"))
    company.tick(after=7 * DAY)

    assert (date(2026, 12, 2), State.OPEN, "") == (company.only().due_on, company.state(), company.only().edited)
    assert date(2026, 12, 2) == company.written(company.only().key).due_on


def test_the_next_in_the_list_stands_in_for_who_is_away(opens: Opens) -> None:
    """The task says for whom and until when; left open, it goes to an owner who is back; who goes away later keeps it."""
    company = opens(*customer(), replace(USERS[0], away_from=NOW - DAY, away_until=NOW + 20 * DAY))
    company.tick()
    found = company.only()
    assert {found.key: "boss"} == company.open_tasks()
    assert "Rita is away until 10 Dec 2026; left open, this goes back then." in company.written(found.key).text
    company.tick(after=10 * DAY)
    assert {found.key: "boss"} == company.open_tasks()
    company.tick(after=11 * DAY)
    assert {found.key: "rita"} == company.open_tasks()
    company.puts(replace(USERS[0], away_from=company.now, away_until=company.now + 90 * DAY))
    company.tick(after=HOUR)
    assert {found.key: "rita"} == company.open_tasks()


def test_task_of_who_left_goes_to_the_manager_and_without_one_is_withdrawn(opens: Opens) -> None:
    """Nobody who has left keeps a task; where nobody is there to do it, it is closed and comes back with somebody who is."""
    company = opens(*customer())
    company.tick()
    company.puts(replace(USERS[0], active=False))
    company.tick(after=HOUR)
    managed = company.open_tasks()
    company.puts(replace(USERS[2], active=False))
    company.tick(after=HOUR)
    nobody = company.open_tasks()
    company.puts(account(owner_id="otto"))
    company.tick(after=DAY)

    assert (["boss"], [], ["otto"]) == (list(managed.values()), list(nobody.values()), list(company.open_tasks().values()))
    assert [State.WITHDRAWN, State.OPEN] == [found.state for found in company.findings()]


def test_owners_that_were_not_read_move_nothing(opens: Opens) -> None:
    """While the users or accounts were not read to their end, nothing changes hands and nothing is withdrawn."""
    company = opens(*customer())
    company.tick()
    company.puts(replace(USERS[0], active=False), replace(USERS[2], active=False))
    company.crm.faults.partial[Stream.USERS] = 1
    company.connector = MemoryConnector(company.crm, page=1)
    company.tick(after=HOUR)

    assert (["rita"], State.OPEN) == (list(company.open_tasks().values()), company.state())


@pytest.mark.parametrize("named", ["queue:success desk", "user:desk@example.com"])
def test_queue_is_a_user_by_name(opens: Opens, named: str) -> None:
    """A task can go to whoever has a name or an e-mail in the CRM."""
    company = opens(*customer(), User(id="desk", name="Success Desk", email="desk@example.com"))
    company.change(RECONNECT, assign=(named,))
    company.tick()

    assert ["desk"] == list(company.open_tasks().values())


# Suppression


def test_task_is_withdrawn_when_a_suppression_begins_and_comes_back_after_it(opens: Opens) -> None:
    """An escalation closes the open task; once it is over the task comes again, for nobody has dealt with it."""
    company = opens(*customer())
    company.tick()
    trouble = Case(id="c", account_id="a1", escalated=True, opened_at=NOW)
    company.puts(trouble)
    company.tick(after=HOUR)
    found = company.only()

    assert (State.WITHDRAWN, {}) == (found.state, company.open_tasks())
    assert found.reason.startswith("suppress.")
    assert found.reason in company.written(found.key).text
    company.puts(replace(trouble, closed_at=company.now))
    company.tick(after=10 * DAY)
    assert 1 == len(company.open_tasks())


def test_task_is_withdrawn_when_its_person_opts_out(opens: Opens) -> None:
    """Nobody is called who does not want to be; the task comes again for another person, if there is one."""
    company = opens(*customer())
    company.tick()
    company.puts(person(do_not_contact=True))
    company.tick(after=HOUR)

    assert State.WITHDRAWN is company.findings()[0].state
    assert ["p1", None] == [found.contact_id for found in company.findings()] or [] == list(company.open_tasks())


# Waiting


def test_waiting_ask_outlives_the_window_of_its_milestone(opens: Opens) -> None:
    """How old a milestone may be decides whether an ask begins, not whether it is still asked after the reconnect."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 7, 28)))  # 115 days ago, of 120
    company.tick()
    waiting = company.state(ASK)
    company.tick(after=10 * DAY)
    company.puts(call(company.now))
    company.tick(after=DAY)
    company.tick(after=DAY)

    assert (State.WAITING, State.CLEARED, State.OPEN) == (waiting, company.state(FIRST), company.state(ASK))


def test_second_milestone_waits_behind_the_reconnect_that_stands(opens: Opens) -> None:
    """A milestone that comes while the reconnect is open waits behind it, too, and is asked about afterwards."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 10, 20)))
    company.tick()
    company.puts(*won(date(2026, 11, 1), name="other"))
    company.tick(after=DAY)
    company.tick(after=HOUR)

    assert [State.WAITING, State.WAITING] == [found.state for found in company.findings(ASK)]
    assert {company.only(FIRST).key} == {found.waiting_for for found in company.findings(ASK)}


def test_waiting_ask_is_withdrawn_by_a_suppression(opens: Opens) -> None:
    """An ask that waits is over when it must not be asked any more."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 10, 20)))
    company.tick()
    company.puts(account(tier="C", do_not_contact=True))
    company.tick(after=HOUR)

    assert (State.WITHDRAWN, State.WITHDRAWN) == (company.state(ASK), company.state(FIRST))


def test_waiting_ask_expires(opens: Opens) -> None:
    """Nobody waits for ever: after sixty days without a conversation the ask is over."""
    company = opens(*customer(silent=100, tier="C"), *won(date(2026, 10, 20)))
    company.tick()
    company.tick(after=61 * DAY)

    assert State.EXPIRED is company.state(ASK)


def test_task_about_what_is_gone_is_closed(opens: Opens) -> None:
    """A deal that was deleted is no reason to ask for a referral."""
    company = opens(*customer(silent=5), *won(date(2026, 10, 20)))
    company.tick()
    opened = company.state(ASK)
    company.crm.remove(Stream.DEAL_CONTACTS, "ld1")
    company.crm.remove(Stream.DEALS, "d1")
    company.tick(after=HOUR)

    assert (State.OPEN, State.CLEARED) == (opened, company.state(ASK))
    assert "the milestone is no longer there" == company.only(ASK).reason


# Escalation


def test_manager_is_told_once_of_an_overdue_task(opens: Opens) -> None:
    """Five working days after its due day the manager gets one task about it, which closes with it."""
    company = opens(*customer())
    company.change(RECONNECT, escalate=Escalation(after=Duration(5, Unit.BUSINESS_DAYS), to=("manager",)))
    company.tick()
    company.tick(after=12 * DAY)
    assert [] == escalations(company)
    for _ in range(3):
        company.tick(after=DAY)
    (told,) = escalations(company)

    assert ("boss", State.OPEN, "Overdue with Rita: " + company.only().subject) == (told.owner_id, told.state, told.subject)
    assert company.only().text in company.written(told.key).text
    company.crm.complete(company.only().key)
    company.tick(after=HOUR)
    assert [State.CLEARED] == [found.state for found in escalations(company)]


def test_dismissed_escalation_never_comes_back(opens: Opens) -> None:
    """The manager's word is final, too."""
    company = opens(*customer())
    company.change(RECONNECT, escalate=Escalation(after=Duration(1, Unit.BUSINESS_DAYS), to=("manager",)))
    company.tick()
    company.tick(after=7 * DAY)
    company.crm.delete(escalations(company)[0].key)
    company.tick(after=DAY)
    company.tick(after=DAY)

    assert [State.DISMISSED] == [found.state for found in escalations(company)]
    assert {1} == set(company.crm.creates.values())


def test_manager_is_not_flooded(opens: Opens) -> None:
    """Escalations keep within the manager's cap of the day."""
    company = opens(*(record for number in range(1, 5) for record in customer(number)))
    company.change(RECONNECT, escalate=Escalation(after=Duration(1, Unit.BUSINESS_DAYS), to=("manager",)))
    company.tick()
    limits = replace(company.rules.company.limits, per_rep_per_day=2)
    company.rules = replace(company.rules, company=replace(company.rules.company, limits=limits))
    company.tick(after=7 * DAY)
    first = len(escalations(company))
    company.tick(after=DAY)

    assert (2, 4) == (first, len(escalations(company)))


# Exactly one


def merged(company: Company) -> None:
    """Merge the second account into the first."""
    company.puts(person(2, account_id="a1"))
    company.crm.merge(Stream.ACCOUNTS, "a2", "a1")


def test_after_a_merge_the_younger_task_goes(opens: Opens) -> None:
    """Of two tasks that ask for the same the older stays; the younger is closed and says why."""
    company = opens(*customer(1))
    company.tick()
    company.puts(*customer(2))
    company.tick(after=DAY)
    older, younger = company.findings()
    merged(company)
    company.tick(after=HOUR)

    assert {older.key: "rita"} == company.open_tasks()
    assert [State.OPEN, State.WITHDRAWN] == [found.state for found in company.findings()]
    assert "another task asks for the same" in company.written(younger.key).text


def test_after_a_merge_a_touched_task_stays(opens: Opens) -> None:
    """A task that a person edited is never closed in favour of another: the untouched one goes."""
    company = opens(*customer(1))
    company.tick()
    company.puts(*customer(2))
    company.tick(after=DAY)
    _, younger = company.findings()
    company.crm.edit(younger.key, subject="Mine")
    merged(company)
    company.tick(after=HOUR)

    assert {younger.key: "rita"} == company.open_tasks()


def test_close_that_was_cut_off_is_ours(opens: Opens) -> None:
    """A run that dies after the call and before its commit does not take its own closing for the rep's."""
    company = opens(*customer())
    company.tick()
    company.puts(call(NOW + HOUR))
    change = company.connector.tasks.change

    def die(changes: Any) -> Any:
        change(changes)
        raise KeyboardInterrupt

    company.connector.tasks.change = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        company.tick(after=2 * HOUR)
    company.connector = MemoryConnector(company.crm)
    company.tick(after=HOUR)

    assert (State.CLEARED, True) == (company.state(), company.only().reason.startswith("in touch again"))


def test_move_that_was_cut_off_is_ours(opens: Opens) -> None:
    """The same for a task on its way to its new owner: it goes on following."""
    company = opens(*customer())
    company.tick()
    company.puts(account(owner_id="otto"))
    change = company.connector.tasks.change

    def die(changes: Any) -> Any:
        change(changes)
        raise KeyboardInterrupt

    company.connector.tasks.change = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        company.tick(after=2 * HOUR)
    company.connector = MemoryConnector(company.crm)
    company.tick(after=HOUR)
    found = company.only()

    assert ("otto", "", State.OPEN) == (found.owner_id, found.edited, found.state)
