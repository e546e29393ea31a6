"""`refsync rules preview`: whom a rule matches now, step by step, and how long it takes to work off."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from refsync import log
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.screen import dump, out, plural, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.errors import Place, Problem, RuleError, did_you_mean, shown
from refsync.model import Instant, iso
from refsync.rules.files.folder import load
from refsync.rules.rule import Rule, RuleSet
from refsync.rules.what_if import with_setting
from refsync.store.engine import Store
from refsync.sync.dry_run.preview import Previewed, preview
from refsync.sync.dry_run.rehearsal import Step, funnel, live, rehearse

SHOWN = 20
SAMPLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to say about one rule."""

    rule: Rule
    subjects: int
    steps: list[Step]
    matches: int
    tasks: int
    """At the caps, in the first run."""
    held_by: dict[str, int]
    reps: int
    """People who would get tasks."""
    per_week: int
    limit: int
    """New tasks a run may write unasked."""
    found: list[Previewed]

    @property
    def weeks(self) -> int | None:
        """Return in how many weeks the caps let everything through that nothing else holds; None: never, or nothing waits."""
        waiting = self.tasks + sum(count for reason, count in self.held_by.items() if reason.startswith("limits.per_rep"))
        return math.ceil(waiting / self.per_week) if waiting and self.per_week else None

    def as_json(self, *, listed: bool) -> dict[str, Any]:
        return {
            "rule": self.rule.name,
            "subjects": self.subjects,
            "steps": [asdict(step) for step in self.steps],
            "count": self.matches,
            "tasks": self.tasks,
            "held_by": self.held_by,
            "reps": self.reps,
            "tasks_per_week": self.per_week,
            "weeks": self.weeks,
            "matches": [match.as_json() for match in self.found] if listed else [],
        }


def preview_rules(
    name: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="The name of the rule; left out: all that are not off.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List every match.")] = False,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="SEGMENT.PARAMETER=VALUE", help="Try a setting: core.reconnect_after=90.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show whom a rule matches now, exactly, what each of its lines leaves, and how many weeks it would take. Writes nothing."""
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    folder = rules_folder(rules, book, config)
    loaded = load(folder)
    named = [_rule(loaded, name, folder)] if name else [one for one in loaded.rules if not one.only_for_otherwise]
    tried = loaded
    for setting in sets or ():
        tried = with_setting(tried, setting)
    with stores(book, config, connection, loaded, at, quiet=json) as found_in:
        before = [_told(found_in, rule, loaded, at, whole=False) for rule in named] if sets else []
        told = [_told(found_in, rule, tried, at, whole=name is not None) for rule in named if name or rule.mode.value != "off"]
    if json:
        shown_rules = [one.as_json(listed=list_) for one in told]
        was = {"before": {one.rule.name: one.matches for one in before}} if before else {}
        dump({"now": iso(at), **(shown_rules[0] if name else {"rules": shown_rules}), **was})
        return
    counts = {one.rule.name: one.matches for one in before}
    for one in told:
        _show(one, at, counts.get(one.rule.name), listed=list_, sample=name is not None)


def _told(stores: Iterable[tuple[str, Store]], rule: Rule, rules: RuleSet, now: Instant, *, whole: bool) -> Told:
    subjects, matches, steps, found = 0, 0, list[Step](), list[Previewed]()
    owners: set[tuple[str, str]] = set()
    tasks, held_by = 0, Counter[str]()
    for connection, store in stores:
        with store.read() as db:
            everyone, some = funnel(db, connection, rule, rules, now)
            rehearsed = rehearse(db, connection, live(rules, rule.name), now)
            found += preview(db, connection, rule, rules, now) if whole else []
        subjects += everyone
        steps = [_sum(*pair) for pair in zip(steps, some, strict=True)] if steps else some
        matches += len(rehearsed.matches.get(rule.name, ()))
        tasks += len(rehearsed.tasks)
        held_by.update(rehearsed.plan.held_by)
        given = (*(wish.owner_id for wish in rehearsed.tasks), *(held.owner_id for held in rehearsed.plan.held))
        owners |= {(connection, owner) for owner in given if owner}
    limits = rules.company.limits
    return Told(
        rule=rule,
        subjects=subjects,
        steps=steps,
        matches=matches,
        tasks=tasks,
        held_by=dict(held_by.most_common()),
        reps=len(owners),
        per_week=len(owners) * limits.per_rep_per_week,
        limit=limits.new_tasks_per_run,
        found=found,
    )


def _sum(one: Step, other: Step) -> Step:
    return Step(section=one.section, words=one.words, lost=one.lost + other.lost, left=one.left + other.left)


def _show(told: Told, now: Instant, before: int | None, *, listed: bool, sample: bool) -> None:
    rule = told.rule
    out.print(f"[bold]{rule.name}[/]  {escape(rule.title)}  ({rule.mode.value})", markup=True)
    rows: list[tuple[str, str, str, str]] = [("", f"every {rule.for_each}", "", f"{told.subjects:,}")]
    section = ""
    for step in told.steps:
        rows.append((step.section if step.section != section else "", step.words, f"-{step.lost:,}", f"{step.left:,}"))
        section = step.section
    table("", ("", "", "lost", "left"), rows, right=("lost", "left"))
    instead = f" instead of {before:,}" if before is not None else ""
    out.print(f"{plural(told.matches, 'match', 'matches')} at {iso(now)}{instead}, before caps and limits")
    for reason, count in told.held_by.items():
        out.print(f"  held     {count:,} by {reason}")
    over = f": held, more than new_tasks_per_run = {told.limit}" if told.tasks > told.limit else ""
    out.print(f"At your caps: {plural(told.tasks, 'task')} in the first run for {plural(told.reps, 'person', 'people')}{over}")
    if told.weeks:
        out.print(f"Backlog: {plural(told.weeks, 'week')} at {told.per_week:,} tasks a week, if each rep takes no other task")
    if listed or (sample and len(told.found) <= SHOWN):
        _list(told.found)
    elif sample:
        _list(told.found[:: max(1, len(told.found) // SAMPLE)][:SAMPLE])
        out.print(f"a sample; all {len(told.found):,}: --list")
    out.print()


def _list(found: list[Previewed]) -> None:
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
