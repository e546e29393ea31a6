"""From matches and the ledger to actions. Pure: no clock, no database, no network.

Laws: the same facts, rules and ledger give the same plan; a plan carried out once and made again is empty; what does not get a task
keeps its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fnmatch import fnmatchcase

from refsync.calendar import Calendar, Duration, Unit, at_hour
from refsync.company import Company
from refsync.finding import LIVE, WITH_TASK, Finding, State, finding_key
from refsync.model import Instant, User
from refsync.rules.rule import Match, Rule

PRIORITIES = ("urgent", "high", "normal", "low")
SHARED_KINDS = frozenset({"ask", "care"})
"""Kinds of which an account gets one at a time; thanks and follow-ups always pass."""
WAITING_EXPIRES = Duration(60, Unit.DAYS)
REJECTED_AGAIN = Duration(1, Unit.DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who could be given a task."""

    users: Mapping[str, User]
    contact_owner: Mapping[str, str] = field(default_factory=dict)
    deal_owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A task that a rule wants, on its way through the limits."""

    rule: Rule
    """The rule whose task is to be written: the match's own, or the one its `otherwise` names."""
    match: Match
    key: str
    subject_kind: str
    subject_id: str
    episode: str
    n: int
    behind: tuple[Finding, ...] = ()
    """For an `otherwise` task: the findings that wait for it."""
    noticed_at: Instant | None = None
    """Since when it is pending; None: seen now for the first time."""
    owner_id: str = ""
    due_on: date = date.min
    due_at: Instant = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A match that gets no task now, and the setting that says so."""

    rule: str
    match: Match
    reason: str
    owner_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A finding that is over, and why."""

    finding: Finding
    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done now."""

    write: tuple[Wish, ...] = ()
    """Tasks to create."""
    notice: tuple[Wish, ...] = ()
    """To be kept as pending until the condition has held for `settle`."""
    end: tuple[Ending, ...] = ()
    forget: tuple[str, ...] = ()
    """Keys of pending findings that no longer match."""
    held: tuple[Held, ...] = ()

    @property
    def held_by(self) -> dict[str, int]:
        """Return how many matches each reason holds, most first."""
        return dict(Counter(held.reason for held in self.held).most_common())


def plan(
    matches: Sequence[Match],
    *,
    rules: Mapping[str, Rule],
    company: Company,
    ledger: Sequence[Finding],
    people: People,
    org: str,
    now: Instant,
    causes_gone: Mapping[str, str] | None = None,
    approved: bool = False,
) -> Plan:
    """Return what to do about the matches of the live rules that may be judged now.

    `causes_gone` names findings (by key) whose cause the caller saw disappear, with the reason. `approved` lifts
    `new_tasks_per_run` for this plan.
    """
    endings = tuple(_endings(ledger, rules, company, causes_gone or {}, now))
    ended = {ending.finding.key for ending in endings}
    past = _Past(finding for finding in ledger if finding.key not in ended)
    held: list[Held] = []
    wishes = _unique(_wishes(matches, rules, company, past, org, now, held))
    asked = [wish for wish in wishes if _within_limits(wish, company, past, now, held)]
    winners = _one_per_account(asked, company, held)
    assigned = list(_assigned(winners, company, people, now, held))
    chosen = _capped(assigned, company, people, past, now, held)
    settled = [wish for wish in chosen if _is_settled(wish, company, now)]
    limit = company.limits.new_tasks_per_run
    if len(settled) > limit and not approved:
        held += (_held(wish, "limits.new_tasks_per_run") for wish in settled)
        settled = []
    matched = {wish.key for wish in wishes}
    return Plan(
        write=tuple(settled),
        notice=tuple(wish for wish in chosen if wish.noticed_at is None and not _is_settled(wish, company, now)),
        end=endings,
        forget=tuple(
            finding.key for finding in ledger if finding.state is State.PENDING and finding.key not in matched
        ),
        held=tuple(held),
    )


class _Past:
    """The ledger, by what the planner asks of it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.of_subject: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        self.of_account: dict[str, list[Finding]] = defaultdict(list)
        self.of_owner: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            self.of_subject[finding.rule, finding.subject_id].append(finding)
            if finding.account_id:
                self.of_account[finding.account_id].append(finding)
            if finding.state not in {State.PENDING, State.WAITING}:
                self.of_owner[finding.owner_id].append(finding)


