"""The condition lines of rule files: facts and phrases, each checked against the registry and the segments.

The law: what is not understood exactly is refused with its place and, where one is sure, with what was meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from refsync.calendar import Duration
from refsync.errors import did_you_mean
from refsync.rules.facts.registry import FACTS, LATER, MILESTONE_KINDS, Fact
from refsync.rules.facts.sources import Count, Figure, Latest, NextPlan, Tally, Traits
from refsync.rules.files.table import Table
from refsync.rules.phrases import (
    BetweenAgo,
    FactType,
    InLast,
    InNext,
    MoreThanAgo,
    NotInLast,
    NotOneOf,
    NumberRange,
    OneOf,
    OneOfParameter,
    Parameter,
    Phrase,
    PhraseError,
    parse,
)
from refsync.rules.rule import Condition, Segment, SubjectKind, When
from refsync.toml_source import TomlPath

FOUND_KINDS = ("signed",)
"""Milestones that need no mapping."""
KINDS_LATER = ("during the sale",)
"""What `ask_after` may say though it is no milestone."""
CHOICES_OF = {
    "ask_after": frozenset({*MILESTONE_KINDS, *KINDS_LATER}),
    "thank_steps": frozenset({"call", "email", "handwritten note"}),
}
"""What a rule may look for in these lists though no segment says it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What lines may refer to besides facts."""

    segments: tuple[Segment, ...] = ()
    mapped: tuple[str, ...] = ()
    """Milestone kinds that facts.toml maps."""
    facts: Mapping[str, Fact] = field(default_factory=lambda: FACTS)
    used: set[str] = field(default_factory=set)
    """Gathers the parameters that are read."""

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(name for segment in self.segments for name in segment.parameters)

    @property
    def milestones(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*MILESTONE_KINDS, *self.mapped)))


def readable(subject: SubjectKind) -> frozenset[str]:
    """Return whose facts a rule may read: those of its subject and of the account; a rep has none."""
    return frozenset({"rep"}) if subject == "rep" else frozenset({"account", subject})


class Lines:
    """Reads condition tables, for one kind of subject."""

    def __init__(self, known: Known, subjects: frozenset[str], *, row_only: bool = False) -> None:
        self.known = known
        self.subjects = subjects
        """The facts that may be read, by the first part of their names."""
        self.row_only = row_only
        """Whether only facts of the account's own row may be read, and no parameters: segments."""

    def when(self, table: Table) -> When:
        """Return a `when` table with its `any` blocks."""
        blocks = []
        if table.has("any"):
            found = table.data["any"]
            if not isinstance(found, list) or not found or not all(isinstance(block, dict) for block in found):
                table.note("any must be a list of blocks", "write [[when.any]] above each block", at=("any",))
            else:
                inner = (Table(table.source, table.problems, (*table.path, "any", number)) for number in range(len(found)))
                blocks = [self.block(block) for block in inner]
        return When(all=self.block(table, leave=("any",), hints=True), any=tuple(blocks))

    def block(self, table: Table, leave: tuple[str, ...] = (), *, hints: bool = False) -> tuple[Condition, ...]:
        """Return the lines of a table; keys in `leave` are somebody else's."""
        found = []
        for name, path, value in _flat(table.data, leave, self.known.facts):
            if line := self._line(table, name, path, value):
                found.append(line)
                if hints:
                    self._hint_at_never(table, line, path)
        return tuple(found)

    def _line(self, table: Table, name: str, path: TomlPath, value: Any) -> Condition | None:
        if name.startswith("segment"):
            return self._segment_line(table, name, path, value)
        fact = self._fact(table, name, path)
        if fact is None or (phrase := self._phrase(table, fact.type, path, value)) is None:
            return None
        if not (self._fits(table, fact, phrase, path) and self._knows(table, fact, phrase, path)):
            return None
        return self._condition(table, name, phrase, path)

    def _condition(self, table: Table, name: str, phrase: Phrase, path: TomlPath) -> Condition:
        return Condition(fact=name, phrase=phrase, text=table.source.raw((*table.path, *path)), place=table.place(*path))

    def _fact(self, table: Table, name: str, path: TomlPath) -> Fact | None:
        fact = self.known.facts.get(name)
        if fact is None:
            self._unknown_fact(table, name, path)
            return None
        if fact.subject not in self.subjects:
            table.note(f"{name} is no fact of this rule's subject", at=path, part="key")
        elif not fact.in_conditions:
            table.note(f"{name} is for texts only", at=path, part="key")
        elif self.row_only and not fact.of_account_row:
            table.note(f"{name} cannot tell segments apart", "use what the account's own record says", at=path, part="key")
        else:
            return fact
        return None

    def _unknown_fact(self, table: Table, name: str, path: TomlPath) -> None:
        readable = [known.name for known in self.known.facts.values() if known.in_conditions and known.subject in self.subjects]
        if name in LATER:
            table.note(f"{name} is not supported yet", LATER[name], at=path, part="key")
        else:
            table.note(f'there is no fact "{name}"', did_you_mean(name, readable), at=path, part="key")

    def _phrase(self, table: Table, kind: FactType, path: TomlPath, value: Any) -> Phrase | None:
        try:
            return parse(value, kind)
        except PhraseError as error:
            table.note(str(error), error.hint, at=path)
            return None

    def _fits(self, table: Table, fact: Fact, phrase: Phrase, path: TomlPath) -> bool:
        """Return whether the phrase makes sense for where the fact comes from."""
        looks_back = isinstance(phrase, InLast | NotInLast | MoreThanAgo | BetweenAgo)
        if isinstance(fact.source, NextPlan) and looks_back:
            table.note(f"{fact.name} lies ahead", 'write "in the next 14 days", "never" or "ever"', at=path)
            return False
        if isinstance(fact.source, Latest) and isinstance(phrase, InNext):
            table.note(f"{fact.name} lies in the past", 'write "in the last 90 days" or the like', at=path)
            return False
        if isinstance(fact.source, Traits) and not isinstance(phrase, OneOf | NotOneOf):
            table.note(f"{fact.name} is compared with whole words", f"one of: {', '.join(fact.values)}", at=path)
            return False
        if isinstance(phrase, NumberRange) and not _makes_sense(table, fact, phrase, path):
            return False
        if not all(self.known_length(table, name, path, fact.name) for name in fact.parameters):
            return False
        spans = [getattr(phrase, name) for name in ("span", "near", "far") if hasattr(phrase, name)]
        return all(table.sane(span, *path) is not None for span in spans if isinstance(span, Duration))

    def _knows(self, table: Table, fact: Fact, phrase: Phrase, path: TomlPath) -> bool:
        """Return whether the values and parameters of the phrase exist."""
        match phrase:
            case OneOf(values) | NotOneOf(values):
                return self._known_values(table, fact, values, path)
            case OneOfParameter(parameter):
                return self._known_parameter(table, parameter, path, lists=True) and self._known_texts(
                    table, fact, parameter, path
                )
            case InLast(Parameter() as parameter) | NotInLast(Parameter() as parameter) | MoreThanAgo(Parameter() as parameter):
                return self._known_parameter(table, parameter, path)
            case _:
                return True

    def _known_values(self, table: Table, fact: Fact, values: tuple[str, ...], path: TomlPath) -> bool:
        possible = self._possible(fact)
        for number, text in enumerate(values):
            if possible and text not in possible:
                at = _item(table, path, number)
                hint = did_you_mean(text, possible) or f"one of: {', '.join(possible)}"
                table.note(f'{fact.name} is never "{text}"', hint, at=at)
            elif fact.name == "milestone.kind" and text not in (*FOUND_KINDS, *self.known.mapped) and not _is_off(table):
                message = f'no milestone "{text}" is found yet'
                hint = "map a date field to it in facts.toml" if text in ("implemented", "roi") else ""
                table.note(message, hint, at=_item(table, path, number), severity="warning")
        return not possible or all(text in possible for text in values)

    def _known_texts(self, table: Table, fact: Fact, parameter: Parameter, path: TomlPath) -> bool:
        """Return whether the fact can have the texts of a list that the segments set."""
        possible, fine = self._possible(fact), True
        for segment in self.known.segments if possible else ():
            unknown = set(_texts(segment.parameters[parameter.name])) - {*possible, *KINDS_LATER}
            for text in sorted(unknown):
                message = f'{parameter} of segment "{segment.name}": {fact.name} is never "{text}"'
                table.note(message, did_you_mean(text, possible), at=path, fragment=str(parameter))
                fine = False
        for segment in self.known.segments:
            if not _texts(segment.parameters[parameter.name]):
                message = f'{parameter} of segment "{segment.name}" is empty: there this line never holds'
                table.note(message, at=path, fragment=str(parameter), severity="hint")
        if fine and fact.name == "milestone.kind":
            self._hint_at_unmapped(table, parameter, path)
        return fine

    def _hint_at_unmapped(self, table: Table, parameter: Parameter, path: TomlPath) -> None:
        listed = {text for segment in self.known.segments for text in _texts(segment.parameters[parameter.name])}
        for text in sorted(listed - {*FOUND_KINDS, *KINDS_LATER, *self.known.mapped}):
            message, hint = f'{parameter}: no milestone "{text}" is found yet', "map a date field to it in facts.toml"
            table.note(message, hint, at=path, fragment=str(parameter), severity="hint")

    def _possible(self, fact: Fact) -> tuple[str, ...]:
        return self.known.milestones if fact.name == "milestone.kind" else fact.values

    def _known_parameter(self, table: Table, parameter: Parameter, path: TomlPath, *, lists: bool = False) -> bool:
        name = parameter.name
        self.known.used.add(name)
        if self.row_only or "account" not in self.subjects:
            hint = "segments set parameters, they do not read them" if self.row_only else "a rep is in no segment"
            table.note(f"{parameter} cannot stand here", hint, at=path)
            return False
        lacking = [segment for segment in self.known.segments if name not in segment.parameters]
        if lacking:
            hint = did_you_mean(name, self.known.parameters) or "set it in segments.toml, for all in [defaults]"
            table.note(f'segment "{lacking[0].name}" has no "{name}"', hint, at=path, fragment=str(parameter))
            return False
        wanted, word = (tuple, "list of texts") if lists else (Duration, "length of time")
        if wrong := [segment for segment in self.known.segments if not isinstance(segment.parameters[name], wanted)]:
            hint = f'mend {name} of segment "{wrong[0].name}" there: it is {wrong[0].parameters[name]!r}'
            table.note(f'"{name}" is no {word} in segments.toml', hint, at=path, fragment=str(parameter))
            return False
        return True

    def _hint_at_never(self, table: Table, line: Condition, path: TomlPath) -> None:
        fact = self.known.facts.get(line.fact)
        if isinstance(line.phrase, MoreThanAgo) and fact and isinstance(fact.source, Latest):
            meant = f'"not in the last {line.phrase.span}"'
            table.note("this leaves out those with no date at all", f"write {meant} to have them too", at=path, severity="hint")

    def known_length(self, table: Table, name: str, path: TomlPath, fact: str) -> bool:
        """Return whether every segment sets a length of time that a fact is measured by; note it if not."""
        self.known.used.add(name)
        wrong = [one for one in self.known.segments if not isinstance(one.parameters.get(name), Duration)]
        if wrong:
            message = f'{fact} is measured by {name}, which segment "{wrong[0].name}" does not set as a length of time'
            table.note(message, f'write for instance {name} = "90 days" in [defaults] of segments.toml', at=path)
        return not wrong

    def _check_choices(self, table: Table, parameter: Parameter, path: TomlPath) -> None:
        """Note texts of the segments' lists that nothing can ever be, and lists without any."""
        choices = CHOICES_OF.get(parameter.name, frozenset()) | set(
            self.known.milestones if parameter.name == "ask_after" else ()
        )
        for segment in self.known.segments if choices else ():
            texts = _texts(segment.parameters[parameter.name])
            for text in sorted(set(texts) - choices):
                message = f'{parameter.name} of segment "{segment.name}" is never "{text}"'
                table.note(message, did_you_mean(text, choices), at=path, part="key")
            if not texts:
                message = f'{parameter.name} of segment "{segment.name}" is empty: there this line never holds'
                table.note(message, at=path, part="key", severity="hint")

    def _segment_line(self, table: Table, name: str, path: TomlPath, value: Any) -> Condition | None:
        """Return a line about the segment or one of its lists; such lines are decided segment by segment."""
        if self.row_only or "account" not in self.subjects:
            message = "a segment cannot be told by segments" if self.row_only else "a rep is in no segment"
            table.note(message, at=path, part="key")
            return None
        phrase = self._phrase(table, FactType.TEXT, path, value)
        parameter = name.partition(".")[2]
        if parameter:
            if not self._known_parameter(table, Parameter(parameter), path, lists=True):
                return None
            possible = {text for segment in self.known.segments for text in _texts(segment.parameters[parameter])}
            self._check_choices(table, Parameter(parameter), path)
            possible |= CHOICES_OF.get(parameter, frozenset())
        else:
            possible = {segment.name for segment in self.known.segments}
        if not isinstance(phrase, OneOf | NotOneOf):
            if phrase is not None:
                table.note(f"{name} is compared with texts", at=path)
            return None
        for number, text in enumerate(phrase.values):
            if text not in possible:
                table.note(f'{name} is never "{text}"', did_you_mean(text, possible), at=_item(table, path, number))
        return self._condition(table, name, phrase, path)


