"""Rules played over past days: what they would have written, what a touch would have closed, what would have expired.

Law: each working day is judged by the SELECTs and the planner of production, at nine in the morning, on what had happened by
then. Only what has a time is known as it was: touches, milestones, introductions, cases that ended. The rest is taken as it is
today, and the report names it. Nobody ticks anything off: a task ends by a touch, by its close_when, or by expiring.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from refsync.calendar import at_hour
from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan import Standing, Wish
from refsync.rules.facts.registry import facts_of
from refsync.rules.facts.sources import Latest
from refsync.rules.phrases import FactType
from refsync.rules.query.compile import closing, holding, ready
from refsync.rules.query.reading import all_lines
from refsync.rules.rule import RuleSet
from refsync.store.database.lists import chunks
from refsync.store.engine import Database
from refsync.store.records import directory
from refsync.sync.dry_run.rehearsal import live, rehearse
from refsync.sync.evaluate import judged

MORNING = time(9)
OVER = frozenset({State.CLEARED, State.EXPIRED, State.WITHDRAWN})


@dataclass(slots=True, kw_only=True)
class Week:
    """A week of the past."""

    begins: date
    tasks: int = 0
    cleared: int = 0
    """Closed by a touch, or because their close_when held."""
    expired: int = 0
    matches: int = 0
    """On its last working day."""
    backlog: int = 0
    """On that day: what the caps of reps alone held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What came of it."""

    days: int
    """Working days played."""
    weeks: Sequence[Week]
    reps: Mapping[str, Mapping[str, int]]
    """By name: tasks, cleared, expired, and open at the end."""
    rules: Mapping[str, int]
    """Tasks by rule."""
    as_of_today: Sequence[str]
    """Facts that the rules read and that were taken as they are today."""


@dataclass(slots=True)
class _Ledger:
    """The findings of the play."""

    found: dict[str, Finding] = field(default_factory=dict)

    def take(self, wish: Wish, now: Instant) -> None:
        match = wish.match
        self.found[wish.key] = Finding(
            key=wish.key,
            rule=wish.rule.name,
            kind=wish.rule.kind,
            subject_kind=wish.subject_kind,
            subject_id=wish.subject_id,
            episode=wish.episode,
            n=wish.n,
            account_id=match.account_id or None,
            contact_id=match.asked_id or match.contact_id,
            deal_id=match.deal_id,
            owner_id=wish.owner_id,
            state=State.OPEN,
            due_on=wish.due_on,
            due_at=wish.due_at,
            opened_at=now,
        )
        for waiting in wish.behind:
            self.found.setdefault(waiting.key, waiting)

    def open(self) -> dict[str, dict[str, str]]:
        """Return the keys of open tasks by rule and subject."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for one in self.found.values():
            if one.state is State.OPEN:
                found[one.rule][one.subject_id] = one.key
        return found


def backtest(db: Database, connection: str, rules: RuleSet, now: Instant, days: int) -> Backtest:
    """Play the rules that are not off over the working days of the last `days` days, without any task before them."""
    playing = live(rules)
    calendar, ledger, weeks = playing.company.calendar, _Ledger(), dict[date, Week]()
    mornings = list(_mornings(playing, now, days))
    for at in mornings:
        today = calendar.day(at)
        week = weeks.setdefault(today - timedelta(days=today.weekday()), Week(begins=today - timedelta(days=today.weekday())))
        gone = Standing(gone=_gone(db, connection, playing, at, ledger))
        played = rehearse(db, connection, playing, at, list(ledger.found.values()), gone)
        for one in played.plan.end:
            ledger.found[one.finding.key] = one.finding._replace(state=one.state, reason=one.reason, closed_at=at)
            week.cleared += one.state is State.CLEARED
            week.expired += one.state is State.EXPIRED and one.finding.state is State.OPEN
        for wish in played.tasks:
            ledger.take(wish, at)
        week.tasks += len(played.tasks)
        week.matches = sum(map(len, played.matches.values()))
        week.backlog = sum(held.reason.startswith("limits.per_rep") for held in played.plan.held)
    users = directory.users(db, connection)
    return Backtest(
        days=len(mornings),
        weeks=tuple(weeks.values()),
        reps=_by_rep(ledger, {user.id: user.name for user in users.values()}),
        rules=dict(Counter(one.rule for one in ledger.found.values() if one.owner_id).most_common()),
        as_of_today=sorted(_as_of_today(playing)),
    )


def _mornings(rules: RuleSet, now: Instant, days: int) -> Iterator[Instant]:
    calendar = rules.company.calendar
    today = calendar.day(now)
    for back in range(days, -1, -1):
        day = today - timedelta(days=back)
        at = at_hour(day, MORNING, calendar.zone)
        if calendar.is_working(day) and at <= now:
            yield at


def _gone(db: Database, connection: str, rules: RuleSet, now: Instant, ledger: _Ledger) -> dict[str, str]:
    """Return the open tasks whose cause was gone by then, by key."""
    gone: dict[str, str] = {}
    for name, keys in ledger.open().items():
        rule = rules.rule(name)
        if rule is None or (rule.is_event and not rule.task.close_when):
            continue
        if rule.only_for_otherwise:
            gone |= dict.fromkeys(set(keys.values()) - _called_for(db, connection, rules, now, ledger), "in touch again")
            continue
        asked = closing if rule.task.close_when else holding
        found = {one for some in chunks(keys) for one in db.execute(asked(rule, rules, connection, now, some)).scalars()}
        over = found if rule.task.close_when else set(keys) - found
        gone |= {keys[subject]: "its cause is gone" for subject in over}
    return gone


def _called_for(db: Database, connection: str, rules: RuleSet, now: Instant, ledger: _Ledger) -> set[str]:
    """Return the tasks behind which something still waits."""
    waiting: dict[str, dict[str, str]] = defaultdict(dict)
    for one in ledger.found.values():
        if one.state is State.WAITING:
            waiting[one.rule][one.subject_id] = one.waiting_for
    still: set[str] = set()
    for name, behind in waiting.items():
        if rule := rules.rule(name):
            met = {one for some in chunks(behind) for one in db.execute(ready(rule, rules, connection, now, some)).scalars()}
            still |= {key for subject, key in behind.items() if subject not in met}
    return still


def _by_rep(ledger: _Ledger, names: Mapping[str, str]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in ledger.found.values():
        if one.owner_id:
            name = names.get(one.owner_id, one.owner_id)
            found[name]["tasks"] += 1
            found[name][one.state.value if one.state in OVER else "open"] += 1
    words = ("tasks", "cleared", "expired", "open")
    return {name: {word: found[name][word] for word in words} for name in sorted(found)}


def _as_of_today(rules: RuleSet) -> set[str]:
    """Return the facts of lines and segments that have no time of their own."""
    known = facts_of(rules)
    lines = [line for rule in judged(rules) for line in all_lines(rule, rules)]
    lines += [line for segment in rules.segments for line in segment.when]
    timeless = (line.fact for line in lines if line.fact in known and not isinstance(known[line.fact].source, Latest))
    return {name for name in timeless if known[name].type is not FactType.TIME} | {"account.owner"}
