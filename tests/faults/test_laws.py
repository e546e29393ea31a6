"""Laws of the engine that were once broken, one test each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import pytest

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.connector import Absence, Batch, Cursor, Outcome, OutcomeKind, TaskChange
from refsync.errors import LeaseLost, TransientError, UnexpectedReply
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
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
    parse_instant,
)
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import lease, ledger, mirror
from refsync.store.engine import Store, open_store
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def customer(number: int, *touched: float, tier: str = "A") -> list[Record]:
    """Return a customer with one person, and a call so many days ago each."""
    status, long_ago = AccountStatus.CUSTOMER, NOW - 900 * DAY
    account = Account(id=f"a{number}", name=f"Account {number}", owner_id="rep", status=status, tier=tier, created_at=long_ago)
    person = Contact(id=f"p{number}", account_id=account.id, name=f"Person {number}", owner_id="rep")
    return [account, person, *(call(number, NOW - int(days * DAY)) for days in touched)]


def call(number: int, at: int) -> Activity:
    return Activity(
        id=f"call-{number}-{at}",
        kind=ActivityKind.CALL,
        direction=Direction.OUT,
        at=at,
        status=ActivityStatus.DONE,
        owner_id="rep",
        account_id=f"a{number}",
        contact_ids=(f"p{number}",),
    )


def won(number: int, on: date, name: str = "deal") -> list[Record]:
    deal = Deal(id=f"{name}{number}", account_id=f"a{number}", name=name, status=DealStatus.WON, closed_on=on, owner_id="rep")
    return [deal, DealContact(id=f"l-{deal.id}", deal_id=deal.id, contact_id=f"p{number}", role="champion", is_primary=True)]


class Company:
    """A connection to a CRM in memory that is ticked from time to time."""

    def __init__(self, store: Store, *records: Record) -> None:
        loaded = load(bundled("rules"), modes_live=True)
        self.store, self.now = store, NOW
        self.crm = MemoryCrm([User(id="rep", name="Rita", email="rita@example.com"), *records])
        self.rules: RuleSet = replace(loaded, company=replace(loaded.company, settle=Duration(0, Unit.HOURS)))
        self.connector = MemoryConnector(self.crm)

    def tick(self, after: int = 0, **options: object) -> Report:
        self.now += after
        patience = Patience(attempts=2, first_pause=0.001, longest_pause=0.001)
        given = {"now": self.now, "patience": patience, "clock": lambda: self.now, "approved": True, **options}
        return tick(self.store, "memory", "memory", self.connector, self.rules, **given)  # type: ignore[arg-type]

    def states(self, rule: str) -> list[str]:
        """Return the states of a rule's findings, oldest first."""
        with self.store.read() as db:
            return [found.state.value for found in ledger.everything(db, "memory") if found.rule == rule]

    def open_tasks(self) -> list[str]:
        return [key for key, state in self.crm.tasks.items() if state.status is TaskStatus.OPEN]


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


RECONNECT, FIRST, ASK = "reconnect-neglected-customer", "reconnect-before-asking", "ask-referral-after-milestone"


def test_lost_task_is_not_sent_when_nobody_wants_it_any_more(store: Store) -> None:
    """A task whose request was lost is planned anew: after a call in between it is dropped instead of sent."""
    company = Company(store, *customer(1, 45))
    company.crm.faults.lost_requests = 1
    company.tick()
    company.crm.put(call(1, NOW + HOUR))
    company.tick(after=2 * HOUR)

    assert ({}, []) == (company.crm.tasks, company.states(RECONNECT))


