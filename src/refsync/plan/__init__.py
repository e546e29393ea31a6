"""From matches and the ledger to actions. Pure: no clock, no database, no network.

Laws: the same facts, rules and ledger give the same plan; a plan carried out once and made again is empty; what gets no task
keeps its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refsync.finding import LIVE, Finding, State
from refsync.model import Instant
from refsync.plan.approval import Approval
from refsync.plan.assignees import About, Assignees
from refsync.plan.brake import stopped
from refsync.plan.endings import endings
from refsync.plan.escalation import escalations
from refsync.plan.limits import Desk
from refsync.plan.moves import moves
from refsync.plan.situation import Past, People, Situation
from refsync.plan.standing import Standing
from refsync.plan.values import Drawn, Ending, Escalation, Held, Move, Plan, Wish
from refsync.plan.watching import taking
from refsync.plan.wishes import drawn, waiting_behind, wishes
from refsync.rules.rule import Match, RuleSet

__all__ = [
    "About",
    "Approval",
    "Drawn",
    "Ending",
    "Escalation",
    "Held",
    "Move",
    "People",
    "Plan",
    "Standing",
    "Wish",
    "plan",
    "would_write",
]


def plan(
    matches: Sequence[Match],
    *,
    rules: RuleSet,
    ledger: Sequence[Finding],
    people: People,
    org: str,
    now: Instant,
    standing: Standing | None = None,
    frozen: frozenset[str] = frozenset(),
    approval: Approval | None = None,
) -> Plan:
    """Return what to do about the matches of the live rules that may be judged now.

    `standing` is what the caller saw of the findings that are not over; findings of `frozen` rules, which may not be judged now,
    do not end. `approval` is what people let pass, and what waits until they do.
    """
    approval = approval or Approval()
    frozen |= approval.paused
    standing, assignees = standing or Standing(), Assignees(people)
    past = Past(ledger)
    behind = tuple(_waits(matches, Situation(rules=rules, past=past, people=people, org=org, now=now), approval))
    alive = [finding for finding in ledger if finding.state in LIVE]
    over = tuple(endings(alive, rules, standing, frozen, now, called_for={one.waiting_for for one in behind}))
    closed = {one.finding.key for one in over}
    going_on = [finding for finding in alive if finding.key not in closed]
    followed = tuple(moves(going_on, rules, standing, assignees, frozen, now))
    over += tuple(one for one in followed if isinstance(one, Ending))
    ended = {one.finding.key: one.finding._replace(state=one.state, closed_at=now) for one in over}
    if ended:
        past = Past(ended.get(finding.key, finding) for finding in ledger)
    situation = Situation(rules=rules, past=past, people=people, org=org, now=now, again=approval.again)
    wanted, held = wishes(matches, situation)
    wanted, waiting = approval.sort(wanted)
    desk = Desk(situation)
    chosen = desk.chosen(wanted)
    settled = tuple(wish for wish in chosen if _is_settled(wish, situation))
    braked, stopped_by = stopped(settled, situation, approval)
    for wish in braked:
        desk.hold(wish, stopped_by)
    waits = {wish.key for wish in braked}
    still = [finding for finding in going_on if finding.key not in ended]
    told = tuple(escalations(still, situation, standing, assignees, frozen, desk.room(settled)))
    matched = {wish.key for wish in wanted} | {one.key for one in told}
    return Plan(
        write=tuple(wish for wish in settled if wish.key not in waits),
        stopped=braked,
        stopped_by=stopped_by,
        notice=tuple(wish for wish in chosen if wish.noticed_at is None and not _is_settled(wish, situation)),
        end=over,
        wait=tuple(one for one in behind if one.waiting_for not in ended),
        move=tuple(one for one in followed if isinstance(one, Move)),
        escalate=told,
        forget=tuple(
            found.key for found in alive if found.state is State.PENDING and found.key not in matched and found.rule not in frozen
        ),
        held=(*held, *waiting, *desk.held),
        drawn=tuple(one for one in drawn(matches, situation) if not approval.stops(one.wish)),
    )


def would_write(
    watching: Sequence[Match],
    planned: Plan,
    *,
    rules: RuleSet,
    ledger: Sequence[Finding],
    people: People,
    org: str,
    now: Instant,
) -> Plan:
    """Return what rules that only watch would have written, had they been live, after the live ones, and what would be held."""
    if not watching:
        return Plan()
    known = (*ledger, *taking(planned.write, now))
    found = plan(watching, rules=rules, ledger=known, people=people, org=org, now=now, approval=Approval(everything=True))
    return Plan(write=(*found.write, *found.notice), held=found.held)


def _waits(matches: Sequence[Match], situation: Situation, approval: Approval) -> Iterator[Finding]:
    """Yield what is to wait from now on behind a task that stands; not what people hold."""
    for one in waiting_behind(matches, situation):
        if approval.only is None and one.rule not in approval.paused and (one.rule, one.subject_id) not in approval.waiting:
            yield one


def _is_settled(wish: Wish, situation: Situation) -> bool:
    """Say whether a condition has held for long enough; an event need not, nor a task that another rule calls for."""
    company = situation.company
    if wish.rule.is_event or wish.rule.only_for_otherwise or company.settle.count == 0:
        return True
    return wish.noticed_at is not None and wish.noticed_at <= company.calendar.ago(situation.now, company.settle)
