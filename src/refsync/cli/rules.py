"""`refsync rules`: check rule files, and see whom a rule would match."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from refsync import config as configuration
from refsync import log
from refsync.cli import rules_files, rules_test, why
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.screen import dump, out, plural, show_problems, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.errors import Place, Problem, RuleError, did_you_mean, shown
from refsync.model import iso
from refsync.rules import files
from refsync.rules.rule import Rule, RuleSet
from refsync.sync.preview import Previewed, preview

app = typer.Typer(help="Check and test rule files, and see whom a rule would match.", no_args_is_help=True)

app.command("test")(rules_test.run_tests)
app.command("facts")(rules_files.facts)
app.command("schema")(rules_files.schema)
app.command("new")(rules_files.new)
app.command("fmt")(rules_files.fmt)
app.command("silence")(rules_files.silence)
app.command("explain")(why.why)


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


@app.command("preview")
def preview_rule(
    name: Annotated[str, typer.Argument(metavar="RULE", help="The name of the rule.")],
    list_: Annotated[bool, typer.Option("--list", help="List every match.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show whom a rule matches now, exactly, before any limit. Writes nothing to the CRM."""
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    folder = rules_folder(rules, book, config)
    loaded = files.load(folder)
    rule = _rule(loaded, name, folder)
    found: list[Previewed] = []
    with stores(book, config, connection, loaded, at, quiet=json) as found_in:
        for of, store in found_in:
            with store.read() as db:
                found += preview(db, of, rule, loaded, at)
    if json:
        matches = [match.as_json() for match in found] if list_ else []
        dump({"rule": name, "now": iso(at), "count": len(found), "matches": matches})
        return
    out.print(f"[bold]{name}[/]  {escape(rule.title)}", markup=True)
    out.print(f"{plural(len(found), 'match', 'matches')} at {iso(at)}, before caps and limits")
    if list_ or len(found) <= 20:
        _show(found)


def _show(found: list[Previewed]) -> None:
    columns = ("account", "contact", "owner", "comes")
    table("", columns, ((m.account, m.contact, m.owner, "" if m.ready else "after reconnecting") for m in found))


def _rule(rules: RuleSet, name: str, folder: Path) -> Rule:
    if found := rules.rule(name):
        if found.only_for_otherwise:
            raise RuleError(Problem(message=f'"{name}" never starts by itself, only through another rule', place=found.place))
        return found
    names = [rule.name for rule in rules.rules]
    hint = did_you_mean(name, names) or f"rules: {', '.join(names)}"
    raise RuleError(Problem(message=f'there is no rule "{name}"', hint=hint, place=Place(shown(folder))))
