"""`refsync pause` and `refsync resume`: the kill switch."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from refsync.cli.screen import dump, out
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, Workspace, open_workspace
from refsync.errors import Problem, UserError, did_you_mean
from refsync.store.decisions import pauses

TargetArgument = Annotated[
    str | None, typer.Argument(metavar="[CONNECTION|RULE]", help="What to pause; nothing: every connection.")
]


def pause(
    target: TargetArgument = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for others to read.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    json: JsonOption = False,
) -> None:
    """Write nothing more for a connection or a rule, from the next call on; a daemon that runs obeys. Reading goes on."""
    workspace = open_workspace(config)
    at, meant = time.time_ns() // 1_000_000, _meant(workspace, target, connection)
    with workspace.store(beside=True) as store, store.write() as db:
        for name, rule in meant:
            pauses.begin(db, name, rule, at, why)
    _tell("paused", meant, json=json)


def resume(
    target: TargetArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    json: JsonOption = False,
) -> None:
    """Let a connection or a rule go on; without a name everything that is paused. Exit code 1 when nothing was paused."""
    workspace = open_workspace(config)
    with workspace.store(beside=True) as store, store.write() as db:
        chosen = [one.name for one in workspace.connections(connection)]
        standing = {(name, rule) for name in chosen for rule in pauses.of(db, name)}
        meant = sorted(standing if target is None else standing & set(_meant(workspace, target, connection)))
        for name, rule in meant:
            pauses.end(db, name, rule)
    _tell("resumed", meant, json=json)
    raise typer.Exit(0 if meant else 1)


def _meant(workspace: Workspace, target: str | None, connection: str | None) -> list[tuple[str, str]]:
    """Return what is meant as connection and rule, the rule empty for a whole connection. Raises UserError."""
    chosen = [one.name for one in workspace.connections(connection)]
    if target is None:
        return [(name, "") for name in chosen]
    if target in {one.name for one in workspace.settings.connections}:
        return [(target, "")]
    if rule := workspace.rules.rule(target):
        return [(name, rule.name) for name in chosen]
    known = [*(one.name for one in workspace.settings.connections), *(rule.name for rule in workspace.rules.rules)]
    hint = did_you_mean(target, known) or "refsync status lists connections and rules"
    raise UserError(Problem(message=f'there is no connection and no rule "{target}"', hint=hint))


def _tell(done: str, meant: list[tuple[str, str]], *, json: bool) -> None:
    if json:
        dump({done: [{"connection": name, "rule": rule or None} for name, rule in meant]})
        return
    for name, rule in meant:
        out.print(f"{done} {name}" + (f", rule {rule}" if rule else ""))
    if not meant:
        out.print("nothing was paused")
