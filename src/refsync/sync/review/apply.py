"""Carrying out a plan that a person has reviewed: exactly this, and nothing else.

Laws: a plan made by other rules, too long ago, or stopped by a limit and not approved is refused as a whole. Each of its tasks is
looked at again with fresh data: one whose facts, owner or person have changed, or that is no longer called for, is left out, with
the reason. What is written has the very words that were reviewed. A plan can be applied again after a crash: what it wrote is
known by its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from refsync.company import Company
from refsync.errors import RefsyncError
from refsync.finding import LIVE, Finding, State
from refsync.model import Instant, iso
from refsync.plan import Plan
from refsync.store import ledger
from refsync.store.decisions import plans
from refsync.store.decisions.plans import Action, Item, StoredPlan
from refsync.store.runs import RunKind, RunOutcome
from refsync.sync import allowed
from refsync.sync.evaluate import Judged, evaluate
from refsync.sync.pull import pull
from refsync.sync.run import Paused, Run
from refsync.sync.turn import Turn
from refsync.sync.write_back.calls import Pushed, chunks
from refsync.sync.write_back.push import push, recover, write
from refsync.sync.write_back.telling import told_of
from refsync.sync.write_back.words import findings_of

DONE = frozenset({State.OPEN, State.SNOOZED, State.DONE, State.CLEARED})
"""States of a finding whose task was written."""


class Stale(RefsyncError):
    """The plan must not be carried out as it stands; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a plan."""

    connection: str
    run: str
    now: Instant
    plan: str
    pushed: Pushed
    left: Mapping[str, str] = field(default_factory=dict)
    """What was not done, by key, and why."""
    paused: str = ""

    @property
    def outcome(self) -> RunOutcome:
        trouble = self.left or self.paused or self.pushed.rejected or self.pushed.uncertain
        return RunOutcome.PARTIAL if trouble else RunOutcome.DONE

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        pushed = self.pushed
        return {
            "connection": self.connection,
            "run": self.run,
            "now": iso(self.now),
            "plan": self.plan,
            "outcome": self.outcome.value,
            "created": pushed.created,
            "adopted": pushed.adopted,
            "closed": pushed.closed,
            "moved": pushed.moved,
            "rejected": pushed.rejected,
            "uncertain": pushed.uncertain,
            "left": dict(self.left),
            "not_written": self.paused,
        }


def apply(turn: Turn, plan: StoredPlan, *, fresh: bool = True) -> Applied:
    """Carry out a whole plan; with `fresh` after reading what is new in the CRM.

    Raises Stale, and whatever a tick raises.
    """
    if reason := refusal(plan, turn.rules.company, turn.rules.digest, turn.now):
        raise Stale(reason)
    return turn.take(RunKind.APPLY, partial(_apply, plan=plan, fresh=fresh))


def refusal(plan: StoredPlan, company: Company, digest: str, now: Instant) -> str:
    """Return why a plan must not be carried out, and what to do; empty: it may."""
    again = "make a new one: refsync plan"
    if plan.applied_at is not None:
        return f"plan {plan.id} was carried out at {iso(plan.applied_at)} by run {plan.applied_by}: nothing is left to do"
    if plan.digest != digest:
        return f"the rules have changed since plan {plan.id} was made; {again}"
    if plan.now < company.calendar.ago(now, company.limits.plan_lasts):
        return f"plan {plan.id} is older than {company.limits.plan_lasts} (plan_lasts in company.toml); {again}"
    if plan.stopped_by and not plan.is_approved:
        return f"plan {plan.id} is stopped by {plan.stopped_by} and waits for: refsync approve {plan.id}"
    return ""


def _apply(run: Run, *, plan: StoredPlan, fresh: bool) -> Applied:
    if fresh:
        pull(run)
    if pause := run.paused.get(""):
        raise Stale(f"{pause}: refsync resume lets it go on")
    writer = run.connector.tasks
    if writer is None:
        raise Stale("the connector cannot write tasks: see refsync check")
    pushed = recover(run, writer)
    items = {item.key: item for item in plan.of(Action.CREATE, Action.CLOSE, Action.GIVE)}
    approval = allowed.allowed(run, everything=False)
    judged = evaluate(run, replace(approval, only=frozenset(items), keys=approval.keys | items.keys()))
    ready, left = _ready(run, judged, items)
    paused = ""
    try:
        push(run, writer, _changes(judged.plan, items), pushed)
        behind = {wish.key: wish.behind for wish in judged.plan.write}
        for some in chunks(ready):
            write(run, writer, some, [found for task in some for found in behind.get(task.key, ())], pushed)
            run.progress("write tasks", pushed.created)
    except Paused as error:
        paused = f"{error}: refsync resume lets it go on"
    left |= _undone(run, items, left, judged)
    with run.write() as db:
        outcomes = {key: left.get(key, "done") for key in items}
        plans.carried_out(db, plan, outcomes, run=run.id, at=None if left or paused else run.clock())
    return Applied(connection=run.connection, run=run.id, now=run.now, plan=plan.id, pushed=pushed, left=left, paused=paused)


def _ready(run: Run, judged: Judged, items: Mapping[str, Item]) -> tuple[list[Finding], dict[str, str]]:
    """Return the reviewed tasks that still stand as they were reviewed, and why others do not."""
    with run.store.read() as db:
        fresh = [*findings_of(db, run, judged.plan.write), *told_of(db, run, judged.plan.escalate)]
    ready, left = [], {}
    for now in fresh:
        then = items[now.key].finding if now.key in items else None
        if then is None:
            continue
        if reason := changed(then, now):
            left[now.key] = reason
        else:
            ready.append(then._replace(state=State.SENDING, opened_at=run.now, run=run.id))
    return ready, left


def changed(then: Finding, now: Finding) -> str:
    """Return what is no longer as it was reviewed; empty: nothing that matters."""
    if then.owner_id != now.owner_id:
        return "it would go to somebody else now"
    if then.contact_id != now.contact_id:
        return "it would name another person now"
    before, after = orjson.loads(then.facts), orjson.loads(now.facts)
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return f"changed since: {', '.join(names)}" if names else ""


def _changes(plan: Plan, items: Mapping[str, Item]) -> Plan:
    """Return of a plan made now what ends or goes to somebody else as it was reviewed, and what was drawn."""
    closed = {key for key, item in items.items() if item.action is Action.CLOSE}
    given = {(key, item.owner_id) for key, item in items.items() if item.action is Action.GIVE}
    return Plan(
        end=tuple(one for one in plan.end if one.finding.key in closed),
        move=tuple(one for one in plan.move if (one.finding.key, one.owner_id) in given),
        drawn=plan.drawn,
    )


def _undone(run: Run, items: Mapping[str, Item], left: Iterable[str], judged: Judged) -> dict[str, str]:
    """Return why further items were not done."""
    with run.store.read() as db:
        known = {found.key: found for found in ledger.everything(db, run.connection)}
    reasons = {(one.rule, one.match.subject_id): one.reason for one in judged.plan.held}
    why: dict[str, str] = {}
    for key, item in items.items():
        found = known.get(key)
        if key in left:
            continue
        if item.action is Action.CREATE and (found is None or found.state not in DONE):
            why[key] = _of(found) or reasons.get((item.rule, item.subject_id), "") or "it is no longer called for"
        elif item.action is Action.CLOSE and found and found.state in LIVE:
            why[key] = "its reason no longer holds, or a person was faster"
        elif item.action is Action.GIVE and found and found.owner_id != item.owner_id:
            why[key] = "its owner is another one again, or a person was faster"
    return why


def _of(found: Finding | None) -> str:
    """Return what the ledger says of a task that was not written."""
    if found is None or found.state in {State.PENDING, State.WAITING}:
        return ""
    if found.state is State.SENDING:
        return "whether it arrived is not known yet: apply the plan again in some minutes"
    return f"{found.state.value}: {found.reason}"
