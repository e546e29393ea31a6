"""The files that all rules share: segments.toml and suppress.toml. (company.toml: company_file, facts.toml: facts_file)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from refsync.calendar import Duration
from refsync.errors import Problem
from refsync.rules.facts.fact import Fact
from refsync.rules.files.lines import Known, Lines
from refsync.rules.files.table import Table
from refsync.rules.phrases import YesNo
from refsync.rules.rule import Condition, Kind, Segment, Setting, Suppression
from refsync.toml_source import TomlSource

EVERYTHING = frozenset(Kind)


def read_segments(source: TomlSource, problems: list[Problem], facts: Mapping[str, Fact]) -> tuple[Segment, ...]:
    """Return the segments in their order; the last one takes every account that is left."""
    table = Table(source, problems)
    defaults = _settings(table.table("defaults"))
    listed = table.table("segment")
    table.done()
    if listed is None or not listed.data:
        table.note("there is no segment", "write at least [segment] with everyone = { when = {} }")
        return ()
    found = []
    for name in listed.data:
        if (one := listed.table(name)) is not None:
            found.append(_segment(name, one, defaults, facts))
    _check_order(listed, found)
    return tuple(found)


def _segment(name: str, table: Table, defaults: Mapping[str, Setting], facts: Mapping[str, Fact]) -> Segment:
    lines = Lines(Known(facts=facts), frozenset({"account"}), row_only=True)
    if (when := table.table("when")) is None and "when" not in table.data:
        table.note(f'segment "{name}" has no when', "write when = {} for everyone who is left")
    own = _settings(table, leave=("when",))
    for parameter, value in own.items():
        if parameter in defaults and type(defaults[parameter]) is not type(value):
            table.note(f"{parameter} is of another kind than in [defaults]", at=(parameter,))
    return Segment(name=name, when=lines.block(when) if when else (), parameters={**defaults, **own}, place=table.place())


def _check_order(table: Table, segments: list[Segment]) -> None:
    if not segments:
        return
    for segment in segments[:-1]:
        if not table.data[segment.name].get("when"):
            message = f'no account gets past segment "{segment.name}"'
            table.note(message, "put the segment of everyone last", at=(segment.name,), part="key")
    if table.data[segments[-1].name].get("when"):
        message = f'accounts that are not in "{segments[-1].name}" are in no segment'
        table.note(message, "end with a segment that has when = {}", at=(segments[-1].name,), part="key")


def _settings(table: Table | None, leave: tuple[str, ...] = ()) -> dict[str, Setting]:
    if table is None:
        return {}
    found = {}
    for name in table.data:
        table.known.add(name)
        if name in leave:
            continue
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            table.note(f'"{name}" is no name for a parameter', "use small letters, digits and _", at=(name,), part="key")
        elif (value := _setting(table, name)) is not None:
            found[name] = value
    return found


def _setting(table: Table, name: str) -> Setting | None:
    value = table.data[name]
    if isinstance(value, str) and re.match(r"[-+]?\d\S* ", value):
        return table.length(value, name)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(text, str) and text for text in value):
        return tuple(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    table.note(f"{name} must be a length of time, a text, a list of texts or a number", at=(name,))
    return None


def read_suppressions(source: TomlSource, known: Known, problems: list[Problem]) -> tuple[Suppression, ...]:
    """Return the reasons to leave a customer alone."""
    table = Table(source, problems)
    listed = table.table("suppress")
    table.done()
    if listed is None:
        return ()
    tables = {name: one for name in listed.data if (one := listed.table(name)) is not None}
    return tuple(_suppression(name, one, known) for name, one in tables.items())


def _suppression(name: str, table: Table, known: Known) -> Suppression:
    lines: tuple[Condition, ...] = ()
    if (when := table.table("when")) is not None:
        lines = _person_line(when) or Lines(known, frozenset({"account"})).block(when)
    if not table.data.get("when"):
        table.note(f'suppression "{name}" has no line', "say when it begins; a customer by name: account.name")
    found = Suppression(
        name=name,
        when=lines,
        stops=_stops(table),
        until=_day(table, "until"),
        resume=_resume(table, lines, known),
        why=table.text("why"),
        place=table.place(),
    )
    table.done()
    return found


def _resume(table: Table, lines: tuple[Condition, ...], known: Known) -> Duration | None:
    """Return how long after its end a suppression still stops; only of what has an end that the CRM tells."""
    text = table.text("resume")
    if not text:
        return None
    length = text.removesuffix(" after it ends")
    if length == text:
        table.note(f'"{text}" is not understood', 'write resume = "5 business days after it ends"', at=("resume",))
        return None
    if not any(known.facts[line.fact].ended for line in lines if line.fact in known.facts):
        ending = ", ".join(fact.name for fact in known.facts.values() if fact.ended)
        table.note("no line here has an end that the CRM tells", f"resume is for {ending}", at=("resume",))
        return None
    return table.length(length, "resume")


def _person_line(when: Table) -> tuple[Condition, ...]:
    """Return the line about people who opted out, if it is that: it is looked at when a person is picked, not in a SELECT."""
    if dict(when.data) != {"contact": {"do_not_contact": True}}:
        return ()
    return (
        Condition(fact="contact.do_not_contact", phrase=YesNo(True), text="true", place=when.place("contact", "do_not_contact")),
    )


def _stops(table: Table) -> frozenset[Kind]:
    named = table.texts("stops", choices=["all", *(kind.value for kind in Kind)])
    if not named:
        if "stops" not in table.data:
            table.note('"stops" is missing', 'write stops = ["all"] or the kinds of rules it stops')
        return frozenset()
    return EVERYTHING if "all" in named else frozenset(Kind(name) for name in named)


def _day(table: Table, key: str) -> date | None:
    if not table.has(key):
        return None
    value = table.data[key]
    if isinstance(value, datetime) or not isinstance(value, date):
        table.note(f"{key} must be a day", f"write {key} = 2027-03-15, without quotes", at=(key,))
        return None
    return value
