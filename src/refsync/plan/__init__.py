"""From matches and the ledger to actions. Pure: no clock, no database, no network.

Laws: the same facts, rules and ledger give the same plan; a plan carried out once and made again is empty; what gets no task
keeps its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan.endings import endings
from refsync.plan.limits import Desk
from refsync.plan.situation import Past, People, Situation
from refsync.plan.values import Ending, Held, Plan, Wish
from refsync.plan.wishes import wishes
from refsync.rules.rule import Match, RuleSet

__all__ = ["Ending", "Held", "People", "Plan", "Wish", "plan"]


def plan(
    matches: Sequence[Match],
    *,
    rules: RuleSet,
    ledger: Sequence[Finding],
    people: People,
    org: str,
    now: Instant,
    causes_gone: Mapping[str, str] | None = None,
    frozen: frozenset[str] = frozenset(),
    approved: bool = False,
) -> Plan:
    """Return what to do about the matches of the live rules that may be judged now.

    `causes_gone` names findings (by key) whose cause the caller saw disappear, with the reason; findings of `frozen` rules, which
    may not be judged now, do not end. `approved` lifts `new_tasks_per_run` for this plan.
    """
    over = tuple(endings(ledger, rules, causes_gone or {}, frozen, now))
    ended = {one.finding.key: replace(one.finding, state=one.state, closed_at=now) for one in over}
    past = Past(ended.get(finding.key, finding) for finding in ledger)
    situation = Situation(rules=rules, past=past, people=people, org=org, now=now)
    wanted, held = wishes(matches, situation)
    desk = Desk(situation)
    chosen = desk.chosen(wanted)
    settled = tuple(wish for wish in chosen if _is_settled(wish, situation))
    limit = rules.company.limits.new_tasks_per_run
    if len(settled) > limit and not approved:
        desk.hold(settled, "limits.new_tasks_per_run")
        settled = ()
    matched = {wish.key for wish in wanted}
    return Plan(
        write=settled,
        notice=tuple(wish for wish in chosen if wish.noticed_at is None and not _is_settled(wish, situation)),
        end=over,
        forget=tuple(
            found.key
            for found in ledger
            if found.state is State.PENDING and found.key not in matched and found.rule not in frozen
        ),
        held=(*held, *desk.held),
    )


def _is_settled(wish: Wish, situation: Situation) -> bool:
    """Say whether a condition has held for long enough; an event need not, nor a task that another rule calls for."""
    company = situation.company
    if wish.rule.is_event or wish.rule.only_for_otherwise or company.settle.count == 0:
        return True
    return wish.noticed_at is not None and wish.noticed_at <= company.calendar.ago(situation.now, company.settle)
