"""`refsync rules test`: the tests beside the rules, carried out by the code that writes the tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from refsync import config as configuration
from refsync import log
from refsync.cli.screen import dump, out, plural, show_problems
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, JsonOption, RulesOption
from refsync.errors import Problem, RuleError
from refsync.rules.files.cases import read_cases
from refsync.rules.files.folder import load
from refsync.store.engine import open_store
from refsync.sync.dry_run.trial import Tried, attempt, uncovered


def run_tests(
    only: Annotated[str | None, typer.Argument(metavar="RULE", help="Only the tests of this rule.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List the lines that no case turned both true and false.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Run the tests beside the rules (tests/*.test.toml): no CRM, no database, a fixed day."""
    log.configure("error", for_people=not json)
    folder = rules or configuration.load(config).rules
    loaded = load(folder)
    cases, problems = read_cases(folder, loaded)
    if problems:
        raise RuleError(problems)
    with open_store("sqlite://") as store:
        tried = [attempt(case, loaded, store) for case in cases if only in (None, case.rule)]
    failed = [one for one in tried if one.differences]
    lacking = uncovered(tried, loaded) if coverage else []
    if json:
        dump({"cases": [_as_json(one) for one in tried], "failed": len(failed), "not_covered": lacking})
        raise typer.Exit(1 if failed else 0)
    for one in tried:
        where = f"{Path(one.case.place.file).name}:{one.case.place.line}"
        out.print(f"{'FAIL' if one.differences else 'PASS'}  {where}  {one.case.name}  -> {one.happened}")
        for line in one.differences:
            out.print(f"      {line}")
    if coverage:
        show_problems(Problem(message=line, severity="hint") for line in lacking)
    out.print(f"{plural(len(tried), 'case')}: {len(tried) - len(failed)} passed, {len(failed)} failed")
    raise typer.Exit(1 if failed else 0)


def _as_json(one: Tried) -> dict[str, object]:
    return {
        "file": one.case.place.file,
        "line": one.case.place.line,
        "rule": one.case.rule,
        "name": one.case.name,
        "passed": not one.differences,
        "happened": one.happened,
        "differences": list(one.differences),
    }
