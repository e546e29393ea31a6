"""`refsync rules`: check rule files, and see whom a rule would match."""

from __future__ import annotations

import typer

from refsync import config as configuration
from refsync.cli import rules_files, rules_preview, rules_test, why
from refsync.cli.screen import dump, out, plural, show_problems
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, JsonOption, RulesOption
from refsync.rules import files

app = typer.Typer(help="Check and test rule files, and see whom a rule would match.", no_args_is_help=True)

app.command("test")(rules_test.run_tests)
app.command("facts")(rules_files.facts)
app.command("schema")(rules_files.schema)
app.command("new")(rules_files.new)
app.command("fmt")(rules_files.fmt)
app.command("silence")(rules_files.silence)
app.command("explain")(why.why)
app.command("preview")(rules_preview.preview_rules)


@app.command("check")
def check(config: ConfigOption = DEFAULT_CONFIG, rules: RulesOption = None, json: JsonOption = False) -> None:
    """Check every rule file; reports all problems with file, line and column. Needs no CRM and no database."""
    folder = rules or configuration.load(config).rules
    found, problems = files.check(folder)
    errors = sum(problem.severity == "error" for problem in problems)
    if json:
        dump({"folder": str(folder), "problems": [problem.as_json() for problem in problems], "errors": errors})
    else:
        show_problems(problems)
        count = plural(len(found.rules), "rule") if found else "rules"
        out.print(f"{count}: {plural(errors, 'error')}, {plural(len(problems) - errors, 'hint')}")
    raise typer.Exit(1 if errors else 0)