def test_lost_task_is_sent_again_a_minute_after_the_last_attempt(store: Store) -> None:
    """The wait after an unknown outcome runs from the latest attempt, also when that attempt was cut short."""
    company = Company(store, *customer(1, 45))
    company.crm.faults.lost_requests = 1
    company.tick()

    def die(_tasks: Sequence[Task]) -> Sequence[Outcome]:
        raise KeyboardInterrupt

    company.connector.tasks.create = die  # type: ignore[assignment,method-assign]
    with pytest.raises(KeyboardInterrupt):
        company.tick(after=2 * MINUTE)
    company.connector = MemoryConnector(company.crm)
    company.tick(after=MINUTE // 2)
    assert ({}, ["sending"]) == (company.crm.tasks, company.states(RECONNECT))
    company.tick(after=MINUTE)

    assert 1 == len(company.open_tasks())


FIVE = Absence(wait_ms=5 * MINUTE, twice=True)


def test_crm_that_has_to_be_asked_twice_is(store: Store) -> None:
    """Where one look proves nothing, a lost task is sent again after two, five minutes after the call and after each other."""
    company = Company(store, *customer(1, 45))
    company.crm.faults.lost_requests = 1
    company.connector.tasks.absence = FIVE
    company.tick()
    for minutes in (4, 2, 4):
        company.tick(after=minutes * MINUTE)
        assert ({}, ["sending"]) == (company.crm.tasks, company.states(RECONNECT))
    company.tick(after=2 * MINUTE)

    assert (1, ["open"]) == (len(company.open_tasks()), company.states(RECONNECT))


def test_task_that_shows_late_is_not_written_again(store: Store) -> None:
    """A task that the first look misses is adopted by the second; a new attempt would be looked for twice anew."""
    company = Company(store, *customer(1, 45))
    company.crm.faults.lost_replies = 1
    company.connector.tasks.absence = FIVE
    company.tick()
    find = company.connector.tasks.find
    company.connector.tasks.find = lambda tasks: {}  # type: ignore[method-assign]
    company.tick(after=6 * MINUTE)
    company.connector.tasks.find = find  # type: ignore[method-assign]
    company.connector = MemoryConnector(company.crm)  # another process goes on
    company.connector.tasks.absence = FIVE
    company.tick(after=6 * MINUTE)

    assert ([1], ["open"]) == (list(company.crm.creates.values()), company.states(RECONNECT))


def test_clock_set_back_leaves_nothing_in_sending(store: Store) -> None:
    """A create with an unknown outcome is looked up although the clock now stands before it."""
    company = Company(store, *customer(1, 45))
    company.crm.faults.lost_replies = 1
    company.tick()
    company.tick(after=-DAY)

    assert ["open"] == company.states(RECONNECT)


def test_clock_set_back_does_not_stop_sweeps(store: Store) -> None:
    """Deletions are seen although the last sweep seems to lie ahead."""
    company = Company(store, *customer(1, 45), *customer(2, 3))
    company.tick(after=100 * DAY)
    company.crm.remove(Stream.ACCOUNTS, "a2")
    company.tick(after=-100 * DAY)

    with store.read() as db:
        assert 1 == mirror.counts(db, "memory")[Stream.ACCOUNTS]


def test_create_is_not_repeated_by_who_lost_the_lease(store: Store) -> None:
    """Before every attempt to write the lease is looked at, also before one that is repeated after a pause."""
    company = Company(store, *customer(1, 45))
    create, attempts = company.connector.tasks.create, []

    def taken_over(tasks: Sequence[Task]) -> Sequence[Outcome]:
        attempts.append(tasks)
        if len(attempts) == 1:
            assert lease.acquire(store, "memory", "another", HOUR, company.now + DAY)
            raise TransientError("busy")
        return create(tasks)

    company.connector.tasks.create = taken_over  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        company.tick()

    assert (1, {}) == (len(attempts), company.crm.tasks)


def test_held_rule_keeps_its_pending_findings(store: Store) -> None:
    """While a stream is partial a condition that is settling stays noted, and need not settle all over."""
    company = Company(store, *customer(1, 45), *(call(1, NOW - (400 + n) * DAY) for n in range(150)))
    company.rules = replace(company.rules, company=replace(company.rules.company, settle=Duration(1, Unit.HOURS)))
    company.tick()
    for n in range(150):
        company.crm.put(call(1, NOW - (600 + n) * DAY))
    company.crm.faults.partial[Stream.ACTIVITIES] = 1
    company.tick(after=HOUR // 2)
    assert ["pending"] == company.states(RECONNECT)
    company.crm.faults.partial.clear()
    company.tick(after=HOUR)

    assert ["open"] == company.states(RECONNECT)


def test_broken_sweep_stops_no_other_stream(store: Store) -> None:
    """A sweep with an answer of the wrong shape makes its stream partial; the others are read, its rules are held."""
    company = Company(store, *customer(1, 45))
    sweep = company.connector.sweep

    def broken(stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        if stream is Stream.ACCOUNTS:
            raise UnexpectedReply("HTML instead of JSON")
        yield from sweep(stream, since)

    company.connector.sweep = broken  # type: ignore[method-assign]
    report = company.tick()
    assert report.judged is not None
    assert (1, {Stream.ACCOUNTS: "HTML instead of JSON"}) == (report.pulled.rows[Stream.ACTIVITIES], report.pulled.partial)
    assert "held.accounts: HTML instead of JSON" == report.judged.held_rules[RECONNECT]
    company.connector = MemoryConnector(company.crm)
    company.tick(after=HOUR)

    assert 1 == len(company.open_tasks())


def test_known_beginning_of_history_outlives_a_read_without_news(store: Store) -> None:
    """A read that brings no batch does not make history look whole from the beginning."""
    company = Company(store, *customer(1, 45))
    read = company.connector.read

    def recent(stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        for batch in read(stream, since):
            yield replace(batch, complete_since=NOW - 10 * DAY)

    company.connector.read = recent  # type: ignore[method-assign]
    for _ in range(3):
        company.tick(after=HOUR)

    assert {} == company.crm.tasks


def test_ask_waits_for_the_task_that_now_comes_first(store: Store) -> None:
    """When the first reconnect was ticked off and another one comes, the ask waits for that, so that it is not closed at once."""
    company = Company(store, *customer(4, 100, tier="C"), *won(4, date(2026, 10, 20)))
    first = company.rules.rule(FIRST)
    assert first is not None
    again = replace(first, repeat=replace(first.repeat, after_done=Duration(10, Unit.DAYS)))
    company.rules = replace(company.rules, rules=tuple(again if rule.name == FIRST else rule for rule in company.rules.rules))
    company.tick()
    company.crm.complete(*company.open_tasks())
    for after in (HOUR, 12 * DAY, HOUR, HOUR):
        company.tick(after=after)

    assert (["done", "open"], ["waiting"]) == (company.states(FIRST), company.states(ASK))


def test_second_silence_before_another_ask_has_its_own_reconnect(store: Store) -> None:
    """A reconnect before asking comes once per silence, not once per customer."""
    company = Company(store, *customer(4, 100, tier="C"), *won(4, date(2026, 10, 20)))
    company.tick()
    company.crm.put(call(4, NOW))
    company.tick(after=HOUR)
    company.crm.delete(*company.open_tasks())
    company.tick(after=7 * HOUR)
    for record in won(4, date(2027, 6, 1), "second"):
        company.crm.put(record)
    company.tick(after=210 * DAY)

    assert ["cleared", "open"] == company.states(FIRST)


def test_task_that_ends_now_is_not_planned_once_more(store: Store) -> None:
    """The plan in which a task expires says that it is too soon for the next one, as the plan after it does."""
    company = Company(store, *customer(1, 45))
    company.tick()
    report = company.tick(after=45 * DAY)
    assert report.judged is not None

    assert (["expired"], (), {"repeat.after_expired": 1}) == (
        company.states(RECONNECT),
        report.judged.plan.write,
        report.judged.plan.held_by,
    )


def test_of_two_tasks_after_a_merge_the_older_stays(store: Store) -> None:
    """Two neglected customers that become one keep the task that came first."""
    company = Company(store, *customer(1, 45))
    company.tick()
    (older,) = company.open_tasks()
    for record in customer(2, 50):
        company.crm.put(record)
    company.tick(after=HOUR)
    assert 2 == len(company.open_tasks())
    company.crm.merge(Stream.ACCOUNTS, "a2", "a1")
    company.tick(after=7 * HOUR)

    assert [older] == company.open_tasks()


def test_close_that_the_crm_refuses_is_reported(store: Store) -> None:
    """A task that cannot be closed shows in the report and stays open in the ledger."""
    company = Company(store, *customer(1, 45))
    company.tick()
    company.crm.put(call(1, NOW + HOUR))

    def refused(changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        return [Outcome(kind=OutcomeKind.REJECTED, reason="locked") for _ in changes]

    company.connector.tasks.change = refused  # type: ignore[method-assign]
    report = company.tick(after=2 * HOUR)

    assert report.pushed is not None
    assert ({"locked": 1}, "partial", ["open"]) == (report.pushed.rejected, report.outcome, company.states(RECONNECT))


def test_several_asks_wait_behind_one_task(store: Store) -> None:
    """Two milestones of one silent customer wait behind one reconnect."""
    company = Company(store, *customer(4, 100, tier="C"), *won(4, date(2026, 10, 20)), *won(4, date(2026, 10, 1), "other"))
    company.tick()

    assert (["open"], ["waiting", "waiting"]) == (company.states(FIRST), company.states(ASK))
