"""The life of a task: what people do in the CRM and what happens to the customer, and what becomes of the finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit, at_hour
from refsync.finding import ESCALATION, Finding, State
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Record,
    Stream,
    Task,
    TaskStatus,
    User,
    moment,
    parse_instant,
)
from refsync.rules.files import load
from refsync.rules.rule import Escalation, RuleSet
from refsync.store import history, ledger
from refsync.store.engine import Store, open_store
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")  # a Friday
HOUR = 3_600_000
DAY = 24 * HOUR
RECONNECT, FIRST, ASK = "reconnect-neglected-customer", "reconnect-before-asking", "ask-referral-after-milestone"
LIVE = load(bundled("rules"), modes_live=True)
SHIPPED = replace(
    LIVE,
    company=replace(LIVE.company, settle=Duration(0, Unit.HOURS)),
    rules=tuple(rule for rule in LIVE.rules if rule.name in {RECONNECT, FIRST, ASK}),
)
USERS = [
    User(id="rita", name="Rita", email="rita@example.com", manager_id="boss"),
    User(id="otto", name="Otto", email="otto@example.com", manager_id="boss"),
    User(id="boss", name="Bea", email="bea@example.com"),
]


def account(number: int = 1, **values: Any) -> Account:
    said = {"owner_id": "rita", "status": AccountStatus.CUSTOMER, "tier": "A", "created_at": NOW - 900 * DAY}
    return Account(id=f"a{number}", name=f"Account {number}", **{**said, **values})


def person(number: int = 1, **values: Any) -> Contact:
    return Contact(**{"id": f"p{number}", "account_id": f"a{number}", "name": f"Person {number}", **values})


def call(at: int, number: int = 1) -> Activity:
    talked = Activity(id=f"call-{number}-{at}", kind=ActivityKind.CALL, direction=Direction.OUT, status=ActivityStatus.DONE)
    return replace(talked, at=at, owner_id="rita", account_id=f"a{number}", contact_ids=(f"p{number}",))


def customer(number: int = 1, *, silent: float = 45, **values: Any) -> list[Record]:
    """Return a customer with one person, called so many days ago."""
    return [account(number, **values), person(number), call(NOW - int(silent * DAY), number)]


def won(on: date, number: int = 1, name: str = "d") -> list[Record]:
    deal = Deal(id=f"{name}{number}", account_id=f"a{number}", name="Deal", status=DealStatus.WON, closed_on=on, owner_id="rita")
    return [deal, DealContact(id=f"l{deal.id}", deal_id=deal.id, contact_id=f"p{number}", role="champion", is_primary=True)]


class Company:
    """A connection to a CRM in memory, with three of the shipped rules live."""

    def __init__(self, store: Store, *records: Record) -> None:
        self.store, self.now = store, NOW
        self.crm = MemoryCrm([*USERS, *records])
        self.connector = MemoryConnector(self.crm)
        self.rules: RuleSet = SHIPPED

    def tick(self, after: int = 0, **options: Any) -> Report:
        self.now += after
        given = {"now": self.now, "patience": Patience(attempts=1, first_pause=0.001, longest_pause=0.001), "approved": True}
        return tick(self.store, "m", "memory", self.connector, self.rules, clock=lambda: self.now, **{**given, **options})

    def puts(self, *records: Record) -> None:
        for record in records:
            self.crm.put(record)

    def change(self, name: str, **values: Any) -> None:
        """Let a rule's task say something else."""
        task = {"task": replace(self.rule(name).task, **values)}
        self.rules = replace(self.rules, rules=tuple(replace(r, **task) if r.name == name else r for r in self.rules.rules))

    def rule(self, name: str) -> Any:
        return next(rule for rule in self.rules.rules if rule.name == name)

    def findings(self, rule: str = RECONNECT) -> list[Finding]:
        """Return a rule's findings, oldest first, but for escalations."""
        with self.store.read() as db:
            found = ledger.in_state(db, "m", *State)
        return [one for one in found if one.rule == rule and one.kind != ESCALATION]

    def only(self, rule: str = RECONNECT) -> Finding:
        (found,) = self.findings(rule)
        return found

    def state(self, rule: str = RECONNECT) -> State:
        return self.only(rule).state

    def written(self, key: str) -> Task:
        return self.crm._tasks[key].task

    def open_tasks(self) -> dict[str, str]:
        """Return who holds each open task, by key."""
        tasks = self.crm.tasks.items()
        return {key: state.owner_id or "" for key, state in tasks if state.status is TaskStatus.OPEN}

    def story(self, key: str) -> list[str]:
        with self.store.read() as db:
            return [one.why for one in history.of_keys(db, "m", [key]) if one.why]


@pytest.fixture
def opens() -> Iterator[Callable[..., Company]]:
    """Give what opens a company with these records."""
    with open_store("sqlite://") as store:
        yield lambda *records: Company(store, *records)


Opens = Callable[..., Company]


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


def escalations(company: Company) -> list[Finding]:
    with company.store.read() as db:
        return [found for found in ledger.in_state(db, "m", *State) if found.kind == ESCALATION]


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


# A store that was lost


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
