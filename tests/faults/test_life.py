"""A company lives with refsync: people work, requests and replies are lost, runs are killed, and the laws hold after every run.

The CRM here is worse than real ones: it has no unique key, so that every create that refsync repeats shows as a second task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.connector import Outcome, OutcomeKind, TaskChange
from refsync.errors import ConnectorError, RateLimited, TransientError, UnexpectedReply
from refsync.finding import WITH_TASK, Finding, State
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
    Stream,
    Task,
    TaskStatus,
    User,
    moment,
    parse_instant,
)
from refsync.rules.files import load
from refsync.store import ledger
from refsync.store.engine import Store, open_store
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm, MemoryTasks

NOW = parse_instant("2026-11-20T09:00:00Z")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SHIPPED = load(bundled("rules"), modes_live=True)
PATIENCE = Patience(attempts=2, first_pause=0.0001, longest_pause=0.0001)

numbers = st.integers(1, 4)
days = st.integers(0, 140)


class Killed(BaseException):
    """The process is gone."""


class CarelessTasks(MemoryTasks):
    """Writes every task it is given, also one that is there already; the process dies at a call when it is told to."""

    def __init__(self, crm: MemoryCrm) -> None:
        super().__init__(crm)
        self.dies_in: int | None = None
        """How many steps it still lives; each call has one before and one after."""

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        self._step()
        outcomes = super().create(tasks)
        self._step()
        return outcomes

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        self._step()
        outcomes = super().change(changes)
        self._step()
        return outcomes

    def _create(self, task: Task) -> Outcome:
        if task.key in self._crm.tasks:
            self._crm.creates[task.key] += 1
            return Outcome(kind=OutcomeKind.WRITTEN, task_id=self._crm.tasks[task.key].task_id)
        return super()._create(task)

    def _step(self) -> None:
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dies_in = None
                raise Killed


class Life(RuleBasedStateMachine):
    """What may happen in and around a company of four customers and two reps; each life is a connection of its own."""

    store: ClassVar[Store]
    lives: ClassVar[Iterator[int]] = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.connection = f"life {next(self.lives)}"
        self.crm = MemoryCrm([User(id="rep", name="Rita"), User(id="other", name="Otto")])
        self.connector = MemoryConnector(self.crm, page=3)
        self.tasks = CarelessTasks(self.crm)
        self.connector.tasks = self.tasks
        self.deleted: set[str] = set()
        self.made = 0

    @initialize(silences=st.tuples(days, days, days, days), settle=st.sampled_from([0, 1]))
    def begin(self, silences: tuple[int, ...], settle: int) -> None:
        company = replace(SHIPPED.company, settle=Duration(settle, Unit.HOURS))
        self.rulebook = replace(SHIPPED, company=company)
        self.settle = settle
        for number, silent in enumerate(silences, start=1):
            self.customer(number, tier="A")
            self.crm.put(Contact(id=f"p{number}", account_id=f"a{number}", name=f"Person {number}", owner_id="rep"))
            self.call(number, silent)

    # What people do

    @rule(number=numbers, tier=st.sampled_from("ABC"), status=st.sampled_from(AccountStatus))
    def customer(self, number: int, tier: str, status: AccountStatus = AccountStatus.CUSTOMER) -> None:
        name, long_ago = f"Account {number}", NOW - 900 * DAY
        self.crm.put(Account(id=f"a{number}", name=name, owner_id="rep", status=status, tier=tier, created_at=long_ago))

    @rule(number=numbers, ago=days)
    def call(self, number: int, ago: int) -> None:
        """Log a call, perhaps late."""
        self.made += 1
        self.crm.put(
            Activity(
                id=f"call{self.made}",
                kind=ActivityKind.CALL,
                direction=Direction.OUT,
                at=self.now - ago * DAY,
                status=ActivityStatus.DONE,
                owner_id="rep",
                account_id=f"a{number}",
                contact_ids=(f"p{number}",),
            )
        )

    @rule(number=numbers, ago=days)
    def win(self, number: int, ago: int) -> None:
        self.made += 1
        on = moment(self.now).date() - timedelta(days=ago)
        deal = Deal(id=f"d{self.made}", account_id=f"a{number}", status=DealStatus.WON, closed_on=on, owner_id="rep")
        self.crm.put(deal)
        self.crm.put(DealContact(id=f"l{self.made}", deal_id=deal.id, contact_id=f"p{number}", is_primary=True))

    @precondition(lambda self: self.open_tasks())
    @rule(data=st.data(), what=st.sampled_from(["complete", "delete", "give", "reword", "put off"]))
    def decide(self, data: st.DataObject, what: str) -> None:
        key = data.draw(st.sampled_from(self.open_tasks()))
        if what == "complete":
            self.crm.complete(key)
        elif what == "give":
            self.crm.give(key, "other")
        elif what == "reword":
            self.crm.edit(key, subject="Mine", text="My notes")
        elif what == "put off":
            later = self.now + 20 * DAY
            self.crm.edit(key, due_on=moment(later).date(), due_at=later)
        else:
            self.crm.delete(key)
            self.deleted.add(key)

    @rule(rep=st.sampled_from(["rep", "other"]), active=st.booleans())
    def leave(self, rep: str, *, active: bool) -> None:
        """Somebody leaves, or comes back."""
        self.crm.put(User(id=rep, name=rep.title(), active=active))

    @rule(number=numbers, rep=st.sampled_from(["rep", "other"]))
    def hand_over(self, number: int, rep: str) -> None:
        """The account gets another owner, and the person there, too."""
        self.crm.put(Contact(id=f"p{number}", account_id=f"a{number}", name=f"Person {number}", owner_id=rep))
        name, status = f"Account {number}", AccountStatus.CUSTOMER
        self.crm.put(Account(id=f"a{number}", name=name, owner_id=rep, status=status, tier="A", created_at=NOW - 900 * DAY))

    @rule(hours=st.sampled_from([1, 7, 24, 24 * 7, 24 * 31, 24 * 95]))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    # What goes wrong

    @rule(replies=st.integers(0, 2), requests=st.integers(0, 2))
    def lose(self, replies: int, requests: int) -> None:
        self.crm.faults.lost_replies, self.crm.faults.lost_requests = replies, requests

    @rule(account=st.sampled_from(["a1", "a2", ""]))
    def refuse(self, account: str) -> None:
        self.crm.faults.reject = lambda task: "no" if task.account_id == account else ""

    @rule(stream=st.sampled_from(Stream), pages=st.integers(0, 2))
    def cut_off(self, stream: Stream, pages: int) -> None:
        self.crm.faults.partial[stream] = pages

    @rule(errors=st.lists(st.sampled_from(["reset", "busy", "html"]), max_size=4))
    def fail(self, errors: list[str]) -> None:
        made = {"reset": TransientError("reset"), "busy": RateLimited("busy", retry_after=0), "html": UnexpectedReply("HTML")}
        self.crm.faults.errors = [made[error] for error in errors]

    @rule(steps=st.integers(0, 3))
    def kill(self, steps: int) -> None:
        self.tasks.dies_in = steps

    # What refsync does

    @rule(later=st.sampled_from([1, 30, 90]))
    def noisy_tick(self, later: int) -> None:
        """Run with whatever is to go wrong; only what may come out does."""
        self.now += later * 1000
        with suppress(ConnectorError, Killed):
            self.tick()
        self.look()

    @rule()
    def quiet_tick(self) -> None:
        """Run without trouble until unknown outcomes are known; then the laws hold, and there is nothing left to do."""
        self.crm.faults.errors, self.crm.faults.partial = [], {}
        self.crm.faults.lost_replies = self.crm.faults.lost_requests = 0
        self.tasks.dies_in = None
        for _ in range(2):
            self.now += 2 * MINUTE + self.settle * HOUR
            self.tick()
        self.look(quiet=True)
        before = self.findings()
        report = self.tick()
        assert report.pushed is not None
        assert (0, 0, 0) == (report.pushed.created, report.pushed.adopted, report.pushed.closed)
        assert before == self.findings()

    def look(self, *, quiet: bool = False) -> None:
        """Look at what reps see, and at what the ledger says of it."""
        assert all(count == 1 for count in self.crm.creates.values())
        assert all(self.crm.tasks[key].status is TaskStatus.DELETED for key in self.deleted)
        known = {finding.key: finding for finding in self.findings()}
        live = [(found.rule, found.subject_id) for found in known.values() if found.state in WITH_TASK]
        assert len(live) == len(set(live))
        assert all(known[key].state in WITH_TASK for key in self.open_tasks())
        if quiet:
            assert State.SENDING not in {finding.state for finding in known.values()}
            assert {found.key for found in known.values() if found.state is State.OPEN} <= set(self.crm.tasks)

    def tick(self) -> Report:
        given = {"now": self.now, "patience": PATIENCE, "clock": lambda: self.now, "approved": True}
        return tick(self.store, self.connection, "memory", self.connector, self.rulebook, **given)  # type: ignore[arg-type]

    def findings(self) -> list[Finding]:
        with self.store.read() as db:
            return ledger.everything(db, self.connection)

    def open_tasks(self) -> list[str]:
        return [key for key, state in self.crm.tasks.items() if state.status is TaskStatus.OPEN]


def live(runs: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    how = settings(max_examples=runs, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    with open_store("sqlite://") as Life.store:
        run_state_machine_as_test(Life, settings=how)


def test_laws_hold_through_short_lives() -> None:
    """Whatever people do and whatever breaks: one task a key, decisions stand, all is known, a second run writes nothing."""
    live(runs=12, steps=12)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_laws_hold_through_long_lives() -> None:
    """The same with 1,000 lives of 60 steps."""
    live(runs=1000, steps=60)
