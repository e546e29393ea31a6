"""A month with far more cold accounts than reps can call: caps hold day after day, and everything that waits is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import WITH_TASK
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
    TaskStatus,
    User,
    moment,
    parse_instant,
)
from refsync.rules.files.folder import load
from refsync.store import ledger
from refsync.store.decisions.plans import Action, Item
from refsync.store.engine import Store, open_store
from refsync.sync.review.propose import propose
from refsync.sync.tick import ticked
from refsync.sync.turn import Turn
from refsync.testing.memory import MemoryConnector, MemoryCrm

MONDAY = parse_instant("2026-11-02T09:00:00Z")
HOUR = 3_600_000
DAY = 24 * HOUR
CAP = 5
RECONNECT = "reconnect-neglected-customer"
CHOSEN = {RECONNECT, "reconnect-before-asking", "ask-referral-after-milestone"}
ZONES = ("UTC", "Europe/Berlin", "America/New_York")


@dataclass
class Month:
    """A company in which every account is cold, and whose reps work on some of their tasks."""

    store: Store
    accounts: int
    reps: int
    now: int = MONDAY
    called: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        shipped = load(bundled("rules"), modes_live=True)
        limits = replace(shipped.company.limits, per_rep_per_day=CAP, per_rep_per_week=5 * CAP)
        company = replace(shipped.company, settle=Duration(0, Unit.HOURS), limits=limits)
        self.rules = replace(shipped, company=company, rules=tuple(rule for rule in shipped.rules if rule.name in CHOSEN))
        self.crm = MemoryCrm(User(id=f"r{n}", name=f"Rep {n}", time_zone=ZONES[n % 3]) for n in range(self.reps))
        self.connector = MemoryConnector(self.crm, page=2000)
        for number in range(self.accounts):
            self._cold(number)

    def _cold(self, number: int) -> None:
        """Add a customer whom nobody has called for between 130 and 600 days; every tenth won an order last month."""
        owner, ids = f"r{number % self.reps}", (f"p{number}",)
        status, created = AccountStatus.CUSTOMER, MONDAY - 900 * DAY
        self.crm.put(
            Account(
                id=f"a{number}",
                name=f"Account {number}",
                owner_id=owner,
                status=status,
                tier="ABC"[number % 3],
                annual_revenue=float(number * 7919 % 1000),
                created_at=created,
            )
        )
        self.crm.put(Contact(id=f"p{number}", account_id=f"a{number}", name=f"Person {number}", owner_id=owner))
        self._call(f"a{number}", owner, ids, MONDAY - (130 + number * 31 % 470) * DAY)
        if number % 10 == 0:
            won = Deal(
                id=f"d{number}", account_id=f"a{number}", status=DealStatus.WON, closed_on=date(2026, 10, 1), owner_id=owner
            )
            self.crm.put(won)
            self.crm.put(DealContact(id=f"l{number}", deal_id=won.id, contact_id=ids[0], is_primary=True))

    def _call(self, account_id: str, owner: str, ids: tuple[str, ...], at: int) -> None:
        self.crm.put(
            Activity(
                id=f"call-{account_id}-{at}",
                kind=ActivityKind.CALL,
                direction=Direction.OUT,
                at=at,
                status=ActivityStatus.DONE,
                owner_id=owner,
                account_id=account_id,
                contact_ids=ids,
            )
        )

    def turn(self) -> Turn:
        return Turn(
            store=self.store,
            connection="m",
            connector_name="memory",
            connector=self.connector,
            rules=self.rules,
            now=self.now,
            clock=lambda: self.now,
        )

    def tick(self) -> Counter[str]:
        """Run refsync and return how many new tasks each rep has, as the CRM shows it."""
        before = set(self.crm.tasks)
        ticked(self.turn(), approved=True)
        return Counter(state.owner_id or "" for key, state in self.crm.tasks.items() if key not in before)

    def work(self) -> None:
        """Let reps deal with their tasks: some are called about, some ticked off, some deleted, most stay."""
        about = {key: written.task.account_id or "" for key, written in self.crm._tasks.items()}
        open_now = [key for key, state in self.crm.tasks.items() if state.status is TaskStatus.OPEN]
        for place, key in enumerate(open_now):
            match place % 7:
                case 0 | 1:
                    number = about[key].removeprefix("a")
                    self._call(about[key], f"r{int(number) % self.reps}", (f"p{number}",), self.now)
                    self.called.add(about[key])
                case 2:
                    self.crm.complete(key)
                case 3:
                    self.crm.delete(key)

    def look(self) -> None:
        """Every match has its task, or stands in the plan with its reason and its place; none is left out."""
        proposal = propose(self.turn(), fresh=False)
        with self.store.read() as db:
            live = {found.account_id or "" for found in ledger.everything(db, "m") if found.state in WITH_TASK}
        held = proposal.plan.of(Action.HOLD)
        assert all(item.reason and item.rank >= 1 for item in held)
        assert () == tuple(proposal.plan.of(Action.CREATE))
        waiting = {(item.rule, item.subject_id) for item in held}
        matched = {(rule, one.subject_id, one.account_id) for rule, found in proposal.judged.matches.items() for one in found}
        assert {one for one in matched if one[:2] not in waiting and one[2] not in live} == set()
        cold = {f"a{number}" for number in range(self.accounts)} - self.called
        assert cold <= live | {item.account_id for item in held}
        assert_ranked(held)


def assert_ranked(held: Sequence[Item]) -> None:
    """What the cap of a rep's day holds stands in one queue without gaps, behind what the day had room for."""
    queues: dict[str, list[int]] = defaultdict(list)
    for item in held:
        if item.reason == "limits.per_rep_per_day":
            queues[item.owner_id].append(item.rank)
    assert queues
    for ranks in queues.values():
        assert list(range(1, len(ranks) + 1)) == sorted(ranks)


def live_through(accounts: int, reps: int, days: int) -> None:
    """Live through so many working days, with runs in the morning and in the afternoon, and look at each."""
    with open_store("sqlite://") as store:
        month, lived = Month(store, accounts, reps), 0
        while lived < days:
            if moment(month.now).weekday() < 5:
                lived += 1
                given = month.tick()
                month.work()
                month.now += 5 * HOUR
                given += month.tick()
                assert {f"r{n}" for n in range(reps)} == set(given)
                assert {CAP} == set(given.values())
                month.look()
                month.now -= 5 * HOUR
            month.now += DAY
        assert all(count == 1 for count in month.crm.creates.values())
        assert days * reps * CAP == len(month.crm.creates)


def test_caps_hold_through_a_week() -> None:
    """500 cold accounts, 3 reps: five new tasks for each on each of five days, and all others wait with their place."""
    live_through(accounts=500, reps=3, days=5)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_caps_hold_through_a_month() -> None:
    """The same with 5,000 cold accounts, 10 reps and 22 working days."""
    live_through(accounts=5000, reps=10, days=22)
