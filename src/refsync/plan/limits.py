"""Who gets a task today, and whose: one winner an account and day, somebody to do it, fair turns of rules, the caps of each rep.

Order: limits of the account and of asks, then the company's order of rules, then the assignee (so that managers are capped
too), then the caps. Ties are broken by name, which is the same in every CRM, and by id last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache, cached_property

from refsync.calendar import Calendar
from refsync.finding import WITH_TASK, Finding, State
from refsync.model import Instant, User
from refsync.plan.assignees import About, Assigned, Assignees, on_duty
from refsync.plan.situation import Situation
from refsync.plan.values import Held, Wish

PRIORITIES = ("urgent", "high", "normal", "low")
SHARED_KINDS = frozenset({"ask", "care"})
"""Kinds of which an account gets one at a time; thanks and follow-ups always pass."""
CAPPED_WITHIN = timedelta(days=8)
"""How far the caps of reps look back at most: to Monday, wherever a rep is."""
GIVEN = WITH_TASK | {State.UNDONE}
"""States of what the account got, also where it was taken back."""


class Desk:
    """Sorts wishes into those that get a task and those that are held, with the reason.

    It is Python and not window functions: most of it is about the ledger, where one reason follows another, and each reason is
    kept. Hundreds of thousands of wishes pass here, so what depends on a rule, an owner or an account is worked out once for
    each of these, and what only a task needs for the chosen alone.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._rank = cache(situation.rules.rank)
        self._assignees = Assignees(situation.people)
        self.held: list[Held] = []

    def chosen(self, wishes: Iterable[Wish]) -> list[Wish]:
        """Return the wishes that every limit lets pass, each with its owner and due time."""
        allowed = [wish for wish in wishes if self._is_allowed(wish)]
        return list(self._capped(self._assigned(self._one_per_account(allowed))))

    def room(self, wishes: Iterable[Wish]) -> Callable[[User], int]:
        """Return what says how many tasks a person may still be given today, beside these."""
        taken = Counter(wish.owner_id for wish in wishes)
        return lambda rep: self._left(rep)[0] - taken[rep.id]

    def hold(self, wish: Wish, reason: str, owner_id: str = "", place: int = 0) -> None:
        """Keep what gets no task, with the reason, and where in the queue of its owner it stands."""
        self.held.append(Held(wish.match.rule, wish.match, reason, owner_id or wish.owner_id, place))

    def _is_allowed(self, wish: Wish) -> bool:
        reason = account_limit(wish, self._situation) or ask_limit(wish, self._situation)
        if reason:
            self.hold(wish, reason)
        return not reason

    def _one_per_account(self, wishes: Sequence[Wish]) -> Iterator[Wish]:
        first: dict[str, Wish] = {}
        for wish in wishes:
            if _shares(wish):
                best = first.setdefault(wish.match.account_id, wish)
                if best is not wish and self._order(wish) < self._order(best):
                    first[wish.match.account_id] = wish
        for wish in wishes:
            if not _shares(wish):
                yield wish
                continue
            best = first[wish.match.account_id]
            given = self._given_today.get(wish.match.account_id, "")
            if best is wish and not given:
                yield wish
            else:
                self.hold(wish, f"order: {given or best.rule.name}")

    def _order(self, wish: Wish) -> tuple[int, tuple[float, float, str, str, str]]:
        return self._rank(wish.rule.name), merit(wish)

    @cached_property
    def _given_today(self) -> Mapping[str, str]:
        """Whose task each account got today: the next run gives it no second one, nor one for what was taken back."""
        given: dict[str, str] = {}
        for account_id, findings in self._situation.past.of_account.items():
            for one in findings:
                if one.opened_at >= self._today and one.kind in SHARED_KINDS and one.state in GIVEN:
                    given.setdefault(account_id, one.rule)
        return given

    @cached_property
    def _today(self) -> Instant:
        calendar = self._situation.company.calendar
        return calendar.midnight(calendar.day(self._situation.now))

    def _assigned(self, wishes: Iterable[Wish]) -> Iterator[tuple[Wish, Assigned]]:
        people, company, now = self._situation.people, self._situation.company, self._situation.now
        due = cache(lambda length: company.due_at(company.calendar.due(now, length)))
        known: dict[object, list[Assigned]] = {}
        for wish in wishes:
            steps, match = wish.rule.task.assign or company.assign, wish.match
            owners = (people.contact_owner.get(match.contact_id or ""), people.deal_owner.get(match.deal_id or ""))
            key = (steps, match.owner_id, match.rep_id, *owners, wish.subject_kind == "account")
            if key not in known:
                known[key] = list(self._assignees.active(steps, about(wish)))
            if not (found := known[key]):
                self.hold(wish, "assign: nobody active")
            elif one := on_duty(found, company.away, now, due(wish.rule.task.due)):
                yield (wish if one is found[0] else wish._replace(absent=found[0][0])), one
            else:
                self.hold(wish, "assign.away", found[0][0].id)

    def _capped(self, assigned: Iterable[tuple[Wish, Assigned]]) -> Iterator[Wish]:
        """Yield what the caps of each rep leave, with its owner and due time: rules take turns, urgent ones first."""
        queues: dict[str, list[tuple[Wish, str]]] = defaultdict(list)
        for wish, (owner, step) in assigned:
            queues[owner.id].append((wish, step))
        for owner_id, queue in sorted(queues.items()):
            owner = self._situation.people.users[owner_id]
            left, reason = self._left(owner)
            for place, (wish, step) in enumerate(self._in_turn(queue), 1):
                if place <= left:
                    yield self._dated(wish, owner, step)
                else:
                    self.hold(wish, reason, owner_id, place)

    def _in_turn(self, queue: Iterable[tuple[Wish, str]]) -> list[tuple[Wish, str]]:
        turns: Counter[str] = Counter()
        order: list[tuple[int, int, int, int]] = []
        by_merit = sorted(queue, key=lambda queued: merit(queued[0]))
        for place, (wish, _step) in enumerate(by_merit):
            rule = wish.rule
            order.append((PRIORITIES.index(rule.task.priority), turns[rule.name], self._rank(rule.name), place))
            turns[rule.name] += 1
        return [by_merit[place] for *_, place in sorted(order)]

    def _dated(self, wish: Wish, rep: User, step: str) -> Wish:
        company = self._situation.company
        due_on = company.calendar.due(self._situation.now, wish.rule.task.due)
        due_at = company.due_at(due_on, rep.time_zone)
        return wish._replace(owner_id=rep.id, assigned_as=step, due_on=due_on, due_at=due_at)

    def _left(self, rep: User) -> tuple[int, str]:
        """Return how many tasks a rep may still be given today, and the limit that says so."""
        company, now = self._situation.company, self._situation.now
        calendar = Calendar(zone=rep.time_zone or company.calendar.zone)
        today = calendar.day(now)
        monday = today - timedelta(days=today.weekday())
        since_today, since_monday = calendar.midnight(today), calendar.midnight(monday)
        given = [finding.opened_at for finding in self._situation.past.given_to[rep.id]]
        day = company.limits.per_rep_per_day - sum(at >= since_today for at in given)
        week = company.limits.per_rep_per_week - sum(at >= since_monday for at in given)
        return max(0, min(day, week)), "limits.per_rep_per_day" if day <= week else "limits.per_rep_per_week"


