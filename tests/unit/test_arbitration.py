"""Arbitration against a slow interpreter of its text: what gets a task, and why and in which place everything else is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from refsync.calendar import Duration, Unit
from refsync.company import AskLimits, Company, Limits
from refsync.finding import Finding, State
from refsync.model import User
from refsync.plan import People, Plan, plan
from refsync.rules.rule import Kind, Match, Repeat, Rule, RuleSet
from tests.unit.test_plan import AT_ONCE, DAY, FIRST, NOW, match, rule, rules

MIDNIGHT, MONDAY = NOW - NOW % DAY, NOW - NOW % DAY - 4 * DAY  # NOW is a Friday, in UTC
MONTH = Repeat(after_done=Duration(30, Unit.DAYS), after_dismissed=Duration(90, Unit.DAYS))
RULES = (
    rule("ask", Kind.ASK, for_each="milestone", otherwise=FIRST.name),
    rule("ask-again", Kind.ASK, for_each="milestone", repeat=MONTH),
    FIRST,
    rule("reconnect-lapse", repeat=MONTH),
    rule("stay"),
    rule("thanks-call", Kind.THANKS, for_each="introduction"),
    rule("follow-up", Kind.FOLLOW_UP, for_each="introduction"),
)
PRIORITIES = ("urgent", "high", "normal", "low")
OPEN = {State.SENDING, State.OPEN, State.SNOOZED}
SHARED = {"ask", "care"}
DUE = MIDNIGHT + 5 * DAY + 17 * 3_600_000
"""When everything is due: at the end of Wednesday's work."""
USERS = {
    "rep": User(id="rep", manager_id="boss"),
    "other": User(id="other", manager_id="boss"),
    "gone": User(id="gone", manager_id="boss", active=False),
    "alone": User(id="alone", active=False),
    "boss": User(id="boss"),
    "resting": User(id="resting", manager_id="boss", away_from=NOW - DAY, away_until=NOW + 30 * DAY),
    "soon back": User(id="soon back", manager_id="boss", away_from=NOW - DAY, away_until=DUE - 1),
    "soon away": User(id="soon away", manager_id="boss", away_from=NOW + 1, away_until=NOW + 30 * DAY),
    "left by resting": User(id="left by resting", manager_id="resting", active=False),
    "with resting": User(id="with resting", manager_id="resting", away_from=NOW, away_until=DUE),
}


@dataclass(frozen=True, kw_only=True)
class World:
    """What there is to decide."""

    rules: RuleSet
    matches: Sequence[Match]
    ledger: Sequence[Finding]


def prioritised(priorities: Mapping[str, str]) -> tuple[Rule, ...]:
    return tuple(replace(one, task=replace(one.task, priority=priorities[one.name])) for one in RULES)


names = [one.name for one in RULES]
judged = [name for name in names if name != FIRST.name]
of = {one.name: one for one in RULES}
accounts = st.sampled_from([f"a{number}" for number in range(5)])
owners = st.sampled_from([*USERS, "", "unknown"])
periods = st.sampled_from([None, Duration(180, Unit.DAYS)])
companies = st.builds(
    Company,
    settle=st.just(AT_ONCE),
    assign=st.just(("account.owner", "account.owner.manager")),
    away=st.sampled_from(["use next", "wait until back"]),
    first_wins=st.lists(st.sampled_from(["reconnect-*", "ask*", "ask", "stay", "thanks-*"]), unique=True).map(tuple),
    limits=st.builds(
        Limits,
        per_rep_per_day=st.integers(0, 3),
        per_rep_per_week=st.integers(0, 5),
        per_account_open=st.integers(1, 2),
    ),
    ask=st.builds(
        AskLimits,
        per_account_open=st.integers(1, 2),
        per_account_every=periods,
        per_person_every=periods,
        not_while_open=st.sampled_from([(), ("reconnect-*", "thanks"), ("stay",)]),
    ),
)


@st.composite
def found(draw: st.DrawFn) -> Match:
    name, account = draw(st.sampled_from(judged)), draw(accounts)
    about = of[name].for_each
    return match(
        name,
        account,
        subject_kind=about,
        subject_id=account if about == "account" else f"{about}-{account}-{draw(st.integers(0, 1))}",
        subject_name=draw(st.sampled_from(["", "x"])),
        contact_id=draw(st.sampled_from([None, "p"])),
        owner_id=draw(owners),
        ready=draw(st.booleans()) or not of[name].otherwise,
        lapse_at=None,
        episode="",
        score=float(draw(st.integers(0, 2))),
        revenue=draw(st.sampled_from([None, 5.0])),
    )


