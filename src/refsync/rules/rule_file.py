"""One rule file: read, checked, and made into a `Rule`."""

from __future__ import annotations

import re
from collections.abc import Collection

from refsync.calendar import Duration, Unit, parse_duration
from refsync.errors import Problem, did_you_mean
from refsync.rules.facts import FACTS, SUBJECTS_LATER
from refsync.rules.lines import Known, Lines
from refsync.rules.people import CHOICES
from refsync.rules.placeholders import read_text
from refsync.rules.rule import Condition, Kind, Mode, Repeat, Rule, SubjectKind, TaskTemplate, When
from refsync.rules.sources import Filled
from refsync.rules.table import Table
from refsync.toml_source import TomlSource

DO = ("call", "email", "handwritten note", "meeting", "to-do")
PRIORITIES = ("urgent", "high", "normal", "low")
ASK_FOR = ("other division", "peer elsewhere")
PEOPLE_LATER = ("contact", "first cold person", "introduction.person", "introduction.source")
SUBJECTS: tuple[SubjectKind, ...] = ("account", "milestone")


def read_rule(name: str, source: TomlSource, known: Known, problems: list[Problem]) -> Rule | None:
    """Return the rule of a file, or None after noting what is wrong with it."""
    before = _errors(problems)
    table = Table(source, problems)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        table.note(f'"{name}" is no name for a rule', "name the file in small letters, digits and hyphens")
    subject = _subject(table)
    only_for_otherwise = table.text("only_for", choices=["otherwise"]) == "otherwise"
    lines = Lines(known, frozenset({"account", subject}))
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
        task=_task(table, subject, known, only_for_otherwise=only_for_otherwise),
        repeat=_repeat(table),
        place=table.place("title"),
    )
    table.text("note")
    table.without_effect("holdout")
    table.not_yet("renamed_from")
    table.done()
    _check_shape(table, found)
    return None if _errors(problems) > before else found


def _errors(problems: Collection[Problem]) -> int:
    return sum(problem.severity == "error" for problem in problems)


def _subject(table: Table) -> SubjectKind:
    named = table.data.get("for_each")
    if isinstance(named, str) and named in SUBJECTS_LATER:
        table.has("for_each")
        table.note(f"rules about each {named} are not supported yet", at=("for_each",))
        return "account"
    chosen = table.text("for_each", "account", choices=SUBJECTS, required=True)
    return "milestone" if chosen == "milestone" else "account"


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
    if "needs" in table.data and not rule.needs and not set(table.data["needs"]) - {"otherwise"}:
        table.note("needs has no line", at=("needs",), part="key")


def _task(rule: Table, subject: SubjectKind, known: Known, *, only_for_otherwise: bool) -> TaskTemplate:
    table = rule.table("task")
    if table is None:
        if "task" not in rule.data:
            rule.note('"task" is missing', "say what is to be done: [task] do, subject, due")
        return TaskTemplate(do="to-do", subject=read_text(Table(rule.source, []), "task", (), ()))
    with_ = _with(table, subject)
    ask_for = table.texts("ask_for", choices=ASK_FOR)
    named = [key for key in ("with", "ask_for") if table.data.get(key)]
    fillable = _fillable(known, subject, named, only_for_otherwise=only_for_otherwise)
    lists = _lists(known)
    found = TaskTemplate(
        do=_do(table),
        subject=read_text(table, "subject", fillable, lists, required=True),
        text=read_text(table, "text", fillable, lists),
        priority=table.text("priority", "normal", choices=PRIORITIES),
        due=_due(table),
        with_=with_,
        expire=_expire(table),
        ask_for=ask_for,
    )
    known.used.update(name for text in (found.subject, found.text) for name in text.names)
    table.without_effect("escalate")
    table.not_yet("close_when", "assign")
    table.done()
    return found


def _do(table: Table) -> str:
    if str(table.data.get("do", "")).startswith("{"):
        table.has("do")
        table.note("a parameter in do is not supported yet", at=("do",))
        return "to-do"
    return table.text("do", "to-do", choices=DO, required=True)


def _with(table: Table, subject: SubjectKind) -> tuple[str, ...]:
    named = table.texts("with")
    for entry in named:
        if entry in PEOPLE_LATER:
            table.note_item("with", entry, f'with = "{entry}" is not supported yet')
        elif entry not in CHOICES:
            hint = did_you_mean(entry, CHOICES) or f"one of: {', '.join(sorted(CHOICES))}"
            table.note_item("with", entry, f'nobody is called "{entry}"', hint)
        elif entry.startswith("milestone.") and subject != "milestone":
            table.note_item("with", entry, f"{entry} is known to rules about milestones only")
    return tuple(entry for entry in named if entry in CHOICES)


def _due(table: Table) -> Duration:
    default = Duration(3, Unit.BUSINESS_DAYS)
    text = table.text("due", "in 3 business days")
    if text == "today":
        return Duration(0, Unit.DAYS)
    return _length(table, "due", text, "in ", 'write "today" or "in 3 business days"') or default


def _expire(table: Table) -> Duration | None:
    text = table.text("expire", "after 30 business days")
    return None if text == "never" else _length(table, "expire", text, "after ", 'write "after 20 business days" or "never"')


def _length(table: Table, key: str, text: str, lead: str, hint: str) -> Duration | None:
    try:
        if not text.startswith(lead):
            raise ValueError(text)
        found = parse_duration(text.removeprefix(lead))
    except ValueError:
        table.note(f'"{text}" is not understood', hint, at=(key,))
        return None
    return table.sane(found, key)


def _repeat(rule: Table) -> Repeat:
    table = rule.table("repeat")
    if table is None:
        return Repeat()
    at_most = table.integer("at_most", 0, least=1) or None
    done, dismissed, expired = (_pause(table, key) for key in ("after_done", "after_dismissed", "after_expired"))
    table.done()
    return Repeat(after_done=done, after_dismissed=dismissed, after_expired=expired, at_most=at_most)


def _pause(table: Table, key: str) -> Duration | None:
    if not table.has(key) or table.data[key] == "never":
        return None
    return table.length(table.data[key], key)


def _fillable(known: Known, subject: SubjectKind, named: Collection[str], *, only_for_otherwise: bool) -> frozenset[str]:
    """Return what the texts of a task may show. `named`: which of `with` and `ask_for` the task has."""
    read = {fact.name for fact in FACTS.values() if not isinstance(fact.source, Filled) and fact.subject in ("account", subject)}
    told = {"segment"}
    told |= {name for name in FACTS if name.startswith("contact.") and "with" in named}
    told |= {"ask_for"} if "ask_for" in named else set()
    told |= {"waiting.title"} if only_for_otherwise else set()
    everywhere = {name for name in known.parameters if all(name in segment.parameters for segment in known.segments)}
    return frozenset(read | told | everywhere)


def _lists(known: Known) -> frozenset[str]:
    return frozenset(name for segment in known.segments for name, value in segment.parameters.items() if isinstance(value, tuple))
