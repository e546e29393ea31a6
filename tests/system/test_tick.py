"""A tick against a CRM in memory: what is written, once; what is held; what people decide; what trouble leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.connector import Batch, Connector, Cursor
from refsync.errors import AuthError, TransientError, UnexpectedReply
from refsync.finding import State
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
    Introduction,
    IntroductionStatus,
    Record,
    Stream,
    TaskStatus,
    User,
    parse_instant,
)
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger, mirror, runs
from refsync.store.engine import Store, open_store
from refsync.sync.retry import Patience, Stopped
from refsync.sync.tick import AlreadyRunning, Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
HOUR = 3_600_000
DAY = 24 * HOUR


def customer(number: int, *, touched_days_ago: float | None = None, tier: str = "A") -> list[Record]:
    """Return a customer with one person, and a call so many days ago."""
    account, person = f"a{number}", f"p{number}"
    made: list[Record] = [
        Account(
            id=account,
            name=f"Account {number}",
            owner_id="rep",
            status=AccountStatus.CUSTOMER,
            tier=tier,
            created_at=NOW - 900 * DAY,
        ),
        Contact(id=person, account_id=account, name=f"Person {number}", owner_id="rep"),
    ]
    return made if touched_days_ago is None else [*made, call(number, touched_days_ago)]


def call(number: int, days_ago: float, name: str = "call") -> Activity:
    return Activity(
        id=f"{name}{number}",
        kind=ActivityKind.CALL,
        direction=Direction.OUT,
        at=NOW - int(days_ago * DAY),
        status=ActivityStatus.DONE,
        owner_id="rep",
        account_id=f"a{number}",
        contact_ids=(f"p{number}",),
    )


def won(number: int, on: date) -> list[Record]:
    deal = Deal(id=f"d{number}", account_id=f"a{number}", name="Deal", status=DealStatus.WON, closed_on=on, owner_id="rep")
    return [deal, DealContact(id=f"l{number}", deal_id=deal.id, contact_id=f"p{number}", role="champion", is_primary=True)]


@pytest.fixture
def rules() -> RuleSet:
    """The shipped rules, live, without waiting for a condition to settle."""
    loaded = load(bundled("rules"), modes_live=True)
    return replace(loaded, company=replace(loaded.company, settle=Duration(0, Unit.HOURS)))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture
def crm() -> MemoryCrm:
    rep = User(id="rep", name="Rita", email="rita@example.com")
    return MemoryCrm([rep, *customer(1, touched_days_ago=45), *customer(2, touched_days_ago=3)])


class Company:
    """A connection that is ticked from time to time."""

    def __init__(self, store: Store, crm: MemoryCrm, rules: RuleSet) -> None:
        self.store, self.crm, self.rules, self.now = store, crm, rules, NOW
        self.connector: Connector | None = None

    def tick(self, after: int = 0, **options: object) -> Report:
        self.now += after
        patience = Patience(attempts=2, first_pause=0.001, longest_pause=0.001)
        connector = self.connector or MemoryConnector(self.crm)
        return tick(
            self.store,
            "memory",
            "memory",
            connector,
            self.rules,
            now=self.now,
            patience=patience,
            clock=lambda: self.now,
            **{"approved": True, **options},  # type: ignore[arg-type]
        )

    def states(self) -> dict[str, str]:
        """Return the state of each finding by rule and account."""
        with self.store.read() as db:
            return {f"{found.rule} {found.account_id}": found.state.value for found in ledger.everything(db, "memory")}

    def open_tasks(self) -> list[str]:
        return [key for key, state in self.crm.tasks.items() if state.status is TaskStatus.OPEN]


@pytest.fixture
def company(store: Store, crm: MemoryCrm, rules: RuleSet) -> Company:
    return Company(store, crm, rules)


RECONNECT = "reconnect-neglected-customer a1"


def test_neglected_customer_gets_one_task(company: Company) -> None:
    """The customer nobody called gets a task, the other none; the next ticks write nothing."""
    first, *others = (company.tick(after=HOUR) for _ in range(3))

    assert 1 == (first.pushed and first.pushed.created)
    assert [0, 0] == [other.pushed.created for other in others if other.pushed]
    assert 1 == len(company.crm.tasks)
    assert {1} == set(company.crm.creates.values())


def test_task_says_why_and_to_whom(company: Company) -> None:
    """The text names the person, the last contact and what will close the task."""
    company.tick()
    with company.store.read() as db:
        (found,) = ledger.in_state(db, "memory", State.OPEN)

    assert "Reconnect with Account 1: last contact 6 Oct 2026" == found.subject
    assert "Person 1" in found.text
    assert "Closes by itself" in found.text
    assert ("rep", "p1", date(2026, 11, 25)) == (found.owner_id, found.contact_id, found.due_on)


def test_a_real_call_closes_the_task(company: Company) -> None:
    """Once somebody calls, the task is completed in the CRM and the finding says what was seen."""
    company.tick()
    company.crm.put(call(1, -0.01, "new call "))
    report = company.tick(after=HOUR)

    assert 1 == (report.pushed and report.pushed.closed)
    assert [] == company.open_tasks()
    with company.store.read() as db:
        (found,) = ledger.everything(db, "memory")
    assert (State.CLEARED, "in touch again: call with Person 1 on 2026-11-20") == (found.state, found.reason)


def test_own_task_ticked_off_is_no_contact(company: Company) -> None:
    """A completed task of ours does not count as a touch, and does not come back at once."""
    company.tick()
    (key,) = company.open_tasks()
    company.crm.complete(key)
    report = company.tick(after=HOUR)

    assert "done" == company.states()[RECONNECT]
    assert report.judged is not None
    assert 1 == len(report.judged.matches["reconnect-neglected-customer"])
    assert {"repeat.after_done": 1} == report.judged.plan.held_by


def test_deleted_task_never_comes_back_in_this_lapse(company: Company) -> None:
    """What a rep deletes is dismissed."""
    company.tick()
    (key,) = company.open_tasks()
    company.crm.delete(key)
    company.tick(after=7 * HOUR)
    company.tick(after=60 * DAY)

    assert "dismissed" == company.states()[RECONNECT]
    assert {1} == set(company.crm.creates.values())


def test_lost_reply_writes_one_task(company: Company) -> None:
    """A create that happened although its reply was lost is found by key and adopted, not repeated."""
    company.crm.faults.lost_replies = 1
    first = company.tick()
    assert "sending" == company.states()[RECONNECT]
    second = company.tick(after=HOUR)

    assert (1, 0) == (first.pushed and first.pushed.uncertain, second.pushed and second.pushed.created)
    assert "open" == company.states()[RECONNECT]
    assert {1} == set(company.crm.creates.values())


def test_lost_request_is_sent_again_after_the_look_up(company: Company) -> None:
    """A create that did not happen is sent again once the CRM has been asked for its key."""
    company.crm.faults.lost_requests = 1
    company.tick()
    company.tick(after=1000)
    assert [] == company.open_tasks()
    company.tick(after=HOUR)

    assert 1 == len(company.open_tasks())


def test_refused_task_is_kept_with_the_words_of_the_crm(company: Company) -> None:
    """A refusal is recorded, the rest goes on, and it is tried again a day or two later."""
    for record in customer(3, touched_days_ago=50):
        company.crm.put(record)
    company.crm.faults.reject = lambda task: "no such owner" if task.account_id == "a3" else ""
    report = company.tick()
    assert {"no such owner": 1} == (report.pushed and report.pushed.rejected)
    assert 1 == len(company.open_tasks())
    company.crm.faults.reject = lambda _task: ""
    company.tick(after=HOUR)
    assert 1 == len(company.open_tasks())
    company.tick(after=3 * DAY)

    assert 2 == len(company.open_tasks())


def test_rebuilt_store_adopts_every_task(company: Company) -> None:
    """With the database gone the same facts give the same keys: tasks are adopted, none is created."""
    company.tick()
    with open_store("sqlite://") as fresh:
        rebuilt = Company(fresh, company.crm, company.rules)
        report = rebuilt.tick(after=HOUR)

        assert (0, 1) == (report.as_json()["created"], report.as_json()["adopted"])
        assert "open" == rebuilt.states()[RECONNECT]
    assert {1} == set(company.crm.creates.values())


def test_no_data_is_not_no_contact(company: Company) -> None:
    """While the activities were not read to their end, the rules that read them write nothing and say so."""
    for number in range(10, 130):
        company.crm.put(call(1, 400 + number, f"old{number}-"))
    company.crm.faults.partial[Stream.ACTIVITIES] = 1
    report = company.tick()

    assert [] == company.open_tasks()
    assert report.judged is not None
    assert report.judged.held_rules["reconnect-neglected-customer"].startswith("held.activities")
    assert "partial" == report.outcome
    company.crm.faults.partial.clear()
    company.tick(after=HOUR)
    assert 1 == len(company.open_tasks())


def test_broken_page_holds_the_rules(company: Company) -> None:
    """An answer of the wrong shape is never the end of a stream: the other streams are read, the rules are held."""
    company.crm.faults.errors = [UnexpectedReply("HTML instead of JSON")]
    report = company.tick()

    assert {Stream.USERS: "HTML instead of JSON"} == report.pulled.partial
    assert 2 == report.pulled.rows[Stream.ACCOUNTS]


def test_trouble_on_the_way_is_repeated(company: Company) -> None:
    """One transient error is waited out within the tick."""
    company.crm.faults.errors = [TransientError("reset")]

    assert 1 == len(company.tick().pulled.rows and company.open_tasks())


def test_refused_sign_in_ends_the_tick_and_is_kept(company: Company) -> None:
    """An AuthError comes out, and the run is recorded as failed with its reason."""
    company.crm.faults.errors = [AuthError("the token was revoked")]
    with pytest.raises(AuthError):
        company.tick()
    with company.store.read() as db:
        last = runs.last(db, "memory")

    assert last is not None
    assert ("failed", "the token was revoked") == (last.outcome.value, last.report["error"])


def test_dry_run_writes_nothing(company: Company) -> None:
    """A dry run pulls and plans; neither the CRM nor the ledger gets anything."""
    report = company.tick(dry_run=True)

    assert report.judged is not None
    assert 1 == len(report.judged.plan.write)
    assert ({}, {}) == (company.crm.tasks, company.states())


def test_watched_rule_is_counted_and_writes_nothing(company: Company) -> None:
    """A rule in watch mode reports its matches; it takes no place from a live one."""
    company.rules = load(bundled("rules"))
    report = company.tick()

    assert report.judged is not None
    assert {"reconnect-neglected-customer": 1} == {name: len(found) for name, found in report.judged.matches.items() if found}
    assert "ask-referral-after-milestone" in report.judged.matches
    assert {} == company.crm.tasks


def test_state_must_hold_for_the_settle_time(company: Company) -> None:
    """With the shipped hour of settling the task comes an hour after the condition was first seen."""
    company.rules = load(bundled("rules"), modes_live=True)
    company.tick()
    assert ({}, "pending") == (company.crm.tasks, company.states()[RECONNECT])
    company.tick(after=HOUR // 2)
    assert {} == company.crm.tasks
    company.tick(after=HOUR)

    assert 1 == len(company.open_tasks())


def test_ask_comes_after_the_reconnect(company: Company) -> None:
    """A won deal at a cold account: first reconnect, and after a real conversation the ask, by itself."""
    for record in [*customer(4, touched_days_ago=100, tier="C"), *won(4, date(2026, 10, 20))]:
        company.crm.put(record)
    company.tick()
    waiting = company.states()
    company.crm.put(call(4, -0.01, "talk "))
    company.tick(after=HOUR)
    company.tick(after=HOUR)

    assert ("open", "waiting") == (waiting["reconnect-before-asking a4"], waiting["ask-referral-after-milestone a4"])
    assert ("cleared", "open") == (
        company.states()["reconnect-before-asking a4"],
        company.states()["ask-referral-after-milestone a4"],
    )


def test_deleted_customer_leaves_the_mirror(company: Company) -> None:
    """What the CRM says is deleted is gone from the mirror with the next sweep."""
    company.tick()
    company.crm.remove(Stream.ACCOUNTS, "a2")
    company.tick(after=7 * HOUR)
    with company.store.read() as db:
        assert 1 == mirror.counts(db, "memory")[Stream.ACCOUNTS]


class Hiding(MemoryConnector):
    """A connector of a CRM that hides some of its accounts' attributes."""

    lacking = frozenset[str]()

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        if stream is Stream.ACCOUNTS:
            yield Batch(lacking=self.lacking)
        yield from super().read(stream, since)


