"""Which findings are over: their cause is gone, their time is, or they must not be asked for any more.

Laws: a finding of a rule that may not be judged does not end; a task that a person put off is not overdue before the day they
chose; of two tasks that ask for the same the older stays, and one that a person touched is never closed in favour of another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from refsync.calendar import Calendar, Duration, Unit
from refsync.finding import ESCALATION, WITH_TASK, Finding, State
from refsync.model import Instant
from refsync.plan.standing import Standing
from refsync.plan.values import Ending
from refsync.rules.rule import RuleSet

WAITING_LASTS = Duration(60, Unit.DAYS)
WITH_REP = frozenset({State.OPEN, State.SNOOZED})
MAY_END = WITH_REP | {State.WAITING}


def endings(
    alive: Sequence[Finding],
    rules: RuleSet,
    standing: Standing,
    frozen: Collection[str],
    now: Instant,
    called_for: Collection[str] = (),
) -> Iterator[Ending]:
    """Yield, of the findings that live, the open, snoozed and waiting ones that are over; those of `frozen` rules never are.

    `called_for` are the keys of tasks behind which something is about to wait: they are not over for want of that.
    """
    doubled = _doubled(alive, rules)
    ended: set[str] = set()
    for finding in alive:
        if finding.state not in MAY_END or finding.rule in frozen or finding.kind == ESCALATION:
            continue
        gone = "" if finding.key in called_for else standing.gone.get(finding.key, "")
        if ending := _ending(finding, rules, gone, standing.withdrawn.get(finding.key) or doubled.get(finding.key, ""), now):
            ended.add(finding.key)
            yield ending
    yield from _told_in_vain(alive, rules, frozen, ended, now)


def _ending(finding: Finding, rules: RuleSet, gone: str, withdrawn: str, now: Instant) -> Ending | None:
    with_rep = finding.state in WITH_REP
    if with_rep and gone:
        return Ending(finding=finding, state=State.CLEARED, reason=gone)
    if (with_rep or finding.state is State.WAITING) and withdrawn:
        return Ending(finding=finding, state=State.WITHDRAWN, reason=withdrawn)
    return _expired(finding, rules, now)


def _expired(finding: Finding, rules: RuleSet, now: Instant) -> Ending | None:
    lasts, calendar = _lasts(finding, rules), rules.company.calendar
    put_off = calendar.midnight(finding.moved_to) if finding.moved_to else 0
    if lasts is None or not _is_over(max(finding.opened_at, put_off), lasts, calendar, now):
        return None
    return Ending(finding=finding, state=State.EXPIRED, reason=f"not done within {lasts}")


def _lasts(finding: Finding, rules: RuleSet) -> Duration | None:
    if finding.state is State.WAITING:
        return WAITING_LASTS
    rule = rules.rule(finding.rule) if finding.state is State.OPEN else None
    return rule.task.expire if rule else None


def _is_over(opened_at: Instant, lasts: Duration, calendar: Calendar, now: Instant) -> bool:
    if lasts.unit is Unit.HOURS:
        return now >= calendar.until(opened_at, lasts)
    return calendar.day(now) > calendar.ahead(calendar.day(opened_at), lasts)


def _doubled(alive: Iterable[Finding], rules: RuleSet) -> dict[str, str]:
    """Return the findings that ask for what another one asks already, as after a merge, with the reason."""
    same: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in alive:
        if finding.state in MAY_END and finding.kind != ESCALATION:
            rule = rules.rule(finding.rule)
            same[rule.name if rule else finding.rule, finding.subject_kind, finding.subject_id].append(finding)
    doubled: dict[str, str] = {}
    for findings in same.values():
        by_age = sorted(findings, key=lambda one: (one.state is State.WAITING, one.opened_at, one.key))
        stays = next((one for one in by_age if one.edited), by_age[0])
        doubled |= {one.key: "another task asks for the same" for one in findings if one is not stays and not one.edited}
    return doubled


def _told_in_vain(
    alive: Sequence[Finding], rules: RuleSet, frozen: Collection[str], ended: Collection[str], now: Instant
) -> Iterator[Ending]:
    """Yield the escalations whose task is over, or whose own time is."""
    known = {finding.key: finding for finding in alive}
    for finding in alive:
        if finding.kind != ESCALATION or finding.state not in WITH_REP or finding.rule in frozen:
            continue
        about = known.get(finding.subject_id)
        if about is None or about.state not in WITH_TASK or about.key in ended:
            yield Ending(finding=finding, state=State.CLEARED, reason="the task it told of is over")
        elif expired := _expired(finding, rules, now):
            yield expired
