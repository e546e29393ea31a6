"""Open tasks follow their owner: when the account changes hands, or whoever has the task leaves.

Law: a task that a person edited, put off or gave to somebody stays where it is; only those of live rules move.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from refsync.calendar import at_hour
from refsync.company import Company
from refsync.finding import ESCALATION, Finding, State
from refsync.model import Instant, User
from refsync.plan.assignees import Assignees
from refsync.plan.endings import WITH_REP
from refsync.plan.standing import Standing
from refsync.plan.values import Ending, Move
from refsync.rules.rule import Mode, Rule, RuleSet

NOBODY = "assign: nobody active"


def moves(
    findings: Iterable[Finding], rules: RuleSet, standing: Standing, assignees: Assignees, frozen: Collection[str], now: Instant
) -> Iterator[Move | Ending]:
    """Yield who gets which open task now, due anew if its day has passed; the end of one for which nobody is there."""
    for finding in findings:
        if finding.state not in WITH_REP or finding.edited or finding.kind == ESCALATION:
            continue
        rule, about = rules.rule(finding.rule), standing.about.get(finding.key)
        if rule is None or about is None or rule.mode is not Mode.LIVE or finding.rule in frozen:
            continue
        found = assignees.first(rule.task.assign or rules.company.assign, about)
        if found is None:
            yield Ending(finding=finding, state=State.WITHDRAWN, reason=NOBODY)
        elif found[0].id != finding.owner_id:
            yield _move(finding, rule, *found, rules.company, now)


def _move(finding: Finding, rule: Rule, to: User, step: str, company: Company, now: Instant) -> Move:
    kept = Move(finding=finding, owner_id=to.id, assigned_as=step)
    if finding.due_on >= company.calendar.day(now):
        return kept
    due_on = company.calendar.due(now, rule.task.due)
    due_at = at_hour(due_on, company.task_hours[1], to.time_zone or company.calendar.zone)
    return replace(kept, due_on=due_on, due_at=due_at)