def _shares(wish: Wish) -> bool:
    """Say whether a wish takes the place of others at its account."""
    return wish.rule.kind in SHARED_KINDS and wish.subject_kind != "rep"


def about(wish: Wish) -> About:
    """Return the people round the subject of a wish."""
    match = wish.match
    return About(
        owner_id=match.owner_id,
        contact_id=match.contact_id,
        deal_id=match.deal_id,
        rep_id=match.rep_id,
        is_account=wish.subject_kind == "account",
    )


def account_limit(wish: Wish, situation: Situation) -> str:
    """Return the limit on open tasks of the account that stops a wish, or an empty text."""
    if wish.rule.kind not in SHARED_KINDS:
        return ""
    at_account = situation.past.of_account.get(wish.match.account_id, ())
    taken = sum(finding.state in WITH_TASK and finding.kind in SHARED_KINDS for finding in at_account)
    return "limits.per_account_open" if taken >= situation.company.limits.per_account_open else ""


def ask_limit(wish: Wish, situation: Situation) -> str:
    """Return the limit on asks that stops a wish, or an empty text."""
    if wish.rule.kind != "ask":
        return ""
    limits, calendar, now = situation.company.ask, situation.company.calendar, situation.now
    at_account = situation.past.of_account.get(wish.match.account_id, ())
    open_now = [finding for finding in at_account if finding.state in WITH_TASK]
    asked = [finding for finding in at_account if finding.kind == "ask" and finding.state is State.DONE]
    with_person = [finding for finding in asked if finding.contact_id and finding.contact_id == wish.match.contact_id]
    if sum(finding.kind == "ask" for finding in open_now) >= limits.per_account_open:
        return "limits.ask.per_account_open"
    if any(_is_named(limits.not_while_open, finding) for finding in open_now):
        return "limits.ask.not_while_open"
    if asked and limits.per_account_every and _any_since(asked, calendar.ago(now, limits.per_account_every)):
        return "limits.ask.per_account_every"
    if with_person and limits.per_person_every and _any_since(with_person, calendar.ago(now, limits.per_person_every)):
        return "limits.ask.per_person_every"
    return ""


def _any_since(findings: Iterable[Finding], at: Instant) -> bool:
    return any((finding.closed_at or 0) >= at for finding in findings)


def _is_named(patterns: Iterable[str], finding: Finding) -> bool:
    return any(fnmatchcase(finding.rule, pattern) or finding.kind == pattern for pattern in patterns)


def merit(wish: Wish) -> tuple[float, float, str, str, str]:
    """Return what orders wishes of one rule: most overdue, most revenue, then the names, which are the same in every CRM."""
    match = wish.match
    return (-match.score, -(match.revenue or 0.0), match.account_name, match.subject_name, wish.subject_id)