def test_rule_is_held_while_the_crm_hides_what_it_reads(company: Company) -> None:
    """A rule that reads a hidden attribute writes nothing and says what to do; once it is shown the rule goes on."""
    connector = company.connector = Hiding(company.crm)
    connector.lacking = frozenset({"tier", "industry"})
    hidden = company.tick()
    before = company.open_tasks()
    connector.lacking = frozenset({"industry"})
    shown = company.tick(after=HOUR)

    assert hidden.judged
    assert shown.judged
    reason = hidden.judged.held_rules["reconnect-neglected-customer"]
    assert "the CRM does not show accounts.tier; let refsync's user read it there" in reason
    assert ("partial", [], "done", {}) == (hidden.outcome, before, shown.outcome, shown.judged.held_rules)
    assert 1 == len(company.open_tasks())


def test_two_at_once(company: Company) -> None:
    """While one process runs a connection another one is refused, and does nothing."""
    seen: list[type[BaseException]] = []

    def meanwhile(_step: str, _done: int) -> None:
        if not seen:
            with pytest.raises(AlreadyRunning) as refused:
                company.tick()
            seen.append(refused.type)

    company.tick(progress=meanwhile)

    assert [AlreadyRunning] == seen


def test_stop_between_pages(company: Company) -> None:
    """A set stop event ends the tick at the next page; the next tick completes the work."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        company.tick(stop=stop)
    company.tick(after=HOUR)

    assert 1 == len(company.open_tasks())


def test_thanks_for_an_introduction_close_when_the_source_was_called(company: Company) -> None:
    """Who received the introduction gets the task to thank the source; a real call closes it, and then comes the mail."""
    scout = User(id="scout", name="Sam", email="sam@example.com")
    made = Introduction(id="i", source_contact_id="p2", person_name="Ben", account_id="a2", owner_id="scout", made_at=NOW - DAY)
    for record in (scout, replace(made, status=IntroductionStatus.NEW, status_since=NOW - DAY)):
        company.crm.put(record)
    company.tick()
    [key] = [key for key, state in company.crm.tasks.items() if state.owner_id == "scout"]

    assert "open" == company.states()["thank-source-call a2"]
    company.crm.put(replace(call(2, -0.5, "thanks"), contact_ids=("p2",)))
    report = company.tick(after=DAY)

    assert report.pushed is not None
    assert ("cleared", TaskStatus.DONE) == (company.states()["thank-source-call a2"], company.crm.tasks[key].status)
    assert "open" == company.states()["thank-source-email a2"]
    assert {} == {rule: count for rule, count in company.states().items() if rule.startswith("thank-source-note")}
