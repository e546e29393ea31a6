"""The `[task]` of a rule file: what is written, for whom, and what ends it."""

from __future__ import annotations

from collections.abc import Collection

from refsync.calendar import Duration, Unit, parse_duration
from refsync.errors import did_you_mean
from refsync.rules.company_file import read_assignees
from refsync.rules.facts import PERSON_FACTS
from refsync.rules.lines import Known, Lines
from refsync.rules.people import CHOICES, SUBJECT_OF
from refsync.rules.placeholders import Fillable, read_text
from refsync.rules.rule import SubjectKind, TaskTemplate, Text
from refsync.rules.sources import Filled
from refsync.rules.table import Table

DO = ("call", "email", "handwritten note", "meeting", "to-do")
PRIORITIES = ("urgent", "high", "normal", "low")
ASK_FOR = ("other division", "peer elsewhere")


def read_task(rule: Table, subject: SubjectKind, known: Known, *, only_for_otherwise: bool) -> TaskTemplate:
    """Return the task of a rule; what is wrong is noted."""
    table = rule.table("task")
    if table is None:
        if "task" not in rule.data:
            rule.note('"task" is missing', "say what is to be done: [task] do, subject, due")
        return TaskTemplate(do="to-do", subject=Text())
    with_ = _with(table, subject, known)
    ask_for = table.texts("ask_for", choices=ASK_FOR)
    named = [key for key in ("with", "ask_for") if table.data.get(key)]
    fillable = _fillable(known, subject, named, only_for_otherwise=only_for_otherwise)
    close_when = table.table("close_when")
    found = TaskTemplate(
        do=_do(table),
        subject=read_text(table, "subject", fillable, required=True),
        text=read_text(table, "text", fillable),
        priority=table.text("priority", "normal", choices=PRIORITIES),
        due=_due(table),
        with_=with_,
        expire=_expire(table),
        ask_for=ask_for,
        close_when=Lines(known, frozenset({"account", subject})).block(close_when) if close_when else (),
        assign=read_assignees(table, "assign", subject),
    )
    if close_when is not None and not close_when.data:
        table.note("close_when has no line", "leave it out, or say when the task is over", at=("close_when",), part="key")
    _note_read(table, known, (found.subject, found.text))
    table.without_effect("escalate")
    table.done()
    return found


def _note_read(table: Table, known: Known, texts: Collection[Text]) -> None:
    """Note which parameters the texts read, their own and those that a fact is measured by."""
    lines = Lines(known, frozenset())
    for name in dict.fromkeys(name for text in texts for name in text.names):
        known.used.add(name)
        if fact := known.facts.get(name):
            for parameter in fact.parameters:
                lines.known_length(table, parameter, (), name)


def _do(table: Table) -> str:
    if str(table.data.get("do", "")).startswith("{"):
        table.has("do")
        table.note("a parameter in do is not supported yet", at=("do",))
        return "to-do"
    return table.text("do", "to-do", choices=DO, required=True)


def _with(table: Table, subject: SubjectKind, known: Known) -> tuple[str, ...]:
    named = table.texts("with")
    for entry in named:
        if entry not in CHOICES:
            hint = did_you_mean(entry, CHOICES) or f"one of: {', '.join(sorted(CHOICES))}"
            table.note_item("with", entry, f'nobody is called "{entry}"', hint)
        elif SUBJECT_OF.get(entry, subject) != subject:
            table.note_item("with", entry, f"{entry} is known to rules about {SUBJECT_OF[entry]}s only")
        elif entry == "first cold person":
            Lines(known, frozenset()).known_length(table, "touch_people", ("with",), entry)
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


def _fillable(known: Known, subject: SubjectKind, named: Collection[str], *, only_for_otherwise: bool) -> Fillable:
    """Return what the texts of a task may show. `named`: which of `with` and `ask_for` the task has."""
    facts = known.facts.values()
    read = {fact.name for fact in facts if not isinstance(fact.source, Filled) and fact.subject in ("account", subject)}
    told = {"segment"}
    told |= set(PERSON_FACTS) if "with" in named else set()
    told |= {"ask_for"} if "ask_for" in named else set()
    told |= {"waiting.title"} if only_for_otherwise else set()
    everywhere = {name for name in known.parameters if all(name in segment.parameters for segment in known.segments)}
    lists = {name for segment in known.segments for name, value in segment.parameters.items() if isinstance(value, tuple)}
    return Fillable(names=frozenset(read | told | everywhere), lists=frozenset(lists), facts=known.facts)
