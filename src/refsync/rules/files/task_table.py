"""The `[task]` of a rule file: what is written, for whom, and what ends it."""

from __future__ import annotations

import re
from collections.abc import Collection

from refsync.calendar import Duration, Unit, parse_duration
from refsync.errors import did_you_mean
from refsync.rules.facts.people import CHOICES, SUBJECT_OF
from refsync.rules.facts.registry import PERSON_FACTS
from refsync.rules.facts.sources import Filled
from refsync.rules.files.company_file import read_assignees
from refsync.rules.files.lines import Known, Lines, readable
from refsync.rules.files.placeholders import Fillable, read_text
from refsync.rules.files.table import Table
from refsync.rules.rule import Escalation, SubjectKind, TaskTemplate, Text

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
        do=_do(table, subject, known),
        subject=read_text(table, "subject", fillable, required=True),
        text=read_text(table, "text", fillable),
        priority=table.text("priority", "normal", choices=PRIORITIES),
        due=_due(table),
        with_=with_,
        expire=_expire(table),
        ask_for=ask_for,
        close_when=Lines(known, readable(subject)).block(close_when) if close_when else (),
        assign=read_assignees(table, "assign", subject),
        escalate=_escalate(table, subject),
    )
    if close_when is not None and not close_when.data:
        table.note("close_when has no line", "leave it out, or say when the task is over", at=("close_when",), part="key")
    for key in ("with", "ask_for", "assign"):
        if table.data.get(key) == []:
            table.note(f"{key} is empty, as if it were not there", "fill it, or leave it out", at=(key,), severity="hint")
    _note_read(table, known, (found.subject, found.text))
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


def _do(table: Table, subject: SubjectKind, known: Known) -> str:
    """Return what is to be done, or the parameter that says so for each segment."""
    named = re.fullmatch(r"\{([a-z][a-z0-9_]*)\}", str(table.data.get("do", "")))
    if named is None or subject == "rep":
        return table.text("do", "to-do", choices=DO, required=True)
    table.has("do")
    known.used.add(named[1])
    if not any(named[1] in segment.parameters for segment in known.segments):
        hint = did_you_mean(named[1], known.parameters) or "set it in segments.toml, for all in [defaults]"
        table.note(f'no segment has "{named[1]}"', hint, at=("do",))
        return "to-do"
    for segment in known.segments:
        said = segment.parameters.get(named[1])
        if said not in DO:
            told = f'it is never "{said}"' if isinstance(said, str) else "it is no single text" if said else "it is not set"
            hint = (did_you_mean(said, DO) if isinstance(said, str) else "") or f"one of: {', '.join(DO)}"
            table.note(f'{named[0]} of segment "{segment.name}" says what to do: {told}', hint, at=("do",))
    return named[0]


def _with(table: Table, subject: SubjectKind, known: Known) -> tuple[str, ...]:
    named = table.texts("with")
    for entry in named:
        if entry not in CHOICES:
            hint = did_you_mean(entry, CHOICES) or f"one of: {', '.join(sorted(CHOICES))}"
            table.note_item("with", entry, f'nobody is called "{entry}"', hint)
        elif subject == "rep":
            table.note_item("with", entry, "a task about a rep names nobody to talk to", "leave it out")
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


def _escalate(task: Table, subject: SubjectKind) -> Escalation | None:
    table = task.table("escalate")
    if table is None:
        return None
    text = table.text("after", required=True)
    length = text.removesuffix(" overdue")
    if text and length == text:
        table.note(f'"{text}" is not understood', 'write after = "5 business days overdue"', at=("after",))
    after = table.length(length, "after") if text and length != text else None
    to = read_assignees(table, "to", subject, others=("manager",))
    if "to" not in table.data:
        table.note('"to" is missing', 'write to = "manager"')
    table.done()
    return Escalation(after=after, to=to) if after and to else None


def _fillable(known: Known, subject: SubjectKind, named: Collection[str], *, only_for_otherwise: bool) -> Fillable:
    """Return what the texts of a task may show. `named`: which of `with` and `ask_for` the task has."""
    facts, subjects = known.facts.values(), readable(subject)
    read = {fact.name for fact in facts if not isinstance(fact.source, Filled) and fact.subject in subjects}
    told = {"segment"} if "account" in subjects else set()
    told |= set(PERSON_FACTS) if "with" in named else set()
    told |= {"ask_for"} if "ask_for" in named else set()
    told |= {"waiting.title"} if only_for_otherwise else set()
    parameters = known.parameters if "account" in subjects else frozenset()
    everywhere = {name for name in parameters if all(name in segment.parameters for segment in known.segments)}
    lists = {name for segment in known.segments for name, value in segment.parameters.items() if isinstance(value, tuple)}
    return Fillable(names=frozenset(read | told | everywhere), lists=frozenset(lists), facts=known.facts)
