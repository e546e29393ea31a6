"""What a rule reads of the CRM's records, and so what it cannot do without when the CRM does not show it.

The law: it is taken from the SQL of the facts themselves, so that a new fact needs no word here. What only texts show is not
looked at: a gap in a text is no wrong task. A kind of milestone that is hidden leaves out its tasks; only a rule that asks for no
other kind cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from refsync.company import MilestoneField
from refsync.model import Stream
from refsync.rules.facts.sources import Scope
from refsync.rules.query.conditions import Conditions
from refsync.rules.query.reading import all_lines
from refsync.rules.rule import Condition, Rule, RuleSet
from refsync.store import tables

Attribute: TypeAlias = tuple[Stream, str]
"""A stream, and an attribute of its records or a custom field by its CRM name."""

TOUCHED = frozenset(
    {
        *((Stream.ACTIVITIES, name) for name in ("kind", "direction", "at", "status", "automated")),
        *((Stream.ACTIVITIES, name) for name in ("account_id", "deal_id", "contact_ids")),
        (Stream.CONTACTS, "account_id"),
        (Stream.DEALS, "account_id"),
    }
)
SIGNED = frozenset((Stream.DEALS, name) for name in ("account_id", "status", "closed_on"))
DERIVED: Mapping[Table, frozenset[Attribute]] = MappingProxyType(
    {tables.touch: TOUCHED, tables.activity_contact: frozenset({(Stream.ACTIVITIES, "contact_ids")})}
)
"""What tables are made of that no stream fills itself."""
_STREAM_OF = {table: stream for stream, table in tables.TABLE_OF.items()}
_FROM_CRM = {column for table in _STREAM_OF for column in tables.stored(table) if not column.primary_key}


def hidden(
    rule: Rule,
    ruleset: RuleSet,
    conditions: Conditions,
    milestones: Iterable[MilestoneField],
    lacking: Mapping[Stream, frozenset[str]],
) -> frozenset[Attribute]:
    """Return what the conditions of a rule read and the CRM, of each stream, is `lacking`; empty: the rule can be judged."""
    gaps = {(stream, name) for stream, names in lacking.items() for name in names}
    if not gaps:
        return frozenset()
    lines = _lines(rule, ruleset)
    found = {one for line in lines for one in _attributes(line, conditions)} & gaps
    made_of = _kinds(lines, milestones) if rule.for_each == "milestone" else {}
    if made_of and all(gaps & attributes for attributes in made_of.values()):
        found |= gaps & frozenset().union(*made_of.values())
    return frozenset(found)


def _lines(rule: Rule, ruleset: RuleSet) -> Sequence[Condition]:
    """Return the lines of a rule, of what stops it and, when it asks for segments, of these."""
    lines = list(all_lines(rule, ruleset))
    if any("{" in line.text or line.fact.startswith("segment") for line in lines):
        lines += chain.from_iterable(segment.when for segment in ruleset.segments)
    return lines


def _kinds(lines: Iterable[Condition], milestones: Iterable[MilestoneField]) -> dict[str, frozenset[Attribute]]:
    """Return the kinds of milestones that the lines ask for, and what each is read from."""
    made_of = {"signed": SIGNED, **{one.kind: frozenset({(one.stream, one.field)}) for one in milestones}}
    listed = [line.text for line in lines if line.fact == "milestone.kind" and "{" not in line.text]
    return {kind: read for kind, read in made_of.items() if all(f'"{kind}"' in text for text in listed)}


def _attributes(line: Condition, conditions: Conditions) -> Iterator[Attribute]:
    fact = conditions.facts.get(line.fact)
    yield from fact.custom if fact else ()
    for column in _columns(fact.source, conditions.scope) if fact else ():
        table = column.table
        if isinstance(table, Table) and table in DERIVED:
            yield from DERIVED[table]
        elif isinstance(table, Table) and (stream := _STREAM_OF.get(table)) and column in _FROM_CRM:
            yield stream, column.name


def _columns(part: object, scope: Scope) -> Iterator[Column[object]]:
    """Yield the columns behind any part of a source: SQL, functions that make SQL, and whatever holds these."""
    if isinstance(part, ClauseElement):
        elements = (element for element in visitors.iterate(part) if isinstance(element, ColumnElement))
        yield from (base for element in elements for base in element.base_columns if isinstance(base, Column))
    elif isinstance(part, Mapping):
        yield from _columns(tuple(part.values()), scope)
    elif isinstance(part, tuple):
        yield from chain.from_iterable(_columns(one, scope) for one in part)
    elif is_dataclass(part):
        yield from chain.from_iterable(_columns(getattr(part, field.name), scope) for field in fields(part))
    elif callable(part):
        yield from _columns(part(scope), scope)
