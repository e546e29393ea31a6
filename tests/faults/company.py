"""What people know of the company that lives with refsync, and the laws that must hold by it.

Nothing here asks refsync for its judgement: when a customer counts as neglected is worked out from the calls that people logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import ESCALATION, WITH_TASK, Finding, State
from refsync.model import AccountStatus, Instant, Stream, TaskStatus, User, parse_instant
from refsync.rules.files.folder import load
from refsync.rules.rule import Escalation, Mode, RuleSet
from tests.faults.worlds import World

DAY = 24 * 3_600_000
RECONNECT, FIRST, ASK = "reconnect-neglected-customer", "reconnect-before-asking", "ask-referral-after-milestone"
NAMES = (RECONNECT, FIRST, ASK)
SHIPPED = load(bundled("rules"), modes_live=True)
USERS = [
    User(id="rep", name="Rita", email="rita@example.com", manager_id="boss"),
    User(id="other", name="Otto", email="otto@example.com", manager_id="boss"),
    User(id="boss", name="Bea", email="bea@example.com"),
]
TASKS_LAST = 60 * DAY
"""Longer than any of the rules gives a task."""


@dataclass
class Customer:
    """What people know of one."""

    tier: str = "A"
    status: AccountStatus = AccountStatus.CUSTOMER
    owner: str = "rep"
    calls: list[Instant] = field(default_factory=list)


@dataclass
class Company:
    """Four customers, two reps and their boss, the rules that an admin edits, and what people did to tasks."""

    rulebook: RuleSet
    customers: dict[int, Customer] = field(default_factory=lambda: {number: Customer() for number in range(1, 5)})
    removed: set[str] = field(default_factory=set)
    completed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Reps who have left: Salesforce saves no record under their name."""
    mine: dict[str, dict[str, object]] = field(default_factory=dict)
    """What people wrote into tasks, by key."""

    def at_work(self, rep: str) -> str:
        """Return this rep, or the boss, who never leaves, where the rep has left: Salesforce saves nothing under their name."""
        return "boss" if rep in self.gone else rep

    def switch(self, name: str, mode: Mode) -> None:
        """Put a rule into another mode."""
        rules = (replace(one, mode=mode) if one.name == name else one for one in self.rulebook.rules)
        self.rulebook = replace(self.rulebook, rules=tuple(rules))

    def reconnect_after(self, length: int) -> None:
        """Count customers of tier A as neglected after so many days."""
        changed = {"reconnect_after": Duration(length, Unit.DAYS)}
        first, *others = self.rulebook.segments
        first = replace(first, parameters={**first.parameters, **changed})
        self.rulebook = replace(self.rulebook, segments=(first, *others))

    @property
    def live(self) -> set[str]:
        """The rules that may make tasks."""
        return {one.name for one in self.rulebook.rules if one.mode is Mode.LIVE}

    # The laws

    def look(self, world: World, known: Mapping[str, Finding], *, anew: bool) -> None:
        """Look at what reps see: one task a key, and what people did stands. `anew`: the database may know nothing of tasks."""
        shown = world.tasks()
        assert {1} >= {task.copies for task in shown.values()}
        assert {TaskStatus.DELETED} >= {shown[key].status for key in self.removed}
        assert {TaskStatus.DONE} >= {shown[key].status for key in self.completed}
        for key, words in self.mine.items():
            if shown[key].status is not TaskStatus.DELETED:
                assert words == {name: getattr(shown[key], name) for name in words}
        standing = [(found.rule, found.kind, found.subject_id) for found in known.values() if found.state in WITH_TASK]
        assert len(standing) == len(set(standing))
        if not anew:
            assert {key for key, task in shown.items() if task.status is TaskStatus.OPEN} <= {
                key for key, found in known.items() if found.state in WITH_TASK
            }
        self._look_for_what_came_back(known)

    def _look_for_what_came_back(self, known: Mapping[str, Finding]) -> None:
        """What a person deleted is not asked for anew where the rule does not say so."""
        for key in self.removed & known.keys():
            gone = known[key]
            repeat = next(one.repeat for one in self.rulebook.rules if one.name == gone.rule)
            if repeat.after_dismissed is None or gone.kind == ESCALATION:
                later = [one for one in known.values() if _same(one, gone) and one.n > gone.n]
                assert [] == later

    def look_closely(self, world: World, known: Mapping[str, Finding], now: Instant) -> None:
        """Look at it after a run without trouble: every outcome is known, and each open task has its reason."""
        shown = world.tasks()
        states = {found.state for found in known.values()}
        assert State.SENDING not in states
        for found in known.values():
            if found.state in WITH_TASK:
                assert found.key in shown
                assert shown[found.key].status is TaskStatus.OPEN
                assert self._reason_holds(world, found, known, now), found

    def _reason_holds(self, world: World, found: Finding, known: Mapping[str, Finding], now: Instant) -> bool:
        """Say whether a task still has its reason, as people know it."""
        begins = max(found.opened_at, parse_instant(f"{found.due_now}T00:00:00Z") if found.moved_to else 0)
        if now - begins > TASKS_LAST:
            return False
        if found.kind == ESCALATION:
            return known[found.subject_id].state in WITH_TASK
        customer = self.customers[int(world.book_id(Stream.ACCOUNTS, found.account_id or "").removeprefix("a"))]
        last = max((at for at in customer.calls if at <= now), default=0)
        if found.rule == RECONNECT:
            neglected = last < _ago(now, self._limit(customer.tier))
            return customer.status is AccountStatus.CUSTOMER and neglected
        if found.rule == FIRST:
            waits = [one for one in known.values() if one.state is State.WAITING and one.waiting_for == found.key]
            return bool(waits) and last < _ago(now, 90)
        return found.rule == ASK

    def _limit(self, tier: str) -> int:
        segment = self.rulebook.segments[{"A": 0, "B": 1}.get(tier, 2)]
        after = segment.parameters["reconnect_after"]
        assert isinstance(after, Duration)
        return after.count


def edited(settle: int) -> RuleSet:
    """Return three of the shipped rules, with an escalation, and with so many hours to settle."""
    company = replace(SHIPPED.company, settle=Duration(settle, Unit.HOURS))
    escalate = Escalation(after=Duration(5, Unit.BUSINESS_DAYS), to=("manager",))
    chosen = (one for one in SHIPPED.rules if one.name in NAMES)
    told = (replace(one, task=replace(one.task, escalate=escalate)) if one.name == RECONNECT else one for one in chosen)
    return replace(SHIPPED, company=company, rules=tuple(told))


def _ago(now: Instant, days: int) -> Instant:
    return (now // DAY - days) * DAY


def _same(one: Finding, other: Finding) -> bool:
    """Say whether two findings ask for the same."""
    return (one.rule, one.kind, one.subject_id, one.episode) == (other.rule, other.kind, other.subject_id, other.episode)