def _makes_sense(table: Table, fact: Fact, phrase: NumberRange, path: TomlPath) -> bool:
    """Return whether the ends of a range are numbers; note a range that holds for every count, or for none."""
    low, high = phrase.low, phrase.high
    if not all(end is None or math.isfinite(end) for end in (low, high)):
        table.note("this is no number", at=path)
        return False
    if isinstance(fact.source, Count | Tally | Figure):
        if high is None and low is not None and (low < 0 or (low == 0 and not phrase.above)):
            table.note(f"{fact.name} is a count: this is always true", 'write "at least 1"', at=path, severity="warning")
        elif high is not None and (high < 0 or (high == 0 and phrase.below)):
            table.note(f"{fact.name} is a count: this is never true", at=path, severity="warning")
    return True


def _flat(data: Mapping[str, Any], leave: tuple[str, ...], facts: Mapping[str, Fact]) -> Iterator[tuple[str, TomlPath, Any]]:
    """Yield each line of nested tables as (fact, path, value)."""
    for key, value in data.items():
        if key not in leave:
            yield from _flat_below((key,), value, facts)


def _flat_below(path: tuple[str, ...], value: Any, facts: Mapping[str, Fact]) -> Iterator[tuple[str, TomlPath, Any]]:
    name = ".".join(path)
    is_line = name in facts and not (name == "segment" and isinstance(value, dict) and "not" not in value)
    if is_line or not isinstance(value, dict) or set(value) <= {"not", "contains"}:
        yield name, path, value
    else:
        for key, inner in value.items():
            yield from _flat_below((*path, key), inner, facts)


def _is_off(table: Table) -> bool:
    """Return whether the rule of a table is off: it may wait for a milestone that nobody maps yet."""
    return table.source.data.get("mode") == "off"


def _item(table: Table, path: TomlPath, number: int) -> TomlPath:
    """Return the path of one text of a phrase: an item of a list, what follows `not`, or the value itself."""
    for item in ((*path, number), (*path, "not", number), (*path, "not")):
        if (*table.path, *item) in table.source.marks:
            return item
    return path


def _texts(setting: object) -> tuple[str, ...]:
    return setting if isinstance(setting, tuple) else ()
