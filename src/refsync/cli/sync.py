"""`refsync sync`: one tick of each connection, now."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from refsync import log
from refsync.cli.screen import dump, err, listed, out, plural, progress, table
from refsync.cli.workspace import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    NowOption,
    RulesOption,
    check_options,
    open_workspace,
    parse_now,
)
from refsync.errors import ConnectorError, UserError
from refsync.log import clean
from refsync.model import Stream
from refsync.rules.rule import Mode, RuleSet
from refsync.signals import stop_on_signals
from refsync.store.engine import Store
from refsync.store.records.directory import names
from refsync.sync.session import Session
from refsync.sync.tick import Report


def sync(
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing to the CRM.")] = False,
    confirm_deletes: Annotated[
        list[Stream] | None,
        typer.Option("--confirm-deletes", help="Records of this stream that the CRM no longer shows may go, however many."),
    ] = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Pull, judge and write tasks: one tick of each connection."""
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    workspace = open_workspace(config, rules)
    if confirm_deletes and len(workspace.connections(connection)) > 1:
        raise UserError("--confirm-deletes is for one connection: name it with --connection")
    stop = stop_on_signals(threading.Event())
    reports: list[dict[str, Any]] = []
    with workspace.store() as store, progress(quiet=json) as show:
        sessions = [workspace.session(chosen, store, stop) for chosen in workspace.connections(connection)]
        try:
            check_options(sessions, workspace.rules)
            for session in sessions:
                ticked = _ticked(
                    store,
                    session,
                    now=at,
                    dry_run=dry_run,
                    confirmed_deletes=confirm_deletes or (),
                    progress=show,
                )
                reports.append({**ticked, "watching": _watching(ticked, workspace.rules)})
        finally:
            for session in sessions:
                session.close()
    if json:
        dump({"dry_run": dry_run, "connections": reports})
    else:
        for shown in reports:
            show_report(shown, dry_run=dry_run)
    outcomes = {report["outcome"] for report in reports}
    raise typer.Exit(0 if outcomes == {"done"} else 2 if outcomes == {"failed"} else 1)


def _ticked(store: Store, session: Session, **options: Any) -> dict[str, Any]:
    """Return what a tick did as plain values; when the CRM cannot be used, why: the other connections go on."""
    try:
        report = session.tick(**options)
    except ConnectorError as error:
        return {"connection": session.connection.name, "outcome": "failed", "error": clean(str(error))}
    return {**report.as_json(), "tasks": planned(store, report)}


def _watching(report: Mapping[str, Any], rules: RuleSet) -> dict[str, int]:
    """Return how many matches each rule has that only watches."""
    watching = {rule.name for rule in rules.rules if rule.mode is Mode.WATCH}
    return {rule: count for rule, count in report.get("matches", {}).items() if rule in watching and count}


def planned(store: Store, report: Report) -> list[dict[str, Any]]:
    """Return the tasks of a tick's plan with names instead of ids."""
    wishes = report.judged.plan.write if report.judged else ()
    with store.read() as db:
        owners = names(db, report.connection, Stream.USERS, {wish.owner_id for wish in wishes})
    return [
        {
            "key": wish.key,
            "rule": wish.rule.name,
            "account": wish.match.account_name,
            "due_on": wish.due_on.isoformat(),
            "owner": owners.get(wish.owner_id, wish.owner_id),
            "do": wish.rule.task.do,
            "priority": wish.rule.task.priority,
        }
        for wish in wishes
    ]


def show_report(report: dict[str, Any], *, dry_run: bool) -> None:
    """Print what a tick did, for people."""
    if report["outcome"] == "failed":
        err.print(f"[bold]{report['connection']}[/]  [red]failed[/]  {escape(report['error'])}", markup=True)
        return
    out.print(f"[bold]{report['connection']}[/]  {report['outcome']}  run {report['run']}", markup=True)
    out.print(f"  pulled   {listed(report['pulled'])}")
    out.print(f"  changed  {sum(report['changed'].values()):,}, gone {report['gone']:,}, set aside {report['set_aside']:,}")
    out.print(f"  matches  {listed(report['matches']) or 'none'}")
    for stream, reason in report["partial"].items():
        err.print(f"  [yellow]partial[/]  {stream}: {escape(reason)}", markup=True)
    for rule, reason in report["held_rules"].items():
        err.print(f"  [yellow]held[/]     {rule}: {escape(reason)}", markup=True)
    if dry_run:
        out.print(f"  would write {plural(report['planned'], 'task')}, hold {report['held']:,}")
    else:
        out.print(f"  tasks    {report['created']} created, {report['adopted']} adopted, {report['closed']} closed")
    if report["watching"]:
        out.print(f'  watch    {listed(report["watching"])}: nothing is written until mode = "live"')
    for rule, of in report["watched"]["rules"].items():
        out.print(f"  watch    {rule} would write {plural(of['would_write'], 'task')}, hold {of['would_hold']:,}")
    for rule, count in report["first_matches"].items():
        out.print(f"  waits    {count:,} first matches: refsync approve {rule} --existing all|none|oldest N")
    if report["plan"]:
        err.print(f"  [yellow]stopped[/]  by {report['stopped_by']}: see refsync plan {report['plan']}", markup=True)
        err.print(f"           let it pass: refsync approve {report['plan']}")
    for reason, count in report["held_by"].items():
        out.print(f"  held     {count:,} by {reason}")
    for reason, count in report["rejected"].items():
        err.print(f"  [red]refused[/]  {count} by the CRM: {escape(reason)}", markup=True)
    if report["not_written"]:
        err.print(f"  {report['not_written']}", style="yellow")
    if report["tasks"]:
        columns = ("due_on", "owner", "account", "rule")
        table("", columns, ([task[column] for column in columns] for task in report["tasks"][:40]))
