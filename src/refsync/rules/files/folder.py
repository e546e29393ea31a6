"""A folder of rules, read and checked as a whole: every problem of every file in one report.

The law: a folder with an error in it is not used at all, so that no rule is ever half understood.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from refsync.company import Company
from refsync.errors import Place, Problem, RuleError, did_you_mean, shown
from refsync.rules.facts.own import registered
from refsync.rules.facts.registry import FACTS, known_facts
from refsync.rules.files.company_file import read_company
from refsync.rules.files.facts_file import read_facts
from refsync.rules.files.lines import Known
from refsync.rules.files.rule_file import read_rule
from refsync.rules.files.shared_files import read_segments, read_suppressions
from refsync.rules.rule import Mode, Rule, RuleSet, Segment
from refsync.toml_source import TomlSource, try_read

SHARED = ("company", "segments", "suppress", "facts")
REQUIRED = ("company", "segments", "suppress")
EVERYONE = Segment(name="everyone", place=Place("segments.toml"))


def load(folder: Path, *, modes_live: bool = False) -> RuleSet:
    """Return the rules of a folder. Raises RuleError with all problems when there is an error among them.

    `modes_live` makes every rule in watch mode live: for demonstrations.
    """
    found, problems = check(folder)
    if found is None:
        raise RuleError(problems)
    if not modes_live:
        return found
    live = (replace(rule, mode=Mode.LIVE) if rule.mode is Mode.WATCH else rule for rule in found.rules)
    return replace(found, rules=tuple(live))


def check(folder: Path) -> tuple[RuleSet | None, list[Problem]]:
    """Return the rules of a folder, None when there is an error, and every error, warning and hint by place. Never raises."""
    problems: list[Problem] = []
    found = _read(folder, problems)
    failed = any(problem.severity == "error" for problem in problems)
    return None if failed else found, sorted(problems, key=lambda problem: problem.place or Place(""))


def _read(folder: Path, problems: list[Problem]) -> RuleSet | None:
    if not folder.is_dir():
        hint = "`refsync init` makes one with the shipped rules"
        problems.append(Problem(message=f"there is no folder {shown(folder)}", hint=hint, place=Place(shown(folder))))
        return None
    problems += _misnamed(folder)
    names = sorted(path.stem for path in folder.glob("*.toml") if not path.name.startswith("."))
    sources = {name: source for name in names if (source := _source(folder, name, problems))}
    for name in REQUIRED:
        if name not in names:
            hint = "copy it from the shipped rules"
            problems.append(Problem(message=f"{name}.toml is missing", place=Place(shown(folder)), hint=hint))
    rule_names = [name for name in names if name not in SHARED]
    milestones, own = read_facts(sources["facts"], problems) if "facts" in sources else ({}, ())
    problems += registered(frozenset(FACTS))[1]
    facts = known_facts(own)
    company = read_company(sources["company"], rule_names, problems) if "company" in sources else Company()
    segments = read_segments(sources["segments"], problems, facts) if "segments" in sources else ()
    known = Known(segments=segments or (EVERYONE,), mapped=tuple(milestones), facts=facts)
    suppressions = read_suppressions(sources["suppress"], known, problems) if "suppress" in sources else ()
    rules = {name: read_rule(name, sources[name], known, problems) for name in rule_names if name in sources}
    found = tuple(rule for rule in rules.values() if rule)
    _check_otherwise(found, rules, sources, problems)
    _check_former_names(found, sources, problems)
    if "segments" in sources:
        _hint_at_unread(sources["segments"], known, problems)
    return RuleSet(
        company=replace(company, milestones=milestones, facts={one.name: one.fields for one in own}),
        segments=known.segments,
        suppressions=suppressions,
        rules=found,
        folder=folder,
        own_facts=own,
        digest=_digest(folder, sources),
    )


def _digest(folder: Path, sources: dict[str, TomlSource]) -> str:
    """Return a hash of everything that the rules of a folder are made of."""
    hashed = hashlib.sha256()
    for name, source in sorted(sources.items()):
        hashed.update(f"{name}\0{source.text}\0".encode())
    for path in sorted(folder.glob("templates/*.txt")):
        hashed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return hashed.hexdigest()


def _misnamed(folder: Path) -> Iterator[Problem]:
    """Yield a hint for each file that looks like a rule and is passed over for its name, such as rule.toml.txt."""
    for path in sorted(folder.glob("[!.]*")):
        if ".toml" in path.name.lower() and path.suffix != ".toml":
            hint = f'rename it to "{path.name.lower().partition(".toml")[0]}.toml" to use it'
            problem = Problem(message="this file is not read: its name does not end in .toml", hint=hint, severity="hint")
            yield replace(problem, place=Place(shown(path)))


def _source(folder: Path, name: str, problems: list[Problem]) -> TomlSource | None:
    found = try_read(folder / f"{name}.toml")
    if isinstance(found, Problem):
        problems.append(found)
        return None
    return found


def _check_otherwise(
    rules: tuple[Rule, ...], named: dict[str, Rule | None], sources: dict[str, TomlSource], problems: list[Problem]
) -> None:
    """Note where `otherwise` leads to nothing, and rules that nothing leads to."""
    by_name = {rule.name: rule for rule in rules}
    for rule in rules:
        source, path = sources[rule.name], ("needs", "otherwise")
        if not rule.otherwise or (rule.otherwise in named and named[rule.otherwise] is None):
            continue  # no otherwise, or one whose own file has problems enough
        other = by_name.get(rule.otherwise)
        if other is None:
            message = f'no rule is called "{rule.otherwise}"'
            problems.append(source.problem(path, message, did_you_mean(rule.otherwise, by_name)))
        elif not other.only_for_otherwise:
            problems.append(source.problem(path, f'"{other.name}" is not only for otherwise', 'give it only_for = "otherwise"'))
        elif rule.mode is not Mode.OFF and not other.speaks_before(rule):
            message = f'"{other.name}" is {other.mode}, so nothing comes first'
            problems.append(source.problem(path, message, f'give it mode = "{rule.mode}"', severity="warning"))
    wanted = {rule.otherwise for rule in rules}
    for rule in rules:
        if rule.only_for_otherwise and rule.name not in wanted and all(named.values()):
            problems.append(sources[rule.name].problem(("only_for",), "no rule names this one in otherwise", severity="hint"))


def _check_former_names(rules: tuple[Rule, ...], sources: dict[str, TomlSource], problems: list[Problem]) -> None:
    """Note former names that are taken: whose the old tasks are must be clear."""
    owner = {name: name for name in sources}
    for rule in rules:
        for former in rule.renamed_from:
            if (taken := owner.setdefault(former, rule.name)) != rule.name:
                message = f'"{former}" is {"a rule of its own" if taken == former else f"a former name of {taken}, too"}'
                problems.append(sources[rule.name].problem(("renamed_from",), message, "one rule only can own its tasks"))


def _hint_at_unread(source: TomlSource, known: Known, problems: list[Problem]) -> None:
    for name in sorted(known.parameters - known.used):
        path = next((path for path in source.marks if path[-1] == name and len(path) <= 3), ())
        problems.append(source.problem(path, f"no rule reads {name}", part="key", severity="hint"))
