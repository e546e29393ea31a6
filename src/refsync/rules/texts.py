"""The words of a task: a rule's texts with their placeholders filled in. Pure; `now` is an argument.

The law: plain substitution in one pass, nothing that a CRM value says is ever read as a placeholder, and nothing that could hide
or reorder text reaches a rep.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from refsync.calendar import Calendar, Duration
from refsync.model import Instant
from refsync.rules.rule import Match, Person, Placeholder, Rule, RuleSet, Text, Value

SUBJECT_LENGTH = 255
"""The longest subject that every CRM takes."""
NAMES_SHOWN = 5
DAYS_SHOWN = 120
"""Limits are set in days, so ages near them are told in days."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Fill: TypeAlias = Value | Duration | Sequence[str]
"""What a placeholder may stand for."""


@dataclass(frozen=True, slots=True)
class Written:
    """The subject and the text of a task, filled in, and what is to be done."""

    subject: str
    text: str
    do: str


def write(
    rule: Rule, ruleset: RuleSet, match: Match, person: Person | None, now: Instant, *, waiting: Sequence[Rule] = ()
) -> Written:
    """Return the words of the rule's task. `waiting`: the rules that wait behind it, for an `otherwise` rule."""
    fills: dict[str, Fill] = {
        **_parameters(ruleset, match.segment),
        **match.facts,
        "segment": match.segment,
        **(_of_person(person) if person else {}),
        **{f"{name}|names": found for name, found in match.names.items()},
        "waiting.title": [behind.title for behind in waiting],
        "ask_for": rule.task.ask_for,
    }
    calendar = ruleset.company.calendar
    subject = " ".join(fill(rule.task.subject, fills, calendar, now).split())
    return Written(
        _cut(subject, SUBJECT_LENGTH), fill(rule.task.text, fills, calendar, now).strip(), done_by(rule, ruleset, match)
    )


def done_by(rule: Rule, ruleset: RuleSet, match: Match) -> str:
    """Return what the rule's task asks to be done: call, email, handwritten note, meeting or to-do."""
    if not rule.task.do.startswith("{"):
        return rule.task.do
    segment = ruleset.segment(match.segment)
    return str(segment.parameters[rule.task.do.strip("{}")]) if segment else "to-do"


def fill(text: Text, fills: Mapping[str, Fill], calendar: Calendar, now: Instant) -> str:
    """Return a text with each placeholder replaced by its value, or by its fallback where the value is unknown."""
    return "".join(part if isinstance(part, str) else _shown(part, _value(part, fills), calendar, now) for part in text.parts)


def _value(wanted: Placeholder, fills: Mapping[str, Fill]) -> Fill:
    """Return what a placeholder stands for; what counts counted is kept under `name|names`."""
    named = fills.get(f"{wanted.name}|names") if wanted.form == "names" else None
    return fills.get(wanted.name) if named is None else named


def _of_person(person: Person) -> Mapping[str, Fill]:
    return {
        "contact.name": person.name,
        "contact.title": person.title,
        "contact.role": person.role,
        "contact.last_touch": person.last_touch,
        "contact.last_two_way": person.last_two_way,
    }


def member(name: str, part: str, at: Instant | None, calendar: Calendar) -> str:
    """Return how a text names a person of a count: with their part and when somebody was last in touch."""
    last = plain_date(calendar.day(at)) if at is not None else "never spoken to"
    return f"{name} ({part}, {last})" if part else f"{name} ({last})"


def clean(text: str) -> str:
    """Return a CRM value on one line, without control characters and without what reorders or hides text."""
    kept = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text if char not in _INVISIBLE)
    return " ".join("".join(kept).split())


def plain_date(day: date) -> str:
    """Return a day as people in any country read it: 31 Oct 2026."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def age(day: date, today: date) -> str:
    """Return how long ago a day was, in the largest unit that tells enough: 90 days, 7 months, 3 years."""
    days = (today - day).days
    if days <= 0:
        return "less than a day"
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if days <= DAYS_SHOWN:
        return f"{days} day{'s' if days > 1 else ''}"
    return f"{months} months" if months < 24 else f"{months // 12} years"


_INVISIBLE = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def _shown(wanted: Placeholder, value: Fill, calendar: Calendar, now: Instant) -> str:
    if value is None or value == "" or value == () or value == []:
        return wanted.fallback
    match wanted.form, value:
        case ("date", int(at)):
            return plain_date(calendar.day(at))
        case ("age", int(at)):
            return age(calendar.day(at), calendar.day(now))
        case (_, bool(holds)):
            return "yes" if holds else "no"
        case (_, float(number)):
            return f"{number:,.0f}" if number == int(number) else f"{number:,}"
        case (form, list(texts) | tuple(texts)):
            return _names(texts) if form == "names" else " or ".join(clean(text) for text in texts)
        case _:
            return clean(str(value)) or wanted.fallback


def _names(texts: Sequence[str]) -> str:
    """Return up to five names, then how many more there are."""
    shown = [clean(text) for text in texts[:NAMES_SHOWN]]
    if more := len(texts) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _parameters(ruleset: RuleSet, segment: str) -> Mapping[str, Fill]:
    found = ruleset.segment(segment)
    return {name: _plain(value) for name, value in found.parameters.items()} if found else {}


def _plain(setting: Duration | tuple[str, ...] | float | str) -> Fill:
    return str(setting) if isinstance(setting, Duration) else setting


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
