"""Who gets a task today, and whose: one winner an account and day, somebody to do it, fair turns of rules, the caps of each rep.

Order: limits of the account and of asks, then the company's order of rules, then the assignee (so that managers are capped
too), then the caps. Ties are broken by name, which is the same in every CRM, and by id last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from refsync.calendar import Calendar, at_hour
from refsync.finding import WITH_TASK, Finding, State
from refsync.model import Instant, User
from refsync.plan.assignees import About, Assignees
from refsync.plan.situation import Situation
from refsync.plan.values import Held, Wish

PRIORITIES = ("urgent", "high", "normal", "low")
SHARED_KINDS = frozenset({"ask", "care"})
"""Kinds of which an account gets one at a time; thanks and follow-ups always pass."""


class Desk:
    """Sorts wishes into those that get a task and those that are held, with the reason."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._assignees = Assignees(situation.people)
        self.held: list[Held] = []

    def chosen(self, wishes: Iterable[Wish]) -> list[Wish]:
        """Return the wishes that every limit lets pass, each with its owner and due time."""
        allowed = [wish for wish in wishes if self._is_allowed(wish)]
        return self._capped(list(self._assigned(self._one_per_account(allowed))))

    def hold(self, wishes: Iterable[Wish], reason: str) -> None:
        self.held += (Held(rule=wish.match.rule, match=wish.match, reason=reason, owner_id=wish.owner_id) for wish in wishes)

    def _is_allowed(self, wish: Wish) -> bool:
        reason = account_limit(wish, self._situation) or ask_limit(wish, self._situation)
        if reason:
            self.hold([wish], reason)
        return not reason

    def _one_per_account(self, wishes: Sequence[Wish]) -> Iterator[Wish]:
        rank = self._situation.rules.rank
        taken: dict[str, str] = {}
        for wish in sorted(wishes, key=lambda wish: (rank(wish.rule.name), *_merit(wish))):
            if today := self._given_today(wish):
                taken.setdefault(wish.match.account_id, today)
            if wish.rule.kind not in SHARED_KINDS or wish.subject_kind == "rep":
                yield wish
            elif winner := taken.get(wish.match.account_id):
                self.hold([wish], f"order: {winner}")
            else:
                taken[wish.match.account_id] = wish.rule.name
                yield wish

    def _given_today(self, wish: Wish) -> str:
        """Return whose task the account got today: the next run of the day gives it no second one."""
        calendar, now = self._situation.company.calendar, self._situation.now
        begins = calendar.midnight(calendar.day(now))
        at_account = self._situation.past.of_account.get(wish.match.account_id, ())
        shared = (one for one in at_account if one.kind in SHARED_KINDS and one.state in WITH_TASK)
        return next((one.rule for one in shared if one.opened_at >= begins), "")

    def _assigned(self, wishes: Iterable[Wish]) -> Iterator[Wish]:
        company = self._situation.company
        for wish in wishes:
            found = self._assignees.first(wish.rule.task.assign or company.assign, about(wish))
            if found is None:
                self.hold([wish], "assign: nobody active")
                continue
            rep, step = found
            due_on = company.calendar.due(self._situation.now, wish.rule.task.due)
            due_at = at_hour(due_on, company.task_hours[1], rep.time_zone or company.calendar.zone)
            yield wish._replace(owner_id=rep.id, assigned_as=step, due_on=due_on, due_at=due_at)

    def _capped(self, wishes: Sequence[Wish]) -> list[Wish]:
        """Return what the caps of each rep leave: rules take turns, urgent ones first."""
        rank = self._situation.rules.rank
        turns: Counter[tuple[str, str]] = Counter()
        queues: dict[str, list[tuple[tuple[int, int, int, int], Wish]]] = defaultdict(list)
        for place, wish in enumerate(sorted(wishes, key=_merit)):
            turn = turns[wish.owner_id, wish.rule.name]
            turns[wish.owner_id, wish.rule.name] += 1
            order = (PRIORITIES.index(wish.rule.task.priority), turn, rank(wish.rule.name), place)
            queues[wish.owner_id].append((order, wish))
        chosen: list[Wish] = []
        for owner_id, queue in sorted(queues.items()):
            ranked = [wish for _order, wish in sorted(queue, key=lambda item: item[0])]
            left, reason = self._left(self._situation.people.users[owner_id])
            chosen += ranked[:left]
            self.hold(ranked[left:], reason)
        return chosen

    def _left(self, rep: User) -> tuple[int, str]:
        """Return how many tasks a rep may still be given today, and the limit that says so."""
        company, now = self._situation.company, self._situation.now
        calendar = Calendar(zone=rep.time_zone or company.calendar.zone)
        today = calendar.day(now)
        monday = today - timedelta(days=today.weekday())
        given = [finding.opened_at for finding in self._situation.past.given_to[rep.id]]
        day = company.limits.per_rep_per_day - sum(at >= calendar.midnight(today) for at in given)
        week = company.limits.per_rep_per_week - sum(at >= calendar.midnight(monday) for at in given)
        return max(0, min(day, week)), "limits.per_rep_per_day" if day <= week else "limits.per_rep_per_week"


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
    at_account = situation.past.of_account[wish.match.account_id]
    taken = sum(finding.state in WITH_TASK and finding.kind in SHARED_KINDS for finding in at_account)
    return "limits.per_account_open" if taken >= situation.company.limits.per_account_open else ""


def ask_limit(wish: Wish, situation: Situation) -> str:
    """Return the limit on asks that stops a wish, or an empty text."""
    if wish.rule.kind != "ask":
        return ""
    limits, calendar, now = situation.company.ask, situation.company.calendar, situation.now
    at_account = situation.past.of_account[wish.match.account_id]
    open_now = [finding for finding in at_account if finding.state in WITH_TASK]
    asked = [finding for finding in at_account if finding.kind == "ask" and finding.state is State.DONE]
    with_person = [finding for finding in asked if finding.contact_id and finding.contact_id == wish.match.contact_id]
    if sum(finding.kind == "ask" for finding in open_now) >= limits.per_account_open:
        return "limits.ask.per_account_open"
    if any(_is_named(limits.not_while_open, finding) for finding in open_now):
        return "limits.ask.not_while_open"
    if limits.per_account_every and _any_since(asked, calendar.ago(now, limits.per_account_every)):
        return "limits.ask.per_account_every"
    if limits.per_person_every and _any_since(with_person, calendar.ago(now, limits.per_person_every)):
        return "limits.ask.per_person_every"
    return ""


def _any_since(findings: Iterable[Finding], at: Instant) -> bool:
    return any((finding.closed_at or 0) >= at for finding in findings)


def _is_named(patterns: Iterable[str], finding: Finding) -> bool:
    return any(fnmatchcase(finding.rule, pattern) or finding.kind == pattern for pattern in patterns)


def _merit(wish: Wish) -> tuple[float, float, str, str, str]:
    """Return what orders wishes of one rule: most overdue, most revenue, then the names, which are the same in every CRM."""
    match = wish.match
    return (-match.score, -(match.revenue or 0.0), match.account_name, match.subject_name, wish.subject_id)
