"""A plan as people read it: a table on the screen, Markdown for a review, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from refsync.cli.screen import err, out, plural, table
from refsync.finding import Finding
from refsync.model import Stream, iso
from refsync.store.decisions.plans import Action, Item, StoredPlan
from refsync.store.engine import Store
from refsync.store.records import directory

NOTHING = Finding(key="", rule="", kind="", subject_kind="", subject_id="")
SHOWN = 40
"""So many lines of a kind stand on the screen; Markdown and JSON have them all."""


def described(store: Store, plan: StoredPlan) -> dict[str, Any]:
    """Return a plan as plain values, with names beside ids."""
    with store.read() as db:
        accounts = directory.names(db, plan.connection, Stream.ACCOUNTS, {one.account_id or "" for one in plan.items})
        owners = directory.names(db, plan.connection, Stream.USERS, {one.owner_id for one in plan.items})
        people = {one.finding.contact_id or "" for one in plan.items if one.finding}
        contacts = directory.names(db, plan.connection, Stream.CONTACTS, people)

    def line(item: Item) -> dict[str, Any]:
        return {
            "rule": item.rule,
            "account": accounts.get(item.account_id or "", item.account_id),
            "account_id": item.account_id,
            "owner": owners.get(item.owner_id, item.owner_id),
            "owner_id": item.owner_id,
        }

    def task(item: Item) -> dict[str, Any]:
        found = item.finding or NOTHING
        words = {
            "contact": contacts.get(found.contact_id or ""),
            "due_on": found.due_on.isoformat(),
            "do": found.do,
            "priority": found.priority,
            "subject": found.subject,
            "text": found.text,
        }
        return {**line(item), "key": item.key, **words, "outcome": item.outcome}

    def change(item: Item) -> dict[str, Any]:
        return {**line(item), "key": item.key, "reason": item.reason, "outcome": item.outcome}

    return {
        "id": plan.id,
        "connection": plan.connection,
        "made_at": iso(plan.made_at),
        "now": iso(plan.now),
        "run": plan.run,
        "rules": plan.digest[:12],
        "stopped_by": plan.stopped_by,
        "approved_at": iso(plan.approved_at) if plan.approved_at is not None else None,
        "applied_at": iso(plan.applied_at) if plan.applied_at is not None else None,
        "applied_by": plan.applied_by,
        "held_rules": plan.report.get("held_rules", {}),
        "create": [task(item) for item in plan.of(Action.CREATE)],
        "close": [change(item) for item in plan.of(Action.CLOSE)],
        "give": [change(item) for item in plan.of(Action.GIVE)],
        "hold": [{**line(item), "rank": item.rank, "reason": item.reason} for item in plan.of(Action.HOLD)],
        "watch": [line(item) for item in plan.of(Action.WATCH)],
    }


def show(plan: Mapping[str, Any]) -> None:
    """Print a plan that was `described`."""
    out.print(f"[bold]plan {plan['id']}[/]  {plan['connection']}  judged at {plan['now']}", markup=True)
    out.print(f"  {_counts(plan)}")
    for rule, reason in plan["held_rules"].items():
        err.print(f"  held     {rule}: {reason}", style="yellow")
    _table("Create", plan["create"], ("due_on", "owner", "account", "subject", "rule"))
    _table("Close", plan["close"], ("account", "owner", "rule", "reason"))
    _table("Give to somebody else", plan["give"], ("account", "owner", "rule", "reason"))
    _table("Hold", plan["hold"], ("rank", "owner", "account", "rule", "reason"))
    _table("Rules that only watch would write", plan["watch"], ("owner", "account", "rule"))
    for line in _next(plan):
        out.print(line)


def markdown(plan: Mapping[str, Any]) -> str:
    """Return a plan that was `described`, whole, for a review."""
    return "\n".join(_markdown(plan)) + "\n"


def _markdown(plan: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Plan {plan['id']} for {plan['connection']}"
    yield f"\nJudged at {plan['now']} by rules {plan['rules']}. {_counts(plan)}\n"
    yield from (f"- held: `{rule}`: {reason}" for rule, reason in plan["held_rules"].items())
    for task in plan["create"]:
        yield f"\n## {_cell(task['subject'])}\n"
        yield f"{task['owner']}, due {task['due_on']}, {task['do']}, {task['priority']}. {task['account']}"
        yield f"Rule `{task['rule']}`, key `{task['key']}`\n"
        yield from (f"> {line}".rstrip() for line in task["text"].splitlines())
    for title, lines, columns in (
        ("Close", plan["close"], ("account", "owner", "rule", "reason", "key")),
        ("Give to somebody else", plan["give"], ("account", "owner", "rule", "reason", "key")),
        ("Hold", plan["hold"], ("rank", "owner", "account", "rule", "reason")),
        ("Rules that only watch would write", plan["watch"], ("owner", "account", "rule")),
    ):
        if lines:
            yield f"\n## {title}\n"
            yield from _rows(columns, lines)
    yield ""
    yield from _next(plan)


def _rows(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for line in lines:
        yield f"| {' | '.join(_cell(line[column]) for column in columns)} |"


def _cell(value: object) -> str:
    return " ".join(str("" if value is None else value).replace("|", "\\|").split())


def _counts(plan: Mapping[str, Any]) -> str:
    return (
        f"{plural(len(plan['create']), 'task')} to create, {len(plan['close']):,} to close, {len(plan['give']):,} to give away, "
        f"{len(plan['hold']):,} held."
    )


def _next(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["applied_at"]:
        yield f"carried out at {plan['applied_at']} by run {plan['applied_by']}; take it back: refsync undo {plan['applied_by']}"
        return
    if plan["stopped_by"] and not plan["approved_at"]:
        yield f"stopped by {plan['stopped_by']}; let it pass: refsync approve {plan['id']}"
    firsts = sum(line["reason"] == "approve.existing" for line in plan["hold"])
    if firsts:
        count = plural(firsts, "first match", "first matches")
        yield f"{count} of rules gone live: refsync approve RULE --existing all|none|oldest N"
    if plan["create"] or plan["close"] or plan["give"]:
        yield f"carry it out: refsync apply {plan['id']}"


def _table(title: str, lines: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    if not lines:
        return
    out.print()
    table(title, columns, ([line[column] for column in columns] for line in lines[:SHOWN]), right=("rank",))
    if len(lines) > SHOWN:
        out.print(f"… and {len(lines) - SHOWN:,} more: --markdown or --json shows all")
