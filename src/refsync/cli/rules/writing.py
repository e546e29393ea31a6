"""`refsync rules facts, schema, new, fmt, silence`: what one needs while writing rule files."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer

from refsync import config as configuration
from refsync.bundled import bundled
from refsync.cli.screen import dump, out, plural, show_problems, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, JsonOption, RulesOption
from refsync.errors import Place, Problem, RuleError, did_you_mean, shown
from refsync.rules.facts.registry import FACTS, MILESTONE_KINDS, facts_of, known_facts
from refsync.rules.files.folder import SHARED, load
from refsync.rules.files.folder import check as check_files
from refsync.rules.files.layout import laid_out
from refsync.rules.files.rule_file import NAME
from refsync.rules.files.schema import rule_schema
from refsync.rules.rule import RuleSet

SCHEMA = Path(".refsync") / "rule.schema.json"


def facts(
    subject: Annotated[
        str | None, typer.Argument(help="Only what begins so: account, contact, deal, milestone, introduction.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """List every fact that rules may read, with its type, its values and its meaning; those of facts.toml too."""
    loaded = _loaded(config, rules)
    known = facts_of(loaded) if loaded else known_facts()
    listed = [fact for fact in known.values() if subject in (None, fact.subject)]
    if not listed:
        raise RuleError(
            Problem(
                message=f'no fact begins with "{subject}"', hint=did_you_mean(subject or "", {f.subject for f in FACTS.values()})
            )
        )
    if json:
        rows = [{"name": one.name, "type": one.type.value, "values": list(one.values), "meaning": one.meaning} for one in listed]
        dump({"facts": [{**row, "in_conditions": one.in_conditions} for row, one in zip(rows, listed, strict=True)]})
        return
    rows_shown = (
        (one.name, one.type.value if one.in_conditions else "text only", one.meaning, ", ".join(one.values)) for one in listed
    )
    table("", ("fact", "type", "meaning", "values"), rows_shown)


def schema(config: ConfigOption = DEFAULT_CONFIG, rules: RulesOption = None, json: JsonOption = False) -> None:
    """Write the schema by which editors complete and check rule files (`#:schema ./.refsync/rule.schema.json`)."""
    folder = _folder(config, rules)
    loaded = load(folder)
    milestones = tuple(dict.fromkeys((*MILESTONE_KINDS, *loaded.company.milestones)))
    parameters = {name for segment in loaded.segments for name in segment.parameters}
    path = folder / SCHEMA
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps(rule_schema(facts_of(loaded), milestones, parameters), option=orjson.OPT_INDENT_2))
    dump({"schema": str(path)}) if json else out.print(f"wrote {shown(path)}", markup=False)


def new(
    name: Annotated[str, typer.Argument(help="The name of the new rule: small letters, digits and hyphens.")],
    like: Annotated[
        str, typer.Option("--like", help="The rule it is to begin as: of the folder, or a shipped one.")
    ] = "reconnect-neglected-customer",
    config: ConfigOption = DEFAULT_CONFIG,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Begin a new rule as a copy of another one. It only watches until you set it live."""
    folder = _folder(config, rules)
    path = folder / f"{name}.toml"
    if not NAME.fullmatch(name) or name in SHARED:
        raise RuleError(Problem(message=f'"{name}" is no name for a rule', hint="use small letters, digits and hyphens"))
    if path.exists():
        raise RuleError(Problem(message="it is there already", hint="choose another name", place=Place(shown(path))))
    sources = {one.stem: one for place in (bundled("rules"), folder) for one in place.glob("*.toml") if one.stem not in SHARED}
    if like not in sources:
        raise RuleError(Problem(message=f'there is no rule "{like}"', hint=did_you_mean(like, sources)))
    text = sources[like].read_text(encoding="utf-8")
    text = re.sub(r'(?m)^(title\s*=\s*").*"', lambda found: f'{found[1]}{name.replace("-", " ").capitalize()}"', text, count=1)
    text = re.sub(r'(?m)^(mode\s*=\s*)"\w+"', r'\1"watch"', text, count=1)
    path.write_text(text, encoding="utf-8")
    dump({"rule": str(path)}) if json else out.print(f"wrote {shown(path)}; next: refsync rules check", markup=False)


def fmt(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; end with 1 when a file is laid out differently.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Lay out the rule files: aligned equals signs, single blank lines. Comments stay where they are."""
    folder = _folder(config, rules)
    changed = []
    for path in sorted([*folder.glob("*.toml"), *(folder / "tests").glob("*.toml")]):
        text = path.read_bytes().decode("utf-8-sig")
        try:
            laid = laid_out(text, shown(path))
        except ValueError as error:
            raise RuleError(str(error)) from None
        if laid != text:
            changed.append(shown(path))
            if not check:
                path.write_bytes(laid.encode())
    if json:
        dump({"changed": changed})
    else:
        for path_shown in changed:
            out.print(path_shown, markup=False)
        out.print(f"{plural(len(changed), 'file')} {'to be laid out' if check else 'laid out'}", markup=False)
    raise typer.Exit(1 if check and changed else 0)


def silence(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The exact name of the customer to leave alone.")],
    until: Annotated[str | None, typer.Option("--until", help="The last day, such as 2027-03-15; left out: for good.")] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for those who come after you.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Leave a customer alone: add a line to suppress.toml."""
    folder = _folder(config, rules)
    loaded = load(folder)
    path = folder / "suppress.toml"
    before = path.read_bytes().decode("utf-8-sig")
    name = _free_name(account, loaded)
    lines = [f"[suppress.{name}]", f"when  = {{ account.name = {_quoted(account)} }}", 'stops = ["all"]']
    lines += [f"until = {_day(until)}"] if until else []
    lines += [f"why   = {_quoted(why)}"] if why else []
    path.write_text("\n".join([before.rstrip("\n"), "", *lines, ""]), encoding="utf-8")
    _found, problems = check_files(folder)
    if errors := [problem for problem in problems if problem.severity == "error"]:
        path.write_bytes(before.encode())
        raise RuleError(errors)
    show_problems(problem for problem in problems if problem.place and problem.place.file.endswith("suppress.toml"))
    dump({"suppression": name, "file": str(path)}) if json else out.print(f"{shown(path)}: {name}", markup=False)


def _folder(config: Path, rules: Path | None) -> Path:
    return rules or configuration.load(config).rules


def _loaded(config: Path, rules: Path | None) -> RuleSet | None:
    """Return the rules whose facts are asked for; None where there is no configuration: then refsync's own are listed."""
    return load(_folder(config, rules)) if rules or config.exists() else None


def _free_name(account: str, rules: RuleSet) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", account.lower()).strip("-") or "customer"
    taken = {one.name for one in rules.suppressions}
    return next(name for number in range(1, 10_000) if (name := plain if number == 1 else f"{plain}-{number}") not in taken)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RuleError(Problem(message=f'"{text}" is no day', hint="write --until 2027-03-15")) from None


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()  # a JSON string is a TOML string
