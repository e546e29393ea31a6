"""`refsync why WHAT`, also `refsync rules explain WHAT`: why a customer, a person, a rep got a task, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
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
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.rules.texts import plain_date
from refsync.rules.why.explain import About, Answer, Explained, Line, Why
from refsync.rules.why.explain import why_about as explained
from refsync.rules.why.meant import Meant, find, meant_by
from refsync.store import ledger, runs
from refsync.store.engine import Database, Store, rows
from refsync.sync.dry_run.outlook import Outlook, Outlooks, outlooks
from refsync.sync.dry_run.preview import readable

STOPPING = frozenset({"unless", "stop"})
"""Sections in which a yes is what stops the rule."""


def why(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="A customer, a person there or a rep: the name, how it begins, the CRM id, or the address of a page of the CRM;"
            " or a task: its key, its id or its address.",
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    at_run: Annotated[
        str | None, typer.Option("--at", metavar="RUN", help="Judge as if it were the instant of this run, see `refsync status`.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show why somebody got a task, or why not: each line of each rule with what it saw, and what counted as contact.

    With --at the rules are judged at the instant of that run, on the records as they are known now.
    """
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    loaded = load(rules_folder(rules, book, config))
    with stores(book, config, connection, loaded, at, quiet=json) as found_in:
        at = _instant_of(found_in, at_run) if at_run else at
        one, findings, held, next_ = _answer(found_in, what, loaded, at)
    if json:
        dump({"now": iso(at), **_as_json(one, held, next_), "findings": [_finding_json(found) for found in findings]})
    else:
        _show(one, findings, held, next_)


def _answer(
    found_in: Iterable[tuple[str, Store]], what: str, rules: RuleSet, now: Instant
) -> tuple[Why, list[Finding], Mapping[str, str], Outlooks]:
    """Return the answer about the one thing that is meant, its findings, the rules that the last run held, and what comes next.

    Raises UserError when it is not one thing.
    """
    for connection, store in found_in:
        with store.read() as db:
            if meant := _meant(db, connection, what):
                answer = explained(partial(rows, db), rules, connection, meant.about, now)
                if answer is None:
                    raise UserError(f"{meant} is gone")
                last, account_id = runs.last_judged(db, connection), meant.about.account_id
                next_ = outlooks(db, connection, rules, account_id, now) if account_id else {}
                return answer, _past(db, connection, meant.about), last.report.get("held_rules", {}) if last else {}, next_
    hint = "give a name, how it begins, an id, the key of a task, or the address of its page"
    raise UserError(Problem(message=f'there is no account, person, rep or task "{what}"', hint=hint))


def _meant(db: Database, connection: str, what: str) -> Meant | None:
    """Return what a text means; None when it means nothing here. Raises UserError when it means several things."""
    for statement in find(what, connection):
        found = [meant_by(row) for row in rows(db, statement)]
        if len(found) > 1:
            meant = ", ".join(map(str, found))
            raise UserError(Problem(message=f'"{what}" may mean several', hint=f"one of {meant}; its id or address tells it"))
        if found:
            return found[0]
    return None


def _past(db: Database, connection: str, about: About) -> list[Finding]:
    if about.account_id:
        return ledger.of_account(db, connection, about.account_id)
    return ledger.of_subject(db, connection, *about.subject) if about.subject else []


def _instant_of(found_in: Iterable[tuple[str, Store]], run: str) -> Instant:
    """Return the instant by which a run judged. Raises UserError when it is not one run."""
    for connection, store in found_in:
        with store.read() as db:
            known = runs.beginning(db, connection, run)
        if len(known) == 1 or any(one.id == run for one in known):
            return known[0].now
        if known:
            raise UserError(
                Problem(message=f'"{run}" is the beginning of several runs', hint=", ".join(one.id for one in known[:5]))
            )
    raise UserError(Problem(message=f'there is no run "{run}"', hint="refsync status lists the last ones"))


def _show(one: Why, findings: Iterable[Finding], held: Mapping[str, str], next_: Outlooks) -> None:
    owner = f"owner {one.owner}" if one.owner else "nobody owns it"
    whose = f"{one.account_id}  segment {one.segment}  {escape(owner)}" if one.account_id else "a rep"
    out.print(f"[bold]{escape(one.name)}[/]  {whose}", markup=True)
    for rule in one.rules:
        out.print(f"\n[bold]{rule.rule}[/] ({escape(rule.about)}, {rule.mode.value})  {_verdict(rule)}", markup=True)
        if reason := held.get(rule.rule):
            out.print(f"  [yellow]held by the last run[/]: {escape(reason)}", markup=True)
        elif outlook := next_.get((rule.rule, rule.subject_id)):
            out.print(f"  {_next(outlook, rule)}", markup=True)
        rows = [(_mark(line), line.section, line.line, line.shown, _where(line.place, rule.rule)) for line in rule.lines]
        table("", ("", "", "", "seen", ""), rows)
    if findings := list(findings):
        out.print()
        tasks = [(iso(found.opened_at), found.rule, found.state.value, found.due_on, found.reason) for found in findings]
        table("Its tasks", ("opened", "rule", "state", "due", ""), tasks)
    if not one.account_id:
        return
    out.print()
    seen = [(iso(touch.at), touch.channel, touch.direction, touch.person) for touch in one.touches]
    table("Contact that counts" if seen else "No contact that counts", ("when", "how", "direction", "with"), seen)
    if one.ignored:
        out.print()
        others = [(iso(it.at) if it.at is not None else "", it.kind, it.direction, it.reason) for it in one.ignored]
        table("Does not count", ("when", "what", "direction", "because"), others)


def _verdict(rule: Explained) -> str:
    if rule.matches:
        first = "whom it would ask is not in touch: " if rule.person_cold else ""
        return "[green]matches[/]" if rule.ready else f"[green]matches[/], but {first}another rule comes first"
    if rule.stops:
        return f"[yellow]stopped[/] by {', '.join(rule.stops)}"
    return f"would start on {plain_date(rule.starts)}" if rule.starts else "does not match"


def _next(one: Outlook, rule: Explained) -> str:
    """Return what would come of a match, in words."""
    if one.task:
        whose = "its task" if one.task == rule.rule else f"the task of {one.task}"
        when = "once it has held for long enough" if one.reason else f"as far as the limits of {one.owner} allow"
        return f"[green]next[/]: {whose}, for {escape(one.owner)}, {escape(when)}"
    since = f"; possible from {plain_date(one.starts)}" if one.starts else ""
    waits = f", {one.owner}" if one.reason == "assign.away" else ""
    return f"[yellow]kept back[/] by {escape(one.reason)}{escape(waits)}{since}"


def _mark(line: Line) -> str:
    """Return yes, NO or STOP as a reader of the rule needs it."""
    if line.section in STOPPING:
        return "STOP" if line.answer is Answer.YES else "-"
    return {Answer.YES: "yes", Answer.NO: "NO", Answer.UNKNOWN: "?"}[line.answer]


def _where(place: Place, rule: str) -> str:
    """Return the line, with the name of its file when that is not the rule's own."""
    file = Path(place.file)
    return f"line {place.line}" if file.stem == rule else f"{file.name}:{place.line}"


def _as_json(one: Why, held: Mapping[str, str], next_: Outlooks) -> dict[str, Any]:
    plain = asdict(one)
    for rule, shown in zip(one.rules, plain["rules"], strict=True):
        shown["place"] = str(rule.place)
        shown["held"] = held.get(rule.rule, "")
        outlook = next_.get((rule.rule, rule.subject_id))
        shown["next"] = asdict(outlook) if outlook else None
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