@st.composite
def before(draw: st.DrawFn, number: int) -> Finding:
    one, account = of[draw(st.sampled_from(names))], draw(accounts)
    state = draw(st.sampled_from([State.OPEN, State.SNOOZED, State.DONE, State.DISMISSED, State.CLEARED]))
    opened = draw(st.sampled_from([NOW - 1, MIDNIGHT, MIDNIGHT - 1, MONDAY, MONDAY - 1, NOW - 40 * DAY, NOW - 200 * DAY]))
    opened = max(opened, NOW - 40 * DAY) if state in OPEN else opened  # that it expires is another chapter
    return Finding(
        key=f"before-{number}",
        rule=one.name,
        kind=one.kind,
        subject_kind=one.for_each,
        subject_id=account if one.for_each == "account" else f"{one.for_each}-{account}-{draw(st.integers(0, 1))}",
        account_id=account,
        contact_id=draw(st.sampled_from([None, "p"])),
        owner_id=draw(st.sampled_from(sorted(USERS))),
        state=state,
        opened_at=opened,
        closed_at=None if state in OPEN else min(NOW, opened + DAY),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    matches = draw(st.lists(found(), max_size=14, unique_by=lambda one: (one.rule, one.subject_id)))
    ledger = [draw(before(number)) for number in range(draw(st.integers(0, 5)))]
    once = {(one.rule, one.subject_id): one for one in ledger}  # of one subject one, so that its last one is no question
    priorities = {name: draw(st.sampled_from(PRIORITIES)) for name in names}
    own = replace(rules(draw(companies)), rules=prioritised(priorities))
    return World(rules=own, matches=matches, ledger=list(once.values()))


Told = dict[tuple[str, str], tuple[str, str, int]]
"""Per rule and subject of a match: the rule that writes a task, or why it is held, then the owner and the place in the queue."""


def interpreted(world: World) -> Told:
    """Carry out the text of rules.md 6.4, one sentence after another."""
    told: Told = {}
    wanted: dict[str, Match] = {}
    for one in world.matches:
        speaks, reason = own_word(one, world)
        if reason:
            told[one.rule, one.subject_id] = (reason, "", 0)
        elif speaks:
            key = f"{speaks} {one.account_id if speaks == FIRST.name else one.subject_id}"
            wanted[key] = min(one, wanted.get(key, one), key=lambda two: (*merit(of[speaks], two), two.rule, two.subject_id))
    wishes = [(of_rule(world, key.split()[0]), one) for key, one in wanted.items()]
    free = []
    for own, one in wishes:
        if reason := too_many_open(own, one, world) or no_ask(own, one, world):
            told[one.rule, one.subject_id] = (reason, "", 0)
        else:
            free.append((own, one))
    queues: dict[str, list[tuple[Rule, Match]]] = {}
    for own, one in free:
        if own.kind in SHARED and (first := winner(one.account_id, free, world)) != (own, one):
            told[one.rule, one.subject_id] = (f"order: {first if isinstance(first, str) else first[0].name}", "", 0)
            continue
        owner, reason = assignee(one, world.rules.company.away)
        if reason:
            told[one.rule, one.subject_id] = (reason, owner, 0)
        else:
            queues.setdefault(owner, []).append((own, one))
    for owner, queue in queues.items():
        left, limit = cap(owner, world)
        for place, (own, one) in enumerate(in_turn(queue, world), start=1):
            told[one.rule, one.subject_id] = (own.name, owner, 0) if place <= left else (limit, owner, place)
    return told


def own_word(one: Match, world: World) -> tuple[str, str]:
    """Return which rule speaks for a match, or why none does; neither: it has its task."""
    has, reason = again(one.rule, one.subject_id, world)
    if has or reason or one.ready:
        return ("", reason) if has or reason else (one.rule, "")
    has, reason = again(FIRST.name, one.account_id, world)
    if has or reason:
        return "", reason
    return FIRST.name, no_ask(of_rule(world, one.rule), one, world)


def again(name: str, subject: str, world: World) -> tuple[bool, str]:
    """Say whether a rule has its task about a subject, and if not, what keeps it from having another."""
    last = next((one for one in world.ledger if (one.rule, one.subject_id) == (name, subject)), None)
    if last is None or last.state in OPEN:
        return last is not None, ""
    pauses = {State.DONE: ("after_done", 30), State.DISMISSED: ("after_dismissed", 90)}
    if of[name].repeat == Repeat():
        return False, "repeat"
    setting, days = pauses.get(last.state, ("after_expired", None))
    over = days is not None and (last.closed_at or 0) < MIDNIGHT - days * DAY
    return False, "" if over else f"repeat.{setting}"


def too_many_open(own: Rule, one: Match, world: World) -> str:
    there = [past for past in world.ledger if past.account_id == one.account_id and past.state in OPEN and past.kind in SHARED]
    full = own.kind in SHARED and len(there) >= world.rules.company.limits.per_account_open
    return "limits.per_account_open" if full else ""


def no_ask(own: Rule, one: Match, world: World) -> str:
    limits, there = world.rules.company.ask, [past for past in world.ledger if past.account_id == one.account_id]
    still = [past for past in there if past.state in OPEN]
    lately = [
        past for past in there if (past.kind, past.state) == ("ask", State.DONE) and (past.closed_at or 0) >= MIDNIGHT - 180 * DAY
    ]
    if own.kind != "ask":
        return ""
    if len([past for past in still if past.kind == "ask"]) >= limits.per_account_open:
        return "limits.ask.per_account_open"
    if any(fnmatchcase(past.rule, name) or past.kind == name for past in still for name in limits.not_while_open):
        return "limits.ask.not_while_open"
    if limits.per_account_every and lately:
        return "limits.ask.per_account_every"
    if limits.per_person_every and one.contact_id and any(past.contact_id == one.contact_id for past in lately):
        return "limits.ask.per_person_every"
    return ""


def winner(account: str, free: Iterable[tuple[Rule, Match]], world: World) -> tuple[Rule, Match] | str:
    """Return who gets the account today: a rule that already has, else the first of the shared ones."""
    for past in world.ledger:
        if past.account_id == account and past.kind in SHARED and past.state in OPEN and past.opened_at >= MIDNIGHT:
            return past.rule
    shared = [(own, one) for own, one in free if one.account_id == account and own.kind in SHARED]
    return min(shared, key=lambda both: (world.rules.rank(both[0].name), merit(*both)))


def assignee(one: Match, away: str) -> tuple[str, str]:
    """Return who gets the task of a match, or who is away and why it waits."""
    owner = USERS.get(one.owner_id or "")
    manager = USERS.get(owner.manager_id or "") if owner else None
    there = [user for user in (owner, manager) if user and user.active]
    if not there:
        return "", "assign: nobody active"
    present = [user for user in there if user.id not in {"resting", "with resting"}]
    if there[0] in present or away == "use next":
        return (present or there)[0].id, ""
    return there[0].id, "assign.away"


def in_turn(queue: Iterable[tuple[Rule, Match]], world: World) -> Iterable[tuple[Rule, Match]]:
    """Serve a rep's queue: the more urgent first; among equally urgent ones each rule gives its best, round after round."""
    for _priority, some in groupby(sorted(queue, key=priority), key=priority):
        rest = sorted(some, key=lambda both: merit(*both))
        while rest:
            heads = {own.name: (own, one) for own, one in reversed(rest)}
            yield from sorted(heads.values(), key=lambda both: (world.rules.rank(both[0].name), merit(*both)))
            rest = [both for both in rest if both not in heads.values()]


def priority(both: tuple[Rule, Match]) -> int:
    return PRIORITIES.index(both[0].task.priority)


def merit(own: Rule, one: Match) -> tuple[object, ...]:
    subject = one.account_id if own.name == FIRST.name else one.subject_id
    return (-one.score, -(one.revenue or 0), one.account_name, one.subject_name, subject)


def cap(owner: str, world: World) -> tuple[int, str]:
    limits, given_ = world.rules.company.limits, [one.opened_at for one in world.ledger if one.owner_id == owner]
    day = limits.per_rep_per_day - len([at for at in given_ if at >= MIDNIGHT])
    week = limits.per_rep_per_week - len([at for at in given_ if at >= MONDAY])
    return max(0, min(day, week)), "limits.per_rep_per_day" if day <= week else "limits.per_rep_per_week"


def of_rule(world: World, name: str) -> Rule:
    known = world.rules.rule(name)
    assert known is not None
    return known


def planned(world: World) -> Plan:
    return plan(world.matches, rules=world.rules, ledger=world.ledger, people=People(users=USERS), org="org", now=NOW)


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_the_planner_does_what_its_text_says(world: World) -> None:
    """Every match gets the task, or the reason, the owner and the place, that a slow reading of the text gives it."""
    done = planned(world)
    seen: Told = {(one.rule, one.match.subject_id): (one.reason, one.owner_id, one.place) for one in done.held}
    seen |= {(one.match.rule, one.match.subject_id): (one.rule.name, one.owner_id, 0) for one in done.write}

    assert interpreted(world) == seen
    assert len(seen) == len(done.held) + len(done.write)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_no_limit_is_ever_exceeded(world: World) -> None:
    """An account gets one ask or care task a day at most, a rep no more than the caps of the day and of the week."""
    company, done = world.rules.company, planned(world)
    shared = [one.match.account_id for one in done.write if one.rule.kind in SHARED]
    today = {one.account_id for one in world.ledger if one.kind in SHARED and one.state in OPEN and one.opened_at >= MIDNIGHT}
    got = [(one.owner_id, NOW) for one in done.write]
    had = [(one.owner_id, one.opened_at) for one in world.ledger]

    assert len(shared) == len(set(shared) - today)
    for rep in {owner for owner, _at in got}:
        for since, most in ((MIDNIGHT, company.limits.per_rep_per_day), (MONDAY, company.limits.per_rep_per_week)):
            assert len([at for owner, at in got + had if owner == rep and at >= since]) <= most
