"""Who is told of tasks that are long overdue: once for each task, and within the cap of whoever is told.

Law: an escalation is a task of its own with a key of its own, made of the key of the task it tells of, so that it is never
written twice, not even by a rebuilt store; nobody is told of a task of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date

from refsync.calendar import Duration, Unit
from refsync.finding import ESCALATION, LIVE, WITH_TASK, Finding, State, finding_key
from refsync.model import User
from refsync.plan.assignees import Assignees, on_duty
from refsync.plan.situation import Situation
from refsync.plan.standing import Standing
from refsync.plan.values import Escalation
from refsync.rules.rule import Mode, Rule

SUBJECT = "finding"
"""The kind of subject that an escalation has."""
DUE = Duration(1, Unit.BUSINESS_DAYS)
AGAIN = Duration(1, Unit.DAYS)
"""How long after a refusal by the CRM it is tried again."""


def escalations(
    findings: Iterable[Finding],
    situation: Situation,
    standing: Standing,
    assignees: Assignees,
    frozen: Collection[str],
    left: Callable[[User], int],
) -> Iterator[Escalation]:
    """Yield which overdue tasks are told of now, the longest overdue first; `left`: how many tasks a person may still get."""
    given: Counter[str] = Counter()
    stand = (finding for finding in findings if finding.state is State.OPEN and finding.kind != ESCALATION)
    for finding in sorted(stand, key=lambda one: (one.due_now, one.opened_at, one.key)):
        rule = situation.rules.rule(finding.rule)
        if rule is None or rule.mode is not Mode.LIVE or finding.rule in frozen or not _is_due(finding, rule, situation):
            continue
        if (to := _told(finding, rule, standing, assignees, situation)) and given[to.id] < left(to):
            given[to.id] += 1
            yield _escalation(finding, rule, to, situation)


def _is_due(finding: Finding, rule: Rule, situation: Situation) -> bool:
    """Say whether an open task is overdue for so long, and nobody was told of it yet."""
    if rule.task.escalate is None or not _has_passed(finding.due_now, rule.task.escalate.after, situation):
        return False
    told = situation.past.found(rule, finding.key)
    return all(_may_be_sent(one, situation) for one in told)


def _has_passed(due: date, length: Duration, situation: Situation) -> bool:
    calendar = situation.company.calendar
    if length.unit is Unit.HOURS:
        return situation.now >= calendar.until(calendar.end(due), length)
    return calendar.day(situation.now) > calendar.ahead(due, length)


def _may_be_sent(told: Finding, situation: Situation) -> bool:
    if told.state is State.REJECTED:
        return (told.closed_at or 0) < situation.company.calendar.ago(situation.now, AGAIN)
    return told.state in LIVE - WITH_TASK


def _told(finding: Finding, rule: Rule, standing: Standing, assignees: Assignees, situation: Situation) -> User | None:
    about = standing.about.get(finding.key)
    if about is None or rule.task.escalate is None:
        return None
    holder = finding.holder_id or finding.owner_id
    found = [one for one in assignees.active(rule.task.escalate.to, about, holder) if one[0].id != holder]
    company, now = situation.company, situation.now
    to = on_duty(found, company.away, now, company.due_at(company.calendar.due(now, DUE))) if found else None
    return to[0] if to else None


def _escalation(finding: Finding, rule: Rule, to: User, situation: Situation) -> Escalation:
    company = situation.company
    due_on = company.calendar.due(situation.now, DUE)
    return Escalation(
        finding=finding,
        rule=rule,
        key=finding_key(situation.org, rule.key_name, SUBJECT, finding.key, "", 0),
        owner_id=to.id,
        due_on=due_on,
        due_at=company.due_at(due_on, to.time_zone),
    )
