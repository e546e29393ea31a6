"""`refsync status`: how fresh the data is, what the last runs did, what is open and what waits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from rich.markup import escape

from refsync.cli.approve import show_waiting, waiting
from refsync.cli.screen import dump, err, out, table
from refsync.cli.workspace import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    NowOption,
    open_workspace,
    parse_now,
)
from refsync.config import Connection
from refsync.model import Instant, Stream, iso
from refsync.store import ledger, mirror, runs
from refsync.store.decisions import pauses
from refsync.store.engine import Store
from refsync.store.records import quarantine


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show each connection: streams, last runs, findings. Exit code 1 when something is not as fresh as it should be."""
    at = parse_now(now)
    workspace = open_workspace(config)
    with workspace.store(read_only=True) as store:
        shown = [_status(store, one, at, workspace.rules.digest) for one in workspace.connections(connection)]
    if json:
        dump({"now": iso(at), "connections": shown})
    else:
        for one in shown:
            _show(one)
    raise typer.Exit(0 if all(one["fresh"] for one in shown) else 1)


def _status(store: Store, connection: Connection, now: Instant, digest: str) -> dict[str, Any]:
    with store.read() as db:
        streams = mirror.state(db, connection.name)
        counts = mirror.counts(db, connection.name)
        aside = quarantine.counts(db, connection.name)
        recent = runs.recent(db, connection.name, 5)
        judged = runs.last_judged(db, connection.name)
        waits = waiting(db, connection.name, digest)
        paused = pauses.of(db, connection.name)
        findings = Counter((found.rule, found.state.value) for found in ledger.everything(db, connection.name))
    oldest = min((state.synced_at or 0 for state in streams.values()), default=0)
    return {
        "connection": connection.name,
        "connector": connection.connector,
        "every_s": connection.every,
        "fresh": bool(streams) and now - oldest <= 2 * connection.every * 1000 and not any(s.partial for s in streams.values()),
        "streams": {
            stream.value: {
                "rows": counts[stream],
                "synced_at": iso(state.synced_at) if state.synced_at else None,
                "swept_at": iso(state.swept_at) if state.swept_at else None,
                "partial": state.partial,
                "set_aside": aside.get(stream, 0),
                "lacking": sorted(state.lacking),
            }
            for stream in Stream
            if (state := streams.get(stream))
        },
        "runs": [
            {
                "run": run.id,
                "kind": run.kind.value,
                "began_at": iso(run.began_at),
                "outcome": run.outcome.value,
                "report": run.report,
            }
            for run in recent
        ],
        "held_rules": dict(judged.report.get("held_rules", {})) if judged else {},
        "watched": dict(judged.report.get("watched", {})) if judged else {},
        "waiting": waits,
        "paused": [{"rule": one.rule or None, "since": iso(one.since), "why": one.why} for one in paused.values()],
        "findings": [{"rule": rule, "state": state, "count": count} for (rule, state), count in sorted(findings.items())],
    }


def _show(one: dict[str, Any]) -> None:
    fresh = "[green]fresh[/]" if one["fresh"] else "[yellow]not fresh[/]"
    out.print(f"[bold]{one['connection']}[/] ({one['connector']}, every {one['every_s']:g} s): {fresh}", markup=True)
    rows = [
        (name, f"{state['rows']:,}", state["synced_at"] or "never", state["set_aside"] or "", state["partial"])
        for name, state in one["streams"].items()
    ]
    table("", ("stream", "rows", "read", "set aside", "partial"), rows, right=("rows", "set aside"))
    for name, state in one["streams"].items():
        if state["lacking"]:
            out.print(f"{name}: the CRM does not show {', '.join(state['lacking'])}")
    for rule, reason in one["held_rules"].items():
        err.print(f"[yellow]held[/]  {rule}: {escape(reason)}", markup=True)
    for paused in one["paused"]:
        what = f"rule {paused['rule']}" if paused["rule"] else "everything"
        err.print(f"[yellow]paused[/]  {what} since {paused['since']}: {escape(paused['why'] or 'no reason given')}", markup=True)
    show_waiting(one["waiting"])
    if one["watched"].get("rules"):
        would = ((rule, of["would_write"], of["would_hold"]) for rule, of in one["watched"]["rules"].items())
        table("", ("only watching", "would write", "would hold"), would, right=("would write", "would hold"))
    table(
        "",
        ("run", "kind", "outcome", "created", "closed", "held"),
        [
            (run["run"], run["kind"], run["outcome"], *(run["report"].get(name, "") for name in ("created", "closed", "held")))
            for run in one["runs"]
        ],
        right=("created", "closed", "held"),
    )
    table(
        "",
        ("rule", "state", "findings"),
        [(found["rule"], found["state"], f"{found['count']:,}") for found in one["findings"]],
        right=("findings",),
    )
    for run in one["runs"][:1]:
        if error := run["report"].get("error"):
            err.print(f"last run: {error}", markup=False)
