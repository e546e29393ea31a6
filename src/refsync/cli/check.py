"""`refsync check`: everything that can be known before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from refsync import config as configuration
from refsync.cli.screen import dump, err, out, plural, show_problems
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption
from refsync.company import custom_fields
from refsync.config import Connection
from refsync.connector import SetsUp
from refsync.errors import ConnectorError, Place, Problem, TransientError, UserError
from refsync.log import clean
from refsync.registry import connect
from refsync.rules.files.folder import check as check_files
from refsync.rules.rule import RuleSet


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Look at the files only; call no CRM.")] = False,
    setup: Annotated[
        bool, typer.Option("--setup", help="Create the key of tasks in HubSpot; lay out what to deploy in Salesforce.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check the configuration, the rules, and each CRM: sign-in, rights, fields, limits. Without --setup it writes nothing."""
    settings = configuration.load(config)
    chosen = (settings.connection(connection),) if connection else settings.connections
    rules, problems = check_files(settings.rules)
    for one in chosen:
        if not json:
            err.print(f"checking {one.name} ({one.connector}) …", markup=False)
        problems += _of_connection(one, rules, offline=offline, setup=setup)
    errors = sum(problem.severity == "error" for problem in problems)
    if json:
        dump({"problems": [problem.as_json() for problem in problems], "errors": errors})
    else:
        show_problems(problems)
        out.print(f"{plural(len(chosen), 'connection')}, {plural(errors, 'error')}, {plural(len(problems) - errors, 'note')}")
    raise typer.Exit(1 if errors else 0)


def _of_connection(connection: Connection, rules: RuleSet | None, *, offline: bool, setup: bool) -> list[Problem]:
    settings, lacking = connection.examined(custom_fields(rules.company, connection.connector) if rules else {})
    try:
        connector = connect(connection.connector, settings)
        try:
            left: list[Problem] = []
            if setup and not (offline or lacking) and isinstance(connector, SetsUp):
                left = list(connector.set_up(Path(f"setup-{connection.name}")))
            found = lacking if offline or lacking else [*left, *connector.check()]
            return [problem if problem.place else replace(problem, place=connection.place(())) for problem in found]
        finally:
            connector.close()
    except UserError as error:
        places = {problem.place for problem in lacking}
        return sorted((*lacking, *(problem for problem in error.problems if problem.place not in places)), key=_place)
    except ConnectorError as error:
        hint = "is the address right, and does this machine reach it?" if isinstance(error, TransientError) else ""
        return [Problem(message=clean(str(error)), hint=hint, place=connection.place(()))]


def _place(problem: Problem) -> Place:
    return problem.place or Place("")
