"""Which texts a fact has in the data."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from refsync.model import Instant
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.query.compile import conditions_of
from refsync.rules.rule import RuleSet


def occurring(ruleset: RuleSet, connection_id: str, now: Instant, name: str) -> Select[Any]:
    """Return a SELECT of every value of a fact that a column says, each once."""
    conditions = conditions_of(ruleset, connection_id, now)
    subject = next(one for kind, one in SUBJECTS.items() if kind == conditions.facts[name].subject)
    value = conditions.values.of(name).label("value")
    rows = select(value).select_from(conditions.values.joined(subject.joined))
    return rows.where(subject.table.c.connection == connection_id).distinct()
