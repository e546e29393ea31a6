"""One rule file: read, checked, and made into a `Rule`."""

from __future__ import annotations

import re
from collections.abc import Collection

from refsync.calendar import Duration
from refsync.errors import Problem
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.files.lines import Known, Lines, readable
from refsync.rules.files.table import Table
from refsync.rules.files.task_table import read_task
from refsync.rules.rule import Condition, Kind, Mode, Repeat, Rule, SubjectKind, When
from refsync.toml_source import TomlSource

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""How rules are called."""
MOST_HELD_OUT = 50
"""Per cent: a rule that mostly holds out is a mistake."""


def read_rule(name: str, source: TomlSource, known: Known, problems: list[Problem]) -> Rule | None:
    """Return the rule of a file, or None after noting what is wrong with it."""
    before = _errors(problems)
    table = Table(source, problems)
    if not NAME.fullmatch(name):
        table.note(f'"{name}" is no name for a rule', "name the file in small letters, digits and hyphens")
    subject = _subject(table)
    only_for_otherwise = table.text("only_for", choices=["otherwise"]) == "otherwise"
    lines = Lines(known, readable(subject))
    needs, otherwise = _needs(table, Lines(known, frozenset({"account"})))
    found = Rule(
        name=name,
        title=table.text("title", required=True),
        for_each=subject,
        kind=Kind(table.text("kind", "care", choices=[kind.value for kind in Kind], required=True)),
        mode=Mode(table.text("mode", "watch", choices=[mode.value for mode in Mode])),
        when=lines.when(when) if (when := table.table("when")) else When(),
        unless=lines.block(unless) if (unless := table.table("unless")) else (),
        needs=needs,
        otherwise=otherwise,
        only_for_otherwise=only_for_otherwise,
        task=read_task(table, subject, known, only_for_otherwise=only_for_otherwise),
        repeat=_repeat(table),
        renamed_from=_former_names(table, name),
        holdout=_holdout(table),
        place=table.place("title"),
    )
    table.text("note")
    table.done()
    _check_shape(table, found)
    return None if _errors(problems) > before else found


def _errors(problems: Collection[Problem]) -> int:
    return sum(problem.severity == "error" for problem in problems)


def _subject(table: Table) -> SubjectKind:
    chosen = table.text("for_each", "account", choices=SUBJECTS, required=True)
    return next((kind for kind in SUBJECTS if kind == chosen), "account")


def _former_names(table: Table, name: str) -> tuple[str, ...]:
    found = table.texts("renamed_from")
    for former in found:
        if former == name or not NAME.fullmatch(former):
            table.note_item("renamed_from", former, f'"{former}" is no former name of a rule', "the oldest name comes first")
    return tuple(dict.fromkeys(found))


def _needs(table: Table, lines: Lines) -> tuple[tuple[Condition, ...], str]:
    needs = table.table("needs")
    if needs is None:
        return (), ""
    found = lines.block(needs, leave=("otherwise",))
    return found, needs.text("otherwise", required=True)


def _check_shape(table: Table, rule: Rule) -> None:
    """Note what is wrong with the rule as a whole."""
    if rule.only_for_otherwise:
        for key in ("when", "unless", "needs", "repeat"):
            if key in table.data:
                hint = "the rule in front of which it stands decides when it starts"
                table.note(f'a rule that is only for otherwise has no "{key}"', hint, at=(key,), part="key")
        if rule.for_each != "account":
            table.note("a rule that is only for otherwise is about an account", at=("for_each",))
    elif not rule.when.lines and not table.data.get("when"):
        table.note('"when" is missing', "without it the rule would be about every record")
    if rule.for_each == "rep":
        _check_rep(table, rule)
    if "needs" in table.data and not rule.needs and not set(table.data["needs"]) - {"otherwise"}:
        table.note("needs has no line", at=("needs",), part="key")


def _repeat(rule: Table) -> Repeat:
    table = rule.table("repeat")
    if table is None:
        return Repeat()
    at_most = table.integer("at_most", 0, least=1) or None
    done, dismissed, expired = (_pause(table, key) for key in ("after_done", "after_dismissed", "after_expired"))
    table.done()
    return Repeat(after_done=done, after_dismissed=dismissed, after_expired=expired, at_most=at_most)


def _check_rep(table: Table, rule: Rule) -> None:
    """Note what only a rule about customers can have."""
    if "needs" in table.data:
        table.note("a rule about reps has no needs", "they are about a customer", at=("needs",), part="key")
    if not rule.task.assign and isinstance(table.data.get("task"), dict):
        table.note("who gets a task about a rep?", 'write assign = "rep.manager"', at=("task",), part="key")


def _holdout(table: Table) -> float:
    text = table.text("holdout")
    share = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text)
    if text and (not share or not 0 < float(share[1]) <= MOST_HELD_OUT):
        table.note(f'"{text}" is no share to hold out', f'write holdout = "5%", at most {MOST_HELD_OUT}%', at=("holdout",))
    return float(share[1]) / 100 if share else 0.0


def _pause(table: Table, key: str) -> Duration | None:
    if not table.has(key) or table.data[key] == "never":
        return None
    return table.length(table.data[key], key)
