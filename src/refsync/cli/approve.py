"""`refsync approve`: what waits for a person, and letting it pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer

from refsync.cli.screen import dump, out, plural, table
from refsync.cli.workspace import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    RulesOption,
    Workspace,
    open_workspace,
)
from refsync.errors import Problem, UserError, did_you_mean
from refsync.model import Instant, iso
from refsync.rules.rule import Mode, Rule
from refsync.store import runs
from refsync.store.decisions import approvals, plans
from refsync.store.decisions.approvals import First
from refsync.store.decisions.plans import StoredPlan
from refsync.store.engine import Database, Store

EXISTING = {"all": First.PASSED, "none": First.REFUSED, "oldest": First.PASSED}
Told = list[dict[str, Any]]


def approve(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[PLAN|RULES|RULE|RUN]", help="A plan, the hash of the rules, a rule, or an undone run."),
    ] = None,
    number: Annotated[int | None, typer.Argument(metavar="[N]", min=1, help="With --existing oldest: how many.")] = None,
    existing: Annotated[
        str | None, typer.Option("--existing", help="What to do with a rule's first matches: all, none, or oldest N.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """List what waits for an approval, or approve it. May run beside the daemon, which goes on with its next tick."""
    workspace = open_workspace(config, rules)
    if target is None:
        _list(workspace, connection, json=json)
        return
    at = time.time_ns() // 1_000_000
    with workspace.store(beside=True) as store:
        told = _existing(workspace, store, connection, target, existing, number, at) if existing else []
        told = told or _approved(workspace, store, connection, target, at)
    if json:
        dump({"approved": told})
    else:
        for one in told:
            out.print(one["what"])


def waiting(db: Database, connection: str, digest: str) -> dict[str, Any]:
    """Return what waits for an approval of a person."""
    firsts = approvals.waiting(db, connection)
    return {
        "connection": connection,
        "plans": [_plan(one) for one in _stopped(plans.heads(db, connection), digest)],
        "first_matches": [
            {"rule": rule, "held": counts.get(First.HELD.value, 0), "refused": counts.get(First.REFUSED.value, 0)}
            for rule, counts in sorted(firsts.items())
            if counts.get(First.HELD.value, 0) + counts.get(First.REFUSED.value, 0)
        ],
    }


def show_waiting(one: dict[str, Any]) -> None:
    """Print what waits for an approval, with the commands that give it."""
    for plan in one["plans"]:
        tasks = plural(plan["tasks"], "task")
        out.print(f"{one['connection']}: {tasks}, stopped by {plan['stopped_by']} since {plan['made_at']}")
        out.print(f"  see them: refsync plan {plan['id']}    let them pass: refsync approve {plan['id']}")
    if one["first_matches"]:
        rows = ((of["rule"], of["held"] or "", of["refused"] or "") for of in one["first_matches"])
        table(
            f"{one['connection']}: first matches of rules gone live", ("rule", "held", "refused"), rows, right=("held", "refused")
        )
        out.print("  refsync approve RULE --existing all|none|oldest N")


def _list(workspace: Workspace, connection: str | None, *, json: bool) -> None:
    with workspace.store(read_only=True) as store, store.read() as db:
        found = [waiting(db, chosen.name, workspace.rules.digest) for chosen in workspace.connections(connection)]
    if json:
        dump({"connections": found})
    else:
        for one in found:
            show_waiting(one)
    waits = any(one["plans"] or any(of["held"] for of in one["first_matches"]) for one in found)
    if not waits and not json:
        out.print("nothing waits for an approval")
    raise typer.Exit(1 if waits else 0)


def _existing(
    workspace: Workspace, store: Store, connection: str | None, target: str, existing: str, number: int | None, at: Instant
) -> Told:
    """Decide about the first matches of rules, and tell what was decided. Raises UserError."""
    if existing not in EXISTING:
        raise UserError(Problem(message=f'--existing "{existing}" is none of all, none, oldest N', hint="see refsync approve -h"))
    if (existing == "oldest") != (number is not None):
        raise UserError("--existing oldest takes a number: refsync approve RULE --existing oldest 50")
    live = [rule for rule in workspace.rules.rules if rule.mode is Mode.LIVE and not rule.only_for_otherwise]
    named = [rule for rule in live if any(fnmatchcase(name, target) for name in rule.names)]
    if not named:
        hint = (
            did_you_mean(target, [rule.name for rule in live]) or f"live are: {', '.join(rule.name for rule in live) or 'none'}"
        )
        raise UserError(Problem(message=f'no live rule is called "{target}"', hint=hint))
    told: Told = []
    for chosen in workspace.connections(connection):
        with store.write() as db:
            told += (_decided(db, chosen.name, rule, existing, number, at) for rule in named)
    return told


def _decided(db: Database, connection: str, rule: Rule, existing: str, number: int | None, at: Instant) -> dict[str, Any]:
    seen = approvals.seen(db, connection)
    known = [name for name in rule.names if name in seen]
    if not known and existing != "all":
        message = f"no run has judged {rule.name} live yet, so that its first matches are not known"
        raise UserError(Problem(message=message, hint=f"refsync plan --connection {connection}"))
    if not known:
        approvals.note(db, connection, rule.name, at, [], First.PASSED)
        return {"connection": connection, "rule": rule.name, "what": f"{rule.name}: nothing of {connection} will be held"}
    count = sum(approvals.decide(db, connection, name, EXISTING[existing], number) for name in known)
    left = approvals.waiting(db, connection)
    held = sum(left.get(name, {}).get(First.HELD.value, 0) for name in known)
    verb = "get no task" if existing == "none" else "may get a task, as the caps allow"
    what = f"{rule.name}: {plural(count, 'first match', 'first matches')} of {connection} {verb}; {held:,} still held"
    return {"connection": connection, "rule": rule.name, "count": count, "held": held, "what": what}


def _approved(workspace: Workspace, store: Store, connection: str | None, target: str, at: Instant) -> Told:
    """Approve a plan, the latest plan of a folder of rules, or what a run wrote and somebody took back. Raises UserError."""
    told: Told = []
    for chosen in workspace.connections(connection):
        with store.write() as db:
            told += _plan_or_run(db, chosen.name, workspace.rules.digest, target, at)
    if told:
        return told
    rule = workspace.rules.rule(target)
    if rule:
        raise UserError(Problem(message=f"{rule.name} is a rule: say what to do with its first matches", hint="--existing all"))
    raise UserError(Problem(message=f'nothing called "{target}" waits for an approval', hint="refsync approve lists what does"))


def _plan_or_run(db: Database, connection: str, digest: str, target: str, at: Instant) -> Told:
    found = plans.find(db, connection, target)
    if found:
        return [_passed(db, found[0], digest, at)]
    undone = [one for one in runs.beginning(db, connection, target) if len(target) >= plans.SHORTEST_ID]
    if len(undone) != 1:
        return []
    count = approvals.allow_again(db, connection, undone[0].id, at)
    what = f"{plural(count, 'task')} of run {undone[0].id} that were taken back may come again, where their rule still matches"
    return [{"connection": connection, "run": undone[0].id, "count": count, "what": what}] if count else []


def _passed(db: Database, head: StoredPlan, digest: str, at: Instant) -> dict[str, Any]:
    if head.digest != digest:
        message = f"the rules have changed since plan {head.id} was made"
        raise UserError(Problem(message=message, hint="make a new one: refsync plan"))
    plans.approve(db, head.connection, head.id, at)
    tasks = plural(len(plans.whole(db, head).of(plans.Action.CREATE)), "task")
    what = f"plan {head.id}: {tasks} may be written, by the next tick or by refsync apply {head.id}"
    return {"connection": head.connection, "plan": head.id, "what": what}


def _stopped(heads: Iterable[StoredPlan], digest: str) -> list[StoredPlan]:
    """Return the latest plan that a limit stopped, unless it was approved, carried out or made by other rules."""
    latest = next(iter(heads), None)
    waits: Callable[[StoredPlan], bool] = lambda one: not one.is_approved and one.applied_at is None and one.digest == digest  # noqa: E731
    return [latest] if latest and latest.stopped_by and waits(latest) else []


def _plan(head: StoredPlan) -> dict[str, Any]:
    return {
        "id": head.id,
        "stopped_by": head.stopped_by,
        "made_at": iso(head.made_at),
        "tasks": head.report.get("tasks", 0),
    }
