"""`refsync why ACCOUNT`: why a customer got a task, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from refsync import log
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.screen import dump, out, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.errors import Place, Problem, UserError
from refsync.finding import Finding
from refsync.model import Instant, iso
from refsync.rules import files
from refsync.rules.explain import Answer, Explained, Line, Rows, Why, find_account
from refsync.rules.explain import why as explained
from refsync.rules.rule import RuleSet
from refsync.rules.texts import plain_date
from refsync.store import ledger, runs
from refsync.store.engine import Database, Store
from refsync.sync.preview import readable

STOPPING = frozenset({"unless", "stop"})
"""Sections in which a yes is what stops the rule."""


def why(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The name of a customer, how it begins, or its CRM id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show why a customer got a task, or why not: each line of each rule with what it saw, and what counted as contact."""
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    loaded = files.load(rules_folder(rules, book, config))
    with stores(book, config, connection, loaded, at, quiet=json) as found_in:
        one, findings, held = _answer(found_in, account, loaded, at)
    if json:
        dump({"now": iso(at), **_as_json(one, held), "findings": [_finding_json(found) for found in findings]})
    else:
        _show(one, findings, held)


def _answer(
    found_in: Iterable[tuple[str, Store]], account: str, rules: RuleSet, now: Instant
) -> tuple[Why, list[Finding], Mapping[str, str]]:
    """Return the answer about the one account that is meant, its findings, and the rules that the last run held, with reasons.

    Raises UserError when it is not one account.
    """
    for connection, store in found_in:
        with store.read() as db:
            named = _rows(db, find_account(account, connection))
            if len({row["id"] for row in named}) > 1 and not any(account in {row["id"], row["name"]} for row in named):
                meant = ", ".join(f'"{row["name"]}"' for row in named)
                raise UserError(Problem(message=f'"{account}" is the beginning of several names', hint=f"one of {meant}"))
            if named and (answer := explained(lambda statement: _rows(db, statement), rules, connection, named[0]["id"], now)):
                history = [found for found in ledger.everything(db, connection) if found.account_id == answer.account_id]
                last = runs.last_success(db, connection)
                return answer, history, last.report.get("held_rules", {}) if last else {}
    raise UserError(Problem(message=f'there is no account "{account}"', hint="give its name, how the name begins, or its CRM id"))


def _rows(db: Database, statement: Any) -> Rows:
    return [dict(row) for row in db.execute(statement).mappings()]


def _show(one: Why, findings: Iterable[Finding], held: Mapping[str, str]) -> None:
    owner = f"owner {one.owner}" if one.owner else "nobody owns it"
    out.print(f"[bold]{escape(one.name)}[/]  {one.account_id}  segment {one.segment}  {escape(owner)}", markup=True)
    for rule in one.rules:
        out.print(f"\n[bold]{rule.rule}[/] ({escape(rule.about)}, {rule.mode.value})  {_verdict(rule)}", markup=True)
        if reason := held.get(rule.rule):
            out.print(f"  [yellow]held by the last run[/]: {escape(reason)}", markup=True)
        rows = [(_mark(line), line.section, line.line, line.shown, _where(line.place, rule.rule)) for line in rule.lines]
        table("", ("", "", "", "seen", ""), rows)
    if findings := list(findings):
        out.print()
        tasks = [(iso(found.opened_at), found.rule, found.state.value, found.due_on, found.reason) for found in findings]
        table("Its tasks", ("opened", "rule", "state", "due", ""), tasks)
    out.print()
    seen = [(iso(touch.at), touch.channel, touch.direction, touch.person) for touch in one.touches]
    table("Contact that counts" if seen else "No contact that counts", ("when", "how", "direction", "with"), seen)
    if one.ignored:
        out.print()
        others = [(iso(it.at) if it.at is not None else "", it.kind, it.direction, it.reason) for it in one.ignored]
        table("Does not count", ("when", "what", "direction", "because"), others)


def _verdict(rule: Explained) -> str:
    if rule.matches:
        return "[green]matches[/]" if rule.ready else "[green]matches[/], but another rule comes first"
    if rule.stops:
        return f"[yellow]stopped[/] by {', '.join(rule.stops)}"
    return f"would start on {plain_date(rule.starts)}" if rule.starts else "does not match"


def _mark(line: Line) -> str:
    """Return yes, NO or STOP as a reader of the rule needs it."""
    if line.section in STOPPING:
        return "STOP" if line.answer is Answer.YES else "-"
    return {Answer.YES: "yes", Answer.NO: "NO", Answer.UNKNOWN: "?"}[line.answer]


def _where(place: Place, rule: str) -> str:
    """Return the line, with the name of its file when that is not the rule's own."""
    file = Path(place.file)
    return f"line {place.line}" if file.stem == rule else f"{file.name}:{place.line}"


def _as_json(one: Why, held: Mapping[str, str]) -> dict[str, Any]:
    plain = asdict(one)
    for rule, shown in zip(one.rules, plain["rules"], strict=True):
        shown["place"] = str(rule.place)
        shown["held"] = held.get(rule.rule, "")
        for line, row in zip(rule.lines, shown["lines"], strict=True):
            row["place"] = str(line.place)
            row["seen"] = readable(line.line.partition(" ")[0], line.seen)
    for row in (*plain["touches"], *plain["ignored"]):
        row["at"] = iso(row["at"]) if row["at"] is not None else None
    return plain


def _finding_json(found: Finding) -> dict[str, Any]:
    return {
        "key": found.key,
        "rule": found.rule,
        "state": found.state.value,
        "opened_at": iso(found.opened_at),
        "due_on": found.due_on.isoformat(),
        "task_id": found.task_id,
        "reason": found.reason,
    }
