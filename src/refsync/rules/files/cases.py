"""Tests of rules as data: `tests/*.test.toml` beside the rules, read and checked.

A file names its rule and a day, says in `[given]` what all cases start from, and lists cases: what is different, what was before,
and what is expected. The law is that of all files here: what is not understood is refused with its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from refsync.errors import Place, Problem, did_you_mean
from refsync.rules.files.table import Table
from refsync.rules.rule import RuleSet
from refsync.toml_source import TomlSource, try_read

GIVEN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "account": frozenset(
            {
                "name", "status", "tier", "industry", "annual_revenue", "created", "do_not_contact", "owner", "owner_active",
                "owner_away_until", "last_touch", "touches", "last_ask", "next_meeting", "open_tasks", "open_escalations",
                "escalation_ended", "open_deals", "divisions_without_deal", "came_by_referral", "value_added",
            }
        ),
        "contact": frozenset({"name", "title", "role", "involved_in", "last_touch", "do_not_contact", "owner"}),
        "deal": frozenset({"name", "stage", "status", "amount", "created", "closed", "close_planned", "last_touch"}),
        "milestone": frozenset({"kind", "reached", "contact"}),
        "introduction": frozenset(
            {
                "source", "person", "rep", "status", "status_since", "made", "kind", "note", "last_touch", "thanked_by_call",
                "thanked_by_email",
            }
        ),
        "rep": frozenset({"name", "book", "in_touch", "prospect_touches"}),
    }
)  # fmt: skip
"""What a case may say, by what it is about."""
STATES = ("open", "snoozed", "done", "dismissed", "cleared", "expired", "withdrawn")
EXPECTED = ("task", "waiting", "due", "assigned", "subject", "nothing")

Given = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A task that was there before."""

    rule: str
    state: str
    opened: object = None
    """When it was written, as a time of a case; None: when it was closed, or ten days ago."""
    closed: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One situation, and what the rule is to do about it."""

    rule: str
    name: str
    at: datetime
    """The wall clock of the company; without a time of day nine o'clock."""
    given: Given
    after: tuple[Before, ...]
    expect: Mapping[str, Any]
    place: Place


def read_cases(folder: Path, rules: RuleSet) -> tuple[list[Case], list[Problem]]:
    """Return the cases of every `tests/*.test.toml` of a folder of rules, and what is wrong with the files."""
    problems: list[Problem] = []
    cases: list[Case] = []
    for path in sorted((folder / "tests").glob("*.test.toml")):
        source = try_read(path)
        if isinstance(source, Problem):
            problems.append(source)
        else:
            cases += _file(source, rules, problems)
    return cases, problems


def _file(source: TomlSource, rules: RuleSet, problems: list[Problem]) -> list[Case]:
    table = Table(source, problems)
    rule = table.text("rule", required=True)
    if rule and rules.rule(rule) is None:
        table.note(f'no rule is called "{rule}"', did_you_mean(rule, [one.name for one in rules.rules]), at=("rule",))
    at = _at(table)
    given = _given(found, rules) if (found := table.table("given")) else {}
    listed = table.data["case"] if table.has("case") else []
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        table.note("there is no case", 'write case = [{ name = "…", expect = { … } }]', at=("case",))
        listed = []
    table.done()
    ones = (Table(source, problems, ("case", number)) for number in range(len(listed)))
    return [_case(one, rule, at, given, rules) for one in ones]


def _at(table: Table) -> datetime:
    day = table.data.get("today")
    table.known.add("today")
    if isinstance(day, datetime):
        return day.replace(tzinfo=None)
    if not isinstance(day, date):
        table.note("today must be a day", "write today = 2026-11-20, without quotes", at=("today",))
        day = date(2026, 11, 20)
    return datetime(day.year, day.month, day.day, 9)  # noqa: DTZ001 - the company's own clock


def _given(table: Table, rules: RuleSet) -> dict[str, dict[str, Any]]:
    """Return what a case says of each record; under `segment` the lists that every segment is to set."""
    found: dict[str, dict[str, Any]] = {}
    if (lists := table.table("segment")) is not None:
        names = {name for one in rules.segments for name, value in one.parameters.items() if isinstance(value, tuple)}
        found["segment"] = {name: lists.texts(name) for name in names if name in lists.data}
        lists.done()
    for about, words in GIVEN.items():
        if (one := table.table(about)) is not None:
            one.known |= words
            one.done()
            found[about] = dict(one.data)
    table.done()
    return found


def _case(table: Table, rule: str, at: datetime, given: Given, rules: RuleSet) -> Case:
    change = _given(found, rules) if (found := table.table("change")) else {}
    case = Case(
        rule=rule,
        name=table.text("name", required=True),
        at=at,
        given={about: {**given.get(about, {}), **change.get(about, {})} for about in {*given, *change}},
        after=_after(table),
        expect=_expect(table, rules),
        place=table.place(),
    )
    table.done()
    return case


def _after(table: Table) -> tuple[Before, ...]:
    listed: Sequence[Any] = table.data["after"] if table.has("after") else []
    found = []
    for number in range(len(listed)):
        one = Table(table.source, table.problems, (*table.path, "after", number))
        rule, state = one.text("rule", required=True), one.text("state", "done", choices=STATES)
        one.known |= {"opened", "closed"}
        one.done()
        found.append(Before(rule=rule, state=state, opened=one.data.get("opened"), closed=one.data.get("closed")))
    return tuple(found)


def _expect(table: Table, rules: RuleSet) -> Mapping[str, Any]:
    one = table.table("expect")
    if one is None or not set(one.data) & {"task", "nothing"}:
        table.note("expect says neither task nor nothing", 'write expect = { task = "rule-name" }', at=("expect",))
        return {}
    one.known |= set(EXPECTED)
    one.done()
    for key in ("task", "waiting"):
        name = one.data.get(key)
        if isinstance(name, str) and rules.rule(name) is None:
            one.note(f'no rule is called "{name}"', did_you_mean(name, [rule.name for rule in rules.rules]), at=(key,))
    return dict(one.data)
