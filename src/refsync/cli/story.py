"""`refsync orphans` and `refsync history`: customers nobody looks after, and what happened at one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from refsync.cli.account import account_named
from refsync.cli.screen import dump, out, plural, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, RulesOption, open_workspace
from refsync.finding import Finding
from refsync.model import Stream, iso
from refsync.plan import About, People
from refsync.plan.assignees import Assignees
from refsync.rules.rule import RuleSet
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.store.records import directory
from refsync.store.records.orphans import Orphan
from refsync.store.records.orphans import orphans as found_orphans
from refsync.store.tasks import history
from refsync.store.tasks.history import Transition

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The name of a customer, how it begins, or its CRM id.")]


def orphans(
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """List customers whose owner has left or is missing, what is open there, and who gets their tasks. Code 1: there are some."""
    workspace = open_workspace(config, rules)
    with workspace.store(read_only=True) as store:
        shown = [
            {"connection": one.name, **line}
            for one in workspace.connections(connection)
            for line in _orphans(store, one.name, workspace.rules)
        ]
    if json:
        dump({"orphans": shown})
    elif shown:
        columns = ("account", "owner", "why", "our_tasks", "other_tasks", "open_deals", "instead")
        rows = [[line[column] for column in columns] for line in shown]
        table("Customers that nobody active owns", columns, rows, right=("our_tasks", "other_tasks", "open_deals"))
        nobody = sum(line["instead_id"] is None for line in shown)
        if nobody:
            out.print(f"{plural(nobody, 'customer')} would get no task at all: add somebody to [assign] to in company.toml")
    else:
        out.print("every customer has an active owner")
    raise typer.Exit(1 if shown else 0)


def _orphans(store: Store, connection: str, rules: RuleSet) -> list[dict[str, Any]]:
    with store.read() as db:
        found = found_orphans(db, connection)
        assignees = Assignees(People(users=directory.users(db, connection)))
    return [_orphan(one, assignees, rules) for one in found]


def _orphan(one: Orphan, assignees: Assignees, rules: RuleSet) -> dict[str, Any]:
    instead = assignees.first(rules.company.assign, About(owner_id=one.owner_id, is_account=True))
    return {
        "account": one.name,
        "account_id": one.account_id,
        "owner": one.owner or one.owner_id,
        "owner_id": one.owner_id,
        "why": one.why,
        "our_tasks": one.our_tasks,
        "other_tasks": one.other_tasks,
        "open_deals": one.open_deals,
        "instead": f"{instead[0].name} ({instead[1]})" if instead else "nobody",
        "instead_id": instead[0].id if instead else None,
    }


def tell(
    account: AccountArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    json: JsonOption = False,
) -> None:
    """Tell the story of a customer's findings and tasks over time: what was found, written, done, put off, closed, and why."""
    workspace = open_workspace(config)
    names = [one.name for one in workspace.connections(connection)]
    with workspace.store(read_only=True) as store:
        name, _, row = account_named(((of, store) for of in names), account)
        with store.read() as db:
            story = history.of_account(db, name, row["id"])
            found = {one.key: one for one in ledger.of_keys(db, name, [one.key for one in story])}
            owners = directory.names(db, name, Stream.USERS, {one.owner_id for one in found.values()})
    lines = [_line(one, found.get(one.key), owners) for one in story]
    if json:
        dump({"connection": name, "account": row["name"], "account_id": row["id"], "story": lines})
        return
    out.print(f"[bold]{row['name']}[/]  {row['id']}", markup=True)
    columns = ("at", "rule", "owner", "state", "why")
    table("", columns, ([line[column] for column in columns] for line in lines))
    if not lines:
        out.print("nothing was ever found here")


def _line(one: Transition, found: Finding | None, owners: Mapping[str, str]) -> dict[str, Any]:
    state = one.after.value if one.after else "dropped"
    return {
        "at": iso(one.at),
        "rule": found.rule if found else "",
        "key": one.key,
        "owner": owners.get(found.owner_id, found.owner_id) if found else "",
        "state": state if one.before is one.after or one.before is None else f"{one.before.value} → {state}",
        "before": one.before.value if one.before else None,
        "after": one.after.value if one.after else None,
        "why": one.why,
        "run": one.run,
        "subject": found.subject if found else "",
        "task_id": found.task_id if found else "",
    }