def _endings(
    ledger: Sequence[Finding],
    rules: Mapping[str, Rule],
    company: Company,
    causes_gone: Mapping[str, str],
    now: Instant,
) -> Iterator[Ending]:
    for finding in ledger:
        if finding.state in {State.OPEN, State.SNOOZED} and finding.key in causes_gone:
            yield Ending(finding=finding, state=State.CLEARED, reason=causes_gone[finding.key])
        elif finding.state in {State.OPEN, State.WAITING}:
            rule = rules.get(finding.rule)
            lasts = WAITING_EXPIRES if finding.state is State.WAITING else rule.task.expire if rule else None
            if lasts is not None and _is_over(finding.opened_at, lasts, company.calendar, now):
                yield Ending(finding=finding, state=State.EXPIRED, reason=f"not done within {lasts}")


def _is_over(opened_at: Instant, lasts: Duration, calendar: Calendar, now: Instant) -> bool:
    if lasts.unit is Unit.HOURS:
        return now >= calendar.until(opened_at, lasts)
    return calendar.day(now) > calendar.ahead(calendar.day(opened_at), lasts)


def _wishes(
    matches: Sequence[Match],
    rules: Mapping[str, Rule],
    company: Company,
    past: _Past,
    org: str,
    now: Instant,
    held: list[Held],
) -> Iterator[Wish]:
    for match in matches:
        rule = rules[match.rule]
        wish = _wish(rule, match, match.subject_kind, match.subject_id, match.episode, past, org, company, now)
        if not match.ready and not isinstance(wish, str):
            wish = _otherwise(wish, rules, past, org, company, now)
        if isinstance(wish, Wish):
            yield wish
        elif wish:
            held.append(Held(rule=match.rule, match=match, reason=wish))


def _wish(
    rule: Rule,
    match: Match,
    subject_kind: str,
    subject_id: str,
    episode: str,
    past: _Past,
    org: str,
    company: Company,
    now: Instant,
) -> Wish | str:
    """Return the wish for a match, or why there is none; an empty text: its task is there already."""
    before = past.of_subject[rule.name, subject_id]
    noticed_at, n = None, 0
    if live := next((finding for finding in before if finding.state in LIVE), None):
        if live.state in WITH_TASK:
            return ""
        noticed_at, n, episode = (live.opened_at if live.state is State.PENDING else None), live.n, live.episode
    else:
        in_lapse = [finding for finding in before if not episode or finding.opened_at > (match.lapse_at or 0)]
        if in_lapse and (reason := _repeat(rule, in_lapse, company.calendar, now)):
            return reason
        n = sum(finding.state is not State.REJECTED for finding in in_lapse)
    return Wish(
        rule=rule,
        match=match,
        key=finding_key(org, rule.name, subject_kind, subject_id, episode, n),
        subject_kind=subject_kind,
        subject_id=subject_id,
        episode=episode,
        n=n,
        noticed_at=noticed_at,
    )


def _repeat(rule: Rule, before: Sequence[Finding], calendar: Calendar, now: Instant) -> str:
    """Return why a finding may not come again yet, or an empty text when it may."""
    last = max(before, key=lambda finding: finding.opened_at)
    closed_at = last.closed_at or last.opened_at
    if last.state is State.REJECTED:
        return "" if closed_at < calendar.ago(now, REJECTED_AGAIN) else "rejected"
    if rule.repeat is None:
        return "repeat"
    match last.state:
        case State.DONE:
            pause, name = rule.repeat.after_done, "after_done"
        case State.DISMISSED:
            pause, name = rule.repeat.after_dismissed, "after_dismissed"
        case _:
            pause, name = rule.repeat.after_expired, "after_expired"
    if rule.repeat.at_most is not None and len(before) >= rule.repeat.at_most:
        return "repeat.at_most"
    if pause is None or closed_at >= calendar.ago(now, pause):
        return f"repeat.{name}"
    return ""


