"""`refsync rules`: check rule files, and see whom a rule would match."""

from __future__ import annotations

from typing import Annotated

import typer

from refsync import log
from refsync.cli import why
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.rules import backtest, diff, preview, test, writing
from refsync.cli.screen import dump, out, plural, show_problems
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.rules.files.folder import check as check_files
from refsync.sync.dry_run.examine import examine

app = typer.Typer(help="Check and test rule files, and see whom a rule would match.", no_args_is_help=True)

app.command("test")(test.run_tests)
app.command("facts")(writing.facts)
app.command("schema")(writing.schema)
app.command("new")(writing.new)
app.command("fmt")(writing.fmt)
app.command("silence")(writing.silence)
app.command("explain")(why.why)
app.command("preview")(preview.preview_rules)
app.command("diff")(diff.diff)
app.command("backtest")(backtest.run_backtest)


@app.command("check")
def check(
    data: Annotated[
        bool, typer.Option("--data", help="Look at the data, too: values that never occur, rules that reach nobody or everybody.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Check every rule file; reports all problems with file, line and column. Without --data it needs no CRM and no database."""
    folder = rules_folder(rules, book, config)
    found, problems = check_files(folder)
    if data and found:
        log.configure("warning", for_people=not json)
        at = parse_now(now)
        with stores(book, config, connection, found, at, quiet=json) as found_in:
            for of, store in found_in:
                with store.read() as db:
                    problems += examine(db, of, found, at)
    errors = sum(problem.severity == "error" for problem in problems)
    if json:
        dump({"folder": str(folder), "problems": [problem.as_json() for problem in problems], "errors": errors})
    else:
        show_problems(problems)
        count = plural(len(found.rules), "rule") if found else "rules"
        out.print(f"{count}: {plural(errors, 'error')}, {plural(len(problems) - errors, 'hint')}")
    raise typer.Exit(1 if errors else 0)
