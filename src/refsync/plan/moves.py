"""Open tasks follow their owner: when the account changes hands, or whoever has the task leaves.

Laws: a task that a person edited, put off or gave to somebody stays where it is; only those of live rules move. An absence moves
no task away from its owner; one that somebody else got meanwhile goes to the owner who is back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from refsync.company import Company
from refsync.finding import ESCALATION, Finding, State
from refsync.model import Instant, User
from refsync.plan.assignees import Assignees, on_duty
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
        company = rules.company
        found = list(assignees.active(rule.task.assign or company.assign, about))
        if not found:
            yield Ending(finding=finding, state=State.WITHDRAWN, reason=NOBODY)
            continue
        usual = found[0]
        to = on_duty(found, company.away, now, finding.due_at) or usual
        if finding.owner_id not in (usual[0].id, to[0].id):
            yield _move(finding, rule, *to, company, now)


def _move(finding: Finding, rule: Rule, to: User, step: str, company: Company, now: Instant) -> Move:
    kept = Move(finding=finding, owner_id=to.id, assigned_as=step)
    if finding.due_on >= company.calendar.day(now):
        return kept
    due_on = company.calendar.due(now, rule.task.due)
    due_at = company.due_at(due_on, to.time_zone)
    return replace(kept, due_on=due_on, due_at=due_at)
