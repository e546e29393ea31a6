"""`refsync plan`, `apply` and `undo`: see what would be written, have exactly that written, and take it back."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import typer

from refsync import log
from refsync.cli.plan_text import described, markdown, show
from refsync.cli.screen import dump, err, out, plural, progress, table
from refsync.cli.workspace import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    NowOption,
    RulesOption,
    Workspace,
    check_options,
    open_workspace,
    parse_now,
)
from refsync.errors import Problem, UserError
from refsync.signals import stop_on_signals
from refsync.store import runs
from refsync.store.decisions import plans
from refsync.store.decisions.plans import StoredPlan
from refsync.store.engine import Store
from refsync.store.runs import Run, RunOutcome
from refsync.sync.review.apply import Applied, Stale
from refsync.sync.review.apply import apply as carry_out
from refsync.sync.review.propose import propose
from refsync.sync.review.undo import Undone
from refsync.sync.review.undo import undo as take_back

PullOption = Annotated[bool, typer.Option("--pull/--no-pull", help="Read what is new in the CRM first.")]


def plan(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show a plan that was made, instead of making one.")] = None,  # noqa: A002
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    pull: PullOption = True,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown for a review.")] = False,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Make a plan that can be reviewed and applied: what would be written, closed, given away and held. Writes nothing."""
    log.configure("warning", for_people=not json)
    workspace = open_workspace(config, rules)
    if id is not None:
        with workspace.store(read_only=True) as store:
            shown, clean = [described(store, find_plan(store, workspace, connection, id))], True
    else:
        shown, clean = _made(workspace, connection, parse_now(now), fresh=pull, quiet=json)
    if json:
        dump({"plans": shown})
    elif as_markdown:
        out.print("\n".join(map(markdown, shown)), end="")
    else:
        for one in shown:
            show(one)
    raise typer.Exit(0 if clean else 1)


def apply(
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a plan.")],  # noqa: A002
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    pull: PullOption = True,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Carry out a plan, exactly; what no longer stands as it was reviewed is left out, and a plan gone stale is refused."""
    log.configure("warning", for_people=not json)
    at, workspace, stop = parse_now(now), open_workspace(config, rules), stop_on_signals(threading.Event())
    with workspace.store() as store, progress(quiet=json) as shown:
        head = find_plan(store, workspace, connection, id)
        session = workspace.session(workspace.settings.connection(head.connection), store, stop)
        try:
            done = carry_out(session.turn(now=at, progress=shown), head, fresh=pull)
        except Stale as error:
            refuse(str(error), json=json)
        finally:
            session.close()
        after = described(store, find_plan(store, workspace, connection, head.id))
    if json:
        dump(done.as_json())
    else:
        _show_applied(done, after)
    raise typer.Exit(0 if done.outcome is RunOutcome.DONE else 1)


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, how it begins, or `last`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Delete the tasks that a run wrote, as far as nobody has touched them, and say which are left alone, and why."""
    log.configure("warning", for_people=not json)
    at, workspace, stop = parse_now(now), open_workspace(config, rules), stop_on_signals(threading.Event())
    with workspace.store() as store, progress(quiet=json) as shown:
        name, found = find_run(store, workspace, connection, run)
        session = workspace.session(workspace.settings.connection(name), store, stop)
        try:
            done = take_back(session.turn(now=at, progress=shown), found.id)
        except Stale as error:
            refuse(str(error), json=json)
        finally:
            session.close()
    if json:
        dump(done.as_json())
    else:
        _show_undone(done)
    raise typer.Exit(0 if done.outcome is RunOutcome.DONE else 1)


def refuse(reason: str, *, json: bool) -> None:
    """Say why nothing was done, and end with code 1."""
    if json:
        dump({"refused": reason})
    err.print(reason, style="yellow")
    raise typer.Exit(1)


def find_plan(store: Store, workspace: Workspace, connection: str | None, prefix: str) -> StoredPlan:
    """Return the one plan whose id begins so, whole. Raises UserError."""
    with store.read() as db:
        found = [
            one
            for chosen in workspace.connections(connection)
            for one in plans.heads(db, chosen.name)
            if one.id.startswith(prefix)
        ]
        if len(found) == 1:
            return plans.whole(db, found[0])
    if found:
        meant = ", ".join(f"{one.id} ({one.connection})" for one in found)
        raise UserError(Problem(message=f'several plans begin with "{prefix}"', hint=f"one of {meant}"))
    raise UserError(Problem(message=f'there is no plan "{prefix}"', hint="the latest are kept; make one: refsync plan"))


def find_run(store: Store, workspace: Workspace, connection: str | None, prefix: str) -> tuple[str, Run]:
    """Return the one run that is meant, with its connection; `last` is the latest one that wrote tasks. Raises UserError."""
    found: list[tuple[str, Run]] = []
    with store.read() as db:
        for chosen in workspace.connections(connection):
            meant = runs.beginning(db, chosen.name, "" if prefix == "last" else prefix)
            if prefix == "last":
                meant = [one for one in meant if one.report.get("created")][:1]
            found += ((chosen.name, one) for one in meant)
    exact = [one for one in found if one[1].id == prefix] or found
    if len(exact) == 1:
        return exact[0]
    if exact:
        meant_are = ", ".join(f"{run.id} ({name})" for name, run in exact[:5])
        raise UserError(Problem(message=f'"{prefix}" is the beginning of several runs', hint=f"one of {meant_are}"))
    raise UserError(Problem(message=f'there is no run "{prefix}"', hint="refsync status lists the latest"))


def _made(
    workspace: Workspace, connection: str | None, at: int, *, fresh: bool, quiet: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Make a plan of each connection and return them, and whether everything could be judged."""
    shown, clean, stop = [], True, stop_on_signals(threading.Event())
    with workspace.store() as store, progress(quiet=quiet) as show_step:
        sessions = [workspace.session(chosen, store, stop) for chosen in workspace.connections(connection)]
        try:
            check_options(sessions, workspace.rules)
            for session in sessions:
                made = propose(session.turn(now=at, progress=show_step), fresh=fresh)
                shown.append(described(store, made.plan))
                clean = clean and made.outcome is RunOutcome.DONE
        finally:
            for session in sessions:
                session.close()
    return shown, clean


def _show_applied(done: Applied, plan: dict[str, Any]) -> None:
    pushed = done.pushed
    out.print(f"[bold]plan {done.plan}[/]  {done.outcome}  run {done.run}", markup=True)
    out.print(f"  {pushed.created} created, {pushed.adopted} adopted, {pushed.closed} closed, {pushed.moved} given away")
    for reason, count in pushed.rejected.items():
        err.print(f"  refused  {count} by the CRM: {reason}", style="red")
    if done.paused:
        err.print(f"  {done.paused}", style="yellow")
    lines = [line for of in ("create", "close", "give") for line in plan[of] if line["key"] in done.left]
    if lines:
        out.print()
        table("Left out", ("account", "rule", "why"), ((one["account"], one["rule"], done.left[one["key"]]) for one in lines))
    if pushed.created:
        out.print(f"take it back: refsync undo {done.run}")


def _show_undone(done: Undone) -> None:
    out.print(f"run {done.of}: {plural(len(done.removed), 'task')} taken back")
    if done.left:
        out.print()
        table("Left alone", ("task", "rule", "why"), ((one.subject, one.rule, why) for one, why in done.left))
    if done.removed:
        out.print(f"what was taken back does not come again unasked; to let it: refsync approve {done.of}")
        out.print('the rules go on with other customers: refsync pause RULE, or mode = "watch", stops one')