def _otherwise(
    wish: Wish, rules: Mapping[str, Rule], past: _Past, org: str, company: Company, now: Instant
) -> Wish | str:
    """Return the wish of the rule to be followed first, with the match waiting behind it."""
    match = wish.match
    first = rules[wish.rule.otherwise] if wish.rule.otherwise else None
    if first is None:
        return "needs"
    if reason := _ask_limit(wish, company, past, now):
        return reason
    found = _wish(first, match, "account", match.account_id, match.waiting_episode, past, org, company, now)
    if isinstance(found, str):
        return found
    waiting = Finding(
        key=wish.key,
        rule=wish.rule.name,
        kind=wish.rule.kind,
        subject_kind=wish.subject_kind,
        subject_id=wish.subject_id,
        episode=wish.episode,
        n=wish.n,
        account_id=match.account_id,
        contact_id=match.contact_id,
        deal_id=match.deal_id,
        state=State.WAITING,
        waiting_for=found.key,
        opened_at=now,
    )
    return replace(found, behind=(waiting,))


def _unique(wishes: Iterable[Wish]) -> list[Wish]:
    """Return one wish a key: the first, with everything that waits behind any of them."""
    by_key: dict[str, Wish] = {}
    for wish in wishes:
        same = by_key.get(wish.key)
        by_key[wish.key] = replace(same, behind=same.behind + wish.behind) if same else wish
    return list(by_key.values())


def _within_limits(wish: Wish, company: Company, past: _Past, now: Instant, held: list[Held]) -> bool:
    reason = _account_limit(wish, company, past) or _ask_limit(wish, company, past, now)
    if reason:
        held.append(_held(wish, reason))
    return not reason


def _account_limit(wish: Wish, company: Company, past: _Past) -> str:
    if wish.rule.kind not in SHARED_KINDS:
        return ""
    taken = sum(
        finding.state in WITH_TASK and finding.kind in SHARED_KINDS for finding in past.of_account[wish.match.account_id]
    )
    return "limits.per_account_open" if taken >= company.limits.per_account_open else ""


def _ask_limit(wish: Wish, company: Company, past: _Past, now: Instant) -> str:
    if wish.rule.kind != "ask":
        return ""
    at_account = past.of_account[wish.match.account_id]
    with_task = [finding for finding in at_account if finding.state in WITH_TASK]
    asks = [finding for finding in at_account if finding.kind == "ask" and finding.state is State.DONE]
    if sum(finding.kind == "ask" for finding in with_task) >= company.ask.per_account_open:
        return "limits.ask.per_account_open"
    if any(_is_named(company.ask.not_while_open, finding.rule, finding.kind) for finding in with_task):
        return "limits.ask.not_while_open"
    if company.ask.per_account_every and _since(asks, company.calendar.ago(now, company.ask.per_account_every)):
        return "limits.ask.per_account_every"
    person = wish.match.contact_id
    with_person = [finding for finding in asks if person and finding.contact_id == person]
    if company.ask.per_person_every and _since(with_person, company.calendar.ago(now, company.ask.per_person_every)):
        return "limits.ask.per_person_every"
    return ""


def _since(findings: Iterable[Finding], at: Instant) -> bool:
    return any((finding.closed_at or 0) >= at for finding in findings)


def _is_named(patterns: Sequence[str], rule: str, kind: str) -> bool:
    return any(fnmatchcase(rule, pattern) or kind == pattern for pattern in patterns)


def _one_per_account(wishes: Sequence[Wish], company: Company, held: list[Held]) -> list[Wish]:
    """Return one ask or care wish an account, the first in the company's order; everything else passes."""
    rank = _rank(company)
    winners: list[Wish] = []
    taken: dict[str, Wish] = {}
    for wish in sorted(wishes, key=lambda wish: (rank(wish.rule.name), *_merit(wish))):
        if wish.rule.kind in SHARED_KINDS:
            if winner := taken.get(wish.match.account_id):
                held.append(_held(wish, f"order: {winner.rule.name}"))
                continue
            taken[wish.match.account_id] = wish
        winners.append(wish)
    return winners


