"""A connection to a CRM in memory with three shipped rules live, and the customers that tests put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import ESCALATION, Finding, State
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
    Task,
    TaskStatus,
    User,
    parse_instant,
)
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.store.tasks import history
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


Opens = Callable[..., Company]


def escalations(company: Company) -> list[Finding]:
    with company.store.read() as db:
        return [found for found in ledger.in_state(db, "m", *State) if found.kind == ESCALATION]