def _rank(company: Company) -> Callable[[str], int]:
    def rank(rule: str) -> int:
        named = (place for place, pattern in enumerate(company.first_wins) if fnmatchcase(rule, pattern))
        return next(named, len(company.first_wins))

    return rank


def _merit(wish: Wish) -> tuple[float, float, str, str]:
    """Return what orders wishes of one rule: most overdue, most revenue, then the name, which is the same in every CRM."""
    match = wish.match
    return (-match.score, -(match.revenue or 0.0), match.account_name, wish.subject_id)


def _assigned(
    wishes: Iterable[Wish], company: Company, people: People, now: Instant, held: list[Held]
) -> Iterator[Wish]:
    by_mail = {user.email.lower(): user for user in people.users.values() if user.email}
    for wish in wishes:
        chain = wish.rule.assign or company.assign
        candidates = (_candidate(step, wish.match, people, by_mail) for step in chain)
        found = next((user for user in candidates if user and user.active), None)
        if found:
            due_on = company.calendar.due(now, wish.rule.task.due)
            due_at = at_hour(due_on, company.task_hours[1], found.time_zone or company.calendar.zone)
            yield replace(wish, owner_id=found.id, due_on=due_on, due_at=due_at)
        else:
            held.append(_held(wish, "assign: nobody active"))


def _candidate(step: str, match: Match, people: People, by_mail: Mapping[str, User]) -> User | None:
    match step:
        case "contact.owner":
            owner = people.contact_owner.get(match.contact_id or "")
        case "deal.owner":
            owner = people.deal_owner.get(match.deal_id or "")
        case "account.owner":
            owner = match.owner_id
        case "account.owner.manager":
            rep = people.users.get(match.owner_id or "")
            owner = rep.manager_id if rep else None
        case _:
            return by_mail.get(step.removeprefix("user:").lower())
    return people.users.get(owner or "")


def _capped(
    wishes: Sequence[Wish], company: Company, people: People, past: _Past, now: Instant, held: list[Held]
) -> list[Wish]:
    """Return what the caps of each rep leave: rules take turns, urgent ones first."""
    rank = _rank(company)
    turns: Counter[tuple[str, str]] = Counter()
    queue: dict[str, list[tuple[tuple[int, int, int, int], Wish]]] = defaultdict(list)
    for place, wish in enumerate(sorted(wishes, key=_merit)):
        turn = turns[wish.owner_id, wish.rule.name]
        turns[wish.owner_id, wish.rule.name] += 1
        order = (PRIORITIES.index(wish.rule.task.priority), turn, rank(wish.rule.name), place)
        queue[wish.owner_id].append((order, wish))
    chosen: list[Wish] = []
    for owner_id, waiting in sorted(queue.items()):
        waiting.sort(key=lambda item: item[0])
        left, reason = _left(people.users[owner_id], company, past, now)
        chosen += (wish for _order, wish in waiting[:left])
        held += (_held(wish, reason) for _order, wish in waiting[left:])
    return chosen


def _left(rep: User, company: Company, past: _Past, now: Instant) -> tuple[int, str]:
    """Return how many tasks a rep may still be given today, and the limit that says so."""
    calendar = Calendar(zone=rep.time_zone or company.calendar.zone)
    today = calendar.day(now)
    monday = today - timedelta(days=today.weekday())
    given = [finding.opened_at for finding in past.of_owner[rep.id]]
    day = company.limits.per_rep_per_day - sum(at >= calendar.midnight(today) for at in given)
    week = company.limits.per_rep_per_week - sum(at >= calendar.midnight(monday) for at in given)
    return max(0, min(day, week)), "limits.per_rep_per_day" if day <= week else "limits.per_rep_per_week"


def _is_settled(wish: Wish, company: Company, now: Instant) -> bool:
    """Say whether a condition has held long enough; an event need not."""
    if wish.subject_kind != "account" or wish.rule.only_for:
        return True
    if company.settle.count == 0:
        return True
    return wish.noticed_at is not None and wish.noticed_at <= company.calendar.ago(now, company.settle)


def _held(wish: Wish, reason: str) -> Held:
    return Held(rule=wish.match.rule, match=wish.match, reason=reason, owner_id=wish.owner_id)
